"""What REST says and takes; no business logic."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from idp.changes import leases, selectors
from idp.changes.models import (
    Approval,
    ApprovalRule,
    Change,
    ChangeEvent,
    ChangeStep,
    Freeze,
    Waiver,
)
from idp.changes.plans import Plan
from rbac.models import Scope

OUTCOMES = ["pass", "wait", "refuse"]


class ScopeField(serializers.SlugRelatedField):
    """A place by its label: `orders`, `orders/production`, or `everything`."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("read_only", True)
        super().__init__(slug_field="label", **kwargs)


class ChangeRow(serializers.ModelSerializer):
    """A change in a list."""

    scope = ScopeField()
    tier = serializers.SerializerMethodField()
    actor = serializers.CharField(source="actor_label")
    url = serializers.SerializerMethodField()
    page = serializers.SerializerMethodField()

    class Meta:
        model = Change
        fields: tuple[str, ...] = (
            "id",
            "url",
            "page",
            "title",
            "verb",
            "kind",
            "scope",
            "tier",
            "actor",
            "origin",
            "state",
            "reason",
            "awaits_approval",
            "created_at",
            "started_at",
            "finished_at",
        )

    def get_tier(self, change: Change) -> str:
        scope = change.scope
        if scope.kind == Scope.Kind.TIER:
            return scope.name
        return scope.tier_scope.name if scope.tier_scope else ""

    def get_url(self, change: Change) -> str:
        return f"/api/v1/changes/{change.pk}/"

    def get_page(self, change: Change) -> str:
        return reverse("changes:detail", args=[change.pk])


class StepOut(serializers.ModelSerializer):
    class Meta:
        model = ChangeStep
        fields = (
            "position",
            "key",
            "title",
            "detail",
            "state",
            "attempt",
            "worker",
            "started_at",
            "finished_at",
        )


class ApprovalOut(serializers.ModelSerializer):
    approver = serializers.CharField(source="approver.username")

    class Meta:
        model = Approval
        fields = ("approver", "answer", "comment", "plan_hash", "at")


class LeaveOut(serializers.Serializer):
    """Whose leave would let past just this; it is asked for at `changes/{id}/leave/`."""

    scope = serializers.IntegerField()
    place = serializers.CharField()
    about = serializers.CharField()
    sentence = serializers.CharField()
    who = serializers.CharField()
    url = serializers.CharField()


class ReadingOut(serializers.Serializer):
    """A fact as it was read."""

    name = serializers.CharField()
    value = serializers.JSONField(allow_null=True)
    unknown = serializers.CharField(help_text="Why it has no value, and how to get one")


class ClauseOut(serializers.Serializer):
    """One part of what a gate asks, with the facts that decided."""

    rule = serializers.CharField()
    text = serializers.CharField()
    outcome = serializers.ChoiceField(choices=OUTCOMES)
    facts = ReadingOut(many=True)
    fix = serializers.CharField()
    note = serializers.CharField()


class GateOut(serializers.Serializer):
    gate = serializers.CharField()
    title = serializers.CharField()
    outcome = serializers.ChoiceField(choices=OUTCOMES)
    sentence = serializers.CharField()
    rule = serializers.CharField()
    fact = serializers.JSONField(allow_null=True)
    lift = serializers.CharField()
    waived_by = serializers.CharField()
    leave: Any = LeaveOut(many=True, required=False)
    clauses: Any = ClauseOut(many=True, required=False)


class AllowedOut(serializers.Serializer):
    confirm = serializers.BooleanField()
    replan = serializers.BooleanField()
    cancel = serializers.BooleanField()
    approve = serializers.BooleanField()


class ChangeOut(ChangeRow):
    """One change with its gates, answers and steps."""

    message = serializers.CharField()
    counts = serializers.SerializerMethodField()
    gates = GateOut(many=True)
    approvals = serializers.SerializerMethodField()
    steps = serializers.SerializerMethodField()
    allowed = serializers.SerializerMethodField()
    confirmed_by: serializers.SlugRelatedField = serializers.SlugRelatedField(
        slug_field="username", read_only=True
    )
    worker = serializers.SerializerMethodField()
    stream = serializers.SerializerMethodField()

    class Meta(ChangeRow.Meta):
        fields = (
            *ChangeRow.Meta.fields,
            "message",
            "interactive",
            "plan_hash",
            "base",
            "counts",
            "gates",
            "approvals",
            "confirmed_by",
            "confirmed_at",
            "confirm_until",
            "planned_at",
            "applied_at",
            "observe_until",
            "cancel_requested_at",
            "attempts",
            "worker",
            "steps",
            "result",
            "allowed",
            "event_number",
            "stream",
        )

    @extend_schema_field(serializers.DictField(child=serializers.IntegerField()))
    def get_counts(self, change: Change) -> dict[str, int]:
        return Plan.from_json(change.plan).counts if change.plan else {}

    @extend_schema_field(ApprovalOut(many=True))
    def get_approvals(self, change: Change) -> Any:
        rows = change.approvals.select_related("approver").order_by("at")
        return ApprovalOut(rows, many=True).data

    @extend_schema_field(StepOut(many=True))
    def get_steps(self, change: Change) -> Any:
        return StepOut(change.steps.order_by("position"), many=True).data

    @extend_schema_field(AllowedOut)
    def get_allowed(self, change: Change) -> dict[str, bool]:
        actor = self.context.get("actor")
        return asdict(selectors.allowed(actor, change)) if actor else {}

    def get_worker(self, change: Change) -> str:
        return leases.shown(change.lease_holder)

    def get_stream(self, change: Change) -> str:
        return f"/events/?topic=change:{change.pk}"


