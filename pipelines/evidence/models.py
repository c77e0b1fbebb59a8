"""Rules that ask for evidence. Found by Django through `pipelines.models`; services write them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from rbac.models import SLUG, Scope, User


class EvidenceRule(models.Model):
    """What must be known of a bundle before it is brought out at or below `scope`.

    `condition` is CEL over the facts of `registry`; `fix` says the way out in words. What a rule
    said before stands in the audit trail, by `revision`.
    """

    class Severity(models.TextChoices):
        BLOCKS = "blocks", "Blocks"
        TELLS = "tells", "Only tells"

    scope_lookup: ClassVar[str | None] = "scope"

    name = models.CharField(unique=True, **SLUG)
    title = models.CharField(max_length=120)
    scope = models.ForeignKey(Scope, on_delete=models.CASCADE, related_name="evidence_rules")
    condition = models.CharField(max_length=1000)
    fix = models.CharField(max_length=500, blank=True)
    severity = models.CharField(max_length=6, choices=Severity, default=Severity.BLOCKS)
    active = models.BooleanField(default=True)
    revision = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    changed_at = models.DateTimeField(default=timezone.now)
    changed_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(severity__in=["blocks", "tells"]), name="evidence_rule_severity"
            ),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def blocks(self) -> bool:
        return self.active and self.severity == self.Severity.BLOCKS
