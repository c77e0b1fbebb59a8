"""What REST takes and says of reports and tests; no business logic."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from idp.common.inputs import Strict
from pipelines.reports.formats.registry import Kind
from pipelines.reports.models import (
    MAX_LABEL,
    MAX_REF,
    Quarantine,
    Report,
    ReportedFinding,
    TestCase,
    TestResult,
)
from pipelines.reports.services import MAX_REASON
from pipelines.reports.shares import MAX_PARTS
from rbac.models import Team

_KINDS = [(kind.value, kind.value) for kind in Kind]


# -- in -----------------------------------------------------------------------------------------


class UploadIn(Strict):
    """What a report is about: as parts of the form, or in the query beside a raw body."""

    commit = serializers.CharField(max_length=64, help_text="In full: git rev-parse HEAD")
    ref = serializers.CharField(max_length=MAX_REF + 20, help_text="The branch or tag")
    kind = serializers.CharField(
        max_length=20,
        required=False,
        allow_blank=True,
        help_text=f"{', '.join(Kind)}; else by the first bytes",
    )
    component = serializers.CharField(max_length=63, required=False, allow_blank=True)
    target = serializers.CharField(
        max_length=MAX_REF + 20,
        required=False,
        allow_blank=True,
        help_text="The branch to compare with; else that of the project’s last report, or main",
    )
    name = serializers.CharField(
        max_length=MAX_LABEL,
        required=False,
        allow_blank=True,
        help_text="Tells the jobs of a matrix apart; a retry has the name of what it repeats",
    )
    job = serializers.CharField(max_length=300, required=False, allow_blank=True)
    checkout = serializers.CharField(
        max_length=500,
        required=False,
        allow_blank=True,
        help_text="Path of the checkout where the tool ran, to be taken from absolute names",
    )


class QuarantineIn(Strict):
    reason = serializers.CharField(max_length=MAX_REASON)
    ends_at = serializers.DateTimeField(help_text="At most 30 days ahead")
    owner: Any = serializers.SlugRelatedField(
        slug_field="name",
        queryset=Team.objects.all(),
        required=False,
        help_text="Team that mends it; else the component’s",
    )


class SplitIn(Strict):
    """The parts that there are now: files, or classes where the tool names no files."""

    parts = serializers.ListField(
        child=serializers.CharField(max_length=1_000), max_length=MAX_PARTS, allow_empty=False
    )


# -- out ----------------------------------------------------------------------------------------


class ReportOut(serializers.ModelSerializer):
    project = serializers.CharField(source="project.name")
    component = serializers.SerializerMethodField()
    kind = serializers.ChoiceField(choices=_KINDS)
    uploaded_by = serializers.SerializerMethodField()
    summary = serializers.SerializerMethodField(help_text="Numbers, by kind")
    page = serializers.SerializerMethodField(help_text="The commit’s page")

    class Meta:
        model = Report
        fields = (
            *("id", "project", "component", "commit", "ref", "target", "kind", "name", "job"),
            *("size", "summary", "uploaded_by", "foreign", "created_at", "page"),
        )

    def get_component(self, row: Report) -> str:
        return row.component.name if row.component else ""

    def get_uploaded_by(self, row: Report) -> str:
        return row.uploaded_by.username if row.uploaded_by else ""

    @extend_schema_field({"type": "object", "additionalProperties": True})
    def get_summary(self, row: Report) -> dict[str, Any]:
        found: dict[str, Any] = row.summary
        return found

    def get_page(self, row: Report) -> str:
        return reverse("pipelines:commit", args=[row.project.name, row.commit])


class TestOut(serializers.ModelSerializer):
    """A test with what its latest runs say together."""

    project = serializers.CharField(source="project.name")
    component = serializers.SerializerMethodField()
    owner = serializers.CharField(source="owner.name", help_text="Team")
    outcome = serializers.CharField(help_text="On the target branch; empty: never ran there")
    failure_rate = serializers.FloatField()
    quarantined_until = serializers.DateTimeField(allow_null=True)
    page = serializers.SerializerMethodField()

    class Meta:
        model = TestCase
        fields = (
            *("id", "project", "component", "owner", "suite", "classname", "name", "file"),
            *("outcome", "failing_since", "flaky_at", "flaky_count", "quarantined_until", "runs"),
            *("failures", "failure_rate", "median", "p95", "first_seen", "last_seen", "page"),
        )

    def get_component(self, row: TestCase) -> str:
        return row.component.name if row.component else ""

    def get_page(self, row: TestCase) -> str:
        return reverse("pipelines:test", args=[row.pk])


class ResultOut(serializers.ModelSerializer):
    commit = serializers.CharField(source="report.commit")
    ref = serializers.CharField(source="report.ref")
    at = serializers.DateTimeField(source="report.created_at")
    outcome = serializers.CharField()

    class Meta:
        model = TestResult
        fields = ("commit", "ref", "at", "outcome", "seconds", "failed_tries", "message")


class QuarantineOut(serializers.ModelSerializer):
    owner = serializers.CharField(source="owner.name")
    created_by = serializers.SerializerMethodField()

    class Meta:
        model = Quarantine
        fields = ("reason", "owner", "ends_at", "created_at", "created_by")

    def get_created_by(self, row: Quarantine) -> str:
        return row.created_by.username if row.created_by else ""


class HistoryOut(serializers.Serializer):
    """A test with its latest hundred results, newest first."""

    test = TestOut()
    median = serializers.FloatField(allow_null=True, help_text="Seconds, of runs that passed")
    p95 = serializers.FloatField(allow_null=True)
    failure_rate = serializers.FloatField(allow_null=True)
    quarantine = QuarantineOut(allow_null=True)
    results = ResultOut(many=True)


class TestFailureOut(serializers.Serializer):
    test = serializers.IntegerField(source="case.pk", help_text="Its number")
    name = serializers.CharField(source="case.label")
    file = serializers.CharField(source="case.file")
    owner = serializers.CharField(source="case.owner.name")
    message = serializers.CharField()
    flaky = serializers.BooleanField(help_text="Passed and failed on this commit")
    quarantined = serializers.BooleanField()


class ReportedFindingOut(serializers.ModelSerializer):
    severity = serializers.CharField()

    class Meta:
        model = ReportedFinding
        fields = ("fingerprint", "severity", "tool", "rule", "path", "line", "message")


class TestFactsOut(serializers.Serializer):
    total = serializers.IntegerField()
    passed = serializers.IntegerField()
    failed = serializers.IntegerField()
    skipped = serializers.IntegerField()
    flaky = serializers.IntegerField()
    new_failures = serializers.IntegerField()
    known_failures = serializers.IntegerField(help_text="That fail on the target branch too")
    fixed = serializers.IntegerField()
    quarantined = serializers.IntegerField(help_text="Of the failed ones")
    blocking = serializers.IntegerField(help_text="Failed and not in quarantine")


class CoverageFactsOut(serializers.Serializer):
    lines = serializers.IntegerField()
    covered = serializers.IntegerField()
    percent = serializers.FloatField(allow_null=True)
    target_percent = serializers.FloatField(allow_null=True)


class ChangedFactsOut(serializers.Serializer):
    """Of the lines that the uploaded diff adds and that can run."""

    lines = serializers.IntegerField()
    covered = serializers.IntegerField()
    percent = serializers.FloatField(allow_null=True)
    uncovered = serializers.DictField(child=serializers.ListField(child=serializers.IntegerField()))


class FindingFactsOut(serializers.Serializer):
    total = serializers.IntegerField()
    by_severity = serializers.DictField(child=serializers.IntegerField())
    new = serializers.IntegerField(allow_null=True, help_text="null: nothing to compare with")
    new_by_severity = serializers.DictField(child=serializers.IntegerField(), allow_null=True)


class FactsOut(serializers.Serializer):
    """null is unknown: nothing of that sort was reported."""

    commit = serializers.CharField()
    tests = TestFactsOut(allow_null=True)
    coverage = CoverageFactsOut(allow_null=True)
    changed = ChangedFactsOut(allow_null=True)
    findings = FindingFactsOut(allow_null=True)
    compatible = serializers.BooleanField(allow_null=True)


class CommitOut(serializers.Serializer):
    """A commit beside its target branch; each list has at most 200."""

    facts = FactsOut()
    reports = ReportOut(many=True)
    new_failures = TestFailureOut(many=True)
    known_failures = TestFailureOut(many=True)
    fixed = TestFailureOut(many=True)
    flaky = TestFailureOut(many=True)
    new_findings = ReportedFindingOut(many=True)


class PointOut(serializers.Serializer):
    commit = serializers.CharField()
    at = serializers.DateTimeField()
    lines = serializers.IntegerField()
    covered = serializers.IntegerField()
    percent = serializers.FloatField()


class TrendOut(serializers.Serializer):
    component = serializers.SerializerMethodField()
    change = serializers.FloatField(allow_null=True, help_text="Against the commit before")
    points = PointOut(many=True)

    def get_component(self, row: Any) -> str:
        return row.component.name if row.component else ""


class SuiteShareOut(serializers.Serializer):
    parts = serializers.ListField(child=serializers.CharField())
    seconds = serializers.FloatField(help_text="How long that should take")
    known = serializers.IntegerField(help_text="Of all parts, those with a known duration")
