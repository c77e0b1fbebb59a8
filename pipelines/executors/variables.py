"""The environment of one attempt: what the plan says, and what is known only when a job runs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from django.utils import timezone

from idp.common.addresses import whole
from pipelines.deploys import identity
from pipelines.oidc import tokens as id_tokens
from pipelines.runs import persisted
from pipelines.runs.models import Attempt
from pipelines.runs.work import Stored

TOKENS = ("CI_JOB_TOKEN", "SLIPWAY_TOKEN")  # masked in the log


def for_job(attempt: Attempt, stored: Stored, before: Sequence[Attempt]) -> dict[str, str]:
    """The variables by name; a report of a job before replaces none that a person chose.

    They stand upon what the machine that runs the job begins with (`running.environment`).
    """
    handed_on = {
        name: value
        for row in before
        for name, value in json.loads(row.dotenv or "{}").items()
        if name not in stored.strong
    }
    return {
        **stored.variables,
        **handed_on,
        **_facts(attempt),
        **id_tokens.for_attempt(attempt, stored),
    }


def to_mask(stored: Stored, variables: Mapping[str, str]) -> tuple[str, ...]:
    """The values that no log may show: the plan's secrets and the job's own tokens."""
    names = (*TOKENS, *(token.name for token in stored.work.id_tokens))
    return (*stored.secrets, *(variables[name] for name in names if variables.get(name)))


def _facts(attempt: Attempt) -> dict[str, str]:
    job = attempt.job
    return {
        "CI_JOB_ID": str(attempt.pk),
        "CI_JOB_STATUS": "running",
        "CI_JOB_STARTED_AT": (attempt.started_at or timezone.now()).isoformat(),
        "CI_JOB_URL": f"{whole()}/pipelines/jobs/{job.pk}/",
        **persisted.of_pipeline(job.pipeline),
        **dict.fromkeys(TOKENS, identity.text_of(attempt)),
    }
