"""Repositories at git hosts: the connection, what came by webhooks, and what goes back.

Imported by `gitops.models`, so that Django finds the tables; services write them.
"""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from idp.changes.models import LeasedRow
from idp.common.crypto import EncryptedTextField
from rbac.models import ApiToken, Project, User


class HostConnection(models.Model):
    """A git host as a project reaches it; both secrets go in and never come out."""

    class Kind(models.TextChoices):
        GITEA = "gitea", "Gitea"
        GITHUB = "github", "GitHub"
        GITLAB = "gitlab", "GitLab"

    scope_lookup: ClassVar[str | None] = "project__scope"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="host_connections")
    kind = models.CharField(max_length=10, choices=Kind)
    base_url = models.CharField(max_length=300, help_text="As people open it: https://git.example")
    token = EncryptedTextField(blank=True)
    webhook_secret = EncryptedTextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.get_kind_display()} at {self.base_url}"


class HostedRepository(LeasedRow):
    """A project's repository at a git host. A worker looks at it while `wanted` is ahead of `done`.

    Whatever moved there is done on behalf of `acts_as`, who connected it, and by that person's
    rights as they are at that moment.
    """

    WORKED: ClassVar = Q(wanted__gt=F("done"))
    scope_lookup: ClassVar[str | None] = "project__scope"

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="hosted")
    connection = models.ForeignKey(
        HostConnection, on_delete=models.CASCADE, related_name="repositories"
    )
    path = models.CharField(max_length=300)  # owner/name at the host
    default_branch = models.CharField(max_length=255, default="main")
    url = models.CharField(max_length=1000, blank=True)  # as people open it
    folder = models.CharField(max_length=80)  # of the mirror; another one for another repository
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    acts_as = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    wanted = models.BigIntegerField(default=0)
    done = models.BigIntegerField(default=0)
    tellings = models.BigIntegerField(default=0)  # of moved references to listeners, all through
    looked_at = models.DateTimeField(null=True, blank=True)  # successfully
    polled_at = models.DateTimeField(default=timezone.now)  # asked for without a webhook
    problem = models.TextField(blank=True)  # of the last look
    said = models.JSONField(default=list, blank=True)  # lines of listeners at the last look
    refused_at = models.DateTimeField(null=True, blank=True)  # a webhook, the last time
    refused_reason = models.CharField(max_length=300, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    check_result = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "hosted repositories"

    def __str__(self) -> str:
        return f"{self.path} of {self.project.name}"


class HookDelivery(models.Model):
    """A webhook whose proof held; the same id is taken once."""

    class Kind(models.TextChoices):
        PUSH = "push", "Push"
        MERGE_REQUEST = "merge_request", "Merge request"
        COMMENT = "comment", "Comment"
        IGNORED = "ignored", "Nothing to do"

    scope_lookup: ClassVar[str | None] = "repository__project__scope"

    repository = models.ForeignKey(
        HostedRepository, on_delete=models.CASCADE, related_name="deliveries"
    )
    delivery = models.CharField(max_length=128)
    kind = models.CharField(max_length=15, choices=Kind)
    number = models.BigIntegerField(null=True, blank=True)  # of the merge request
    what = models.CharField(max_length=300, blank=True)  # in words
    who = models.CharField(max_length=200, blank=True)  # at the host
    ref = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField(default=timezone.now)
    handled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "hook deliveries"
        constraints = (
            models.UniqueConstraint(fields=["repository", "delivery"], name="hook_delivery_once"),
        )
        indexes = (
            models.Index(fields=["repository", "-id"], name="hook_delivery_newest"),
            models.Index(
                fields=["repository"], condition=Q(handled_at=None), name="hook_delivery_open"
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.delivery}"


class HostedMergeRequest(models.Model):
    """A merge request: as the host had it at the last look, or in the project's own repository.

    Without a `repository` it is one of Slipway's own, between two branches; whoever opened it is
    `opened_by`, and its pipelines begin by that person's rights.
    """

    class State(models.TextChoices):
        OPEN = "open", "Open"
        MERGED = "merged", "Merged"
        CLOSED = "closed", "Closed"

    scope_lookup: ClassVar[str | None] = "project__scope"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="merge_requests")
    repository = models.ForeignKey(
        HostedRepository, null=True, on_delete=models.CASCADE, related_name="merge_requests"
    )
    opened_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    opened_token = models.ForeignKey(
        ApiToken, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    number = models.BigIntegerField()
    title = models.CharField(max_length=500, blank=True)
    description = models.TextField(blank=True)
    state = models.CharField(max_length=6, choices=State, default=State.OPEN)
    draft = models.BooleanField(default=False)
    source_branch = models.CharField(max_length=255)
    target_branch = models.CharField(max_length=255)
    source_repository = models.CharField(max_length=300, blank=True)
    fork = models.BooleanField(default=True)  # unknown is foreign
    author = models.CharField(max_length=200, blank=True)
    url = models.CharField(max_length=1000, blank=True)
    labels: Any = models.JSONField(default=list, blank=True)
    sha = models.CharField(max_length=40, blank=True)  # of the head
    target_sha = models.CharField(max_length=40, blank=True)
    merged_sha = models.CharField(max_length=40, blank=True)  # what merging would make; or empty
    unmergeable = models.CharField(max_length=300, blank=True)  # why not, in words
    told_sha = models.CharField(max_length=40, blank=True)  # the head that listeners heard of
    comment = models.CharField(max_length=40, blank=True)  # id of our one comment
    result_sha = models.CharField(max_length=40, blank=True)  # what the target became by merging
    ended_by = models.CharField(max_length=200, blank=True)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["repository", "number"], name="merge_request_once"),
            models.UniqueConstraint(
                fields=["project", "number"],
                condition=Q(repository=None),
                name="own_merge_request_once",
            ),
            models.UniqueConstraint(
                fields=["project", "source_branch", "target_branch"],
                condition=Q(repository=None, state="open"),
                name="own_merge_request_open_once",
            ),
        )
        indexes = (
            models.Index(fields=["repository", "state", "-number"], name="merge_request_open"),
            models.Index(fields=["project", "-number"], name="merge_request_of_project"),
        )

    def __str__(self) -> str:
        return f"{self.path}!{self.number}"

    @property
    def path(self) -> str:
        """The repository's name at its host, or the project's."""
        return self.repository.path if self.repository else self.project.name


class HostNotice(LeasedRow):
    """Something that the host shall be told: what, is asked of `subject`'s app when it is sent.

    The outbox: `wanted` grows with each reason to tell, and one sending answers all of them.
    """

    WORKED: ClassVar = Q(wanted__gt=F("done"))
    scope_lookup: ClassVar[str | None] = "repository__project__scope"

    repository = models.ForeignKey(
        HostedRepository, on_delete=models.CASCADE, related_name="notices"
    )
    subject = models.CharField(max_length=60)  # "pipeline:17"
    wanted = models.BigIntegerField(default=1)
    done = models.BigIntegerField(default=0)
    sent: Any = models.JSONField(default=dict, blank=True)  # {what: digest of what the host has}
    problem = models.TextField(blank=True)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["repository", "subject"], name="host_notice_once"),
        )

    def __str__(self) -> str:
        return f"{self.subject} to {self.repository.path}"
