"""Pipelines, their jobs, each attempt to run one, and what those write.

Imported by `pipelines.models`, so that Django finds the tables; services write them.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from gitops.models import HostedMergeRequest, HostedRepository
from idp.changes.models import LeasedRow
from idp.common.crypto import EncryptedTextField
from idp.common.idempotency import MAX_KEY
from pipelines.engine.scheduling import Status as JobStatus
from rbac.models import ApiToken, Project, User

PROTECTED = "main"


class Pipeline(LeasedRow):
    """One run of a commit's CI file. While it is `created`, a worker makes its plan.

    created → running ⇄ manual (held until somebody starts a job), scheduled
    created → skipped (nothing to run), failed (the file is wrong)
    running, manual, scheduled → success | failed | canceled | skipped
    success, failed, canceled → running (a job is run again)
    """

    class Status(models.TextChoices):
        CREATED = "created", "Preparing"
        RUNNING = "running", "Running"
        MANUAL = "manual", "Waits to be started"
        SCHEDULED = "scheduled", "Waits for its time"
        SUCCESS = "success", "Passed"
        FAILED = "failed", "Failed"
        CANCELED = "canceled", "Cancelled"
        SKIPPED = "skipped", "Skipped"

    class Source(models.TextChoices):
        PUSH = "push", "Push"
        WEB = "web", "Page"
        API = "api", "REST"
        SCHEDULE = "schedule", "Schedule"
        TRIGGER = "trigger", "Trigger"
        MERGE_REQUEST = "merge_request_event", "Merge request"
        PARENT = "parent_pipeline", "Parent pipeline"
        PIPELINE = "pipeline", "Pipeline of a project"

    TRIGGERED: ClassVar = frozenset({Source.PARENT, Source.PIPELINE})  # by a job of another one
    ENDED: ClassVar = frozenset({Status.SUCCESS, Status.FAILED, Status.CANCELED, Status.SKIPPED})
    WORKED: ClassVar = Q(status=Status.CREATED)
    scope_lookup: ClassVar[str | None] = "project__scope"

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="pipelines")
    number = models.PositiveIntegerField()  # counts in its project: CI_PIPELINE_IID
    ref = models.CharField(max_length=255)
    is_tag = models.BooleanField(default=False)
    sha = models.CharField(max_length=40)
    before_sha = models.CharField(max_length=40, blank=True)
    title = models.CharField(max_length=200, blank=True)  # of the commit
    author = models.CharField(max_length=200, blank=True)
    source = models.CharField(max_length=20, choices=Source)
    given = EncryptedTextField(blank=True)  # JSON: variables of whoever started it
    inputs = EncryptedTextField(blank=True)  # JSON: what was given for the file's `spec:inputs`
    # Of a project at a git host: its repository, and what of it this pipeline is for.
    hosted = models.ForeignKey(
        HostedRepository, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    merge_request = models.ForeignKey(
        HostedMergeRequest,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="pipelines",
    )
    schedule = models.ForeignKey(
        "pipelines.Schedule",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="pipelines",
    )
    head_sha = models.CharField(max_length=40, blank=True)  # of the request, where `sha` merges it
    foreign = models.BooleanField(default=False)  # of a fork: gets no variable of the project
    default_branch = models.CharField(max_length=255, default=PROTECTED)  # when it began
    name = models.CharField(max_length=255, blank=True)
    stages: Any = models.JSONField(default=list, blank=True)
    left_out: Any = models.JSONField(default=dict, blank=True)  # {job: why it is not in}
    problems: Any = models.JSONField(default=list, blank=True)
    not_run: Any = models.JSONField(default=list, blank=True)  # keywords that nothing acts on
    status = models.CharField(max_length=10, choices=Status, default=Status.CREATED)
    reason = models.TextField(blank=True)
    on_new_commit = models.CharField(max_length=20, default="conservative")  # auto_cancel
    on_job_failure = models.CharField(max_length=20, default="none")
    removing = models.BooleanField(default=False)  # its time is over: `pipelines.retention`
    actor = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    actor_label = models.CharField(max_length=200)
    token = models.ForeignKey(ApiToken, null=True, on_delete=models.SET_NULL, related_name="+")
    idempotency_key = models.CharField(max_length=MAX_KEY, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["project", "number"], name="pipeline_number"),
            models.UniqueConstraint(
                fields=["project", "actor", "idempotency_key"],
                condition=~Q(idempotency_key=""),
                name="pipeline_request_once",
            ),
            models.CheckConstraint(
                condition=Q(
                    status__in=[
                        "created", "running", "manual", "scheduled",
                        "success", "failed", "canceled", "skipped",
                    ]
                ),
                name="pipeline_status",
            ),
        )  # fmt: skip
        indexes = (
            models.Index(fields=["project", "-number"], name="pipeline_newest"),
            models.Index(fields=["project", "ref", "status"], name="pipeline_of_ref"),
            models.Index(fields=["project", "sha"], name="pipeline_of_commit"),
            models.Index(
                fields=["status"],
                condition=Q(source__in=["parent_pipeline", "pipeline"]),
                name="pipeline_triggered",
            ),
            models.Index(fields=["id"], condition=Q(removing=True), name="pipeline_removing"),
            models.Index(
                fields=["finished_at"], condition=Q(removing=False), name="pipeline_finished"
            ),
        )

    def __str__(self) -> str:
        return f"{self.project.name} #{self.number}"

    @property
    def ended(self) -> bool:
        return self.status in self.ENDED

    @property
    def is_protected(self) -> bool:
        """Whether its commit is on the branch that only reviewed or permitted pushes reach."""
        own = not self.of_merge_request and not self.foreign
        return own and not self.is_tag and self.ref == self.default_branch

    @property
    def of_merge_request(self) -> bool:
        """Whether it is one's, or a child of one that is."""
        return self.source == self.Source.MERGE_REQUEST or self.merge_request_id is not None

    @property
    def seconds(self) -> float | None:
        """How long it took, or has run; None before its first job began."""
        if self.started_at is None:
            return None
        return ((self.finished_at or timezone.now()) - self.started_at).total_seconds()


