"""Agents, and the one-shot places that a cluster's agents run in."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from gitops.models import Cluster
from pipelines.runs.models import Attempt
from rbac.models import Project, User

MAX_NAME = 63


class Agent(models.Model):
    """Who runs jobs for Slipway: a machine that asks for them, or a cluster that gets a pod each.

    Its token's text is `sla_<prefix>_<secret>`; digests are SHA-256 of secrets. `next_digest` waits
    for its first use, `old_digest` is the one before, so that its use tells of a copy.
    """

    class Kind(models.TextChoices):
        SHELL = "shell", "Machine"
        KUBERNETES = "kubernetes", "Kubernetes"

    scope_lookup: ClassVar[str | None] = "project__scope"

    name = models.CharField(max_length=MAX_NAME, unique=True)
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.SHELL)
    project = models.ForeignKey(
        Project, null=True, blank=True, on_delete=models.CASCADE, related_name="agents"
    )  # none: every project whose pipelines its owner manages
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    description = models.CharField(max_length=200, blank=True)
    tags: Any = models.JSONField(default=list, blank=True)
    slots = models.PositiveIntegerField(default=1)  # jobs at once
    ignores_images = models.BooleanField(default=False)  # runs jobs with an image in its shell
    paused = models.BooleanField(default=False)
    prefix = models.CharField(max_length=12, unique=True)
    digest = models.CharField(max_length=64)
    next_digest = models.CharField(max_length=64, blank=True)
    old_digest = models.CharField(max_length=64, blank=True)
    token_until = models.DateTimeField()
    version = models.CharField(max_length=40, blank=True)
    instance = models.CharField(max_length=64, blank=True)  # the process that uses the token
    address = models.CharField(max_length=60, blank=True)
    waiting = models.CharField(max_length=32, blank=True)  # the newest claim that waits
    seen_at = models.DateTimeField(null=True, blank=True)
    warning = models.TextField(blank=True)  # what somebody should look at
    warned_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    cluster = models.ForeignKey(
        Cluster, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    namespace = models.CharField(max_length=63, blank=True)
    agent_image = models.CharField(max_length=300, blank=True)  # has /slipway-agent
    job_image = models.CharField(max_length=300, blank=True)  # of jobs that name none
    cpu = models.CharField(max_length=20, default="500m", blank=True)
    memory = models.CharField(max_length=20, default="1Gi", blank=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(kind="shell") | Q(kind="kubernetes", cluster__isnull=False),
                name="agent_kind",
            ),
        )

    def __str__(self) -> str:
        return self.name


class Pod(models.Model):
    """An attempt's Job in a cluster, and the token that runs this attempt and no other."""

    class State(models.TextChoices):
        WANTED = "wanted", "To be made"
        MADE = "made", "Made"
        ENDED = "ended", "Ended"

    attempt = models.OneToOneField(Attempt, on_delete=models.CASCADE, related_name="pod")
    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="pods")
    state = models.CharField(max_length=8, choices=State, default=State.WANTED)
    prefix = models.CharField(max_length=12, unique=True)
    digest = models.CharField(max_length=64, blank=True)
    tries = models.PositiveIntegerField(default=0)
    not_before = models.DateTimeField(null=True, blank=True)
    reason = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    made_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(state__in=["wanted", "made", "ended"]), name="pod_state"
            ),
        )
        indexes = (
            models.Index(fields=["agent", "state"], condition=~Q(state="ended"), name="pod_open"),
        )

    def __str__(self) -> str:
        return f"slipway-ci-{self.attempt_id}"
