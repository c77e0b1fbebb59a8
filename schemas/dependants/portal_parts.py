"""What governance shows on others' pages: an environment's schemas, and the days of ends."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone

from rbac.access import visible
from rbac.actors import Actor
from schemas.addresses import page_of
from schemas.dependants.models import CheckIn, DeployedVersion
from schemas.dependants.parties import present
from schemas.models import Subject
from schemas.permissions import VIEW
from schemas.traffic import selectors as traffic

MAX_ROWS = 100


def of_environment(actor: Actor, environment: Any) -> dict[str, Any]:
    """What an environment writes and reads now, what data of it is still kept, what was seen."""
    scope, seen = environment.scope, visible(actor, VIEW, Subject.objects.all()).values("pk")
    rows = DeployedVersion.objects.filter(present(), scope=scope, version__subject__in=seen)
    deployed = list(
        rows.select_related("version__subject__context").order_by("ended_at", "role", "holder")[
            :MAX_ROWS
        ]
    )
    said = CheckIn.objects.filter(scope=scope, expires_at__gt=timezone.now(), subject__in=seen)
    reported = list(
        said.select_related("version", "subject__context").order_by("role", "holder")[:MAX_ROWS]
    )
    known = {(row.role, row.holder, row.version.subject_id) for row in deployed}
    known |= {(row.role, row.holder, row.subject_id) for row in reported}
    return {
        "seen": [
            {"row": row, "subject": row.subject, "url": f"{page_of(row.subject)}?tab=dependants"}
            for row in traffic.at(scope, seen, known)[:MAX_ROWS]
        ],
        "deployed": [_row(row, row.version.subject) for row in deployed],
        "reported": [_row(row, row.subject) for row in reported],
        "set": reverse(
            "environments:action", args=[environment.project.name, environment.name, "schemas"]
        ),
    }


def _row(row: DeployedVersion | CheckIn, subject: Subject) -> dict[str, Any]:
    number = row.version.number if row.version else None
    return {
        "row": row,
        "subject": subject,
        "url": f"{page_of(subject)}?tab=dependants",
        "number": number,
        "newer": subject.latest if number and subject.latest > number else 0,
    }


def sunsets(actor: Actor) -> QuerySet[Subject]:
    """Subjects with a day of their end, the next one first, of those that the actor sees."""
    rows = Subject.objects.filter(state=Subject.State.SUNSET, latest__gt=0)
    seen = visible(actor, VIEW, rows).select_related("context", "owner", "project")
    return seen.order_by("sunset_on", "name")
