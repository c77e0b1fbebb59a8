"""Celery's entry points; a message only says at which row to look."""

from __future__ import annotations

from celery import shared_task

from gitops.hosted import looking, notices, services


@shared_task(name=services.LOOK)
def look(repository_id: int) -> None:
    looking.work_on(repository_id)


@shared_task(name=notices.TASK)
def tell_host(notice_id: int) -> None:
    notices.work_on(notice_id)
