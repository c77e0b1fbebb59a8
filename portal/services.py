"""Writes of the catalog: each decides, validates, writes, audits."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from idp.common.addresses import is_web_address
from idp.common.errors import Clash, FieldError, Invalid, PreconditionFailed, Refusal
from portal.models import Component
from portal.permissions import keeper_scope
from rbac import audit
from rbac.access import Actor, require
from rbac.models import Project, Team
from rbac.services.writing import save_new

RESERVED = frozenset({"new", "import", "export"})
MAX_ENTRIES = 50
MAX_DESCRIPTION = 4000
MAX_URL = 500
_WORD = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.:/+#-]{0,61}[A-Za-z0-9+#])?")
FIELDS = (
    "title",
    "description",
    "type",
    "lifecycle",
    "owner",
    "tags",
    "links",
    "provides_apis",
    "consumes_apis",
)


def facts(component: Component) -> dict[str, Any]:
    """The component as audit records keep it."""
    plain = {name: getattr(component, name) for name in FIELDS if name != "owner"}
    return {"name": component.name, "project": component.project.name, **plain} | {
        "owner": component.owner.name
    }


def create_component(
    actor: Actor, *, project: Project, name: str, owner: Team, **fields: Any
) -> Component:
    """Add a component to a project's catalog.

    `fields`: title, description, type, lifecycle, tags, links, provides_apis, consumes_apis.
    Raises `Invalid` (each wrong field), `Clash` (the name is taken).
    """
    require(actor, "component.create", keeper_scope(project))
    component = Component(project=project, name=name, owner=owner, **_known(fields))
    _validate(component)
    with transaction.atomic():
        save_new(component, f"The component “{name}”")
        audit.record(actor, "component.create", target=component, after=facts(component))
    return component


def update_component(
    actor: Actor, component: Component, *, expected: str = "", **fields: Any
) -> Component:
    """Change what is given of a component that is kept in the page.

    Raises `Refusal` where git is its source, `PreconditionFailed` when `expected` (a version) is no
    longer the row's, `Invalid` for wrong fields.
    """
    require(actor, "component.edit", keeper_scope(component.project))
    if component.source == Component.Source.GIT:
        raise Refusal(
            f"{component.name} is read from {component.source_location}; a change here would be"
            " overwritten by the next import.",
            fix=f"Change {component.source_location} and push it.",
        )
    with transaction.atomic():
        row = (
            Component.objects.select_for_update()
            .select_related("owner", "project__scope")
            .get(pk=component.pk)
        )
        if expected and row.version != expected:
            raise PreconditionFailed(
                f"Somebody changed {row.name} after you opened it.",
                fix="Open it again and repeat your change.",
            )
        before = facts(row)
        for field, value in _known(fields).items():
            setattr(row, field, value)
        _validate(row)
        row.save()
        audit.record(actor, "component.edit", target=row, before=before, after=facts(row))
    return row


def delete_component(actor: Actor, component: Component) -> None:
    """Remove a component from the catalog; what runs stays. Raises `Refusal` where git lists it."""
    require(actor, "component.delete", keeper_scope(component.project))
    if component.source == Component.Source.GIT and component.removed_at is None:
        raise Refusal(
            f"{component.source_location} lists {component.name}; it would come back with the next"
            " import.",
            fix=f"Remove it from {component.source_location} first.",
        )
    with transaction.atomic():
        audit.record(actor, "component.delete", target=component, before=facts(component))
        component.delete()


def save_imported(
    actor: Actor, project: Project, location: str, name: str, fields: Mapping[str, Any]
) -> tuple[Component, str]:
    """Create or update one component as its `catalog-info.yaml` says, inside a transaction.

    Answers the row and what was done: "created", "updated" or "unchanged". One that was made in
    the page is kept by git from then on: the same row, so that its workloads stay tied to it.
    Raises `Clash` when the name belongs to another project or is read from another file.
    """
    row = (
        Component.objects.select_for_update()
        .select_related("owner", "project__scope")
        .filter(name=name)
        .first()
    )
    if row is None:
        row = Component(project=project, name=name, **fields)
        row.source, row.source_location = Component.Source.GIT, location
        _validate(row)
        save_new(row, f"The component “{name}”")
        audit.record(actor, "component.import", target=row, after=facts(row))
        return row, "created"
    _refuse_foreign(row, project, location)
    before = facts(row)
    for field, value in fields.items():
        setattr(row, field, value)
    row.source, row.source_location = Component.Source.GIT, location
    if facts(row) == before and row.removed_at is None:
        return row, "unchanged"
    row.removed_at = None
    _validate(row)
    row.save()
    audit.record(actor, "component.import", target=row, before=before, after=facts(row))
    return row, "updated"


def _refuse_foreign(row: Component, project: Project, location: str) -> None:
    if row.project_id != project.pk:
        raise Clash(
            f"The name “{row.name}” is taken by a component of another project.",
            fix="Choose another metadata.name.",
        )
    if row.source == Component.Source.GIT and row.source_location != location:
        raise Clash(
            f"{row.name} is read from {row.source_location} already.",
            fix=f"Remove it from {row.source_location} or from {location}.",
        )


def mark_removed(actor: Actor, project: Project, location: str, kept: Sequence[str]) -> list[str]:
    """Mark the components that a location no longer lists; answers their names."""
    gone = list(
        Component.objects.select_related("owner", "project__scope")
        .filter(project=project, source_location=location, removed_at=None)
        .exclude(name__in=kept)
    )
    for row in gone:
        row.removed_at = timezone.now()
        row.save(update_fields=["removed_at", "updated_at"])
        audit.record(actor, "component.import", target=row, reason=f"no longer in {location}")
    return [row.name for row in gone]


def _known(fields: Mapping[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(fields) - {*FIELDS})
    if unknown:
        raise ValueError(f"A component has no {', '.join(unknown)}.")
    return dict(fields)


def _validate(component: Component) -> None:
    """Raise `Invalid` with one error for each wrong field."""
    errors: list[FieldError] = []
    if component.name in RESERVED:
        message = f"“{component.name}” is an address of the catalog itself."
        errors.append(FieldError("name", "reserved", message, "Choose another name."))
    for field in ("tags", "provides_apis", "consumes_apis"):
        errors += _word_errors(field, getattr(component, field))
    errors += _link_errors(component.links)
    if not _WORD.fullmatch(component.type):
        errors.append(
            FieldError("type", "word", f"“{component.type[:60]}” is no type.", "Write “service”.")
        )
    unknown = component.lifecycle not in Component.Lifecycle.values
    if unknown:
        known = ", ".join(Component.Lifecycle.values)
        message = f"“{component.lifecycle[:60]}” is no lifecycle."
        errors.append(FieldError("lifecycle", "choice", message, f"Use one of {known}."))
    if len(component.description) > MAX_DESCRIPTION:
        message = f"It has more than {MAX_DESCRIPTION} characters."
        errors.append(FieldError("description", "length", message, "Shorten it."))
    if errors:
        raise Invalid("; ".join(error.message for error in errors), errors=errors)


def _word_errors(field: str, words: Any) -> list[FieldError]:
    if not isinstance(words, list) or len(words) > MAX_ENTRIES:
        message = f"{field} has to be a list of at most {MAX_ENTRIES} words."
        return [FieldError(field, "list", message)]
    return [
        FieldError(
            f"{field}.{place}",
            "word",
            f"“{str(word)[:60]}” is no name: letters, digits and -_.:/ up to 63 characters.",
            "Write it like “orders-api”.",
        )
        for place, word in enumerate(words)
        if not isinstance(word, str) or not _WORD.fullmatch(word)
    ]


def _link_errors(links: Any) -> list[FieldError]:
    if not isinstance(links, list) or len(links) > MAX_ENTRIES:
        return [FieldError("links", "list", f"links has to be a list of at most {MAX_ENTRIES}.")]
    errors = []
    for place, link in enumerate(links):
        url = link.get("url", "") if isinstance(link, dict) else ""
        if not (isinstance(url, str) and is_web_address(url, most=MAX_URL)):
            errors.append(
                FieldError(
                    f"links.{place}.url",
                    "url",
                    f"“{str(url)[:60]}” is no web address.",
                    "Start it with https:// or http://.",
                )
            )
    return errors
