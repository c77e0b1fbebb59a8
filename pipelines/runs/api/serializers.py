"""What REST says and takes of pipelines; no business logic."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from idp.common.inputs import Strict
from pipelines.downstream import selectors as downstream
from pipelines.downstream.selectors import Linked
from pipelines.runs.addresses import api_of, page_of
from pipelines.runs.models import Artifact, Attempt, Job, Pipeline
from pipelines.runs.services.again import Configuration
from pipelines.runs.services.starting import MAX_VALUE

_WHY = "why it has this status, in words"


class PipelineRow(serializers.ModelSerializer):
    """A pipeline in a list; `number` counts in its project."""

    project = serializers.CharField(source="project.name")
    actor = serializers.CharField(source="actor_label", help_text="Who started it")
    status = serializers.CharField(help_text=", ".join(Pipeline.Status.values))
    source: Any = serializers.CharField(help_text=", ".join(Pipeline.Source.values))
    url = serializers.SerializerMethodField()
    page = serializers.SerializerMethodField()

    class Meta:
        model = Pipeline
        fields: tuple[str, ...] = (
            "id", "url", "page", "project", "number", "name", "status", "reason", "source", "ref",
            "is_tag", "sha", "title", "author", "actor", "created_at", "started_at", "finished_at",
        )  # fmt: skip

    def get_url(self, row: Pipeline) -> str:
        return api_of(row)

    def get_page(self, row: Pipeline) -> str:
        return page_of(row)


class LinkedOut(serializers.Serializer):
    """A pipeline above or below; of one that you do not see, only that it is there."""

    job = serializers.SerializerMethodField(help_text="The trigger job")
    run = serializers.IntegerField(help_text="Which of the job's runs started it")
    pipeline = serializers.CharField(source="api", help_text="Its address; empty: not yours to see")
    status = serializers.CharField()
    child = serializers.BooleanField(help_text="Of the same project, by `trigger: include`")

    def get_job(self, row: Linked) -> str:
        return row.job_api


class PipelineOut(PipelineRow):
    """One pipeline, with what is wrong with its file and the jobs that are not in it."""

    upstream = serializers.SerializerMethodField(help_text="What started it, where a job did")
    downstream = serializers.SerializerMethodField(help_text="What its jobs started last")

    stages = serializers.ListField(child=serializers.CharField())
    problems = serializers.ListField(
        child=serializers.CharField(), help_text="Each with file, line and fix"
    )
    not_run = serializers.ListField(
        child=serializers.CharField(),
        help_text="What the file says and nothing acts on, each with file, line and what to do",
    )
    left_out = serializers.DictField(
        child=serializers.CharField(), help_text="Why a job of the file is not in the pipeline"
    )

    class Meta(PipelineRow.Meta):
        fields = (
            *PipelineRow.Meta.fields,
            "upstream",
            "downstream",
            "stages",
            "problems",
            "not_run",
            "left_out",
        )

    @extend_schema_field(LinkedOut(allow_null=True))
    def get_upstream(self, row: Pipeline) -> Any:
        found = downstream.above(self.context["actor"], row)
        return None if found is None else LinkedOut(found).data

    @extend_schema_field(LinkedOut(many=True))
    def get_downstream(self, row: Pipeline) -> Any:
        jobs = row.jobs.filter(triggers=True).only("triggers", "pipeline")
        found = downstream.below(self.context["actor"], jobs, row.project_id)
        return LinkedOut(downstream.newest(found), many=True).data


class AgainIn(Strict):
    """Which `.gitlab-ci.yml` the new pipeline reads."""

    configuration = serializers.CharField(
        default=Configuration.SAME.value, max_length=20, help_text=", ".join(Configuration.values)
    )


class PipelineIn(serializers.Serializer):
    """Start a pipeline for a branch or tag as it is now."""

    project = serializers.CharField(max_length=40)
    ref = serializers.CharField(max_length=255, help_text="A branch or a tag")
    variables = serializers.DictField(
        child=serializers.CharField(max_length=MAX_VALUE, allow_blank=True, trim_whitespace=False),
        required=False,
        help_text="They win over the file's own",
    )
    inputs = serializers.DictField(
        required=False,
        help_text="For `spec:inputs` of the file: a text, number, true or false, or a list each",
    )


class JobRow(serializers.ModelSerializer):
    """A job; `needs` is null where it waits for all earlier stages."""

    url = serializers.SerializerMethodField()
    page = serializers.SerializerMethodField()
    status = serializers.CharField(help_text=", ".join(Job.Status.values))
    reason = serializers.CharField(help_text=_WHY)
    needs: Any = serializers.ListField(child=serializers.CharField(), allow_null=True)
    tags = serializers.ListField(child=serializers.CharField())
    manual_confirmation: Any = serializers.CharField(
        help_text="The question to answer before the job is started by hand; empty for none"
    )
    attempts = serializers.IntegerField(source="runs", help_text="So far")

    class Meta:
        model = Job
        fields: tuple[str, ...] = (
            "id", "url", "page", "name", "stage", "status", "reason", "failure", "when",
            "manual_confirmation", "allow_failure", "allowed", "needs", "resource_group",
            "environment", "tags", "exposed_as", "coverage", "attempts", "started_by", "start_at",
            "started_at", "finished_at",
        )  # fmt: skip

    def get_url(self, row: Job) -> str:
        return api_of(row)

    def get_page(self, row: Job) -> str:
        return page_of(row)


class AttemptOut(serializers.ModelSerializer):
    """One try to run the job."""

    status = serializers.CharField(help_text=", ".join(Attempt.Status.values))

    class Meta:
        model = Attempt
        fields = (
            "number", "status", "failure", "message", "exit_code", "coverage", "log_size",
            "log_dropped", "created_at", "started_at", "finished_at",
        )  # fmt: skip


class JobOut(JobRow):
    """One job with its newest attempts, and why it is in the pipeline."""

    pipeline = serializers.SerializerMethodField()
    because = serializers.SerializerMethodField(help_text="The rule that put it in, and its line")
    tried = serializers.SerializerMethodField(help_text="The newest attempts, newest first")
    downstream = serializers.SerializerMethodField(
        help_text="The pipelines that a trigger job started, newest first"
    )

    class Meta(JobRow.Meta):
        fields = (*JobRow.Meta.fields, "pipeline", "because", "tried", "downstream")

    def get_pipeline(self, row: Job) -> str:
        return api_of(row.pipeline)

    @extend_schema_field(serializers.DictField(child=serializers.CharField()))
    def get_because(self, row: Job) -> dict[str, str]:
        return dict(row.explanation)

    @extend_schema_field(AttemptOut(many=True))
    def get_tried(self, row: Job) -> Any:
        return AttemptOut(self.context.get("attempts", ()), many=True).data

    @extend_schema_field(LinkedOut(many=True))
    def get_downstream(self, row: Job) -> Any:
        found = downstream.below(self.context["actor"], [row], row.pipeline.project_id)
        return LinkedOut(found, many=True).data


class ArtifactOut(serializers.ModelSerializer):
    """What an attempt left; `access` says who may have it."""

    attempt = serializers.IntegerField(source="attempt.number")
    download = serializers.SerializerMethodField()

    class Meta:
        model = Artifact
        fields = (
            "kind", "name", "size", "entries", "access", "digest", "expires_at", "created_at",
            "attempt", "download",
        )  # fmt: skip

    def get_download(self, row: Artifact) -> str:
        job = row.attempt.job
        return f"{api_of(job)}artifacts/{row.kind}/?attempt={row.attempt.number}"
