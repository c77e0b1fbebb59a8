"""Starts the pipelines whose time has come; the leading controller calls it every few seconds."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from django.db import DatabaseError, transaction
from django.utils import timezone

from idp.common.errors import NotVisible, SlipwayError
from pipelines.permissions import RUN
from pipelines.runs.models import Pipeline
from pipelines.runs.services import starting
from pipelines.schedules import cron as crons
from pipelines.schedules import services
from pipelines.schedules.models import Schedule
from portal.permissions import keeper_scope
from rbac import audit
from rbac.access import require
from rbac.actors import Actor, system
from rbac.models import User

T = TypeVar("T")
log = logging.getLogger(__name__)
EVERY_SECONDS = 5.0
MOST = 50  # at one look
UNKNOWN = "Slipway could not start it; the server's log says why."


def begin() -> int:
    """Start what is due, what was missed meanwhile once; how many pipelines began."""
    now = timezone.now()
    rows = Schedule.objects.filter(active=True, next_run_at__lte=now).order_by("next_run_at", "pk")
    found = rows.values_list("pk", "next_run_at")[:MOST]
    begun = 0
    for pk, at in [(pk, at) for pk, at in found if at]:
        try:
            begun += start(pk, at, now)
        except Exception:
            log.exception("schedule %s stays due", pk)
        audit.flush_denials()
    return begun


def start(pk: int, at: datetime, now: datetime) -> bool:
    """Move a schedule on from `at` and start its pipeline, both or neither; whether one began.

    1. What it runs is looked for in git, outside of the transaction.
    2. `next_run_at` moves on by compare-and-set: of two controllers one goes on. One that was
       changed meanwhile stays due.
    3. An owner who left switches it off, with the reason.
    4. What cannot start is said on the row, which stays due at its next time.
    """
    rows = Schedule.objects.select_related("project__scope", "owner").filter(pk=pk)
    seen = rows.first()
    if seen is None:
        return False
    looked = _tried(seen, lambda owner: _looked(owner, seen))
    with transaction.atomic():
        row = rows.select_for_update(of=("self",)).first()
        if row is None or not services.same(row, seen) or not _moved_on(pk, at, now):
            return False
        if looked is None:
            _switch_off(
                row, f"{services.gone(row)} Whoever may start pipelines here can take it over."
            )
            return False
        found = looked if isinstance(looked, str) else _tried(row, _begun(row, looked))
        if isinstance(found, str):
            _tell(row, found)
        return not isinstance(found, str)


def _looked(owner: User, row: Schedule) -> starting.At:
    require(Actor(owner), RUN, keeper_scope(row.project))
    return starting.look(row.project, services.asked_of(row))


def _begun(row: Schedule, at: starting.At) -> Callable[[User], Pipeline]:
    @transaction.atomic
    def begin(owner: User) -> Pipeline:
        return services.begin(Actor(owner), row, at)

    return begin


def _tried(row: Schedule, do: Callable[[User], T]) -> T | str | None:
    """What comes of it for the owner, or why nothing does, in words; None without an owner."""
    owner = row.owner
    if owner is None or services.gone(row):
        return None
    try:
        return do(owner)
    except NotVisible:
        return f"Its owner {owner.username} does not see {row.project.name} any more."
    except SlipwayError as error:
        return f"{error.message} {error.fix}".strip()
    except DatabaseError:
        raise
    except Exception:
        log.exception("the pipeline of schedule %s was not begun", row.pk)
        return UNKNOWN


def _moved_on(pk: int, at: datetime, now: datetime) -> bool:
    """Take this time of the schedule; False where somebody did, or changed it."""
    found = Schedule.objects.filter(pk=pk, active=True, next_run_at=at)
    times = found.values_list("cron", "timezone").first()
    if times is None:
        return False
    cron, zone = times
    following = crons.following(cron, zone, max(now, at + crons.FLOOR - timedelta(seconds=1)))
    same = found.filter(cron=cron, timezone=zone)
    return same.update(next_run_at=following, ran_at=now) == 1


def _switch_off(row: Schedule, reason: str) -> None:
    row.active, row.next_run_at, row.problem = False, None, reason
    row.save(update_fields=["active", "next_run_at", "problem"])
    audit.record(
        system("schedules"), "schedule.update", target=row,
        before={"active": True}, after={"active": False}, reason=reason,
    )  # fmt: skip


def _tell(row: Schedule, problem: str) -> None:
    row.problem = problem
    row.save(update_fields=["problem"])
