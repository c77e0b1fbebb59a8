"""Reports of commits, the tests that they name, and what stands in them.

Found by Django through `pipelines.models`. Written by `services` and `storing` alone.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from pipelines.reports.formats.registry import TITLES
from pipelines.reports.formats.results import MAX_MESSAGE, MAX_NAME, Outcome, Severity
from portal.models import Component
from rbac.models import Project, Team, User

MAX_REF = 255
MAX_LABEL = 100
MAX_JOB = 300
KINDS = [(kind.value, title) for kind, title in TITLES.items()]
OUTCOMES = [(one.value, one.value) for one in Outcome]
SEVERITIES = [(one.value, one.value) for one in Severity]


class OwnReports(models.Manager["Report"]):
    """Those that count for the project: none that a fork's job handed in."""

    def get_queryset(self) -> models.QuerySet[Report]:
        return super().get_queryset().filter(foreign=False)


class Report(models.Model):
    """What a tool said of a commit; `identity` digests the content and what it is about."""

    scope_lookup: ClassVar[str | None] = "project__scope"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="reports")
    component = models.ForeignKey(
        Component, null=True, blank=True, on_delete=models.SET_NULL, related_name="reports"
    )
    commit = models.CharField(max_length=64)
    ref = models.CharField(max_length=MAX_REF)
    target = models.CharField(max_length=MAX_REF)  # the branch that the commit is compared with
    kind = models.CharField(max_length=16, choices=KINDS)
    name = models.CharField(max_length=MAX_LABEL, blank=True)  # tells a matrix's jobs apart
    job = models.CharField(max_length=MAX_JOB, blank=True)  # where it ran, as its CI calls that
    identity = models.CharField(max_length=64)
    size = models.PositiveIntegerField()
    summary: Any = models.JSONField(default=dict)
    payload = models.BinaryField(default=bytes)  # changed lines or samples, compressed
    uploaded_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    foreign = models.BooleanField(default=False)  # by a fork's job: shown, and counts for nothing
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    objects = models.Manager()
    own = OwnReports()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "identity"], name="pipelines_report_identity"
            ),
        ]
        indexes = [
            models.Index(fields=["project", "commit"]),
            models.Index(fields=["project", "kind", "ref", "-id"]),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.commit[:8]}"

    @property
    def on_target(self) -> bool:
        return not self.foreign and self.ref == self.target


class TestCase(models.Model):
    """A test by its stable key, with what its latest results say together.

    `outcome` is that of the target branch's commit `outcome_commit`, `previous` the one before it.
    """

    scope_lookup: ClassVar[str | None] = "project__scope"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="tests")
    component = models.ForeignKey(
        Component, null=True, blank=True, on_delete=models.SET_NULL, related_name="tests"
    )
    key = models.CharField(max_length=40)
    suite = models.CharField(max_length=MAX_NAME, blank=True)
    classname = models.CharField(max_length=MAX_NAME, blank=True)
    name = models.CharField(max_length=MAX_NAME)
    file = models.CharField(max_length=500, blank=True)
    first_seen = models.DateTimeField(default=timezone.now)
    last_seen = models.DateTimeField(default=timezone.now, db_index=True)
    runs = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    durations: Any = models.JSONField(default=list)  # of the latest runs that passed
    median = models.FloatField(null=True, blank=True)
    p95 = models.FloatField(null=True, blank=True)
    outcome = models.CharField(max_length=8, choices=OUTCOMES, blank=True)
    outcome_commit = models.CharField(max_length=64, blank=True)
    previous = models.CharField(max_length=8, choices=OUTCOMES, blank=True)
    failing_since = models.DateTimeField(null=True, blank=True)
    flaky_at = models.DateTimeField(null=True, blank=True)
    flaky_count = models.PositiveIntegerField(default=0)
    foreign = models.BooleanField(default=False)  # only forks have it so far

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "key"], name="pipelines_test_key"),
        ]
        indexes = [
            models.Index(
                fields=["project", "failing_since"],
                condition=Q(failing_since__isnull=False),
                name="pipelines_test_failing",
            ),
            models.Index(
                fields=["project", "flaky_at"],
                condition=Q(flaky_at__isnull=False),
                name="pipelines_test_flaky",
            ),
            models.Index(fields=["project", "-p95"]),
        ]

    def __str__(self) -> str:
        return self.label[:200]

    @property
    def label(self) -> str:
        """The name as people look for it: with the class or suite that it stands in."""
        group = self.classname or self.suite
        return self.name if not group or group in self.name else f"{group} › {self.name}"

    @property
    def failure_rate(self) -> float:
        return self.failures / self.runs if self.runs else 0.0

    @property
    def owner(self) -> Team:
        return self.component.owner if self.component else self.project.team


class TestResult(models.Model):
    """How a test went in one report; `before` is how the target branch stood until then."""

    scope_lookup: ClassVar[str | None] = "report__project__scope"

    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="results")
    case = models.ForeignKey(
        TestCase, on_delete=models.CASCADE, related_name="results", db_index=False
    )
    outcome = models.CharField(max_length=8, choices=OUTCOMES)
    seconds = models.FloatField(null=True, blank=True)
    failed_tries = models.PositiveIntegerField(default=0)
    before = models.CharField(max_length=8, choices=OUTCOMES, blank=True)
    message = models.CharField(max_length=MAX_MESSAGE, blank=True)
    details = models.TextField(blank=True)

    class Meta:
        indexes = [models.Index(fields=["case", "-id"])]

    def __str__(self) -> str:
        return f"{self.case} {self.outcome}"


class CoverageFile(models.Model):
    """The lines of one file that ran or could have, packed."""

    scope_lookup: ClassVar[str | None] = "report__project__scope"

    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="files")
    path = models.CharField(max_length=500)
    lines = models.PositiveIntegerField()
    covered = models.PositiveIntegerField()
    packed = models.BinaryField()

    def __str__(self) -> str:
        return self.path


class ReportedFinding(models.Model):
    """What a scanner says of a place, the same in the next commit by its fingerprint."""

    scope_lookup: ClassVar[str | None] = "report__project__scope"

    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="findings")
    fingerprint = models.CharField(max_length=40)
    tool = models.CharField(max_length=200)
    rule = models.CharField(max_length=200)
    severity = models.CharField(max_length=8, choices=SEVERITIES)
    path = models.CharField(max_length=500, blank=True)
    line = models.PositiveIntegerField(default=0)
    message = models.CharField(max_length=500, blank=True)

    def __str__(self) -> str:
        return f"{self.rule} at {self.path}"


class Quarantine(models.Model):
    """A test that still runs and does not block, until a day; then it blocks again by itself."""

    scope_lookup: ClassVar[str | None] = "case__project__scope"

    case = models.ForeignKey(TestCase, on_delete=models.CASCADE, related_name="quarantines")
    reason = models.CharField(max_length=500)
    owner = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="quarantines")
    ends_at = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case"], condition=Q(ended_at=None), name="pipelines_quarantine_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.case} until {self.ends_at:%Y-%m-%d}"

    @property
    def active(self) -> bool:
        return self.ended_at is None and self.ends_at > timezone.now()
