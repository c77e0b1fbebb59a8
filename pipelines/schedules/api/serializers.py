"""What REST says and takes of schedules; no business logic."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from idp.common.inputs import Strict
from pipelines.runs.api.serializers import PipelineRow
from pipelines.runs.services.starting import MAX_VALUE
from pipelines.schedules import cron as crons
from pipelines.schedules import selectors
from pipelines.schedules.models import MAX_DESCRIPTION, MAX_REF, Schedule


class ScheduleRow(serializers.ModelSerializer):
    """A schedule in a list; `problem` says why nothing ran when its time last came."""

    url = serializers.SerializerMethodField()
    page = serializers.SerializerMethodField()
    project = serializers.CharField(source="project.name")
    owner = serializers.SerializerMethodField(help_text="As whom it runs; empty: nobody")
    timing = serializers.SerializerMethodField(help_text="`cron` in English")
    next_run_at = serializers.DateTimeField(allow_null=True, help_text="null: it is off")
    last_pipeline = serializers.SerializerMethodField()
    problem = serializers.SerializerMethodField(help_text="Empty where something ran")

    class Meta:
        model = Schedule
        fields: tuple[str, ...] = (
            "id", "url", "page", "project", "description", "cron", "timing", "timezone", "ref",
            "active", "owner", "next_run_at", "ran_at", "last_pipeline", "problem", "created_at",
            "changed_at",
        )  # fmt: skip

    def get_url(self, row: Schedule) -> str:
        return reverse("pipeline-schedule", args=[row.pk])

    def get_page(self, row: Schedule) -> str:
        return reverse("pipelines:schedule", args=[row.pk])

    def get_owner(self, row: Schedule) -> str:
        return row.owner.username if row.owner else ""

    def get_timing(self, row: Schedule) -> str:
        return crons.words(row.cron)

    @extend_schema_field(PipelineRow(allow_null=True))
    def get_last_pipeline(self, row: Schedule) -> Any:
        return PipelineRow(row.last_pipeline).data if row.last_pipeline else None

    def get_problem(self, row: Schedule) -> str:
        return selectors.trouble(row)


class ScheduleOut(ScheduleRow):
    """One schedule with its next times; values are told to its owner and to maintainers."""

    next_runs = serializers.SerializerMethodField(
        help_text="The next five, in its time zone, as if it were on"
    )
    variables = serializers.SerializerMethodField(
        help_text="By name; null: a value that you may not read"
    )

    class Meta(ScheduleRow.Meta):
        fields = (*ScheduleRow.Meta.fields, "next_runs", "variables")

    @extend_schema_field(serializers.ListField(child=serializers.DateTimeField()))
    def get_next_runs(self, row: Schedule) -> list[str]:
        times = crons.coming(row.cron, row.timezone, timezone.now())
        return [moment.isoformat() for moment in times]

    @extend_schema_field(serializers.DictField(child=serializers.CharField(allow_null=True)))
    def get_variables(self, row: Schedule) -> dict[str, str | None]:
        told = selectors.edits(self.context["actor"], row)
        return {name: value if told else None for name, value in row.given.items()}


class ScheduleChangeIn(Strict):
    """What can be changed; another person's `ref` or `variables` make you the owner."""

    description = serializers.CharField(max_length=MAX_DESCRIPTION, required=False)
    cron = serializers.CharField(
        max_length=crons.MAX_CRON,
        required=False,
        help_text="Five fields; runs are at least 5 minutes apart",
    )
    timezone = serializers.CharField(
        max_length=crons.MAX_ZONE, required=False, help_text="Of the IANA database; UTC where none"
    )
    ref = serializers.CharField(max_length=MAX_REF, required=False, help_text="A branch or a tag")
    variables = serializers.DictField(
        child=serializers.CharField(max_length=MAX_VALUE, allow_blank=True, trim_whitespace=False),
        required=False,
        help_text="All of them; they win over the file's own",
    )
    active = serializers.BooleanField(required=False)


class ScheduleIn(ScheduleChangeIn):
    project = serializers.CharField(max_length=40)
    description = serializers.CharField(max_length=MAX_DESCRIPTION)
    cron = serializers.CharField(
        max_length=crons.MAX_CRON, help_text="Five fields; runs are at least 5 minutes apart"
    )
    ref = serializers.CharField(max_length=MAX_REF, help_text="A branch or a tag")
