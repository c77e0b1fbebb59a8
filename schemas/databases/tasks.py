"""Celery's entry points: load by number, one call."""

from __future__ import annotations

from celery import shared_task

from schemas.databases import declaring, measuring, snapshots


@shared_task(name=snapshots.TASK)
def look_at_database(pk: int) -> None:
    snapshots.look(pk)


@shared_task(name=measuring.TASK)
def measure_database(pk: int) -> None:
    measuring.measure(pk)


@shared_task(name=declaring.TASK)
def declare(pk: int) -> None:
    declaring.work(pk)