class EventOut(serializers.ModelSerializer):
    class Meta:
        model = ChangeEvent
        fields = ("number", "at", "kind", "data")


class EventPage(serializers.Serializer):
    results = EventOut(many=True)
    next = serializers.CharField(allow_null=True)
    stream = serializers.CharField()


class PlanOut(serializers.Serializer):
    """The plan as it was made; `plan_hash` is what a confirmation or an approval names."""

    change = serializers.IntegerField()
    plan_hash = serializers.CharField()
    planned_at = serializers.DateTimeField()
    counts = serializers.DictField(child=serializers.IntegerField())
    plan = serializers.JSONField()
    gates = GateOut(many=True)


class ConfirmIn(serializers.Serializer):
    plan_hash = serializers.CharField(max_length=64)
    choices = serializers.DictField(
        child=serializers.CharField(max_length=20), required=False, default=dict
    )


class ApproveIn(serializers.Serializer):
    plan_hash = serializers.CharField(max_length=64)
    comment = serializers.CharField(max_length=2000, required=False, default="", allow_blank=True)


class RejectIn(serializers.Serializer):
    plan_hash = serializers.CharField(max_length=64)
    comment = serializers.CharField(max_length=2000)


class FreezeOut(serializers.ModelSerializer):
    scope = ScopeField()
    author: serializers.SlugRelatedField = serializers.SlugRelatedField(
        slug_field="username", read_only=True
    )
    lifted_by: serializers.SlugRelatedField = serializers.SlugRelatedField(
        slug_field="username", read_only=True
    )

    class Meta:
        model = Freeze
        fields = (
            "id",
            "scope",
            "reason",
            "author",
            "starts_at",
            "ends_at",
            "lifted_at",
            "lifted_by",
        )


class FreezeIn(serializers.Serializer):
    scope = serializers.CharField(max_length=100, help_text="orders, orders/production, everything")
    reason = serializers.CharField(max_length=300)
    starts_at = serializers.DateTimeField(required=False, allow_null=True, default=None)
    ends_at = serializers.DateTimeField(required=False, allow_null=True, default=None)


class WaiverOut(serializers.ModelSerializer):
    scope = ScopeField()
    author: serializers.SlugRelatedField = serializers.SlugRelatedField(
        slug_field="username", read_only=True
    )
    approver: serializers.SlugRelatedField = serializers.SlugRelatedField(
        slug_field="username", read_only=True
    )

    standing = serializers.CharField(
        help_text="asked, granted, declined, withdrawn, revoked or ended", read_only=True
    )
    revoked_by: serializers.SlugRelatedField = serializers.SlugRelatedField(
        slug_field="username", read_only=True
    )

    class Meta:
        model = Waiver
        fields = (
            "id",
            "scope",
            "change",
            "gate",
            "about",
            "told",
            "url",
            "standing",
            "reason",
            "author",
            "approver",
            "approved_at",
            "created_at",
            "ends_at",
            "revoked_at",
            "revoked_by",
            "answer",
        )


class WaiverIn(serializers.Serializer):
    change = serializers.IntegerField(required=False, allow_null=True, default=None)
    scope = serializers.CharField(max_length=100, required=False, default="", allow_blank=True)
    gate = serializers.CharField(max_length=60)
    reason = serializers.CharField(max_length=2000)
    ends_at = serializers.DateTimeField()


class AnswerIn(serializers.Serializer):
    answer = serializers.CharField(
        max_length=2000, required=False, default="", allow_blank=True, help_text="Why"
    )


class CauseIn(serializers.Serializer):
    scope = serializers.IntegerField(min_value=1, max_value=2**62)
    about = serializers.CharField(max_length=500)


class LeaveIn(serializers.Serializer):
    gate = serializers.CharField(max_length=60)
    reason = serializers.CharField(max_length=2000)
    ends_at = serializers.DateTimeField()
    about = serializers.ListField(
        child=CauseIn(),
        required=False,
        max_length=200,
        help_text="Some of what the gate names; all when left out",
    )


class RuleOut(serializers.ModelSerializer):
    scope = ScopeField()

    class Meta:
        model = ApprovalRule
        fields = ("name", "scope", "condition", "needed", "active")


class RuleIn(serializers.Serializer):
    name = serializers.RegexField(r"\A[a-z][a-z0-9-]{0,59}\Z")
    scope = serializers.CharField(max_length=100)
    condition = serializers.CharField(max_length=1000, required=False, default="true")
    needed = serializers.IntegerField(min_value=1, max_value=10, required=False, default=1)
    active = serializers.BooleanField(required=False, default=True)


class RulePatch(serializers.Serializer):
    condition = serializers.CharField(max_length=1000, required=False)
    needed = serializers.IntegerField(min_value=1, max_value=10, required=False)
    active = serializers.BooleanField(required=False)


class InboxOut(serializers.Serializer):
    changes = ChangeRow(many=True)
    waivers = WaiverOut(many=True)
