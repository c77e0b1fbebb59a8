"""What REST says of policies and takes; the rules themselves are judged by `rules.parse`."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from idp.common.inputs import Strict
from idp.common.names import MAX_NAME
from rbac.models import Team, Tier
from schemas.addresses import page_of
from schemas.policies.models import PolicyFailure, SchemaPolicy
from schemas.policies.previewing import Failing
from schemas.policies.rules import SCHEMA, Rules
from schemas.policies.selectors import Standing
from schemas.policies.services import MAX_DESCRIPTION

MODES = SchemaPolicy.Mode.choices
_TIERS = [("", "at registering"), *Tier.choices]


@extend_schema_field(dict(SCHEMA))
class RulesField(serializers.JSONField):
    """The rules of a policy, documented by their own JSON Schema."""


class PolicyOut(serializers.ModelSerializer):
    """A policy with its rules, also in words, and how many subjects fail it now."""

    scope = serializers.CharField(source="scope.label")
    team = serializers.SerializerMethodField()
    rules = RulesField()
    sentences = serializers.SerializerMethodField()
    failing = serializers.IntegerField(default=0, help_text="Subjects that fail it now")
    changed_by = serializers.SerializerMethodField()
    url = serializers.SerializerMethodField()

    class Meta:
        model = SchemaPolicy
        fields = (
            *("id", "name", "description", "scope", "team", "tier", "mode", "rules", "sentences"),
            *("failing", "revision", "changed_at", "changed_by", "url"),
        )

    def get_team(self, row: SchemaPolicy) -> str:
        return row.team.name if row.team else ""

    def get_sentences(self, row: SchemaPolicy) -> list[str]:
        return Rules.from_json(row.rules).sentences

    def get_changed_by(self, row: SchemaPolicy) -> str:
        return row.changed_by.username if row.changed_by else ""

    def get_url(self, row: SchemaPolicy) -> str:
        return reverse("schema-policy", args=[row.name])


class PolicyChangeIn(Strict):
    """What can be changed; name and scope stay."""

    description = serializers.CharField(
        max_length=MAX_DESCRIPTION, required=False, allow_blank=True
    )
    team: Any = serializers.SlugRelatedField(
        slug_field="name", queryset=Team.objects.all(), required=False, allow_null=True
    )
    tier = serializers.ChoiceField(_TIERS, required=False, allow_blank=True)
    mode = serializers.ChoiceField(MODES, required=False)
    rules = RulesField(required=False)


class PolicyIn(PolicyChangeIn):
    """A policy to be made, or only looked at beforehand."""

    name = serializers.CharField(max_length=MAX_NAME)
    scope = serializers.CharField(max_length=100, help_text="everything, or a project's name")
    rules = RulesField()


class FailureOut(serializers.ModelSerializer):
    """What a subject fails of a policy now."""

    subject = serializers.SerializerMethodField()
    policy = serializers.CharField(source="policy.name")

    class Meta:
        model = PolicyFailure
        fields = ("id", "subject", "policy", "rule", "sentence", "fix", "since")

    def get_subject(self, row: PolicyFailure) -> str:
        return str(row.subject)


class WouldFailOut(serializers.Serializer):
    subject = serializers.CharField()
    owner = serializers.CharField(source="subject.owner.name")
    page = serializers.SerializerMethodField()
    bites = serializers.BooleanField(
        help_text="Its next version or use would be refused; else it goes on and is listed"
    )
    failures = serializers.ListField(child=serializers.CharField(), source="sentences")

    def get_page(self, row: Failing) -> str:
        return page_of(row.subject)


class PreviewOut(serializers.Serializer):
    """What the policy would do if it were on; at most 200 subjects are shown."""

    sentence = serializers.CharField()
    subjects = serializers.IntegerField(help_text="That it is about and you see")
    failing = serializers.IntegerField()
    biting = serializers.IntegerField(help_text="Of the failing ones, those it would refuse")
    shown = WouldFailOut(many=True)


class HeldOut(serializers.Serializer):
    """A policy about one subject, with what the subject fails of it."""

    policy = serializers.CharField(source="held.name")
    mode = serializers.SerializerMethodField()
    tier = serializers.CharField(source="held.tier")
    rules = serializers.ListField(child=serializers.CharField(), source="held.rules.sentences")
    failures = serializers.SerializerMethodField()

    def get_mode(self, row: Standing) -> str:
        return "enforce" if row.held.enforced else "warn"

    def get_failures(self, row: Standing) -> list[str]:
        return [f"{one.sentence} {one.fix}".strip() for one in row.failures]


class TaggedOut(serializers.Serializer):
    path = serializers.CharField()
    tag = serializers.CharField()
    policy = serializers.CharField(help_text="That guards it from being taken away; empty: none")


class SubjectPoliciesOut(serializers.Serializer):
    policies = HeldOut(many=True)
    tagged = TaggedOut(many=True, help_text="Fields of the latest version that carry tags")


class RemovalIn(Strict):
    """Leave to take a guarded tag from a field."""

    path = serializers.CharField(max_length=1000)
    tag = serializers.CharField(max_length=60)
    reason = serializers.CharField(max_length=2000)
    ends_at = serializers.DateTimeField(help_text="At most seven days ahead")
