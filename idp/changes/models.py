"""The durable rows behind every change: what was asked, planned, allowed, done and seen."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from rbac.models import ApiToken, Scope, User

MAX_ABOUT = 500


class LeasedRow(models.Model):
    """A row that one worker at a time works on, by compare-and-set.

    `lease_token` grows with each claim and fences writes of a worker that lost its lease.
    `idp.changes.leases` reads and writes these columns, on the database's clock.
    """

    lease_token = models.BigIntegerField(default=0)
    lease_holder = models.CharField(max_length=80, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True, db_index=True)
    attempts = models.PositiveIntegerField(default=0)
    not_before = models.DateTimeField(null=True, blank=True)  # null: due at once
    sent_at = models.DateTimeField(null=True, blank=True)
    sends = models.PositiveIntegerField(default=0)  # messages since the last claim
    resend_at = models.DateTimeField(null=True, blank=True)  # when the sweeper sends again

    class Meta:
        abstract = True


class Change(LeasedRow):
    """One wish to change what an environment should be, from intent to evidence.

    planning → ready → waiting → applying → observing → succeeded
    planning → waiting (nobody has to confirm) | succeeded (nothing to do) | refused | failed
    ready → planning (asked anew) | refused (an approver said no) | cancelled | expired
    waiting → planning | refused | cancelled
    applying → planning (moved before the first effect) | failed | cancelled
    observing → failed | cancelled
    """

    class State(models.TextChoices):
        PLANNING = "planning", "Planning"
        READY = "ready", "To confirm"
        WAITING = "waiting", "Waiting"
        APPLYING = "applying", "Applying"
        OBSERVING = "observing", "Watching health"
        SUCCEEDED = "succeeded", "Done"
        FAILED = "failed", "Failed"
        REFUSED = "refused", "Refused"
        CANCELLED = "cancelled", "Cancelled"
        EXPIRED = "expired", "Expired"

    class Origin(models.TextChoices):
        PAGE = "page", "Page"
        API = "api", "REST"
        PUSH = "push", "Git push"
        SCHEDULE = "schedule", "Schedule"
        EXPIRY = "expiry", "Expiry"
        SYSTEM = "system", "Slipway"

    TRANSITIONS: ClassVar[dict[str, frozenset[str]]] = {
        State.PLANNING: frozenset(
            {
                State.READY,
                State.WAITING,
                State.SUCCEEDED,
                State.REFUSED,
                State.FAILED,
                State.CANCELLED,
            }
        ),
        State.READY: frozenset(
            {State.PLANNING, State.WAITING, State.REFUSED, State.CANCELLED, State.EXPIRED}
        ),
        State.WAITING: frozenset({State.PLANNING, State.APPLYING, State.REFUSED, State.CANCELLED}),
        State.APPLYING: frozenset({State.PLANNING, State.OBSERVING, State.FAILED, State.CANCELLED}),
        State.OBSERVING: frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED}),
    }
    OPEN: ClassVar[frozenset[str]] = frozenset(TRANSITIONS)
    scope_lookup: ClassVar[str | None] = "scope"

    kind = models.CharField(max_length=60)  # a registered ChangeKind: "gitops.sync"
    verb = models.CharField(
        max_length=80
    )  # what people see and `decide` judges: "environment.scale"
    title = models.CharField(max_length=200)
    message = models.TextField(blank=True)
    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="changes")
    actor = models.ForeignKey(
        User, null=True, on_delete=models.PROTECT, related_name="changes"
    )  # None: Slipway itself, `actor_label` says which part
    actor_label = models.CharField(max_length=200)
    token = models.ForeignKey(ApiToken, null=True, on_delete=models.SET_NULL, related_name="+")
    behind = models.CharField(
        max_length=400, blank=True
    )  # ",7,12,": ids of others whose work it is
    origin = models.CharField(max_length=10, choices=Origin)
    intent = models.JSONField(default=dict)  # the kind's own input; never a secret's value
    interactive = models.BooleanField(default=True)  # someone confirms the plan before it runs
    idempotency_key = models.CharField(max_length=120, blank=True)

    state = models.CharField(max_length=10, choices=State, default=State.PLANNING)
    reason = models.TextField(blank=True)  # why it waits, failed or was refused, in words
    plan = models.JSONField(null=True, blank=True)  # Plan.to_json()
    plan_hash = models.CharField(max_length=64, blank=True)
    base = models.CharField(max_length=64, blank=True)  # tree id of the directory planned from
    gates = models.JSONField(default=list)  # last GateResult.to_json() of each gate
    awaits_approval = models.BooleanField(default=False)  # what the approval gate said last
    confirmed_hash = models.CharField(max_length=64, blank=True)
    confirmed_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    confirmed_at = models.DateTimeField(null=True, blank=True)
    effects_started = models.BooleanField(default=False)  # the plan is bound from here on
    failures = models.PositiveIntegerField(default=0)  # temporary ones in a row, for the back-off
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_by = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    result = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    planned_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    applied_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    confirm_until = models.DateTimeField(null=True, blank=True)  # only while `ready`
    observe_until = models.DateTimeField(null=True, blank=True)
    looked_at = models.DateTimeField(null=True, blank=True)  # when its gates were last asked
    event_number = models.BigIntegerField(default=0)  # the last ChangeEvent's

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    state__in=[
                        "planning",
                        "ready",
                        "waiting",
                        "applying",
                        "observing",
                        "succeeded",
                        "failed",
                        "refused",
                        "cancelled",
                        "expired",
                    ]
                ),
                name="changes_change_state",
            ),
            models.UniqueConstraint(
                "scope",
                condition=Q(state__in=["applying", "observing"]),
                name="changes_one_running_per_scope",
            ),
            models.UniqueConstraint(
                "actor",
                "idempotency_key",
                condition=~Q(idempotency_key=""),
                name="changes_idempotent",
            ),
            models.UniqueConstraint(
                "actor_label",
                "idempotency_key",
                condition=Q(actor=None) & ~Q(idempotency_key=""),
                name="changes_idempotent_system",
            ),
        ]
        indexes = [
            models.Index(fields=["state", "not_before"]),
            models.Index(fields=["scope", "-id"]),
        ]

    def __str__(self) -> str:
        return f"Change {self.pk}: {self.title}"


class ChangeStep(models.Model):
    """One numbered step of applying; done steps are never repeated."""

    class State(models.TextChoices):
        PENDING = "pending", "Not started"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        SKIPPED = "skipped", "Skipped"

    change = models.ForeignKey(Change, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveIntegerField()
    key = models.CharField(max_length=200)
    title = models.CharField(max_length=200)
    detail = models.TextField(blank=True)
    state = models.CharField(max_length=8, choices=State, default=State.PENDING)
    attempt = models.PositiveIntegerField(default=0)
    worker = models.CharField(max_length=80, blank=True)
    result = models.JSONField(default=dict)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["change", "position"]
        constraints = [
            models.UniqueConstraint(fields=["change", "key"], name="changes_step_once"),
        ]

    def __str__(self) -> str:
        return f"{self.change_id}.{self.position} {self.title}"


class ChangeEvent(models.Model):
    """What happened to a change, numbered under its lock without gaps, for the live stream."""

    change = models.ForeignKey(Change, on_delete=models.CASCADE, related_name="events")
    number = models.BigIntegerField()
    at = models.DateTimeField(default=timezone.now)
    kind = models.CharField(max_length=30)  # "state", "step", "log", "gate", "approval", "worker"
    data = models.JSONField(default=dict)

    class Meta:
        ordering = ["change", "number"]
        constraints = [
            models.UniqueConstraint(fields=["change", "number"], name="changes_event_number"),
        ]

    def __str__(self) -> str:
        return f"{self.change_id}#{self.number} {self.kind}"


class ApprovalRule(models.Model):
    """Changes at or below `scope` for which `condition` (CEL over facts) holds need N approvals."""

    scope_lookup: ClassVar[str | None] = "scope"

    name = models.CharField(max_length=60, unique=True)
    scope = models.ForeignKey(Scope, on_delete=models.CASCADE, related_name="approval_rules")
    condition = models.CharField(max_length=1000, default="true")
    needed = models.PositiveSmallIntegerField(default=1)
    active = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.name


class Approval(models.Model):
    """One person's yes or no to one plan; a new plan asks again."""

    class Answer(models.TextChoices):
        APPROVE = "approve", "Approved"
        REJECT = "reject", "Rejected"

    change = models.ForeignKey(Change, on_delete=models.CASCADE, related_name="approvals")
    plan_hash = models.CharField(max_length=64)
    approver = models.ForeignKey(User, on_delete=models.PROTECT, related_name="approvals")
    answer = models.CharField(max_length=8, choices=Answer)
    comment = models.TextField(blank=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["change", "plan_hash", "approver"], name="changes_approval_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.approver} {self.answer} {self.change_id}"


class Waiver(models.Model):
    """Leave, with a reason and an end, for a gate's refusal at a scope or for one change.

    With `about` it is the leave of others whom a gate named, for that cause alone: `scope` is their
    place, `change` where it was asked for.
    """

    scope_lookup: ClassVar[str | None] = "scope"

    scope = models.ForeignKey(Scope, on_delete=models.CASCADE, related_name="waivers")
    change = models.ForeignKey(
        Change, null=True, blank=True, on_delete=models.CASCADE, related_name="waivers"
    )
    gate = models.CharField(max_length=60)
    about = models.CharField(max_length=MAX_ABOUT, blank=True)
    told = models.TextField(blank=True)  # what the cause would do to those who are asked
    url = models.CharField(max_length=500, blank=True)  # where they read more
    reason = models.TextField()
    author = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    approver = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )  # None: asked for, not granted yet
    approved_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    ends_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    answer = models.TextField(blank=True)  # why it was declined or revoked

    class Meta:
        indexes = [models.Index(fields=["gate", "about"], name="changes_waiver_about")]

    def __str__(self) -> str:
        return f"waiver of {self.gate} at {self.scope}"

    @property
    def standing(self) -> str:
        """What became of it: asked, granted, declined, withdrawn, revoked or ended."""
        if self.revoked_at is not None:
            own = "withdrawn" if self.revoked_by_id == self.author_id else "declined"
            return "revoked" if self.approver_id else own
        if self.ends_at <= timezone.now():
            return "ended"
        return "granted" if self.approver_id else "asked"


class Freeze(models.Model):
    """Nothing is applied at or below `scope` between two moments, except with a waiver."""

    scope_lookup: ClassVar[str | None] = "scope"

    scope = models.ForeignKey(Scope, on_delete=models.CASCADE, related_name="freezes")
    reason = models.CharField(max_length=300)
    author = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    starts_at = models.DateTimeField(default=timezone.now)
    ends_at = models.DateTimeField()
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=models.F("starts_at")), name="changes_freeze_ends_later"
            ),
        ]

    def __str__(self) -> str:
        return f"freeze of {self.scope}: {self.reason}"


class AnsweredRequest(models.Model):
    """A REST request with an `Idempotency-Key` and its change, so that a repetition finds it."""

    actor = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=120)
    digest = models.CharField(max_length=64)  # keyed: a body may hold a secret's value
    change = models.ForeignKey(Change, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["actor", "key"], name="changes_request_once"),
        ]

    def __str__(self) -> str:
        return f"{self.key} of {self.actor}"


class ControllerLease(LeasedRow):
    """One row a role: the process that leads (watches, sweeps, schedules)."""

    role = models.CharField(max_length=40, unique=True)

    def __str__(self) -> str:
        return self.role
