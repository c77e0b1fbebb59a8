"""Celery's entry points; a message only says at which row to look."""

from __future__ import annotations

from celery import shared_task

from pipelines.runs.services import planning, starting


@shared_task(name=starting.TASK)
def plan(pipeline_id: int) -> None:
    planning.work_on(pipeline_id)
