"""Celery's entry points; a message only says at which row to look."""

from __future__ import annotations

from celery import shared_task

from idp.changes import runner, watchdog

__all__ = ["watchdog"]  # connects its signals in every worker


@shared_task(name="changes.work")
def work(change_id: int) -> None:
    runner.work(change_id)


@shared_task(name="changes.heartbeat")
def heartbeat() -> None:
    """Does nothing: that it was received shows that this worker consumes."""
