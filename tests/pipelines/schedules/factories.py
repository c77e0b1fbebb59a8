"""Rows of schedules for pages, REST and walks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from pipelines.schedules.models import Schedule
from rbac.models import Project, User


def make_schedule(project: Project, owner: User | None, **values: Any) -> Schedule:
    given = {
        "description": "Nightly tests",
        "cron": "0 3 * * 1-5",
        "timezone": "Europe/Berlin",
        "ref": "main",
        "variables": '{"SUITE": "full"}',
        "next_run_at": timezone.now() + timedelta(hours=5),
    }
    return Schedule.objects.create(project=project, owner=owner, **(given | values))
