"""Wakes whoever looks at pipelines, and has git hosts told."""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction

from gitops.hosted import notices
from idp.changes import events
from pipelines.downstream import calling
from pipelines.runs.models import Pipeline

TOPIC = "pipelines"
PIPELINE, REQUEST = "pipeline", "merge-request"  # what git hosts are told of
_listeners: list[Callable[[Pipeline], None]] = []


def register(listener: Callable[[Pipeline], None]) -> None:
    """Have `listener` told of each pipeline that ended, once that is committed."""
    _listeners.append(listener)


def row_of(pipeline_id: int) -> str:
    """What pages call the part that shows a pipeline (`data-live-row`)."""
    return f"pipeline-{pipeline_id}"


def tell(pipeline: Pipeline) -> None:
    """Something about the pipeline is new, once the transaction commits."""
    data = {"id": pipeline.pk, "status": pipeline.status, "row": row_of(pipeline.pk)}
    events.hint(TOPIC, data, scope=pipeline.project.scope_id)
    if pipeline.hosted_id is not None:
        notices.want(pipeline.hosted_id, PIPELINE, pipeline.pk)
        if pipeline.merge_request_id is not None:
            notices.want(pipeline.hosted_id, REQUEST, pipeline.merge_request_id)
    if pipeline.ended:
        for listener in _listeners:
            transaction.on_commit(_call(listener, pipeline), robust=True)


def changed(pipeline: Pipeline) -> None:
    """The pipeline has another status: the job that started it is told, too."""
    tell(pipeline)
    calling.mirror(pipeline)


def _call(listener: Callable[[Pipeline], None], pipeline: Pipeline) -> Callable[[], None]:
    def call() -> None:
        listener(pipeline)

    return call