class Job(models.Model):
    """A job of a pipeline; what it does is `work`, its attempts are rows of their own.

    created → pending → running → success | failed | canceled
    pending → success | failed | canceled (a trigger job, which has no attempts)
    created → manual | scheduled | skipped; waiting_for_resource → pending
    running → pending (retried); success, failed, canceled, skipped → pending (run again)
    """

    class Status(models.TextChoices):
        CREATED = JobStatus.CREATED, "Not yet"
        WAITING_FOR_RESOURCE = JobStatus.WAITING_FOR_RESOURCE, "Waits its turn"
        PENDING = JobStatus.PENDING, "Waits for a runner"
        RUNNING = JobStatus.RUNNING, "Running"
        SUCCESS = JobStatus.SUCCESS, "Passed"
        FAILED = JobStatus.FAILED, "Failed"
        CANCELED = JobStatus.CANCELED, "Cancelled"
        SKIPPED = JobStatus.SKIPPED, "Skipped"
        MANUAL = JobStatus.MANUAL, "To start by hand"
        SCHEDULED = JobStatus.SCHEDULED, "Waits for its time"

    scope_lookup: ClassVar[str | None] = "pipeline__project__scope"

    pipeline = models.ForeignKey(Pipeline, on_delete=models.CASCADE, related_name="jobs")
    position = models.PositiveIntegerField()  # in the file
    name = models.CharField(max_length=400)
    written = models.CharField(max_length=255)  # before parallel
    stage = models.CharField(max_length=255)
    stage_at = models.PositiveIntegerField()
    status = models.CharField(max_length=20, choices=Status, default=Status.CREATED)
    reason = models.TextField(blank=True)  # why the status is what it is
    failure = models.CharField(max_length=40, blank=True)  # one of GitLab's failure reasons
    when = models.CharField(max_length=12, default="on_success")
    manual_confirmation = models.TextField(blank=True)  # asked before it is started by hand
    needs: Any = models.JSONField(null=True, blank=True)  # names; null: all earlier stages
    sources: Any = models.JSONField(null=True, blank=True)  # whose artifacts; null: earlier stages'
    allow_failure = models.BooleanField(default=False)
    allowed = models.BooleanField(default=False)  # it failed, and that counts as success
    interruptible = models.BooleanField(default=False)
    resource_group = models.CharField(max_length=255, blank=True)
    environment = models.CharField(max_length=255, blank=True)
    tags: Any = models.JSONField(default=list, blank=True)
    exposed_as = models.CharField(max_length=100, blank=True)  # `artifacts:expose_as`
    exposed_path = models.CharField(max_length=500, blank=True)  # its one path, if it has one
    image = models.CharField(max_length=500, blank=True)  # the container that it asks for
    triggers = models.BooleanField(default=False)  # it starts a pipeline, and no runner takes it
    work = EncryptedTextField()  # JSON of `pipelines.runs.work.Stored`
    explanation: Any = models.JSONField(default=dict, blank=True)  # why it is in
    coverage = models.FloatField(null=True, blank=True)
    runs = models.PositiveIntegerField(default=0)  # attempts so far
    retries = models.PositiveIntegerField(default=0)  # of those, by `retry`
    start_at = models.DateTimeField(null=True, blank=True)  # a delayed job's time
    started_by = models.CharField(max_length=200, blank=True)  # who started or ran it again
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["pipeline", "name"], name="job_name"),
            models.UniqueConstraint(fields=["pipeline", "position"], name="job_position"),
        )
        indexes = (
            models.Index(
                fields=["resource_group", "status"],
                condition=~Q(resource_group=""),
                name="job_of_group",
            ),
            models.Index(fields=["start_at"], condition=Q(status="scheduled"), name="job_due"),
            models.Index(fields=["status"], condition=Q(triggers=True), name="job_triggers"),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def seconds(self) -> float | None:
        """How long it took, or has run; None before it began."""
        if self.started_at is None:
            return None
        return ((self.finished_at or timezone.now()) - self.started_at).total_seconds()


class Attempt(LeasedRow):
    """One try to run a job; its lease fences its log, its artifacts and its end.

    pending → running → success | failed | canceled; pending → canceled
    """

    class Status(models.TextChoices):
        PENDING = "pending", "Waits for a runner"
        RUNNING = "running", "Running"
        SUCCESS = "success", "Passed"
        FAILED = "failed", "Failed"
        CANCELED = "canceled", "Cancelled"

    ENDED: ClassVar = frozenset({Status.SUCCESS, Status.FAILED, Status.CANCELED})
    scope_lookup: ClassVar[str | None] = "job__pipeline__project__scope"

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="attempts")
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+")
    agent = models.ForeignKey(
        "pipelines.Agent", null=True, blank=True, on_delete=models.SET_NULL, related_name="attempts"
    )  # who runs it; none: a runner of Slipway's own
    number = models.PositiveIntegerField()
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    cancel = models.BooleanField(default=False)  # somebody asked it to end
    failure = models.CharField(max_length=40, blank=True)
    message = models.TextField(blank=True)
    exit_code = models.IntegerField(null=True, blank=True)
    coverage = models.FloatField(null=True, blank=True)
    log_size = models.BigIntegerField(default=0)  # bytes written, kept or not
    log_dropped = models.BigIntegerField(default=0)  # of those, from the middle, not kept
    dotenv: Any = EncryptedTextField(blank=True)  # JSON of variables handed on
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["job", "number"], name="attempt_number"),
            models.UniqueConstraint(
                fields=["job"],
                condition=Q(status__in=["pending", "running"]),
                name="attempt_alone",
            ),
        )
        indexes = (
            models.Index(
                fields=["status", "project", "id"],
                condition=Q(status__in=["pending", "running"]),
                name="attempt_open",
            ),
        )

    def __str__(self) -> str:
        return f"{self.job.name}, attempt {self.number}"


