"""How long a project keeps its pipelines; without a row as the installation says."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from rbac.models import Project


class Retention(models.Model):
    """A project's own answer; services write it."""

    scope_lookup: ClassVar[str | None] = "project__scope"

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="retention")
    days = models.PositiveIntegerField(null=True, blank=True)  # none: for ever
    changed_by = models.CharField(max_length=200, blank=True)
    changed_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.project.name}: {self.days or 'for ever'}"


def default_days() -> int | None:
    """What holds for projects that say nothing; none: for ever."""
    return settings.CI_PIPELINE_DAYS or None
