"""The reference pages of `docs/reference/`, made from the code; a test holds them fresh."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from celery import Celery
from django.apps import apps
from drf_spectacular.generators import SchemaGenerator

from idp.celery import app as celery_app
from idp.changes import controller
from idp.common import conf
from idp.rest import PREFIX, routes
from rbac import permissions

HEAD = "<!-- Made by `make docs` from the code; do not edit. -->\n"
OWN = ("idp", "rbac", "portal", "gitops", "environments", "pipelines")
METHODS = ("get", "post", "put", "patch", "delete")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for row in rows:
        cells = [cell.replace("|", "\\|").replace("\n", " ") for cell in row]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def permissions_page() -> str:
    """Every permission with the built-in roles that hold it."""
    held = {role: permissions.builtin_permissions(role) for role in permissions.BUILTIN_ROLES}
    rows = [
        (
            f"`{entry.name}`",
            entry.title,
            ", ".join(role for role, names in held.items() if entry.name in names)
            or ("everyone who is signed in" if entry.everyone else ""),
        )
        for entry in sorted(permissions.all_permissions(), key=lambda entry: entry.name)
    ]
    roles = _table(("role", "in words"), permissions.BUILTIN_ROLES.items())
    table = _table(("permission", "lets a person", "built-in roles"), rows)
    return f"{HEAD}# Permissions\n\n{roles}\n{table}"


def states_page() -> str:
    """Every state machine, as its `TRANSITIONS` table says."""
    parts = [f"{HEAD}# States\n"]
    for model in sorted(apps.get_models(), key=lambda model: model._meta.label):
        transitions: dict[Any, Iterable[Any]] | None = getattr(model, "TRANSITIONS", None)
        if transitions is None:
            continue
        rows = [
            (f"`{state}`", ", ".join(f"`{to}`" for to in sorted(map(str, after))))
            for state, after in transitions.items()
        ]
        parts.append(f"## {model._meta.label}\n\n{_table(('from', 'to'), rows)}")
    return "\n".join(parts)


def settings_page() -> str:
    rows = [
        (f"`{entry.name}`", entry.kind, f"`{_shown(entry.default)}`" if entry.default else "")
        for entry in sorted(conf.READ.values(), key=lambda entry: entry.name)
    ]
    table = _table(("variable", "kind", "default"), rows)
    return f"{HEAD}# Settings\n\nAll are environment variables.\n\n{table}"


def _shown(default: str) -> str:
    return default.replace("<state>/.slipway", ".slipway")


def tasks_page(app: Celery = celery_app) -> str:
    """Celery tasks, and what the controller does by itself."""
    app.loader.import_default_modules()
    tasks = [
        (f"`{name}`", (task.__doc__ or "").strip().split("\n")[0])
        for name, task in sorted(app.tasks.items())
        if not name.startswith("celery.")
    ]
    periodic = [
        (f"`{entry.name}`", f"{entry.seconds:g} s")
        for entry in sorted(controller.periodic(), key=lambda entry: entry.name)
    ]
    return (
        f"{HEAD}# Tasks\n\n{_table(('task', 'does'), tasks)}\n"
        f"The controller does by itself:\n\n{_table(('what', 'about every'), periodic)}"
    )


def _rules() -> dict[str, str]:
    """The access rule of each REST route: what its view declares."""
    found = {}
    for route, callback in routes():
        view = getattr(callback, "view_class", getattr(callback, "cls", None))
        if view is None or not route.startswith(PREFIX):
            continue
        named = getattr(view, "permissions", None) or getattr(view, "permission", "")
        if isinstance(named, dict):
            rule = ", ".join(f"{method} `{name}`" for method, name in named.items())
        else:
            rule = f"`{named}`" if named else "public" * bool(getattr(view, "public", ""))
        found[f"/{route}"] = rule or "signed in"
    return found


def rest_page() -> str:
    """Every operation of the OpenAPI document."""
    schema = SchemaGenerator().get_schema(  # type: ignore[no-untyped-call]  # spectacular's own
        request=None, public=True
    )
    rows = [
        (f"`{method.upper()} {path}`", str(operation.get("summary", "")))
        for path, operations in sorted(schema["paths"].items())
        for method, operation in operations.items()
        if method in METHODS
    ]
    rules = [(f"`{route}`", rule) for route, rule in sorted(_rules().items())]
    return (
        f"{HEAD}# REST\n\nTry them at `/api/v1/docs/`; the OpenAPI 3.1 document is at "
        f"`/api/v1/schema/`.\n\n{_table(('operation', 'does'), rows)}\n"
        f"## Who may\n\n{_table(('route', 'permission'), rules)}"
    )


PAGES = {
    "permissions.md": permissions_page,
    "states.md": states_page,
    "settings.md": settings_page,
    "tasks.md": tasks_page,
    "rest.md": rest_page,
}
