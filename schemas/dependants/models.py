"""Who holds which version of a subject where: by what was deployed, and by what they said.

Found by Django through `schemas.models`. Written by `recording` and `checkins`, read by `parties`.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from idp.changes.models import Change
from portal.models import Component
from rbac.models import Scope

MAX_HOLDER = 63
MAX_REVISION = 128


class Role(models.TextChoices):
    PRODUCER = "producer"
    CONSUMER = "consumer"


class Holding(models.Model):
    """One party's use of a subject in one environment; `holder` is its component or workload."""

    scope = models.ForeignKey(Scope, on_delete=models.CASCADE, related_name="+")
    role = models.CharField(max_length=8, choices=Role)
    holder = models.CharField(max_length=MAX_HOLDER)
    component = models.ForeignKey(
        Component, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                condition=Q(role__in=["producer", "consumer"]),
                name="%(app_label)s_%(class)s_role",
            ),
        ]


class DeployedVersion(Holding):
    """A version that a succeeded change brought to an environment.

    `ended_at` is set when a later change took it away; what a producer wrote then stays readable
    to others until `retained_until`.
    """

    scope_lookup: ClassVar[str | None] = "scope"

    version = models.ForeignKey(
        "schemas.SubjectVersion", on_delete=models.CASCADE, related_name="deployments"
    )
    workload = models.CharField(max_length=63, blank=True)
    revision = models.CharField(max_length=MAX_REVISION, blank=True)  # the image's tag or digest
    retention_days = models.PositiveIntegerField(default=0)
    change = models.ForeignKey(Change, null=True, on_delete=models.SET_NULL, related_name="+")
    deployed_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    retained_until = models.DateTimeField(null=True, blank=True)

    class Meta(Holding.Meta):
        constraints = [
            *Holding.Meta.constraints,
            models.UniqueConstraint(
                fields=["scope", "role", "holder", "version", "revision"],
                condition=Q(ended_at=None),
                name="schemas_deployed_once",
            ),
        ]
        indexes = [
            models.Index(fields=["scope", "ended_at"], name="schemas_deployed_in"),
            models.Index(fields=["component", "revision"], name="schemas_deployed_of"),
        ]

    def __str__(self) -> str:
        return f"{self.holder} {self.role} of {self.version} in {self.scope}"


class CheckIn(Holding):
    """What a running program said of itself; it counts until `expires_at`.

    `version` is empty where the program did not say which one it holds: nobody guesses it.
    """

    scope_lookup: ClassVar[str | None] = "scope"

    subject = models.ForeignKey(
        "schemas.Subject", on_delete=models.CASCADE, related_name="check_ins"
    )
    version = models.ForeignKey(
        "schemas.SubjectVersion", null=True, on_delete=models.CASCADE, related_name="check_ins"
    )
    said_by = models.CharField(max_length=200)
    first_seen = models.DateTimeField(default=timezone.now)
    last_seen = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(db_index=True)

    class Meta(Holding.Meta):
        constraints = [
            *Holding.Meta.constraints,
            models.UniqueConstraint(
                fields=["scope", "role", "holder", "subject", "version"],
                name="schemas_check_in_once",
            ),
            models.UniqueConstraint(
                fields=["scope", "role", "holder", "subject"],
                condition=Q(version=None),
                name="schemas_check_in_unknown_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.holder} {self.role} of {self.subject} in {self.scope}"
