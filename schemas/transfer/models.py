"""Imports: what was found in another registry or an archive, and what came of each version.

Imported by `schemas.models`, so that Django finds the tables; services write them.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from idp.changes.models import LeasedRow
from idp.common.crypto import EncryptedTextField
from idp.common.idempotency import MAX_KEY
from rbac.models import ApiToken, Project, User


class ImportRun(LeasedRow):
    """One wish to bring schemas in; it belongs to the project that takes what no rule sends away.

    reading → ready (looked through: this is what would come) → importing → done
    reading, importing → failed; ready, failed → reading (again); failed → importing (go on)
    ready, reading, importing, failed → cancelled

    What came of it is counted from its versions' outcomes, never kept beside them.
    """

    class State(models.TextChoices):
        READING = "reading", "Reading"
        READY = "ready", "To confirm"
        IMPORTING = "importing", "Importing"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    class Kind(models.TextChoices):
        REGISTRY = "registry", "Registry"
        ARCHIVE = "archive", "Archive"

    TRANSITIONS: ClassVar[dict[str, frozenset[str]]] = {
        State.READING: frozenset({State.READY, State.FAILED, State.CANCELLED}),
        State.READY: frozenset({State.READING, State.IMPORTING, State.CANCELLED}),
        State.IMPORTING: frozenset({State.DONE, State.FAILED, State.CANCELLED}),
        State.FAILED: frozenset({State.READING, State.IMPORTING, State.CANCELLED}),
    }
    WORKED: ClassVar = Q(state__in=[State.READING, State.IMPORTING])
    scope_lookup: ClassVar[str | None] = "project__scope"

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=8, choices=Kind)
    source = models.CharField(max_length=500)  # the registry's URL, or the archive's name
    user_name = models.CharField(max_length=200, blank=True)
    secret = EncryptedTextField(blank=True)
    prefix = models.CharField(max_length=300, blank=True)  # `orders-`, `:.ctx:`: only these
    into = models.CharField(max_length=100, blank=True)  # the context that the default one becomes
    deleted = models.BooleanField(default=False)
    with_settings = models.BooleanField(default=True)
    rules: Any = models.JSONField(default=list, blank=True)  # [{"prefix", "project"}]
    place_settings: Any = models.JSONField(default=dict, blank=True)  # of registry and contexts

    state = models.CharField(max_length=10, choices=State, default=State.READING)
    stored_at = models.DateTimeField(null=True, blank=True)  # everything found is in rows
    reason = models.TextField(blank=True)
    fix = models.TextField(blank=True)
    failures = models.PositiveIntegerField(default=0)  # temporary ones in a row
    notes: Any = models.JSONField(default=list, blank=True)  # about settings and what was left
    actor = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    actor_label = models.CharField(max_length=200)
    token = models.ForeignKey(ApiToken, null=True, on_delete=models.SET_NULL, related_name="+")
    idempotency_key = models.CharField(max_length=MAX_KEY, blank=True)
    request_digest = models.CharField(max_length=64, blank=True)  # SHA-256 of what came with it
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    state__in=["reading", "ready", "importing", "done", "failed", "cancelled"]
                ),
                name="schemas_import_state",
            ),
            models.UniqueConstraint(
                fields=["project", "actor", "idempotency_key"],
                condition=~Q(idempotency_key=""),
                name="schemas_import_key_once",
            ),
        ]

    def __str__(self) -> str:
        return f"import {self.pk} from {self.source}"


class ImportSubject(models.Model):
    """A subject that was found: where it would go, and its settings there.

    `opened` says that this run put it into mode IMPORT; `mode_before` is what it goes back to.
    """

    scope_lookup: ClassVar[str | None] = "project__scope"

    run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="subjects")
    source = models.CharField(max_length=400)  # as the other registry calls it
    context = models.CharField(max_length=100)
    name = models.CharField(max_length=255)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+")
    settings: Any = models.JSONField(default=dict, blank=True)  # fields of a subject's row
    opened = models.BooleanField(default=False)
    mode_before = models.CharField(max_length=20, blank=True)
    settled = models.BooleanField(default=False)  # its mode and settings are as they shall be
    problem = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["run", "context", "name"], name="schemas_import_subject_once"
            ),
        ]

    def __str__(self) -> str:
        return self.source


class ImportVersion(models.Model):
    """A version that was found, and what came of it.

    found → ready | there | refused (looked through) → taken | there | refused (imported)

    `position` is the order of dependencies: what a version refers to stands before it. `removed`
    says that a version which is deleted over there was deleted here as well.
    """

    class Outcome(models.TextChoices):
        FOUND = "found", "Found"
        READY = "ready", "To come"
        THERE = "there", "There already"
        TAKEN = "taken", "Imported"
        REFUSED = "refused", "Refused"

    subject = models.ForeignKey(ImportSubject, on_delete=models.CASCADE, related_name="versions")
    run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    schema_id = models.PositiveBigIntegerField()
    guid = models.CharField(max_length=64, blank=True)
    format = models.CharField(max_length=10)
    text = models.TextField()
    references: Any = models.JSONField(default=list, blank=True)
    metadata: Any = models.JSONField(null=True, blank=True)
    rule_set: Any = models.JSONField(null=True, blank=True)
    deleted = models.BooleanField(default=False)
    digest = models.CharField(max_length=64, blank=True)  # its identity here, once looked through
    position = models.PositiveIntegerField(default=0)
    outcome = models.CharField(max_length=8, choices=Outcome, default=Outcome.FOUND)
    removed = models.BooleanField(default=False)
    reason = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subject", "number"], name="schemas_import_version_once"
            ),
            models.CheckConstraint(
                condition=Q(outcome__in=["found", "ready", "there", "taken", "refused"]),
                name="schemas_import_outcome",
            ),
        ]
        indexes = [
            models.Index(fields=["run", "outcome", "position"], name="schemas_import_next"),
        ]

    def __str__(self) -> str:
        return f"{self.subject} version {self.number}"
