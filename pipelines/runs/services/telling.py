"""Wakes whoever looks at pipelines."""

from __future__ import annotations

from idp.changes import events
from pipelines.runs.models import Pipeline

TOPIC = "pipelines"


def row_of(pipeline_id: int) -> str:
    """What pages call the part that shows a pipeline (`data-live-row`)."""
    return f"pipeline-{pipeline_id}"


def tell(pipeline: Pipeline) -> None:
    """Something about the pipeline is new, once the transaction commits."""
    data = {"id": pipeline.pk, "status": pipeline.status, "row": row_of(pipeline.pk)}
    events.hint(TOPIC, data, scope=pipeline.project.scope_id)
