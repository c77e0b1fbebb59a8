"""A policy with its rules, and what fails it at the moment.

Found by Django through `schemas.models`. Written by `services` and `sweeping`, read by `holding`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from rbac.models import SLUG, Scope, Team, Tier, User


class SchemaPolicy(models.Model):
    """Rules for the subjects of a place, perhaps of one team, perhaps where a tier uses them.

    Without a tier it is judged when a version is registered and a subject is described; with one,
    by the gate `schemas` when a change begins to use a subject there.
    """

    class Mode(models.TextChoices):
        OFF = "off", "Off"
        WARN = "warn", "Warns"
        ENFORCE = "enforce", "Refuses"

    scope_lookup: ClassVar[str | None] = "scope"

    name = models.CharField(unique=True, **SLUG)
    description = models.TextField(blank=True)
    scope = models.ForeignKey(Scope, on_delete=models.CASCADE, related_name="schema_policies")
    team = models.ForeignKey(
        Team, null=True, blank=True, on_delete=models.CASCADE, related_name="schema_policies"
    )
    tier = models.CharField(max_length=12, choices=Tier, blank=True)
    mode = models.CharField(max_length=7, choices=Mode, default=Mode.WARN)
    rules: Any = models.JSONField(default=dict)
    revision = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=timezone.now)
    changed_at = models.DateTimeField(default=timezone.now)
    changed_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(mode__in=["off", "warn", "enforce"]), name="schemas_policy_mode"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class PolicyFailure(models.Model):
    """A rule that a subject's latest version, or what is said of the subject, fails now."""

    scope_lookup: ClassVar[str | None] = "subject__keeper__project_scope"

    policy = models.ForeignKey(SchemaPolicy, on_delete=models.CASCADE, related_name="failures")
    subject = models.ForeignKey(
        "schemas.Subject", on_delete=models.CASCADE, related_name="policy_failures"
    )
    rule = models.CharField(max_length=20)
    sentence = models.TextField()
    fix = models.TextField(blank=True)
    since = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["policy", "subject", "rule"], name="schemas_policy_failure_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject} fails {self.policy}: {self.rule}"
