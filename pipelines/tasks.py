"""Celery's entry points; a message only says at which row to look."""

from __future__ import annotations

from celery import shared_task

from pipelines.downstream import calling, creating, mirroring, sweeping
from pipelines.runs.services import planning, starting


@shared_task(name=starting.TASK)
def plan(pipeline_id: int) -> None:
    planning.work_on(pipeline_id)


@shared_task(name=calling.TRIGGER)
def trigger(job_id: int) -> None:
    creating.work_on(job_id)


@shared_task(name=calling.MIRROR)
def mirror(pipeline_id: int) -> None:
    mirroring.work_on(pipeline_id)


@shared_task(name=calling.CANCEL)
def cancel_downstream(downstream_id: int) -> None:
    sweeping.cancel(downstream_id)
