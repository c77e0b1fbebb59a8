"""By whose rights a pipeline's jobs act once nobody is there to ask."""

from __future__ import annotations

from pipelines.runs.models import Pipeline
from rbac.actors import Actor


def starter(pipeline: Pipeline) -> Actor | None:
    """Whoever started it, with no more than the token that they used; None once that is gone."""
    user, token = pipeline.actor, pipeline.token
    if user is None or not user.is_active or (token is not None and token.revoked_at is not None):
        return None
    return Actor(user, token)
