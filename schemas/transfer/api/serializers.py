"""What REST says of imports and takes; no business logic."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from rest_framework import serializers

from idp.common.inputs import Strict
from idp.common.names import MAX_NAME
from schemas.backends.peer import MAX_URL
from schemas.transfer import selectors, services
from schemas.transfer.models import ImportRun, ImportVersion

# -- out ----------------------------------------------------------------------------------------


class ImportCountsOut(serializers.Serializer):
    subjects = serializers.IntegerField()
    versions = serializers.IntegerField()
    outcomes: Any = serializers.DictField(
        child=serializers.IntegerField(), help_text="Versions by outcome"
    )
    deleted = serializers.IntegerField(help_text="Versions that are deleted in the source")
    collisions = serializers.IntegerField()
    colliding = serializers.ListField(
        child=serializers.IntegerField(), help_text="The first ids that collide"
    )
    sentence = serializers.CharField()


class ImportRow(serializers.ModelSerializer):
    """An import in a list; no password."""

    project = serializers.CharField(source="project.name")
    state = serializers.CharField(help_text="reading, ready, importing, done, failed or cancelled")
    kind = serializers.CharField(help_text="registry or archive")
    started_by = serializers.CharField(source="actor_label")
    url = serializers.SerializerMethodField()
    page = serializers.SerializerMethodField()

    class Meta:
        model = ImportRun
        fields: tuple[str, ...] = (
            "id",
            "project",
            "kind",
            "source",
            "state",
            "reason",
            "fix",
            "started_by",
            "url",
            "page",
            "created_at",
            "started_at",
            "finished_at",
        )

    def get_url(self, row: ImportRun) -> str:
        return reverse("schema-import", args=[row.pk])

    def get_page(self, row: ImportRun) -> str:
        return reverse("schemas:import", args=[row.pk])


class ImportRuleOut(serializers.Serializer):
    prefix = serializers.CharField()
    project = serializers.CharField()


class ImportOut(ImportRow):
    """An import with what it found, and what came of it."""

    rules = ImportRuleOut(many=True)
    notes = serializers.ListField(child=serializers.CharField())
    counts = serializers.SerializerMethodField()

    class Meta(ImportRow.Meta):
        fields = (
            *ImportRow.Meta.fields,
            "prefix",
            "into",
            "deleted",
            "with_settings",
            "rules",
            "notes",
            "counts",
        )

    def get_counts(self, row: ImportRun) -> ImportCountsOut:
        return ImportCountsOut(selectors.summary(row)).data  # type: ignore[return-value]  # for the document's type


class ImportVersionOut(serializers.ModelSerializer):
    """A version that was found, and what came of it."""

    source: Any = serializers.CharField(
        source="subject.source", help_text="The subject's name there"
    )
    subject: Any = serializers.SerializerMethodField(help_text="The subject's name here")
    project = serializers.CharField(source="subject.project.name")
    version = serializers.IntegerField(source="number")
    schema_id = serializers.IntegerField()
    outcome = serializers.CharField(help_text="found, ready, there, taken or refused")

    class Meta:
        model = ImportVersion
        fields = (
            "source",
            "subject",
            "project",
            "version",
            "schema_id",
            "format",
            "deleted",
            "outcome",
            "reason",
        )

    def get_subject(self, row: ImportVersion) -> str:
        return selectors.name_here(row)


# -- in -----------------------------------------------------------------------------------------


class ImportRuleIn(Strict):
    prefix = serializers.CharField(
        max_length=services.MAX_PREFIX, help_text="How the subject's name begins in the source"
    )
    project = serializers.CharField(max_length=MAX_NAME)


class ImportOptionsIn(Strict):
    """What imports from registries and archives have in common."""

    project = serializers.CharField(
        max_length=MAX_NAME, help_text="Gets the subjects that no rule sends elsewhere"
    )
    rules = ImportRuleIn(many=True, required=False)
    prefix = serializers.CharField(
        max_length=services.MAX_PREFIX,
        required=False,
        allow_blank=True,
        help_text="Only subjects that begin so: orders-, or :.ctx: for a context",
    )
    into = serializers.CharField(
        max_length=100,
        required=False,
        allow_blank=True,
        help_text="The context here that the source's default one becomes",
    )
    deleted = serializers.BooleanField(required=False, help_text="Deleted versions too")
    with_settings = serializers.BooleanField(
        required=False, help_text="Compatibility and modes of subjects, contexts and the registry"
    )


class ImportIn(ImportOptionsIn):
    registry = serializers.CharField(
        max_length=MAX_URL, help_text="What clients have as schema.registry.url"
    )
    user_name = serializers.CharField(max_length=200, required=False, allow_blank=True)
    secret = serializers.CharField(
        max_length=services.MAX_SECRET,
        required=False,
        allow_blank=True,
        write_only=True,
        help_text="The password; without a user name, a bearer token",
    )


class ImportActionIn(Strict):
    action = serializers.ChoiceField(choices=["confirm", "look-again", "cancel"])
