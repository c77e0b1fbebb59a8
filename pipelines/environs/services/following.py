"""Asks Slipway's own environments for what jobs said of them: to expire, or to stop.

Each is a change like any other, as whoever started the pipeline, and is refused like any other.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from django.utils import timezone

from environments.models import Environment
from environments.services import day2
from environments.services.edits import Options
from idp.changes.models import Change
from idp.common.errors import Forbidden, SlipwayError, TemporaryBackendError
from pipelines.deploys.selectors import named_environment
from pipelines.environs.models import JobEnvironment
from pipelines.environs.services.stopping import GONE, MOST, OVER, starter
from rbac.actors import Actor
from rbac.models import Tier

log = logging.getLogger(__name__)
Wanted = JobEnvironment.Wanted
NEAR = timedelta(seconds=60)  # two moments that are the same end


def follow() -> int:
    """Ask for what is wanted, at most fifty in a round; how many were asked."""
    rows = JobEnvironment.objects.exclude(wanted="").select_related(
        "project__scope",
        "environment",
        "wanted_by__pipeline__actor",
        "wanted_by__pipeline__token",
    )
    asked = 0
    for row in rows.defer("wanted_by__work", "wanted_by__pipeline__given").order_by("pk")[:MOST]:
        try:
            found, problem = _ask(row)
        except TemporaryBackendError as error:
            log.warning("%s waits: %s", row, error)
            continue
        except SlipwayError as error:
            found, problem = None, f"{error.message} {error.fix}".strip()
        same = JobEnvironment.objects.filter(
            pk=row.pk, wanted=row.wanted, wanted_by=row.wanted_by_id, updated_at=row.updated_at
        )
        same.update(wanted="", problem=problem or row.problem, environment=found)
        asked += 1
    return asked


def _ask(row: JobEnvironment) -> tuple[Environment | None, str]:
    """The environment that was asked, and what is wrong."""
    actor = starter(row, row.wanted_by)
    if actor is None or row.wanted_by is None:
        return None, GONE
    environment = named_environment(actor, row.project, row.name)
    if environment is None:
        return None, ""
    if environment.tier == Tier.PRODUCTION and not row.wanted_by.pipeline.is_protected:
        message = "No job of an unprotected branch or tag ends a production environment."
        raise Forbidden(message, fix="Run it on the protected branch.")
    if row.wanted == Wanted.STOP:
        if environment.state not in OVER:
            day2.stop(actor, environment, options=_options(row, "stopped"))
    else:
        _extend(actor, environment, row)
    return environment, ""


def _extend(actor: Actor, environment: Environment, row: JobEnvironment) -> None:
    until, now = row.auto_stop_at, environment.expires_at
    if until is None or until <= timezone.now() or (now and abs(now - until) < NEAR):
        return
    day2.extend(actor, environment, expires_at=until, options=_options(row, "expires"))


def _options(row: JobEnvironment, what: str) -> Options:
    job = row.wanted_by
    words = f"The job {job.name} of #{job.pipeline.number} says so ({what})." if job else ""
    return Options(origin=Change.Origin.SYSTEM, interactive=False, message=words)
