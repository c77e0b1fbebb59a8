"""Settings of a subject, a context or the whole registry: compatibility, mode and the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import F

from rbac import audit
from rbac.access import require
from rbac.actors import Actor
from schemas import naming, selectors
from schemas.configuration import EMPTY
from schemas.errors import (
    InvalidCandidate,
    InvalidLevel,
    InvalidMode,
    NotPermitted,
    SubjectNotFound,
)
from schemas.formats.levels import Level
from schemas.models import Context, Mode, Policy, Settings, Subject, SubjectVersion
from schemas.naming import SubjectName
from schemas.permissions import CONFIGURE, CONFIGURE_REGISTRY
from schemas.services.claiming import claim, require_at

# The fields of a configuration; `mode` is set and cleared apart from them.
FIELDS = tuple(field for field in EMPTY if field != "mode")


def _target(actor: Actor, name: SubjectName, project: str, *, make: bool) -> Settings:
    """The row that settings of a name stand in, decided; made for a subject that is to come."""
    if not name.name:
        require(actor, CONFIGURE_REGISTRY, None)
        if name.context == naming.GLOBAL:
            return selectors.registry()
        return selectors.make_context(name.context)
    if selectors.find_subject(name) is None:
        if not make:
            raise SubjectNotFound(name)
        subject = claim(actor, name, project)
    else:
        subject = selectors.subject(actor, name, empty=True)
    require_at(actor, CONFIGURE, subject.scope, name)
    return subject


def _write(actor: Actor, row: Settings, values: Mapping[str, Any]) -> None:
    """Write the values and the audit record; a subject's judgements under way are voided."""
    before = {field: getattr(row, field) for field in values}
    if isinstance(row, Subject):
        Subject.objects.filter(pk=row.pk).update(revision=F("revision") + 1, **values)
    else:
        Context.objects.filter(pk=row.pk).update(**values)
    for field, value in values.items():
        setattr(row, field, value)
    subject = row if isinstance(row, Subject) else None
    audit.record(
        actor,
        CONFIGURE if subject else CONFIGURE_REGISTRY,
        target=row,
        scope=subject.scope if subject else None,
        before=before,
        after=dict(values),
    )


@transaction.atomic
def set_settings(
    actor: Actor, name: SubjectName, values: Mapping[str, Any], *, project: str = ""
) -> Settings:
    """Set fields of `FIELDS` at a place; the others stay. Raises `InvalidLevel`."""
    unknown = set(values) - set(FIELDS)
    if unknown:
        raise InvalidCandidate(f"There is no setting {', '.join(sorted(unknown))}.")
    if values.get("level", "") not in {"", *Level}:
        raise InvalidLevel(
            "Invalid compatibility level. Valid values are none, backward, forward, full,"
            " backward_transitive, forward_transitive, and full_transitive"
        )
    if values.get("policy", "") not in {"", *Policy.values}:
        raise InvalidLevel("Invalid compatibility policy. Valid values are strict and lenient")
    row = _target(actor, name, project, make=True)
    _write(actor, row, values)
    return row


@transaction.atomic
def clear_settings(actor: Actor, name: SubjectName) -> dict[str, Any]:
    """Empty the configuration of a place, so that the one above holds; what stood there."""
    row = _target(actor, name, "", make=False)
    before = {field: getattr(row, field) for field in FIELDS}
    if isinstance(row, Subject) and not any(value not in ("", None) for value in before.values()):
        raise SubjectNotFound(name)
    _write(actor, row, {field: EMPTY[field] for field in FIELDS})
    return before


@transaction.atomic
def set_mode(
    actor: Actor, name: SubjectName, mode: str, *, force: bool = False, project: str = ""
) -> str:
    """Set the mode of a place. Raises `InvalidMode`, and `NotPermitted` for an import over schemas.

    `force` opens a place that holds schemas for an import, whose ids may then meet others.
    """
    if mode not in Mode.values:
        raise InvalidMode(f"Invalid mode. Valid values are {', '.join(Mode.values)}")
    row = _target(actor, name, project, make=True)
    if mode == Mode.IMPORT and row.mode != Mode.IMPORT and not force and _holds_schemas(row):
        raise NotPermitted(
            "Cannot import since found existing subjects",
            fix="Send force=true to import all the same.",
        )
    _write(actor, row, {"mode": mode})
    return mode


def _holds_schemas(row: Settings) -> bool:
    versions = SubjectVersion.objects.filter(deleted_at=None)
    if isinstance(row, Subject):
        return versions.filter(subject=row.pk).exists()
    if isinstance(row, Context) and row.parent_id is not None:
        return versions.filter(subject__context=row.pk).exists()
    return versions.exists()


@transaction.atomic
def clear_mode(actor: Actor, name: SubjectName) -> str:
    """Take a place's own mode away; the mode that stood there."""
    row = _target(actor, name, "", make=False)
    before = row.mode
    if not before and isinstance(row, Subject):
        raise SubjectNotFound(name)
    _write(actor, row, {"mode": ""})
    return before or Mode.READWRITE
