"""`id_tokens` of jobs: what a cloud or a vault may know of the job, signed by Slipway.

Names of claims are those of GitLab's published reference, so that trust policies can stay.
https://docs.gitlab.com/ci/secrets/id_token_authentication/
"""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

from idp.common.addresses import whole
from pipelines.engine.values.environment import slug
from pipelines.engine.values.identity import IdToken
from pipelines.oidc import keys
from pipelines.runs.models import Attempt
from pipelines.runs.work import Stored

LEAST_SECONDS, MOST_SECONDS = 300, 24 * 3600
DEFAULT_SECONDS = 3600
EARLIER = 5  # seconds that clocks may differ


def issuer() -> str:
    """Who signs: the address below which the discovery document is."""
    return whole()


def for_attempt(attempt: Attempt, stored: Stored) -> dict[str, str]:
    """The job's tokens by the name of their variable; none for a fork's job."""
    if not stored.work.id_tokens or attempt.job.pipeline.foreign:
        return {}
    row = keys.signing()
    key = RSAKey.import_key(json.loads(row.private))
    header = {"alg": "RS256", "typ": "JWT", "kid": row.kid}
    facts = _claims(attempt, stored)
    return {
        token.name: jwt.encode(header, {**facts, **_for(token)}, key)
        for token in stored.work.id_tokens
    }


def _for(token: IdToken) -> dict[str, Any]:
    audiences = list(token.aud)
    return {"aud": audiences[0] if len(audiences) == 1 else audiences, "jti": str(uuid.uuid4())}


def _claims(attempt: Attempt, stored: Stored) -> dict[str, Any]:
    job, pipeline, now = attempt.job, attempt.job.pipeline, int(time.time())
    seconds = int(stored.work.timeout or DEFAULT_SECONDS)
    kind = "tag" if pipeline.is_tag else "branch"
    project = pipeline.project.name
    found: dict[str, Any] = {
        "iss": issuer(),
        "sub": f"project_path:{project}:ref_type:{kind}:ref:{pipeline.ref}",
        "iat": now,
        "nbf": now - EARLIER,
        "exp": now + min(max(seconds, LEAST_SECONDS), MOST_SECONDS),
        "project_id": str(pipeline.project_id),
        "project_path": project,
        "pipeline_id": str(pipeline.pk),
        "pipeline_source": pipeline.source,
        "job_id": str(attempt.pk),
        "ref": pipeline.ref,
        "ref_type": kind,
        "ref_path": f"refs/{'tags' if pipeline.is_tag else 'heads'}/{pipeline.ref}",
        "ref_protected": str(pipeline.is_protected).lower(),
        "sha": pipeline.sha,
        "runner_environment": "self-hosted",
    }
    if pipeline.actor is not None:
        found |= {"user_id": str(pipeline.actor_id), "user_login": pipeline.actor.username}
    if job.environment:
        found |= {"environment": job.environment, "environment_slug": slug(job.environment)}
    return found
