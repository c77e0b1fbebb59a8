"""Bundles, which never change, and where each was brought.

Imported by `pipelines.models`, so that Django finds the tables; services write them.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils import timezone

from environments.models import Environment
from idp.changes.models import Change
from pipelines.runs.models import Job, Pipeline
from rbac.models import Project, User

MAX_LABEL = 200


class Bundle(models.Model):
    """What is promoted as one: images by digest, configuration, schema versions, migrations.

    Equal content of one commit is one bundle, one more where it then came onto a protected branch;
    nothing of it is ever written again.
    """

    scope_lookup: ClassVar[str | None] = "project__scope"

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="bundles")
    number = models.PositiveIntegerField()  # counts in its project
    digest = models.CharField(max_length=64)  # of commit, `protected` and content
    sha = models.CharField(max_length=40)
    ref = models.CharField(max_length=255)
    protected = models.BooleanField(default=False)  # made on a protected branch
    title = models.CharField(max_length=200, blank=True)  # of the commit
    author = models.CharField(max_length=MAX_LABEL, blank=True)
    author_email = models.CharField(max_length=254, blank=True)
    committed_at = models.DateTimeField(null=True, blank=True)
    content: Any = models.JSONField()  # `pipelines.deploys.content.Content`
    pipeline = models.ForeignKey(
        Pipeline, null=True, blank=True, on_delete=models.SET_NULL, related_name="bundles"
    )
    actor = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    actor_label = models.CharField(max_length=MAX_LABEL)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["project", "number"], name="bundle_number"),
            models.UniqueConstraint(fields=["project", "digest"], name="bundle_once"),
        )
        indexes = (models.Index(fields=["project", "sha"], name="bundle_of_commit"),)

    def __str__(self) -> str:
        return f"{self.project.name} bundle {self.number}"

    @property
    def short(self) -> str:
        return self.sha[:8]


class Deployment(models.Model):
    """A bundle on its way to an environment, as a change; how it went is the change's state."""

    scope_lookup: ClassVar[str | None] = "environment__scope"

    bundle = models.ForeignKey(Bundle, on_delete=models.PROTECT, related_name="deployments")
    environment = models.ForeignKey(
        Environment, on_delete=models.PROTECT, related_name="deployments"
    )
    change = models.OneToOneField(Change, on_delete=models.PROTECT, related_name="deployment")
    job = models.ForeignKey(
        Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="deployments"
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = (models.Index(fields=["environment", "-id"], name="deployment_newest"),)

    def __str__(self) -> str:
        return f"{self.bundle} to {self.environment}"

    @property
    def lead_seconds(self) -> float | None:
        """From the commit to the end of the change that brought it; None where one is not known."""
        if self.change.state != Change.State.SUCCEEDED or self.bundle.committed_at is None:
            return None
        ended = self.change.finished_at
        return (ended - self.bundle.committed_at).total_seconds() if ended else None
