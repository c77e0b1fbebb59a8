"""Rows of agents that nobody attached, for pages, REST and walks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from pipelines.fleet.models import Agent
from rbac.models import Project, User


def make_agent(project: Project | None, owner: User, name: str = "builder", **values: Any) -> Agent:
    given = {
        "prefix": f"{name[:4]}{Agent.objects.count():08d}",
        "digest": "0" * 64,
        "token_until": timezone.now() + timedelta(days=30),
        "tags": ["linux"],
        "slots": 2,
    }
    return Agent.objects.create(name=name, project=project, owner=owner, **(given | values))
