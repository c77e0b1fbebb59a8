"""What an agent is told to run, made when it claims; and the lease that it answers with."""

from __future__ import annotations

import hmac

from django.conf import settings

from idp.changes.leases import Lease, shown
from pipelines.agent.forms import Need, Order
from pipelines.executors import secrets
from pipelines.executors.files import ARCHIVE
from pipelines.executors.local import sources_of
from pipelines.executors.variables import for_job, to_mask
from pipelines.running.attempt import DEFAULT_SECONDS
from pipelines.runs import claiming, work
from pipelines.runs.models import Artifact, Attempt
from pipelines.runs.services import ending
from pipelines.runs.services.ending import End


def order(attempt: Attempt, lease: Lease) -> Order:
    """All that an agent has to know of an attempt; raises `SecretRefused`."""
    stored = work.decode(attempt.job.work)
    before = sources_of(attempt.job)
    variables = for_job(attempt, stored, before)
    given = secrets.for_attempt(attempt, stored, variables)
    variables |= given.variables
    rows = Artifact.objects.filter(attempt__in=before, kind=ARCHIVE).select_related("attempt__job")
    return Order(
        attempt=attempt.pk,
        lease=lease_text(lease),
        name=attempt.job.name,
        sha=attempt.job.pipeline.sha,
        work=stored.work,
        variables=variables,
        files={**stored.files, **given.files},
        secrets=(*to_mask(stored, variables), *given.values),
        timeout=float(stored.work.timeout or DEFAULT_SECONDS),
        memory=settings.CI_JOB_MEMORY,
        disk=settings.CI_JOB_DISK,
        processes=settings.CI_JOB_PROCESSES,
        needs=tuple(
            Need(one.pk, one.attempt.job.name, one.digest, one.size)
            for one in rows.order_by("attempt__job__position")
        ),
    )


def told(attempt: Attempt, lease: Lease) -> list[Order]:
    """The order, or none for a job that cannot have a secret of its own: that one has failed."""
    try:
        return [order(attempt, lease)]
    except secrets.SecretRefused as error:
        ending.finish(lease, End(Attempt.Status.FAILED, secrets.FAILURE, str(error)))
        return []


def lease_text(lease: Lease) -> str:
    """A lease as the agent keeps it: its number, and what nobody else can guess."""
    return f"{lease.token}.{lease.holder.rpartition('#')[2]}"


def lease_of(attempt: Attempt, text: str) -> Lease | None:
    """The attempt's lease, where the text is of the one that holds it now."""
    mark = attempt.lease_holder.rpartition("#")[2]
    known = f"{attempt.lease_token}.{mark}"
    if not mark or not hmac.compare_digest(known.encode(), text.encode()):
        return None
    holder = attempt.lease_holder
    return Lease(Attempt, attempt.pk, attempt.lease_token, holder, claiming.SECONDS)


def lease_as_it_is(attempt: Attempt) -> Lease:
    """The lease that holds an attempt now: to tell its holder again what it may not have heard."""
    holder, token = attempt.lease_holder, attempt.lease_token
    return Lease(Attempt, attempt.pk, token, holder, claiming.SECONDS, shown(holder))
