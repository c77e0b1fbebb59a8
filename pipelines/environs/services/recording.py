"""Takes down what a job that ended did to its environment; inside the job's own transaction.

https://docs.gitlab.com/ci/yaml/#environmentaction
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from idp.common.addresses import is_web_address
from pipelines.engine.context import PREDEFINED
from pipelines.engine.durations import DurationError
from pipelines.engine.scheduling import ENDED, Status
from pipelines.engine.values.environment import Environment
from pipelines.engine.values.expanding import expanded, putter
from pipelines.environs.models import JobEnvironment
from pipelines.runs import work
from pipelines.runs.models import Job, Pipeline
from pipelines.runs.services.ending import End
from pipelines.runs.work import Stored

State, Wanted = JobEnvironment.State, JobEnvironment.Wanted
MAX_URL = 500
RENEWS = frozenset({"prepare", "access"})  # actions that begin `auto_stop_in` anew, as start does


def ended(pipeline: Pipeline, job: Job, end: End) -> None:
    """Registered with `ending`: only `start` makes or changes one; a fork's job does nothing."""
    if not job.environment or pipeline.foreign:
        return
    stored = work.decode(job.work)
    if stored.work.environment is None:
        return
    given = _known(stored.work.environment, job, stored, end.dotenv)
    rows = JobEnvironment.objects.filter(project=pipeline.project_id, name=job.environment)
    passed = job.status == Status.SUCCESS
    if given.action == "stop":
        _stopped(rows, job, passed=passed)
    elif passed and given.deploys:
        _started(pipeline, job, given, stored)
    elif passed and given.action in RENEWS and (seconds := _seconds(given)) is not None:
        rows.filter(state=State.AVAILABLE).update(**_lasts(job, seconds), updated_at=timezone.now())


def _known(given: Environment, job: Job, stored: Stored, dotenv: Mapping[str, str]) -> Environment:
    """With everything put in that the job's end knows, its own dotenv report too."""
    own = {name: text for name, text in dotenv.items() if name not in stored.strong}
    ids = {"CI_PIPELINE_ID": str(job.pipeline_id), "CI_JOB_NAME": job.name}
    return expanded(given, putter({**stored.variables, **ids, **own}, PREDEFINED, final=True))


def _started(pipeline: Pipeline, job: Job, given: Environment, stored: Stored) -> None:
    seconds = _seconds(given)
    JobEnvironment.objects.update_or_create(
        project=pipeline.project,
        name=job.environment,
        defaults={
            "tier": given.tier[:20],
            "url": _safe(given.url, stored.secrets),
            "state": State.AVAILABLE,
            "job": job,
            "on_stop": given.on_stop[:255],
            "tried_at": None,
            "problem": "",
            "updated_at": timezone.now(),
            **_lasts(job, seconds or 0),
        },
    )


def _lasts(job: Job, seconds: int) -> dict[str, object]:
    """Until when it is there; 0 for no end, which asks nothing of Slipway's environment."""
    if not seconds:
        return {"auto_stop_at": None, "environment": None, "wanted": "", "wanted_by": None}
    until = timezone.now() + timedelta(seconds=seconds)
    return {"auto_stop_at": until, "wanted": Wanted.EXTEND, "wanted_by": job}


def _seconds(given: Environment) -> int | None:
    try:
        return given.auto_stop_seconds
    except DurationError:  # a variable of the running job brought another text
        return None


@transaction.atomic
def _stopped(rows: QuerySet[JobEnvironment], job: Job, *, passed: bool) -> None:
    """A stop job's end, whoever started it; one that failed leaves the environment there."""
    row = rows.select_for_update().first()
    if row is None:
        return
    row.updated_at = timezone.now()
    fields = ["updated_at"]
    if passed:
        row.state, row.auto_stop_at, row.problem = State.STOPPED, None, ""
        row.wanted, row.wanted_by = Wanted.STOP, job
        fields += ["state", "auto_stop_at", "problem", "wanted", "wanted_by"]
    elif row.state == State.STOPPING and Status(job.status) in ENDED:
        row.state = State.AVAILABLE
        row.problem = f"Its stop job “{job.name}” did not pass: {job.reason}"
        fields += ["state", "problem"]
    row.save(update_fields=fields)


def _safe(url: str, secrets: tuple[str, ...]) -> str:
    """The address where it may be linked and holds no masked value."""
    if any(secret and secret in url for secret in secrets):
        return ""
    return url if is_web_address(url, most=MAX_URL) else ""
