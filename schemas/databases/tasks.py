"""Celery's entry point: load by number, one call."""

from __future__ import annotations

from celery import shared_task

from schemas.databases import snapshots


@shared_task(name="schemas.look_at_database")
def look_at_database(pk: int) -> None:
    snapshots.look(pk)
