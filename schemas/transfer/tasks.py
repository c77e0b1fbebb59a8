"""Celery's entry point: load by number, one call."""

from __future__ import annotations

from celery import shared_task

from schemas.transfer import runs


@shared_task(name=runs.TASK)
def work_on_import(run_id: int) -> None:
    runs.work(run_id)
