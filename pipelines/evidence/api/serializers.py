"""What REST says of rules and evidence and takes; conditions are judged by `language.parts`."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from idp.changes.api.serializers import OUTCOMES, ClauseOut
from idp.common.inputs import Strict
from idp.common.names import MAX_NAME
from pipelines.evidence.models import EvidenceRule
from pipelines.evidence.previewing import Judged
from pipelines.evidence.selectors import Evidence
from pipelines.evidence.services import MAX_FIX, MAX_TITLE

_VALUE = {"oneOf": [{"type": "boolean"}, {"type": "number"}, {"type": "string"}], "nullable": True}


class EvidenceRuleOut(serializers.ModelSerializer):
    """A rule; `revision` grows with each change, and the audit trail has what it said before."""

    scope = serializers.CharField(source="scope.label")
    created_by = serializers.SerializerMethodField()
    changed_by = serializers.SerializerMethodField()
    url = serializers.SerializerMethodField()
    page = serializers.SerializerMethodField()

    class Meta:
        model = EvidenceRule
        fields = (
            *("id", "name", "title", "scope", "condition", "fix", "severity", "active"),
            *("revision", "created_at", "created_by", "changed_at", "changed_by", "url", "page"),
        )

    def get_created_by(self, row: EvidenceRule) -> str:
        return row.created_by.username if row.created_by else ""

    def get_changed_by(self, row: EvidenceRule) -> str:
        return row.changed_by.username if row.changed_by else ""

    def get_url(self, row: EvidenceRule) -> str:
        return reverse("evidence-rule", args=[row.name])

    def get_page(self, row: EvidenceRule) -> str:
        return reverse("pipelines:gate", args=[row.name])


class EvidenceRuleChangeIn(Strict):
    """What can be changed; name and scope stay."""

    title = serializers.CharField(max_length=MAX_TITLE, required=False)
    condition = serializers.CharField(
        max_length=1000, required=False, help_text="CEL; && between clauses"
    )
    fix = serializers.CharField(
        max_length=MAX_FIX, required=False, allow_blank=True, help_text="The way out, in words"
    )
    severity = serializers.ChoiceField(EvidenceRule.Severity.choices, required=False)
    active = serializers.BooleanField(required=False)


class EvidenceRuleIn(EvidenceRuleChangeIn):
    """A rule to be made, or only looked at beforehand."""

    name = serializers.CharField(max_length=MAX_NAME)
    scope = serializers.CharField(
        max_length=100, help_text="everything, orders, orders/production, orders/production/shop"
    )
    title = serializers.CharField(max_length=MAX_TITLE)
    condition = serializers.CharField(max_length=1000, help_text="CEL; && between clauses")


class JudgedPromotionOut(serializers.Serializer):
    """A promotion as the rule judges it."""

    change = serializers.IntegerField(source="deployment.change_id")
    bundle = serializers.IntegerField(source="deployment.bundle.number")
    project = serializers.CharField(source="deployment.bundle.project.name")
    commit = serializers.CharField(source="deployment.bundle.sha")
    environment = serializers.CharField(source="deployment.environment.name")
    actor = serializers.CharField(source="deployment.change.actor_label")
    at = serializers.DateTimeField(source="deployment.change.created_at")
    outcome = serializers.ChoiceField(choices=OUTCOMES)
    clauses = serializers.SerializerMethodField()

    @extend_schema_field(ClauseOut(many=True))
    def get_clauses(self, row: Judged) -> list[dict[str, Any]]:
        return [one.to_json() for one in row.verdict.clauses]


class EvidencePreviewOut(serializers.Serializer):
    """What the rule would have done to the last 50 promotions of its place, the newest first."""

    sentence = serializers.CharField()
    promotions = serializers.IntegerField()
    refused = serializers.IntegerField()
    waiting = serializers.IntegerField()
    rows = JudgedPromotionOut(many=True)


class EvidenceFactOut(serializers.Serializer):
    """A fact that conditions may read."""

    name = serializers.CharField()
    type = serializers.CharField(help_text="number, text, or true or false")
    doc = serializers.CharField()
    example = serializers.SerializerMethodField()

    @extend_schema_field(_VALUE)
    def get_example(self, row: Any) -> Any:
        return row.example


class KnownFactOut(serializers.Serializer):
    """A fact of a commit: its value, or why it has none and how to get one."""

    name = serializers.CharField(source="fact.name")
    type = serializers.CharField(source="fact.type")
    value = serializers.SerializerMethodField()
    unknown = serializers.CharField()
    fix = serializers.CharField()

    @extend_schema_field(_VALUE)
    def get_value(self, row: Any) -> Any:
        return row.value


class EvidenceOut(serializers.Serializer):
    """Everything that is known of a commit, as its newest bundle where there is one."""

    project = serializers.CharField(source="project.name")
    commit = serializers.CharField()
    bundle = serializers.SerializerMethodField()
    facts = KnownFactOut(many=True)

    @extend_schema_field({"type": "integer", "nullable": True})
    def get_bundle(self, row: Evidence) -> int | None:
        return row.bundle.number if row.bundle else None
