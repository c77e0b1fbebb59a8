"""The page of one environment, tab by tab."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from environments import configuration, live, selectors
from environments.models import Environment
from environments.views.sharing import ShareForm
from gitops import secrets
from gitops.models import Application
from idp.common.errors import BackendError
from idp.common.host import Page, entity_tabs
from rbac import granters
from rbac import selectors as access
from rbac.access import can, decide
from rbac.actors import Actor
from rbac.models import RoleBinding
from rbac.permissions import get as permission_entry
from rbac.selectors import Share
from rbac.views.mixins import AccessMixin

State = Environment.State
MAX_LINES = 500
MAX_HISTORY = 100
# Action, label, icon, permission, and whether it is a button of its own.
ACTIONS = (
    ("scale", "Scale", "arrows-diagonal", "environment.scale", True),
    ("image", "Set image", "tag", "environment.set-image", True),
    ("variables", "Change variables…", "pencil", "environment.set-variables", False),
    ("secrets", "Set a secret…", "key", "environment.set-secret", False),
    ("component", "Set the component…", "components", "environment.set-component", False),
    ("config-schema", "Set the configuration schema…", "braces", "environment.set-schemas", False),
    ("schemas", "Set schemas…", "braces", "environment.set-schemas", False),
    ("restart", "Restart workloads…", "refresh", "environment.restart", False),
    ("extend", "Change the expiry…", "calendar-plus", "environment.extend", False),
    ("sync", "Sync with git…", "git-merge", "environment.sync", False),
    ("stop", "Stop…", "player-pause", "environment.stop", False),
    ("start", "Start…", "player-play", "environment.stop", False),
    ("delete", "Delete environment…", "trash", "environment.delete", False),
)
_TABS = (
    ("", "Overview"),
    ("workloads", "Workloads"),
    ("resources", "Resources"),
    ("variables", "Variables"),
    ("logs", "Logs"),
    ("events", "Events"),
    ("history", "History"),
    ("access", "Access"),
)
Part = Callable[["EnvironmentDetailView", Environment], dict[str, Any]]


class EnvironmentDetailView(AccessMixin):
    permission = "environment.view"

    def get(self, request: HttpRequest, project: str, name: str) -> HttpResponse:
        row = selectors.environment(self.actor, project, name)
        tab = request.GET.get("tab", "")
        if tab == "logs" and "lines" in request.GET:  # a log that is followed
            context = {"environment": row, **_logs(self, row)}
            return render(request, "environments/parts/log.html", context)
        extra = {t.name: t for t in entity_tabs.of("environment")}
        if tab not in dict(_TABS) and tab not in extra:
            tab = ""
        made = selectors.objects(row)
        context = {
            **frame(self.actor, row, tab),
            "made": made,
            "workloads": selectors.workloads(row, made),
            "resources": selectors.resources(row, made),
            "tab": tab,
        }
        if tab in extra:
            context |= {**extra[tab].context(self.actor, row), "extra": extra[tab].template}
        else:
            context |= _PARTS[tab](self, row)
        return render(request, f"environments/detail/{template_of(tab, extra)}.html", context)


def template_of(tab: str, extra: dict[str, Any]) -> str:
    return "extra" if tab in extra else tab or "overview"


def frame(actor: Actor, row: Environment, tab: str) -> dict[str, Any]:
    """What every page about an environment shows around its content."""
    url = reverse("environments:detail", args=[row.project.name, row.name])
    running = selectors.running_changes([row]).get(row.scope_id)
    return {
        "page": Page(
            f"{row.project.name} / {row.name}",
            [
                ("Environments", reverse("environments:list")),
                (row.project.name, f"{reverse('environments:list')}?project={row.project.name}"),
            ],
            api=f"/api/v1/environments/{row.project.name}/{row.name}/",
            owner=f"team {row.project.team.name}",
            permission="environment.view",
            topics=["environments"],
        ),
        "environment": row,
        "application": row.application,
        "url": url,
        "running": running,
        "actions": actions(actor, row),
        "tabs": _tabs(url, tab),
    }


def _tabs(url: str, current: str) -> list[dict[str, Any]]:
    own = [(name, title) for name, title in _TABS]
    own += [(t.name, t.title) for t in entity_tabs.of("environment")]
    return [
        {
            "label": title,
            "url": f"{url}?{urlencode({'tab': name})}" if name else url,
            "current": name == current,
            "count": "",
        }
        for name, title in own
    ]


def actions(actor: Actor, row: Environment) -> list[dict[str, Any]]:
    """Actions that make sense in its state; those not allowed say what is missing."""
    if row.state in {State.DELETED, State.DELETING}:
        return []
    found = []
    senseless = _senseless(row)
    for name, label, icon, permission, quick in ACTIONS:
        if name in senseless:
            continue
        if row.state == State.PROPOSED and name != "delete":
            continue
        decision = decide(actor, permission, row)
        found.append(
            {
                "label": label,
                "icon": icon,
                "quick": quick and decision.allowed,
                "allowed": decision.allowed,
                "reason": "" if decision.allowed else f"needs {permission}",
                "url": reverse("environments:action", args=[row.project.name, row.name, name]),
            }
        )
    return found


def _senseless(row: Environment) -> set[str]:
    """Actions that would change nothing; after a change that failed midway none is sure to."""
    if row.application.sync == Application.Sync.OUT_OF_SYNC:
        return set()
    return {"start" if row.state != State.STOPPED else "stop"}


def _overview(view: EnvironmentDetailView, row: Environment) -> dict[str, Any]:
    return {"changes": selectors.history(view.actor, row)[:8]}


def _plain(_view: EnvironmentDetailView, _row: Environment) -> dict[str, Any]:
    return {}


def _variables(view: EnvironmentDetailView, row: Environment) -> dict[str, Any]:
    document = selectors.source(row).document
    entries = document.workloads if document else {}
    known = can(view.actor, "secret.view", row)
    judged, problem = configuration.judgements(view.actor, row)
    return {
        "problem": problem,
        "settings": [
            {
                "workload": workload.name,
                "variables": entries.get(workload.name, {}).get("variables", {}),
                "secrets": entries.get(workload.name, {}).get("secrets", {}),
                "judged": judged.get(workload.name),
            }
            for workload in row.workloads.all()
        ],
        "stored": list(secrets.names(view.actor, row.scope)[:100]) if known else [],
        "may_change": can(view.actor, "environment.set-variables", row),
        "may_set": can(view.actor, "environment.set-secret", row),
        "may_declare": can(view.actor, "environment.set-schemas", row),
    }


def _logs(view: EnvironmentDetailView, row: Environment) -> dict[str, Any]:
    wanted, words = view.request.GET.get("workload", ""), view.request.GET.get("q", "")[:200]
    context: dict[str, Any] = {"workload": wanted, "q": words, "lines": [], "problem": ""}
    decision = decide(view.actor, "environment.logs", row)
    if not decision.allowed:
        advice = granters.advice(granters.names(decision), decision)
        return {**context, "denied": True, "problem": f"{decision.reason} {advice}"}
    try:
        found = live.logs(view.actor, row, wanted, 200)
    except BackendError as error:
        return {**context, "problem": f"{error.message} {error.fix}".strip()}
    lines = [line for line in found if words.lower() in line.text.lower()]
    return {**context, "lines": lines[-MAX_LINES:], "follow": "follow" in view.request.GET}


def _events(view: EnvironmentDetailView, row: Environment) -> dict[str, Any]:
    try:
        return {"events": live.events(view.actor, row), "problem": ""}
    except BackendError as error:
        return {"events": [], "problem": f"{error.message} {error.fix}".strip()}


def _history(view: EnvironmentDetailView, row: Environment) -> dict[str, Any]:
    return {"changes": selectors.history(view.actor, row)[:MAX_HISTORY]}


def _access(view: EnvironmentDetailView, row: Environment) -> dict[str, Any]:
    """What the person may do here and why; the bindings and shares that reach it."""
    verbs = []
    for name in ("environment.view", *selectors.VERBS):
        decision, entry = decide(view.actor, name, row), permission_entry(name)
        verbs.append(
            {
                "name": name,
                "title": entry.title if entry else name,
                "allowed": decision.allowed,
                "reason": decision.reason,
            }
        )
    bindings: list[RoleBinding] = []
    shares: list[Share] = []
    if can(view.actor, "access.view", row):
        rows = RoleBinding.objects.filter(scope__in=[*row.scope.lineage])
        bindings = list(rows.select_related("role", "user", "team", "scope__project_scope")[:200])
        shares = access.shares(view.actor, row)
    context = {"verbs": verbs, "bindings": bindings, "shares": shares}
    if can(view.actor, "access.grant", row):
        context["share_form"] = ShareForm()
    return context


_PARTS: dict[str, Part] = {
    "": _overview,
    "workloads": _plain,
    "resources": _plain,
    "variables": _variables,
    "logs": _logs,
    "events": _events,
    "history": _history,
    "access": _access,
}
