"""Carrying an import as far as it can go now: the worker's entry point, and the sweeper's.

1. `sweep` sends runs that a worker should have and none has; a message may come twice or never.
2. `work` claims the run by lease, reads or imports, and gives it back.
3. A source that is away is asked again, later and later; one that refuses ends the run with its
   words. Whatever was brought in by then stays, and the run can go on from there.
"""

from __future__ import annotations

import structlog
from django.db import connection
from django.utils import timezone

from idp.changes import leases
from idp.changes.leases import Lease, LeaseLost, Renewal
from idp.common import transitions
from idp.common.errors import SlipwayError, TemporaryBackendError
from rbac import audit
from schemas.permissions import CONFIGURE
from schemas.transfer import importing, judging, reading
from schemas.transfer.models import ImportRun
from schemas.transfer.running import Step, actor_of, tell

log = structlog.get_logger(__name__)
State = ImportRun.State
TASK = "schemas.import"
EVERY_SECONDS = 5.0
MAX_FAILURES = 6
MAX_ATTEMPTS = 200  # claims of one run, so that one that kills its worker ends
FIRST_WAIT, MAX_WAIT = 2.0, 60.0


def sweep() -> list[int]:
    """Send again the runs that a worker should have and none has."""
    return leases.sweep(ImportRun, TASK, "run_id", where=ImportRun.WORKED)


def work(run_id: int) -> bool:
    """Carry a run as far as it can go; False when there was nothing to take."""
    lease = leases.claim(ImportRun, run_id, where=ImportRun.WORKED)
    if lease is None:
        return False
    wait: float | None = None
    with Renewal(lease, active=not connection.in_atomic_block) as renewal:
        try:
            wait = _carry(Step(lease, renewal))
        except LeaseLost:
            log.info("import.lost", run=run_id)
            return True
        except Exception:
            log.exception("import.failed", run=run_id)
            wait = MAX_WAIT
    leases.release(lease, wait=wait)
    return True


def _carry(step: Step) -> float | None:
    """One phase after the other; how long to wait where the source is away."""
    run = step.look()
    try:
        if run.attempts > MAX_ATTEMPTS:
            _fail(step.lease, f"It was begun {MAX_ATTEMPTS} times and never ended.", "")
        elif run.state == State.READING:
            _read(step, run)
        else:
            importing.bring(step, run, actor_of(run))
    except TemporaryBackendError as error:
        return _again(step.lease, run, error)
    except SlipwayError as error:
        _fail(step.lease, error.message, error.fix)
    return None


def _read(step: Step, run: ImportRun) -> None:
    if run.stored_at is None:
        reading.read(step, run)
        with leases.fenced(step.lease):
            ImportRun.objects.filter(pk=run.pk).update(stored_at=timezone.now(), failures=0)
    judging.judge(step, run, actor_of(run))
    with leases.fenced(step.lease) as row:
        transitions.transition(row, State.READY, reason="", fix="")
        tell(run)


def _again(lease: Lease, run: ImportRun, error: TemporaryBackendError) -> float | None:
    failures = run.failures + 1
    if failures >= MAX_FAILURES:
        _fail(lease, error.message, error.fix)
        return None
    with leases.fenced(lease):
        ImportRun.objects.filter(pk=run.pk).update(failures=failures, reason=error.message)
        tell(run)
    return max(float(FIRST_WAIT * 2**failures), error.retry_after)


def _fail(lease: Lease, reason: str, fix: str) -> None:
    """End the run with its reason; subjects that it holds open get their mode back."""
    with leases.fenced(lease) as run:
        importing.close(run)
        transitions.transition(
            run, State.FAILED, reason=reason[:2000], fix=fix[:1000], finished_at=timezone.now()
        )
        actor = actor_of(run)
        after = {"state": State.FAILED.value}
        audit.record(
            actor, CONFIGURE, target=run, scope=run.project.scope, after=after, reason=reason
        )
        tell(run)
