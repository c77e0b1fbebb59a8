"""Which pipeline a trigger job started: one row for each of its runs."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from idp.common.crypto import EncryptedJSONField
from pipelines.runs.models import Job, Pipeline


class Downstream(models.Model):
    """A pipeline and the run of the job that started it.

    `seen` is the pipeline's status when the job was last told of it, `cancel` why it still has to
    be ended because its parent was.
    """

    scope_lookup: ClassVar[str | None] = "pipeline__project__scope"

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="downstreams")
    run = models.PositiveIntegerField()  # which of the job's runs
    pipeline = models.OneToOneField(Pipeline, on_delete=models.CASCADE, related_name="upstream")
    root = models.ForeignKey(Pipeline, on_delete=models.CASCADE, related_name="descendants")
    level = models.PositiveIntegerField()  # of children; 0 for one of another project
    waits = models.BooleanField(default=False)  # the job goes on as long as the pipeline does
    trigger: Any = EncryptedJSONField(default=dict, blank=True)  # the keyword, variables put in
    made: Any = EncryptedJSONField(default=dict, blank=True)  # files that jobs made, by path
    secrets: Any = EncryptedJSONField(default=list, blank=True)  # to mask, of what was passed
    seen = models.CharField(max_length=10, blank=True)
    cancel = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["job", "run"], name="downstream_once"),)
        indexes = (
            models.Index(fields=["id"], condition=~Q(cancel=""), name="downstream_to_cancel"),
        )

    def __str__(self) -> str:
        return f"{self.pipeline}, of {self.job}"
