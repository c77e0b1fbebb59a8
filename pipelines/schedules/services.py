"""Writes of schedules: each decides, validates, writes, audits. No audit record holds a value.

Whoever sets what a schedule runs (its branch or tag, its variables) owns it from then on, so that
nobody has another person's name stand for what they chose.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypedDict, Unpack

from django.db import transaction
from django.utils import timezone

from idp.common.errors import Clash, FieldError, Forbidden, Invalid
from pipelines.permissions import MANAGE, RUN
from pipelines.runs.models import Pipeline
from pipelines.runs.services import starting
from pipelines.schedules import cron as crons
from pipelines.schedules import selectors
from pipelines.schedules.models import MAX_DESCRIPTION, Schedule
from portal.permissions import keeper_scope
from rbac import audit
from rbac.access import require
from rbac.actors import Actor
from rbac.models import Project

MOST = 100  # of one project


class Given(TypedDict, total=False):
    """What a schedule is made of, and what of it can be changed."""

    description: str
    cron: str
    timezone: str
    ref: str
    variables: Mapping[str, str]
    active: bool


FIELDS = ("description", "cron", "timezone", "ref", "active")


@transaction.atomic
def create(actor: Actor, project: Project, **given: Unpack[Given]) -> Schedule:
    """A schedule that its maker owns; `Invalid` names every wrong field, `Clash` past `MOST`."""
    require(actor, RUN, keeper_scope(project))
    _may_own(actor)
    if Schedule.objects.filter(project=project).count() >= MOST:
        raise Clash(f"{project.name} has {MOST} schedules.", fix="Delete some.")
    row = Schedule(project=project, owner=actor.user)
    _fill(row, {"description": "", "cron": "", "ref": "", **given})
    row.save(force_insert=True)
    audit.record(actor, "schedule.create", target=row, after=_told(row))
    return row


@transaction.atomic
def update(actor: Actor, pk: int, **given: Unpack[Given]) -> Schedule:
    """Change what is given; another's `ref` or `variables` make the actor its owner."""
    row = _locked(actor, pk)
    permit(actor, row)
    before, ran = _told(row), (row.ref, row.given)
    _fill(row, given)
    if (row.ref, row.given) != ran and not selectors.owns(actor, row):
        require(actor, RUN, keeper_scope(row.project))
    if (row.ref, row.given) != ran:
        _may_own(actor)
        row.owner = actor.user
    if given.get("active") and (reason := gone(row)):
        raise _wrong("active", "owner", reason, "Take it over first.")
    row.save()
    audit.record(actor, "schedule.update", target=row, before=before, after=_told(row))
    return row


@transaction.atomic
def take(actor: Actor, pk: int) -> Schedule:
    """Make the actor its owner: it runs with their rights from then on."""
    row = _locked(actor, pk)
    require(actor, RUN, keeper_scope(row.project))
    _may_own(actor)
    if selectors.owns(actor, row):
        return row
    before = _told(row)
    row.owner, row.problem, row.changed_at = actor.user, "", timezone.now()
    row.save(update_fields=["owner", "problem", "changed_at"])
    audit.record(actor, "schedule.take", target=row, before=before, after=_told(row))
    return row


def run(actor: Actor, pk: int, *, key: str = "") -> Pipeline:
    """Begin its pipeline now, as whoever asks; when it runs next stays. `key` as of a start."""
    seen = selectors.schedule(actor, pk)
    require(actor, RUN, keeper_scope(seen.project))
    asked = asked_of(seen, key)
    if made := starting.made_before(actor, seen.project, asked):
        return made
    at = starting.look(seen.project, asked)
    with transaction.atomic():
        row = _locked(actor, pk)
        require(actor, RUN, keeper_scope(row.project))
        if not same(row, seen):
            raise Clash("It was changed at this moment.", fix="Look at it, and start it again.")
        pipeline = begin(actor, row, at, key=key)
        audit.record(actor, "schedule.run", target=row, after={"pipeline": pipeline.number})
    return pipeline


@transaction.atomic
def delete(actor: Actor, pk: int) -> None:
    """Forget a schedule and its variables; pipelines that it began stay."""
    row = _locked(actor, pk)
    permit(actor, row)
    audit.record(actor, "schedule.delete", target=row, before=_told(row))
    row.delete()


def asked_of(row: Schedule, key: str = "") -> starting.Asked:
    """What its pipeline is begun with."""
    given = starting.checked(row.given)
    by = f"schedule “{row.description[:100]}”"
    source = Pipeline.Source.SCHEDULE
    return starting.Asked(row.ref, source, given, key=key, by=by, schedule=row.pk)


