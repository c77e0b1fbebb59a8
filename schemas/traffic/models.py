"""That a component uses a subject, as its calls to the registry show. Found by `schemas.models`.

Written by `schemas.traffic.writing`, read by `schemas.traffic.selectors`.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from portal.models import Component
from rbac.models import ApiToken, Scope
from schemas.dependants.models import MAX_HOLDER, Role


class SeenTraffic(models.Model):
    """One token's reading or writing of one subject; with which version nobody can tell.

    `holder` is the token's component, or its service account; `scope` the environment where it
    runs, empty where neither the token nor a check-in says it. `days` counts days with a call.
    """

    scope_lookup: ClassVar[str | None] = "subject__keeper__project_scope"

    token = models.ForeignKey(ApiToken, on_delete=models.CASCADE, related_name="+")
    subject = models.ForeignKey("schemas.Subject", on_delete=models.CASCADE, related_name="traffic")
    role = models.CharField(max_length=8, choices=Role)
    holder = models.CharField(max_length=MAX_HOLDER)
    component = models.ForeignKey(
        Component, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    scope = models.ForeignKey(
        Scope, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    first_seen = models.DateTimeField(default=timezone.now)
    last_seen = models.DateTimeField(default=timezone.now, db_index=True)
    days = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["token", "subject", "role"], name="schemas_traffic_once"
            ),
            models.CheckConstraint(
                condition=Q(role__in=["producer", "consumer"]), name="schemas_traffic_role"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.holder} {self.role} of {self.subject}"
