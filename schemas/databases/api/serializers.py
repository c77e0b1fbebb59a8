"""What REST says of databases and takes; no business logic."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from idp.common.inputs import Strict
from idp.common.names import MAX_NAME, dns_label
from schemas.databases import declaring, judging, reaching, readers, services
from schemas.databases.models import (
    MAX_FILE,
    Database,
    DatabaseInstance,
    DatabaseReader,
    DatabaseVersion,
    Declaration,
)
from schemas.relational.lint import MAX_MIGRATION, SERVER
from schemas.relational.rules import Level

_VERSION: dict[str, Any] = {"min_value": 0, "max_value": 2**31 - 1}
LEVELS = [(str(one), str(one)) for one in Level]
_SERVERS: dict[str, Any] = {"min_value": 90000, "max_value": 999999}


# -- out ----------------------------------------------------------------------------------------


class DatabaseOut(serializers.ModelSerializer):
    """A database; its instances and versions have addresses of their own."""

    project = serializers.CharField(source="project.name")
    owner = serializers.CharField(source="project.team.name")
    latest_version = serializers.IntegerField(source="last_version", help_text="0: none")
    url = serializers.SerializerMethodField()
    page = serializers.SerializerMethodField()

    class Meta:
        model = Database
        fields = (
            "id",
            "project",
            "name",
            "component",
            "on_drift",
            "owner",
            "latest_version",
            "url",
            "page",
            "created_at",
        )

    def get_url(self, row: Database) -> str:
        return reverse("database", args=[row.pk])

    def get_page(self, row: Database) -> str:
        return reverse("schemas:database", args=[row.pk])


class DatabaseVersionRow(serializers.ModelSerializer):
    """A declared version without its SQL."""

    version = serializers.IntegerField(source="number")
    created_by = serializers.CharField(source="created_label")

    base = serializers.IntegerField(help_text="The version that it follows; 0: none")

    class Meta:
        model = DatabaseVersion
        fields: tuple[str, ...] = (
            "version",
            "base",
            "file",
            "reader",
            "digest",
            "statements",
            "created_at",
            "created_by",
        )


class SkippedOut(serializers.Serializer):
    line = serializers.IntegerField()
    text = serializers.CharField()


class FindingOut(serializers.Serializer):
    """One finding of the lint; `acknowledged` holds the reason that the text gives."""

    rule = serializers.CharField()
    level = serializers.ChoiceField(choices=LEVELS)
    line = serializers.IntegerField()
    column = serializers.IntegerField()
    sentence = serializers.CharField()
    fix = serializers.CharField()
    touches = serializers.CharField()
    acknowledged = serializers.CharField()
    statement = serializers.CharField(help_text="Its beginning")
    readers = serializers.CharField(help_text="Who declared that they read what it touches")
    refuses = serializers.BooleanField()


class VersionFindingOut(FindingOut):
    """A finding about the step from the version before; line 0 where no statement does it."""

    file = serializers.CharField()
    refuses = serializers.SerializerMethodField()  # type: ignore[assignment]  # of a stored one

    def get_refuses(self, row: dict[str, Any]) -> bool:
        return judging.refuses(row)


class DatabaseVersionOut(DatabaseVersionRow):
    """A declared version: its SQL, what of it was not run, its findings, the model as JSON text."""

    skipped: Any = SkippedOut(many=True)
    unread: Any = serializers.ListField(child=serializers.CharField())
    findings = serializers.SerializerMethodField()

    class Meta(DatabaseVersionRow.Meta):
        fields = (*DatabaseVersionRow.Meta.fields, "sql", "model", "skipped", "unread", "findings")

    @extend_schema_field(VersionFindingOut(many=True))
    def get_findings(self, row: DatabaseVersion) -> list[dict[str, Any]]:
        return list(VersionFindingOut(judging.with_readers(row), many=True).data)


class ProblemErrorOut(serializers.Serializer):
    field = serializers.CharField(help_text="`line 3` for SQL")
    rule = serializers.CharField()
    message = serializers.CharField()
    fix = serializers.CharField()


class DeclarationProblemOut(serializers.Serializer):
    """Why SQL was refused, or why reading it was put off."""

    status = serializers.IntegerField()
    code = serializers.CharField()
    title = serializers.CharField()
    detail = serializers.CharField()
    fix = serializers.CharField()
    errors: Any = ProblemErrorOut(many=True)


class DeclarationOut(serializers.ModelSerializer):
    """SQL that was handed in: `declared` names its version, `refused` the problem."""

    database = serializers.CharField()
    version = serializers.IntegerField(
        source="version.number", default=None, allow_null=True, read_only=True
    )
    is_new = serializers.BooleanField(help_text="False where the newest version says that already")
    problem = serializers.SerializerMethodField()
    created_by = serializers.CharField(source="created_label")
    url = serializers.SerializerMethodField()
    page = serializers.SerializerMethodField()

    class Meta:
        model = Declaration
        fields = (
            "id",
            "database",
            "state",
            "on_top",
            "base",
            "file",
            "version",
            "is_new",
            "problem",
            "created_at",
            "created_by",
            "started_at",
            "finished_at",
            "url",
            "page",
        )

    @extend_schema_field(DeclarationProblemOut(allow_null=True))
    def get_problem(self, row: Declaration) -> dict[str, Any] | None:
        return row.problem or None

    def get_url(self, row: Declaration) -> str:
        return reverse("database-declaration", args=[row.database_id, row.pk])

    def get_page(self, row: Declaration) -> str:
        return reverse("schemas:database-declaration", args=[row.database_id, row.pk])


class DatabaseDifferenceOut(serializers.Serializer):
    """One difference; `risk` is what making the old side like the new one would do."""

    kind = serializers.CharField()
    action = serializers.CharField()
    path = serializers.CharField()
    old = serializers.CharField()
    new = serializers.CharField()
    risk = serializers.CharField()
    sentence = serializers.CharField()


class ComparedDifferenceOut(DatabaseDifferenceOut):
    readers = serializers.CharField(help_text="Who declared that they read what would go")


class DatabaseDifferencesOut(serializers.Serializer):
    old = serializers.CharField()
    new = serializers.CharField()
    equal = serializers.BooleanField()
    count = serializers.IntegerField()
    not_compared: Any = serializers.ListField(child=serializers.CharField())
    differences = ComparedDifferenceOut(many=True)


class ReaderOut(serializers.ModelSerializer):
    """Who declared that they read which tables or columns, and until when it counts."""

    environment = serializers.CharField(source="scope.label")
    tables: Any = serializers.ListField(source="paths", child=serializers.CharField())
    said_by = serializers.CharField()

    class Meta:
        model = DatabaseReader
        fields = (
            "id",
            "environment",
            "holder",
            "tables",
            "known",
            "seen_at",
            "expires_at",
            "said_by",
        )


class InstanceOut(serializers.ModelSerializer):
    """Where a database lives, how the last look ended, and what differs; no password."""

    environment = serializers.CharField(source="scope.name")
    address = serializers.SerializerMethodField()
    expected_version = serializers.SerializerMethodField(help_text="0: the newest")
    state = serializers.CharField()
    ignoring = serializers.ListField(child=serializers.CharField())
    drift = DatabaseDifferenceOut(many=True)

    class Meta:
        model = DatabaseInstance
        fields = (
            "id",
            "environment",
            "address",
            "active",
            "state",
            "expected_version",
            "ignoring",
            "asked_at",
            "checked_at",
            "taken_at",
            "reached",
            "error",
            "fix",
            "drifted_at",
            "drift_count",
            "drift",
        )

    def get_address(self, row: DatabaseInstance) -> str:
        return reaching.shown(row.url)

    def get_expected_version(self, row: DatabaseInstance) -> int:
        return row.expected.number if row.expected else 0


class LintOut(serializers.Serializer):
    passes = serializers.BooleanField()
    findings = FindingOut(many=True)


# -- in -----------------------------------------------------------------------------------------


class DatabaseChangeIn(Strict):
    component = serializers.CharField(max_length=MAX_NAME, required=False, allow_blank=True)
    on_drift = serializers.ChoiceField(
        choices=Database.OnDrift.choices,
        required=False,
        help_text="What a change to an environment meets where the database has drifted",
    )


class DatabaseIn(DatabaseChangeIn):
    project = serializers.CharField(max_length=MAX_NAME)
    name = serializers.CharField(max_length=MAX_NAME)


class DeclareIn(Strict):
    sql = serializers.CharField(max_length=declaring.MAX_SQL, trim_whitespace=False)
    on_top = serializers.BooleanField(
        default=False, help_text="Run it after an earlier version's SQL, as a migration"
    )
    base = serializers.IntegerField(
        default=0, help_text="That version; 0 is the newest when it is read", **_VERSION
    )
    file = serializers.CharField(
        max_length=MAX_FILE, default="", allow_blank=True, help_text="What findings call it"
    )


class InstanceIn(Strict):
    environment = serializers.CharField(max_length=MAX_NAME * 2)
    url = serializers.CharField(max_length=services.MAX_URL, write_only=True)
    expected_version = serializers.IntegerField(required=False, **_VERSION)
    ignoring = serializers.ListField(
        child=serializers.CharField(max_length=services.MAX_PATTERN),
        max_length=services.MAX_IGNORING,
        required=False,
    )
    active = serializers.BooleanField(required=False)


class InstanceChangeIn(InstanceIn):
    environment = None  # type: ignore[assignment]  # DRF's way to leave a field out
    url = serializers.CharField(max_length=services.MAX_URL, required=False, write_only=True)


class ReaderIn(Strict):
    environment = serializers.CharField(max_length=200, help_text="Like billing/stage")
    holder = serializers.CharField(max_length=40, help_text="The component", validators=[dns_label])
    tables = serializers.ListField(
        child=serializers.CharField(max_length=readers.MAX_PATH),
        min_length=1,
        max_length=readers.MAX_PATHS,
        help_text="Tables or columns: orders, orders.note",
    )
    ttl_hours = serializers.IntegerField(
        min_value=1, max_value=readers.MAX_HOURS, default=readers.DEFAULT_HOURS
    )


class LintIn(Strict):
    sql = serializers.CharField(max_length=MAX_MIGRATION, trim_whitespace=False)
    server = serializers.IntegerField(
        default=SERVER, help_text="The target's release, as 150000 for 15", **_SERVERS
    )
    in_transaction = serializers.BooleanField(
        default=False, help_text="The migration tool opens a transaction itself"
    )
    database = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=2**31 - 1,
        help_text="Judge changes of types by this database's newest declared schema",
    )
