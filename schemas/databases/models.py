"""Databases of services: what is declared, where they live, and what was read there.

Imported by `schemas.models`, so that Django finds the tables; services write them.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from idp.changes.models import Change, LeasedRow
from idp.common.crypto import EncryptedTextField
from idp.common.idempotency import MAX_KEY
from idp.common.names import MAX_NAME
from portal.models import Component
from rbac.models import SLUG, ApiToken, Project, Scope, User

MAX_FILE = 200
MAX_HOLDER = 63


class Database(models.Model):
    """One service's database as the project declares it; its instances live in environments.

    `keeper` is the project's development tier: whoever develops there declares versions.
    """

    scope_lookup: ClassVar[str | None] = "project__scope"

    class OnDrift(models.TextChoices):
        WARN = "warn", "Tell it"
        REFUSE = "refuse", "Refuse the change"

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="databases")
    keeper = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(**SLUG)
    component = models.CharField(max_length=MAX_NAME, blank=True)
    on_drift = models.CharField(  # what becomes of a change to an environment where it drifted
        max_length=6, choices=OnDrift, default=OnDrift.WARN
    )
    last_version = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="schemas_database_name_once"),
            models.CheckConstraint(
                condition=Q(on_drift__in=["warn", "refuse"]), name="schemas_database_on_drift"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.project.name}/{self.name}"


class DatabaseVersion(models.Model):
    """The n-th declaration: the SQL, the model that PostgreSQL makes of it, and its findings.

    `findings` are the lint's about the step from version `base`: `judging` makes them.
    """

    scope_lookup: ClassVar[str | None] = "database__project__scope"

    database = models.ForeignKey(Database, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    sql = models.TextField()
    model = models.TextField()  # `relational.stored`
    digest = models.CharField(max_length=64)
    statements = models.PositiveIntegerField()
    skipped: Any = models.JSONField(default=list, blank=True)  # statements about roles, not run
    base = models.PositiveIntegerField(default=0)  # the version that it follows; 0: none
    file = models.CharField(max_length=MAX_FILE, blank=True)  # what people call the SQL
    findings: Any = models.JSONField(default=list, blank=True)
    reader = models.CharField(max_length=20, blank=True)  # who read it; nothing: PostgreSQL
    unread: Any = models.JSONField(default=list, blank=True)  # statements that were not understood
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_label = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["database", "number"], name="schemas_database_version_once"
            ),
            models.CheckConstraint(
                condition=Q(number__gte=1), name="schemas_database_version_positive"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.database} version {self.number}"


class Declaration(LeasedRow):
    """SQL that was handed in to become a version; a worker reads it.

    queued → reading → declared | refused
    reading → queued (the scratch server is away or busy: tried again later)
    """

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        READING = "reading", "Being read"
        DECLARED = "declared", "Declared"
        REFUSED = "refused", "Refused"

    TRANSITIONS: ClassVar[dict[str, frozenset[str]]] = {
        State.QUEUED: frozenset({State.READING, State.REFUSED}),
        State.READING: frozenset({State.QUEUED, State.DECLARED, State.REFUSED}),
    }
    OPEN: ClassVar[frozenset[str]] = frozenset(TRANSITIONS)
    scope_lookup: ClassVar[str | None] = "database__project__scope"

    database = models.ForeignKey(Database, on_delete=models.CASCADE, related_name="declarations")
    sql = models.TextField(blank=True)  # emptied when a version holds it
    on_top = models.BooleanField(default=False)  # it is a migration of version `base`
    base = models.PositiveIntegerField(default=0)  # 0: the newest version when it is read
    file = models.CharField(max_length=MAX_FILE, blank=True)  # what people call it, for findings
    state = models.CharField(max_length=8, choices=State, default=State.QUEUED)
    problem: Any = models.JSONField(default=dict, blank=True)  # of what was refused or put off
    version = models.ForeignKey(
        DatabaseVersion, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    is_new = models.BooleanField(default=False)  # whether it made the version, or found it equal
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    token = models.ForeignKey(
        ApiToken, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_label = models.CharField(max_length=200, blank=True)
    idempotency_key = models.CharField(max_length=MAX_KEY, blank=True)
    sql_digest = models.CharField(max_length=64, blank=True)  # SHA-256, when the SQL is emptied

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["queued", "reading", "declared", "refused"]),
                name="schemas_declaration_state",
            ),
            models.UniqueConstraint(
                fields=["database", "created_by", "idempotency_key"],
                condition=~Q(idempotency_key=""),
                name="schemas_declaration_key_once",
            ),
        ]
        indexes = [models.Index(fields=["database", "state"], name="schemas_declaration_open")]

    def __str__(self) -> str:
        return f"Declaration {self.pk} of {self.database}"


class DatabaseInstance(LeasedRow):
    """A database as it lives in one environment or tier, and how the last look at it ended.

    A look holds its lease, so that two workers never look at one instance at once; `asked_at`
    later than `checked_at` says that somebody waits for a look.
    `revision` grows with whatever the drift depends on; `measured` is the one it was computed for.
    `reached` is the last version that it was seen to have; `behind` says that it still has it,
    and waits for the migrations after it.
    """

    scope_lookup: ClassVar[str | None] = "database__project__scope"

    database = models.ForeignKey(Database, on_delete=models.CASCADE, related_name="instances")
    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    url = EncryptedTextField()
    active = models.BooleanField(default=True)
    expected = models.ForeignKey(  # the version that it should have; none: the newest
        DatabaseVersion, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    ignoring: Any = models.JSONField(default=list, blank=True)  # paths of objects, `*` allowed
    asked_at = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    taken_at = models.DateTimeField(null=True, blank=True)  # of the last look that succeeded
    error = models.TextField(blank=True)
    fix = models.TextField(blank=True)
    revision = models.PositiveIntegerField(default=0)
    measured = models.PositiveIntegerField(default=0)
    reached = models.PositiveIntegerField(default=0)
    behind = models.BooleanField(default=False)
    drift: Any = models.JSONField(default=list, blank=True)
    drift_count = models.PositiveIntegerField(default=0)
    drift_digest = models.CharField(max_length=64, blank=True)
    drifted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["database", "scope"], name="schemas_database_instance_once"
            ),
        ]
        indexes = [models.Index(fields=["drift_count"], name="schemas_instance_drift")]

    def __str__(self) -> str:
        return f"{self.database} in {self.place}"

    @property
    def place(self) -> str:
        """The environment's or tier's name within the project."""
        return self.scope.name

    @property
    def state(self) -> str:
        """Off, unreachable, unread, undeclared, drifted, behind or in step."""
        if not self.active:
            return "off"
        if self.error:
            return "unreachable"
        if self.taken_at is None:
            return "unread"
        if not self.database.last_version:
            return "undeclared"
        if self.drift_count:
            return "drifted"
        return "behind" if self.behind else "in step"


class DatabaseSnapshot(models.Model):
    """What was read from an instance; one row for as long as it stays the same."""

    scope_lookup: ClassVar[str | None] = "instance__database__project__scope"

    instance = models.ForeignKey(
        DatabaseInstance, on_delete=models.CASCADE, related_name="snapshots"
    )
    model = models.TextField()
    digest = models.CharField(max_length=64)
    taken_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["instance", "seen_at"], name="schemas_snapshot_newest")]

    def __str__(self) -> str:
        return f"{self.instance} at {self.taken_at:%Y-%m-%d %H:%M}"


class DatabaseReader(models.Model):
    """Somebody who declared that they read tables or columns of a database.

    By `environment.yaml` until the next change of the environment, or by a check-in until
    `expires_at`. `paths` are objects as differences name them: `orders`, `orders.note`.
    """

    scope_lookup: ClassVar[str | None] = "database__project__scope"

    class Known(models.TextChoices):
        DECLARED = "declared"
        CHECK_IN = "check-in"

    database = models.ForeignKey(Database, on_delete=models.CASCADE, related_name="readers")
    scope = models.ForeignKey(Scope, on_delete=models.CASCADE, related_name="+")
    holder = models.CharField(max_length=MAX_HOLDER)  # its component, or workload
    component = models.ForeignKey(
        Component, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    known = models.CharField(max_length=8, choices=Known)
    paths: Any = models.JSONField(default=list)
    change = models.ForeignKey(Change, null=True, on_delete=models.SET_NULL, related_name="+")
    said_by = models.CharField(max_length=200, blank=True)
    seen_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["database", "scope", "holder", "known"], name="schemas_reader_once"
            ),
            models.CheckConstraint(
                condition=Q(known__in=["declared", "check-in"]), name="schemas_reader_known"
            ),
        ]
        indexes = [models.Index(fields=["scope", "known"], name="schemas_reader_at")]

    def __str__(self) -> str:
        return f"{self.holder} in {self.scope} reads {self.database}"
