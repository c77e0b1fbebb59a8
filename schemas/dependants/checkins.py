"""Check-ins: a running program says which version of a subject it writes or reads, and where.

It counts until its time to live is over; saying it again only moves the end. Registry traffic shows
that a subject is used, never with which version a reader was built, so only this call says it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import Count, Q
from django.utils import timezone

from idp.common.errors import FieldError, Invalid, Refusal
from portal.models import Component
from rbac import audit
from rbac.access import require
from rbac.actors import Actor
from rbac.models import Scope
from schemas import naming, selectors
from schemas.dependants.models import CheckIn, Role
from schemas.dependants.worlds import home_of
from schemas.models import Subject, SubjectVersion
from schemas.permissions import CHECK_IN

MAX_OF_PLACE = 1000  # check-ins that stand at one environment
MAX_OF_SUBJECT = 1000
MAX_HOURS = 24 * 30
DEFAULT_HOURS = 24


@dataclass(frozen=True)
class Word:
    """What a program says of itself; `version` None where it does not know."""

    subject: str
    holder: str
    role: Role
    version: int | None = None
    hours: int = DEFAULT_HOURS


def check_in(actor: Actor, scope: Scope, word: Word) -> tuple[CheckIn, bool]:
    """Keep the word, and whether it is new. The same word again moves its end.

    Raises `SubjectNotFound`, `VersionNotFound`, and `Refusal` past the bounds of number.
    """
    if scope.kind != Scope.Kind.ENVIRONMENT:
        message = f"{scope} is no environment."
        found = FieldError("environment", "kind", message, "Name it like orders/stage.")
        raise Invalid(message, errors=[found])
    require(actor, CHECK_IN, scope)
    subject = selectors.subject(actor, naming.parse(word.subject))
    version = None if word.version is None else selectors.version(subject, word.version)
    try:
        with transaction.atomic():
            return _keep(actor, scope, subject, version, word)
    except IntegrityError:  # another replica said the same at the same moment
        with transaction.atomic():
            return _keep(actor, scope, subject, version, word)


def _keep(
    actor: Actor, scope: Scope, subject: Subject, version: SubjectVersion | None, word: Word
) -> tuple[CheckIn, bool]:
    now = timezone.now()
    said = {
        "last_seen": now,
        "expires_at": now + timedelta(hours=word.hours),
        "said_by": actor.label[:200],
    }
    key = {
        "scope": scope,
        "role": word.role,
        "holder": word.holder,
        "subject": subject,
        "version": version,
    }
    row = CheckIn.objects.filter(**key).first()
    if row is not None:
        CheckIn.objects.filter(pk=row.pk).update(**said)
        row.refresh_from_db(fields=list(said))
        return row, False
    _require_room(scope, subject)
    component = Component.objects.filter(
        name=word.holder, project__scope=home_of(scope), removed_at=None
    ).first()
    row = CheckIn.objects.create(**key, **said, component=component)
    after = {
        "subject": str(subject),
        "version": version.number if version else None,
        "role": word.role.value,
        "holder": word.holder,
    }
    audit.record(actor, CHECK_IN, target=subject, scope=scope, after=after)
    return row, True


def _require_room(scope: Scope, subject: Subject) -> None:
    """Only living ones count: what is past its end is swept every hour."""
    rows = CheckIn.objects.filter(
        Q(scope=scope) | Q(subject=subject), expires_at__gt=timezone.now()
    )
    counted = rows.aggregate(
        place=Count("pk", filter=Q(scope=scope)), subject=Count("pk", filter=Q(subject=subject))
    )
    if counted["place"] >= MAX_OF_PLACE:
        raise Refusal(
            f"{scope} has {MAX_OF_PLACE} check-ins already, which is the most.",
            fix="Wait until some end, or check in by component rather than by replica.",
        )
    if counted["subject"] >= MAX_OF_SUBJECT:
        raise Refusal(
            f"{subject} has {MAX_OF_SUBJECT} check-ins already, which is the most.",
            fix="Wait until some end, or check in by component rather than by replica.",
        )
