"""What people say of a subject: owner, component, docs, tags, contact, and its state of life."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from idp.common import transitions
from idp.common.errors import Clash
from rbac import audit
from rbac.actors import Actor
from rbac.services.writing import invalid, refuse
from schemas.models import Subject
from schemas.permissions import MANAGE
from schemas.policies import checks, sweeping
from schemas.services.claiming import require_at

FIELDS = ("owner", "component", "tags", "docs", "contact")
MAX_TAGS, MAX_TAG, MAX_DOCS = 30, 60, 50_000


@transaction.atomic
def describe_subject(actor: Actor, subject: Subject, **values: Any) -> Subject:
    """Change any of `FIELDS`; raises `Invalid` with field errors."""
    require_at(actor, MANAGE, subject.keeper, subject)
    unknown = set(values) - set(FIELDS)
    if unknown:
        raise ValueError(f"A subject has no {unknown}.")
    _check(values)
    before = {field: _plain(getattr(subject, field)) for field in values}
    lacking = checks.lacking(subject)
    for field, value in values.items():
        setattr(subject, field, value)
    if subject.state != Subject.State.DRAFT:
        checks.require_said(subject, lacking)
    try:
        subject.clean_fields(exclude={f.name for f in subject._meta.fields} - set(values))
    except ValidationError as error:
        raise invalid(error) from error
    subject.save(update_fields=list(values))
    after = {field: _plain(value) for field, value in values.items()}
    scope = subject.scope
    audit.record(actor, MANAGE, target=subject, scope=scope, before=before, after=after)
    sweeping.after_write(subject)
    return subject


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | list) else str(value)


def _check(values: dict[str, Any]) -> None:
    tags = values.get("tags", [])
    fine = isinstance(tags, list) and all(isinstance(tag, str) for tag in tags)
    if not fine or len(tags) > MAX_TAGS or any(not 0 < len(tag) <= MAX_TAG for tag in tags):
        raise refuse("tags", "list", f"Tags are at most {MAX_TAGS} words of {MAX_TAG} letters.")
    if len(values.get("docs", "")) > MAX_DOCS:
        raise refuse("docs", "longest", f"Docs have at most {MAX_DOCS} letters.")


@transaction.atomic
def move_subject(
    actor: Actor, subject: Subject, state: str, *, sunset_on: date | None = None
) -> Subject:
    """Move a subject through its life; a sunset needs its date.

    Raises `Clash` for a step that the states do not know, `PolicyRefused` for one to active while
    something is not said of it, `StaleState` when it moved meanwhile.
    """
    require_at(actor, MANAGE, subject.keeper, subject)
    if state == Subject.State.SUNSET and sunset_on is None:
        raise refuse("sunset_on", "required", "A sunset needs its date.")
    before = subject.state
    if state not in Subject.TRANSITIONS.get(before, frozenset()):
        possible = ", ".join(sorted(Subject.TRANSITIONS.get(before, frozenset())))
        raise Clash(f"A {before} subject cannot become {state[:20]}; it can become {possible}.")
    if state == Subject.State.ACTIVE:
        checks.require_said(subject)
    keeps_date = state in {Subject.State.SUNSET, Subject.State.RETIRED}
    ends = (sunset_on or subject.sunset_on) if keeps_date else None
    transitions.transition(subject, state, sunset_on=ends)
    audit.record(
        actor,
        MANAGE,
        target=subject,
        scope=subject.scope,
        before={"state": before},
        after={"state": state, "sunset_on": str(ends or "")},
    )
    return subject
