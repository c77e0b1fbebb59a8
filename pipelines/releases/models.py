"""Releases of projects.

Imported by `pipelines.models`, so that Django finds the table; services write it.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils import timezone

from pipelines.runs.models import Pipeline
from rbac.models import Project


class Release(models.Model):
    """What a tag is, in words, with links to what was built; one for each tag of a project."""

    scope_lookup: ClassVar[str | None] = "project__scope"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="releases")
    tag = models.CharField(max_length=200)
    sha = models.CharField(max_length=40)
    name = models.CharField(max_length=255)
    description = models.TextField()  # as written: shown as text
    links: Any = models.JSONField(default=list, blank=True)  # {name, url, filepath, link_type}
    released_at = models.DateTimeField(default=timezone.now)
    pipeline = models.ForeignKey(
        Pipeline, null=True, blank=True, on_delete=models.SET_NULL, related_name="releases"
    )
    job_name = models.CharField(max_length=400, blank=True)
    actor_label = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["project", "tag"], name="release_tag"),)
        indexes = (models.Index(fields=["project", "-id"], name="release_newest"),)

    def __str__(self) -> str:
        return f"{self.project.name} {self.tag}"

    @property
    def upcoming(self) -> bool:
        return self.released_at > timezone.now()
