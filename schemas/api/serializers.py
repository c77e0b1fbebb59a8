"""What REST says and takes; no business logic."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from idp.common.inputs import Strict
from rbac.models import Team
from schemas import reviewing
from schemas.addresses import api_at, api_of, page_at, page_of
from schemas.configuration import Place
from schemas.formats.base import MAX_TEXT
from schemas.formats.levels import Level
from schemas.forms import FORMATS
from schemas.models import Subject, SubjectVersion
from schemas.naming import MAX_SUBJECT
from schemas.parsing import MAX_REFERENCES
from schemas.rows import Listed
from schemas.samples import MAX_RECORDS
from schemas.services.describing import MAX_DOCS, MAX_TAG, MAX_TAGS

_FORMATS = "AVRO, JSON, PROTOBUF or OPENAPI"
_STATES = "draft, active, deprecated, sunset or retired"
LEVELS = [(level.value, level.value) for level in Level]


# -- out ----------------------------------------------------------------------------------------


class SubjectRow(serializers.ModelSerializer):
    """A subject in a list; `subject` is its name as registry clients write it."""

    subject = serializers.CharField(source="__str__")
    context: Any = serializers.CharField(source="context.name")
    format = serializers.CharField(help_text=_FORMATS)
    lifecycle = serializers.CharField(source="state", help_text=_STATES)
    owner = serializers.CharField(source="owner.name")
    project = serializers.CharField(source="project.name")
    latest_version = serializers.IntegerField(source="latest", help_text="0: all are deleted")
    url = serializers.SerializerMethodField()
    page = serializers.SerializerMethodField()

    class Meta:
        model = Subject
        fields: tuple[str, ...] = (
            "id",
            "subject",
            "context",
            "name",
            "url",
            "page",
            "format",
            "latest_version",
            "lifecycle",
            "sunset_on",
            "owner",
            "project",
            "component",
            "contact",
            "tags",
            "created_at",
            "deleted_at",
        )

    def get_url(self, row: Subject) -> str:
        return api_of(row)

    def get_page(self, row: Subject) -> str:
        return page_of(row)


def listed(row: Listed) -> dict[str, Any]:
    """What `SubjectRow` says, of a list's row: its fields cost more than the query."""
    return {
        "id": row.id,
        "subject": row.subject,
        "context": row.context,
        "name": row.name,
        "url": api_at(row.id),
        "page": page_at(row.id, row.name),
        "format": row.format,
        "latest_version": row.latest,
        "lifecycle": row.state,
        "sunset_on": row.sunset_on,
        "owner": row.owner,
        "project": row.project,
        "component": row.component,
        "contact": row.contact,
        "tags": row.tags,
        "created_at": row.created_at,
        "deleted_at": row.deleted_at,
    }


class SaidOut(serializers.Serializer):
    """A setting that holds, and the place that says it."""

    value = serializers.CharField()
    by = serializers.CharField()


class SubjectOut(SubjectRow):
    """One subject with its docs, what holds for it, and the steps of life that are open."""

    level = serializers.SerializerMethodField()
    policy = serializers.SerializerMethodField()
    mode = serializers.SerializerMethodField()
    next_lifecycles = serializers.SerializerMethodField()

    class Meta(SubjectRow.Meta):
        fields = (*SubjectRow.Meta.fields, "docs", "level", "policy", "mode", "next_lifecycles")

    @extend_schema_field(SaidOut)
    def get_level(self, row: Subject) -> dict[str, str]:
        return vars(reviewing.level_of(Place(row.context, row)))

    @extend_schema_field(SaidOut)
    def get_policy(self, row: Subject) -> dict[str, str]:
        return vars(reviewing.policy_of(Place(row.context, row)))

    @extend_schema_field(SaidOut)
    def get_mode(self, row: Subject) -> dict[str, str]:
        return vars(reviewing.mode_of(Place(row.context, row)))

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_next_lifecycles(self, row: Subject) -> list[str]:
        return sorted(Subject.TRANSITIONS.get(row.state, frozenset()))


class SubjectVersionRow(serializers.ModelSerializer):
    """A version without its text; `schema_id` travels with every record."""

    version = serializers.IntegerField(source="number")
    schema_id = serializers.IntegerField(source="schema.number")
    guid = serializers.UUIDField(source="schema.guid")
    format = serializers.CharField(source="schema.format")
    created_by = serializers.SerializerMethodField()

    class Meta:
        model = SubjectVersion
        fields: tuple[str, ...] = (
            "version",
            "schema_id",
            "guid",
            "format",
            "created_at",
            "created_by",
            "deleted_at",
        )

    def get_created_by(self, row: SubjectVersion) -> str:
        return row.created_label or (row.created_by.username if row.created_by else "")


class SchemaReferenceOut(serializers.Serializer):
    name = serializers.CharField(max_length=500)
    subject = serializers.CharField(max_length=MAX_SUBJECT + 110)
    version = serializers.IntegerField(min_value=-1, max_value=2**31 - 1, default=-1)


class SubjectVersionOut(SubjectVersionRow):
    schema = serializers.CharField(source="schema.text")
    references = SchemaReferenceOut(source="schema.references", many=True)
    metadata = serializers.JSONField(source="schema.metadata", allow_null=True)
    rule_set = serializers.JSONField(source="schema.rule_set", allow_null=True)

    class Meta(SubjectVersionRow.Meta):
        fields = (*SubjectVersionRow.Meta.fields, "schema", "references", "metadata", "rule_set")


