"""The catalog: what a company runs, who owns it, and what it provides and consumes."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from idp.common.names import dns_label
from rbac.models import Project, Team


class Component(models.Model):
    """A piece of software in the catalog (`kind: Component` of `catalog-info.yaml`)."""

    class Lifecycle(models.TextChoices):
        EXPERIMENTAL = "experimental", "Experimental"
        PRODUCTION = "production", "Production"
        DEPRECATED = "deprecated", "Deprecated"

    class Source(models.TextChoices):
        PAGE = "page", "This page"
        GIT = "git", "Git"

    scope_lookup: ClassVar[str | None] = "project__scope"

    name = models.CharField(max_length=63, unique=True, validators=[dns_label])
    title = models.CharField(max_length=120, blank=True)
    description = models.TextField(blank=True, max_length=4000)
    type = models.CharField(max_length=60, default="service")  # service, website, worker, job, …
    lifecycle = models.CharField(max_length=12, choices=Lifecycle, default=Lifecycle.EXPERIMENTAL)
    owner = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="components")
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="components")
    tags = models.JSONField(default=list, blank=True)
    links = models.JSONField(default=list, blank=True)  # [{"url", "title"}]
    provides_apis = models.JSONField(default=list, blank=True)
    consumes_apis = models.JSONField(default=list, blank=True)
    source = models.CharField(max_length=4, choices=Source, default=Source.PAGE)
    source_location = models.CharField(max_length=300, blank=True)  # "orders.git:catalog-info.yaml"
    removed_at = models.DateTimeField(null=True, blank=True)  # it left its catalog-info.yaml
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        indexes = [
            models.Index(fields=["project", "name"]),
            models.Index(fields=["owner", "name"]),
            models.Index(fields=["source_location"]),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def label(self) -> str:
        return self.title or self.name

    @property
    def version(self) -> str:
        """Changes with every write: what a caller saw, for `If-Match` and for forms."""
        return self.updated_at.isoformat()
