"""Runs a pipeline once more, as a new one: at its commit, or at the newest of its branch or tag."""

from __future__ import annotations

import json
from typing import Any

from django.db import models

from idp.common.errors import Clash, FieldError, Invalid
from pipelines.permissions import RUN
from pipelines.runs.models import Pipeline
from pipelines.runs.services import starting
from portal.permissions import keeper_scope
from rbac.access import require
from rbac.actors import Actor

Source = Pipeline.Source
_ELSEWHERE = {
    Source.MERGE_REQUEST: "Start one on its merge request.",
    Source.PARENT: "Run the job that started it again.",
    Source.PIPELINE: "Run the job that started it again.",
}


class Configuration(models.TextChoices):
    """Which `.gitlab-ci.yml` the new pipeline reads."""

    SAME = "same", "The file of its commit, as it was"
    NEWEST = "newest", "The newest commit, with the file as it is now"


def elsewhere(pipeline: Pipeline) -> str:
    """Where a pipeline of this kind is run once more; empty for here."""
    return _ELSEWHERE.get(Source(pipeline.source), "")


def again(
    actor: Actor, pipeline: Pipeline, configuration: str, *, source: str = Source.WEB, key: str = ""
) -> Pipeline:
    """A new pipeline with the variables and inputs of this one; needs `pipeline.run`.

    What somebody else gave stays theirs: `Clash`, as for a pipeline that is begun by a merge
    request or a job; `Invalid` for another configuration. Raises what `starting.start` does.
    """
    require(actor, RUN, keeper_scope(pipeline.project))
    if configuration not in Configuration:
        message = f"“{configuration[:40]}” is no configuration."
        fix = f"Take one of {', '.join(Configuration.values)}."
        raise Invalid.of([FieldError("configuration", "choice", message, fix)])
    if fix := elsewhere(pipeline):
        raise Clash(f"{pipeline} cannot be run once more by itself.", fix=fix)
    same = configuration == Configuration.SAME
    made = starting.start(
        actor,
        pipeline.project,
        f"refs/{'tags' if pipeline.is_tag else 'heads'}/{pipeline.ref}",
        source=source,
        sha=pipeline.sha if same else "",
        key=key,
        **_given(actor, pipeline),
    )
    if same and made.sha != pipeline.sha:
        raise starting.key_reused(made)
    return made


def _given(actor: Actor, pipeline: Pipeline) -> dict[str, Any]:
    if not (pipeline.given or pipeline.inputs):
        return {}
    if actor.user is None or pipeline.actor_id != actor.user.pk:
        raise Clash(
            f"{pipeline.actor_label} gave it variables or inputs, which stay theirs.",
            fix="Start a pipeline with your own.",
        )
    return {
        "variables": json.loads(pipeline.given) if pipeline.given else {},
        "inputs": json.loads(pipeline.inputs) if pipeline.inputs else None,
    }
