"""Wakes whoever looks at pipelines."""

from __future__ import annotations

from idp.changes import events
from pipelines.runs.models import Pipeline

TOPIC = "pipelines"


def tell(pipeline: Pipeline) -> None:
    """Something about the pipeline is new, once the transaction commits."""
    data = {"id": pipeline.pk, "status": pipeline.status}
    events.hint(TOPIC, data, scope=pipeline.project.scope_id)
