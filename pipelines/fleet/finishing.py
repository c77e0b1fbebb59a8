"""How an agent says that an attempt is over: judged, taken down once, heard twice without harm."""

from __future__ import annotations

import json
import math

from idp.changes.leases import Lease, LeaseLost
from idp.common.errors import FieldError, Invalid
from pipelines.agent.forms import Finish
from pipelines.executors import secrets
from pipelines.executors.local import sources_of
from pipelines.executors.variables import for_job, to_mask
from pipelines.releases.services import publishing
from pipelines.runs import work
from pipelines.runs.models import Attempt
from pipelines.runs.services import ending
from pipelines.runs.services.ending import End

MAX_MESSAGE = 1_000
MAX_CODE = 2**31 - 1
_FAILURE_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz_")
MAX_FAILURE = 40


def finish(attempt: Attempt, lease: Lease, said: Finish) -> None:
    """Take down how it ended; raises `LeaseLost` where it is somebody else's."""
    if said.status not in Attempt.ENDED:
        raise _wrong("status", "success, failed or canceled.")
    if len(said.failure) > MAX_FAILURE or not set(said.failure) <= _FAILURE_LETTERS:
        raise _wrong("failure", "One of GitLab's failure reasons.")
    if said.exit_code is not None and abs(said.exit_code) > MAX_CODE:
        raise _wrong("exit_code", "A number of 32 bits.")
    coverage = said.coverage
    if coverage is not None and not (math.isfinite(coverage) and 0 <= coverage <= 100):  # noqa: PLR2004 - a percentage
        raise _wrong("coverage", "A percentage.")
    if attempt.status == said.status:  # it was heard, and the agent does not know
        return
    message = said.message[:MAX_MESSAGE].replace("\0", "")
    failure = said.failure if said.status == Attempt.Status.FAILED else ""
    dotenv = json.loads(attempt.dotenv or "{}")
    if attempt.status != Attempt.Status.RUNNING:
        raise LeaseLost(f"attempt {attempt.pk} is over")
    end = End(said.status, failure, message, said.exit_code, coverage, dotenv)
    ending.finish(lease, _released(attempt, end))


def _released(attempt: Attempt, end: End) -> End:
    """The end with the job's release made, where it has one."""
    stored = work.decode(attempt.job.work)
    if stored.work.release is None or end.status != Attempt.Status.SUCCESS:
        return end
    variables = for_job(attempt, stored, sources_of(attempt.job))
    try:
        given = secrets.for_attempt(attempt, stored, variables, again=True)
    except secrets.SecretRefused as error:
        return publishing.unmade(end, str(error))
    variables |= given.variables
    hidden = (*to_mask(stored, variables), *given.values)
    return publishing.after(attempt, stored, variables, hidden, end)


def _wrong(field: str, fix: str) -> Invalid:
    message = f"“{field}” is none that there is."
    return Invalid(message, fix=fix, errors=[FieldError(field, "value", message, fix)])
