"""What people say of a merge request in a project's own repository, and who pushed its commits."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from gitops.hosted.models import HostedMergeRequest
from rbac.models import ApiToken, Project, User


class BranchPush(models.Model):
    """A push to a branch that the judge allowed: git itself only knows what commits claim."""

    scope_lookup: ClassVar[str | None] = "project__scope"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="branch_pushes")
    branch = models.CharField(max_length=255)
    old = models.CharField(max_length=40)
    new = models.CharField(max_length=40)
    actor = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    token = models.ForeignKey(ApiToken, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "branch pushes"
        indexes = (
            models.Index(fields=["project", "branch", "-id"], name="branch_push_of_branch"),
            models.Index(fields=["project", "new"], name="branch_push_of_commit"),
        )

    def __str__(self) -> str:
        return f"{self.branch} {self.old[:8]}..{self.new[:8]}"


class RequestComment(models.Model):
    """What somebody wrote below a merge request: plain text."""

    scope_lookup: ClassVar[str | None] = "request__project__scope"

    request = models.ForeignKey(
        HostedMergeRequest, on_delete=models.CASCADE, related_name="comments"
    )
    author = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    body = models.TextField()
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = (models.Index(fields=["request", "id"], name="request_comment_in_order"),)

    def __str__(self) -> str:
        return f"Comment {self.pk}"


class RequestApproval(models.Model):
    """Somebody approves one head of a merge request; of another head it says nothing."""

    scope_lookup: ClassVar[str | None] = "request__project__scope"

    request = models.ForeignKey(
        HostedMergeRequest, on_delete=models.CASCADE, related_name="approvals"
    )
    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    sha = models.CharField(max_length=40)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["request", "person", "sha"], name="request_approval_once"
            ),
        )

    def __str__(self) -> str:
        return f"Approval {self.pk} of {self.sha[:8]}"
