"""Schedules: pipelines that begin by the clock.

Imported by `pipelines.models`, so that Django finds the table; services write it.
"""

from __future__ import annotations

import json
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.timezone import now

from idp.common.crypto import EncryptedTextField
from pipelines.runs.models import Pipeline
from pipelines.schedules.cron import MAX_CRON, MAX_ZONE
from rbac.models import Project, User

MAX_DESCRIPTION = 255
MAX_REF = 255


class Schedule(models.Model):
    """A pipeline of a branch or tag at times of a time zone, run as its owner.

    `next_run_at` is the truth of when it runs next; whoever moves it on by compare-and-set starts
    the pipeline in the same transaction.
    """

    scope_lookup: ClassVar[str | None] = "project__scope"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="ci_schedules")
    description = models.CharField(max_length=MAX_DESCRIPTION)
    cron = models.CharField(max_length=MAX_CRON)
    timezone = models.CharField(max_length=MAX_ZONE, default="UTC")
    ref = models.CharField(max_length=MAX_REF)
    variables = EncryptedTextField(blank=True)  # JSON: {name: value}
    active = models.BooleanField(default=True)
    owner = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    next_run_at = models.DateTimeField(null=True, blank=True)  # none while it is off
    ran_at = models.DateTimeField(null=True, blank=True)  # when its time last came
    last_pipeline = models.ForeignKey(
        Pipeline, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    problem = models.TextField(blank=True)  # why nothing began when its time last came
    created_at = models.DateTimeField(default=now)
    changed_at = models.DateTimeField(default=now)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(active=True, next_run_at__isnull=False)
                | Q(active=False, next_run_at=None),
                name="schedule_next_run",
            ),
        )
        indexes = (
            models.Index(fields=["next_run_at"], condition=Q(active=True), name="schedule_due"),
        )

    def __str__(self) -> str:
        return f"{self.project.name}: {self.description}"

    @property
    def given(self) -> dict[str, str]:
        """Its variables, values included."""
        return dict(json.loads(self.variables)) if self.variables else {}
