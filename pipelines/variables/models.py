"""Imported by `pipelines.models`, so that Django finds the table; services write it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from idp.common.crypto import EncryptedTextField
from rbac.models import Project


class Variable(models.Model):
    """A variable that jobs get; `environment` is a name, or one with `*`, as GitLab scopes it."""

    scope_lookup: ClassVar[str | None] = "project__scope"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="ci_variables")
    name = models.CharField(max_length=255)
    value = EncryptedTextField(blank=True)
    environment = models.CharField(max_length=255, default="*")
    is_file = models.BooleanField(default=False)  # the job gets the path of a file with the value
    protected = models.BooleanField(default=False)  # only on protected branches
    masked = models.BooleanField(default=False)  # no log shows the value
    hidden = models.BooleanField(default=False)  # masked, and never shown again
    expand = models.BooleanField(default=True)
    description = models.CharField(max_length=255, blank=True)
    changed_by = models.CharField(max_length=200, blank=True)
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["project", "name", "environment"], name="ci_variable_name"
            ),
        )
        ordering = ("name", "environment")

    def __str__(self) -> str:
        return self.name

    @property
    def secret(self) -> bool:
        """Whether no page shows the value, whoever asks."""
        return self.masked or self.hidden