def same(row: Schedule, seen: Schedule) -> bool:
    """Whether a row still runs what was looked at, for the same person."""
    facts = ((one.ref, one.given, one.owner_id, gone(one)) for one in (row, seen))
    return next(facts) == next(facts)


def begin(actor: Actor, row: Schedule, at: starting.At, *, key: str = "") -> Pipeline:
    """Start its pipeline in the caller's transaction, and note it on the row."""
    pipeline = starting.write(actor, row.project, asked_of(row, key), at)
    row.last_pipeline, row.problem = pipeline, ""
    row.save(update_fields=["last_pipeline", "problem"])
    return pipeline


def gone(row: Schedule) -> str:
    """Why nobody stands for it any more; empty while its owner does."""
    if row.owner is None:
        return "Its owner is gone."
    if not row.owner.is_active:
        return f"Its owner {row.owner.username} is deactivated."
    return ""


def preview(cron: str, zone: str) -> list[datetime]:
    """The next times of an expression, in the zone's clock; `Invalid` as when it is saved."""
    _all_of(lambda: crons.checked(cron), lambda: crons.checked_zone(zone))
    return crons.coming(crons.checked(cron), zone, timezone.now())


def _locked(actor: Actor, pk: int) -> Schedule:
    selectors.schedule(actor, pk)
    rows = Schedule.objects.select_related("project__scope", "owner")
    return rows.select_for_update(of=("self",)).get(pk=pk)


def permit(actor: Actor, row: Schedule) -> None:
    if not selectors.edits(actor, row):
        require(actor, MANAGE, row.project.scope)


def _may_own(actor: Actor) -> None:
    """A schedule outlives a token, and runs with all of its owner's rights."""
    if actor.user is None or actor.narrowed:
        raise Forbidden(
            "A narrowed token owns no schedule: that would run with all rights of its owner.",
            fix="Sign in, or use a token that carries all of your rights.",
        )


def _fill(row: Schedule, given: Given) -> None:
    """Put what is given into the row, and when it runs next; `Invalid` with all wrong fields."""
    checks: list[Callable[[], Any]] = []
    if "description" in given:
        checks.append(lambda: _describe(row, given["description"]))
    if "cron" in given:
        checks.append(lambda: setattr(row, "cron", crons.checked(given["cron"])))
    if "timezone" in given:
        checks.append(lambda: setattr(row, "timezone", crons.checked_zone(given["timezone"])))
    if "ref" in given and given["ref"] != row.ref:
        checks.append(lambda: _point(row, given["ref"].strip()))
    if "variables" in given:
        checks.append(lambda: _vary(row, given["variables"]))
    timed = (row.cron, row.timezone, row.active, row.next_run_at is None)
    _all_of(*checks)
    row.active = given.get("active", row.active)
    row.problem = "" if row.active else row.problem
    row.changed_at = timezone.now()
    if (row.cron, row.timezone, row.active, False) != timed:
        due = crons.following(row.cron, row.timezone, row.changed_at)
        row.next_run_at = due if row.active else None


def _describe(row: Schedule, text: str) -> None:
    row.description = text.strip()
    if not row.description:
        raise _wrong("description", "required", "Say what it is for.", "Like “Nightly tests”.")
    if len(row.description) > MAX_DESCRIPTION or not row.description.isprintable():
        message = f"One line of at most {MAX_DESCRIPTION} letters."
        raise _wrong("description", "form", message, "Shorten it.")


def _point(row: Schedule, ref: str) -> None:
    starting.resolved(row.project, ref)
    row.ref = ref


def _vary(row: Schedule, variables: Mapping[str, str]) -> None:
    found = starting.checked(variables)
    row.variables = json.dumps(found) if found else ""


def _all_of(*checks: Callable[[], Any]) -> None:
    """Run every check; one `Invalid` with what all of them found."""
    errors: list[FieldError] = []
    for check in checks:
        try:
            check()
        except Invalid as error:
            errors += error.errors
    if errors:
        raise Invalid.of(errors)


def _told(row: Schedule) -> dict[str, Any]:
    owner = row.owner.username if row.owner else None
    facts = {name: getattr(row, name) for name in FIELDS}
    return {**facts, "owner": owner, "variables": sorted(row.given)}


def _wrong(field: str, rule: str, message: str, fix: str) -> Invalid:
    return Invalid(message, fix=fix, errors=[FieldError(field, rule, message, fix)])
