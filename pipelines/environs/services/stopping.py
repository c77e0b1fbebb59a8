"""Stops environments of jobs: by hand, at their time, and after Slipway's own was stopped."""

from __future__ import annotations

import logging

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from environments.models import Environment
from idp.common.errors import Clash, Invalid, SlipwayError
from pipelines.deploys import selectors
from pipelines.engine.scheduling import ENDED, Status
from pipelines.environs.models import JobEnvironment
from pipelines.permissions import RUN
from pipelines.runs import starters
from pipelines.runs.models import Job
from pipelines.runs.services import acting
from portal.permissions import keeper_scope
from rbac import audit
from rbac.access import can, require
from rbac.actors import Actor

log = logging.getLogger(__name__)
MOST = 50  # in one round
STOP = "environment.stop"
STOPS = f"whoever stopped this may not stop it. It takes {STOP} there."
GONE = "Whoever started it is gone, so nobody's rights change it."
State = JobEnvironment.State
OVER = (Environment.State.STOPPED, Environment.State.DELETING, Environment.State.DELETED)
_STARTABLE = frozenset({Status.MANUAL, Status.SCHEDULED})


@transaction.atomic
def stop(actor: Actor, row: JobEnvironment) -> JobEnvironment:
    """Start its stop job; one without any is stopped at once. `Clash` where it is not there."""
    require(actor, RUN, keeper_scope(row.project))
    if row.state == State.STOPPED:
        raise Clash(f"{row.name} is stopped already.")
    job = stop_job(row)
    if job is not None:
        _begin(actor, job)
    to = State.STOPPED if job is None else State.STOPPING
    values = {"state": to, "problem": "", "updated_at": timezone.now()}
    if job is None:
        values |= {"auto_stop_at": None, **_own(actor, row)}
    rows = JobEnvironment.objects.filter(pk=row.pk, state=row.state)
    if not rows.update(**values):
        raise Clash(f"{row.name} was stopped or started meanwhile.", fix="Look at it again.")
    audit.record(
        actor,
        "job-environment.stop",
        target=row,
        scope=row.project.scope,
        after={"name": row.name, "job": job.name if job else ""},
    )
    row.refresh_from_db()
    return row


def _own(actor: Actor, row: JobEnvironment) -> dict[str, object]:
    """What is wanted of Slipway's own environment: to stop, only where the actor may do that.

    The change is asked for by whoever started the pipeline, and must lend nobody their rights.
    """
    nothing: dict[str, object] = {"wanted": "", "wanted_by_id": None}
    by = starter(row)
    if by is None:
        return nothing | {"problem": GONE}
    try:
        environment = selectors.named_environment(by, row.project, row.name)
    except Invalid as error:
        return nothing | {"problem": f"{error.message} {error.fix}".strip()}
    if environment is None:
        return nothing
    if can(actor, STOP, environment):
        return {"wanted": JobEnvironment.Wanted.STOP, "wanted_by_id": row.job_id}
    seen = can(actor, selectors.ENVIRONMENT_VIEW, environment)
    return nothing | {"problem": f"{environment} was left running: {STOPS}" if seen else ""}


def stop_job(row: JobEnvironment) -> Job | None:
    """The job that `on_stop` names, in the pipeline that started the environment."""
    if row.job is None or not row.on_stop:
        return None
    jobs = Job.objects.filter(pipeline=row.job.pipeline_id, written=row.on_stop).defer("work")
    return jobs.order_by("position").first()


def _begin(actor: Actor, job: Job) -> None:
    """Start it, or run it again; `Clash` for one that is neither to start nor over."""
    if Status(job.status) in _STARTABLE:
        acting.play(actor, job.pk)
    elif Status(job.status) in ENDED and job.status != Status.SKIPPED:
        acting.retry(actor, job.pk)
    else:
        state = job.get_status_display().lower()
        raise Clash(
            f"Its stop job “{job.name}” cannot be started now: {state}.",
            fix="Write when: manual at it, and wait for what it needs.",
        )


def starter(row: JobEnvironment, job: Job | None = None) -> Actor | None:
    """Whoever started the pipeline that started it, with no more than they gave the pipeline."""
    job = job or row.job
    return starters.starter(job.pipeline) if job else None


def stop_due() -> int:
    """Stop what has reached its end, once each; how many were tried."""
    now = timezone.now()
    due = Q(environment=None, wanted="", auto_stop_at__lte=now)
    due |= Q(environment__state__in=OVER)
    rows = JobEnvironment.objects.filter(due, state=State.AVAILABLE, tried_at=None)
    found = rows.select_related("project__scope", "job__pipeline__actor", "job__pipeline__token")
    tried = 0
    for row in found.defer("job__work", "job__pipeline__given").order_by("pk")[:MOST]:
        if not JobEnvironment.objects.filter(pk=row.pk, tried_at=None).update(tried_at=now):
            continue
        tried += 1
        _try(row)
    return tried


def _try(row: JobEnvironment) -> None:
    actor = starter(row)
    if actor is None:
        problem = "Whoever started it is gone, so nobody's rights stop it. Stop it by hand."
    else:
        try:
            stop(actor, row)
        except SlipwayError as error:
            problem = f"{error.message} {error.fix}".strip()
        else:
            return
    log.info("%s was not stopped: %s", row, problem)
    JobEnvironment.objects.filter(pk=row.pk).update(problem=problem, updated_at=timezone.now())
