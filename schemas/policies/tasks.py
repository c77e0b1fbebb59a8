"""Celery's entry point: one call."""

from __future__ import annotations

from celery import shared_task

from schemas.policies import services, sweeping


@shared_task(name=services.TASK)
def sweep_policies() -> None:
    sweeping.sweep()
