"""An environment as jobs name it.

Imported by `pipelines.models`, so that Django finds the table; services write it.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from environments.models import Environment
from pipelines.runs.models import Job
from rbac.models import Project


class JobEnvironment(models.Model):
    """What the last job that started it says of it; it may have an environment of Slipway's own.

    available → stopping → stopped; stopping → available (its stop job failed)
    available → stopped (no job stops it); stopped, stopping → available (started again)
    """

    class State(models.TextChoices):
        AVAILABLE = "available", "Available"
        STOPPING = "stopping", "Being stopped"
        STOPPED = "stopped", "Stopped"

    class Wanted(models.TextChoices):
        """What is still to be asked of Slipway's own environment, by a change of it."""

        EXTEND = "extend", "Let it expire at its time"
        STOP = "stop", "Stop it"

    scope_lookup: ClassVar[str | None] = "project__scope"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="job_environments")
    name = models.CharField(max_length=255)
    tier = models.CharField(max_length=20)
    url = models.CharField(max_length=500, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.AVAILABLE)
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="+")
    on_stop = models.CharField(max_length=255, blank=True)  # a job of that job's pipeline
    auto_stop_at = models.DateTimeField(null=True, blank=True)
    environment = models.ForeignKey(
        Environment, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )  # the one that expires with it
    wanted = models.CharField(max_length=10, choices=Wanted, blank=True)
    wanted_by = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="+")
    tried_at = models.DateTimeField(null=True, blank=True)  # stopped without anybody's hand
    problem = models.TextField(blank=True)  # why it did not expire or stop as said
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["project", "name"], name="job_environment_name"),
            models.CheckConstraint(
                condition=Q(state__in=["available", "stopping", "stopped"]),
                name="job_environment_state",
            ),
        )
        indexes = (
            models.Index(fields=["wanted"], condition=~Q(wanted=""), name="job_environment_wanted"),
            models.Index(fields=["state", "auto_stop_at"], name="job_environment_due"),
        )

    def __str__(self) -> str:
        return f"{self.project.name} {self.name}"