class ResourceGroup(models.Model):
    """Jobs of a project that take turns, and who is next; made when a job first asks for it."""

    class Mode(models.TextChoices):
        """GitLab's process modes, by its names."""

        UNORDERED = "unordered", "Whichever is ready"
        OLDEST_FIRST = "oldest_first", "Oldest pipeline first"
        NEWEST_FIRST = "newest_first", "Newest pipeline first"
        NEWEST_READY_FIRST = "newest_ready_first", "Newest that is ready first"

    scope_lookup: ClassVar[str | None] = "project__scope"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="resource_groups")
    key = models.CharField(max_length=255)
    process_mode = models.CharField(max_length=20, choices=Mode, default=Mode.UNORDERED)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["project", "key"], name="resource_group_key"),
        )

    def __str__(self) -> str:
        return self.key


class LogChunk(models.Model):
    """A piece of an attempt's log, masked before it came here."""

    attempt = models.ForeignKey(Attempt, on_delete=models.CASCADE, related_name="chunks")
    start = models.BigIntegerField()  # bytes of the log before it
    data = models.BinaryField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["attempt", "start"], name="log_chunk_start"),
        )

    def __str__(self) -> str:
        return f"{len(self.data)} bytes from {self.start}"


class Artifact(models.Model):
    """Files that an attempt left: an archive, or the files of one kind of report."""

    scope_lookup: ClassVar[str | None] = "attempt__job__pipeline__project__scope"

    attempt = models.ForeignKey(Attempt, on_delete=models.CASCADE, related_name="artifacts")
    kind = models.CharField(max_length=40)  # "archive", or a report's
    name = models.CharField(max_length=255)
    digest = models.CharField(max_length=64)  # of the zip file in the blob store
    size = models.BigIntegerField()
    entries = models.PositiveIntegerField()
    access = models.CharField(max_length=12, default="all")
    expires_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["attempt", "kind"], name="artifact_kind"),)
        indexes = (models.Index(fields=["digest"], name="artifact_digest"),)

    def __str__(self) -> str:
        return self.name