class DifferenceOut(serializers.Serializer):
    """One change; pointers are RFC 6901 into the reader's and the writer's schema."""

    kind = serializers.CharField()
    reader_at = serializers.CharField()
    writer_at = serializers.CharField()
    old = serializers.JSONField(allow_null=True)
    new = serializers.JSONField(allow_null=True)
    breaks = serializers.BooleanField()
    advice = serializers.CharField()
    side = serializers.CharField(
        help_text="Of a service's description: request, response or operation"
    )


class DirectionOut(serializers.Serializer):
    reader = serializers.CharField()
    writer = serializers.CharField()
    asked = serializers.BooleanField(help_text="Whether the level looks at this direction")
    compatible = serializers.BooleanField()
    differences = DifferenceOut(many=True)
    left_out = serializers.IntegerField()


class ComparisonOut(serializers.Serializer):
    compatible = serializers.BooleanField()
    level = serializers.CharField()
    directions = DirectionOut(many=True)


class ObjectionOut(serializers.Serializer):
    kind = serializers.CharField()
    reader_at = serializers.CharField()
    writer_at = serializers.CharField()
    forward = serializers.BooleanField(help_text="Earlier readers meet the candidate's data")
    sentence = serializers.CharField(help_text="Who is hurt, and what to do")


class VerdictOut(serializers.Serializer):
    version = serializers.IntegerField()
    compatible = serializers.BooleanField()
    objections = ObjectionOut(many=True)


class RefusedOut(serializers.Serializer):
    policy = serializers.CharField()
    rule = serializers.CharField()
    sentence = serializers.CharField()
    fix = serializers.CharField()


class ReviewOut(serializers.Serializer):
    taken = serializers.BooleanField(help_text="Whether versions and policies would let it in")
    compatible = serializers.BooleanField()
    refused = RefusedOut(many=True, help_text="What policies would refuse")
    level = serializers.CharField()
    known_as = serializers.IntegerField(help_text="The version that it already is; 0 for none")
    verdicts = VerdictOut(many=True)


class FaultOut(serializers.Serializer):
    field = serializers.CharField(help_text="JSON pointer into the record")
    rule = serializers.CharField()
    message = serializers.CharField()
    fix = serializers.CharField()


class CheckedOut(serializers.Serializer):
    index = serializers.IntegerField()
    valid = serializers.BooleanField()
    errors: Any = FaultOut(many=True)


class CheckedRecordsOut(serializers.Serializer):
    valid = serializers.BooleanField()
    results = CheckedOut(many=True)


class ExampleOut(serializers.Serializer):
    example = serializers.JSONField(allow_null=True)
    reason = serializers.CharField(help_text="Why there is no example; else empty")
    producer = serializers.CharField(help_text="Python; empty for formats without Kafka clients")
    consumer = serializers.CharField()


# -- in -----------------------------------------------------------------------------------------


class SubjectDescribeIn(Strict):
    owner: Any = serializers.SlugRelatedField(
        slug_field="name", queryset=Team.objects.all(), required=False
    )
    component = serializers.CharField(max_length=63, required=False, allow_blank=True)
    contact = serializers.CharField(max_length=200, required=False, allow_blank=True)
    docs = serializers.CharField(max_length=MAX_DOCS, required=False, allow_blank=True)
    tags = serializers.ListField(
        child=serializers.CharField(max_length=MAX_TAG), max_length=MAX_TAGS, required=False
    )


class SubjectLifecycleIn(Strict):
    lifecycle = serializers.CharField(max_length=10, help_text=_STATES)
    sunset_on = serializers.DateField(required=False, allow_null=True)


class CandidateIn(Strict):
    schema = serializers.CharField(max_length=MAX_TEXT, trim_whitespace=False)
    format = serializers.ChoiceField(choices=FORMATS, default="AVRO")
    references = SchemaReferenceOut(many=True, required=False)

    def validate_references(self, value: list[Any]) -> list[Any]:
        if len(value) > MAX_REFERENCES:
            raise serializers.ValidationError(f"At most {MAX_REFERENCES} references.")
        return value


class SubjectVersionIn(CandidateIn):
    """A version of a subject that is there; its format unless another is named."""

    format = serializers.ChoiceField(choices=FORMATS, required=False)


class SubjectRegisterIn(CandidateIn):
    subject = serializers.CharField(
        max_length=MAX_SUBJECT + 110, help_text="As registry clients write it"
    )
    project = serializers.CharField(
        max_length=63, default="", allow_blank=True, help_text="Of a new subject, where in doubt"
    )


class TextsIn(Strict):
    old = serializers.CharField(max_length=MAX_TEXT, trim_whitespace=False)
    new = serializers.CharField(max_length=MAX_TEXT, trim_whitespace=False)
    format = serializers.ChoiceField(choices=FORMATS, default="AVRO")
    level = serializers.ChoiceField(choices=LEVELS, default="BACKWARD")
    policy = serializers.ChoiceField(choices=["STRICT", "LENIENT"], default="STRICT")


class RecordsIn(Strict):
    records = serializers.ListField(child=serializers.JSONField(), max_length=MAX_RECORDS)
