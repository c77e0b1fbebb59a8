"""What REST takes and says of bundles and deployments; no business logic."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from idp.common.inputs import Strict
from pipelines.deploys.addresses import api_of, page_of
from pipelines.deploys.content import MAX_IMAGE, MAX_VALUE
from pipelines.deploys.models import Bundle, Deployment

_MAX_MESSAGE = 2000


class BundleIn(Strict):
    """A version to promote; the same content of the same commit is the same bundle."""

    project = serializers.CharField(max_length=63)
    ref = serializers.CharField(
        max_length=255,
        required=False,
        allow_blank=True,
        help_text="A branch or tag, main without one; a running job's own commit is known",
    )
    images = serializers.DictField(
        child=serializers.CharField(max_length=MAX_IMAGE),
        help_text="By workload, each pinned: registry/name:tag@sha256:…",
    )
    variables = serializers.DictField(
        child=serializers.DictField(
            child=serializers.CharField(max_length=MAX_VALUE, allow_blank=True)
        ),
        required=False,
        help_text="By workload, added to what the environment has; never a secret",
    )
    schemas: Any = serializers.JSONField(
        required=False,
        allow_null=True,
        help_text="produces, consumes and reads, as in environment.yaml; null leaves what is there",
    )
    migrations = serializers.DictField(
        child=serializers.IntegerField(min_value=1),
        required=False,
        help_text="The declared version that each database needs, by project/name",
    )


class BundleOut(serializers.ModelSerializer):
    """A bundle; nothing of it ever changes."""

    project = serializers.CharField(source="project.name")
    url = serializers.SerializerMethodField()
    page = serializers.SerializerMethodField()
    images = serializers.DictField(source="content.images", child=serializers.CharField())
    variables = serializers.DictField(
        source="content.variables", child=serializers.DictField(child=serializers.CharField())
    )
    schemas: Any = serializers.JSONField(source="content.schemas", allow_null=True)
    migrations = serializers.DictField(
        source="content.migrations", child=serializers.IntegerField()
    )
    actor = serializers.CharField(source="actor_label", help_text="Who made it")

    class Meta:
        model = Bundle
        fields = (
            "id", "url", "page", "project", "number", "digest", "sha", "ref", "protected", "title",
            "author", "committed_at", "images", "variables", "schemas", "migrations", "pipeline",
            "actor", "created_at",
        )  # fmt: skip

    def get_url(self, row: Bundle) -> str:
        return api_of(row)

    def get_page(self, row: Bundle) -> str:
        return page_of(row)


class PromoteIn(Strict):
    """Where to bring it."""

    environment = serializers.CharField(max_length=63, help_text="Its name in the project")
    message = serializers.CharField(max_length=_MAX_MESSAGE, required=False, allow_blank=True)
    confirm = serializers.BooleanField(
        required=False,
        default=True,
        help_text="Whether somebody confirms the plan first; false lets it go when its gates pass",
    )


class DeploymentOut(serializers.ModelSerializer):
    """A bundle brought to an environment; `state` is its change's."""

    project = serializers.CharField(source="environment.project.name")
    environment = serializers.CharField(source="environment.name")
    tier = serializers.CharField(source="environment.tier")
    bundle = serializers.IntegerField(source="bundle.number", help_text="Its number in the project")
    bundle_url = serializers.SerializerMethodField()
    commit = serializers.CharField(source="bundle.sha")
    author = serializers.CharField(source="bundle.author")
    actor = serializers.CharField(source="change.actor_label", help_text="Who asked for it")
    state = serializers.CharField(source="change.state")
    reason = serializers.CharField(source="change.reason")
    change = serializers.IntegerField(source="change_id")
    job = serializers.IntegerField(source="job_id", allow_null=True)
    finished_at = serializers.DateTimeField(source="change.finished_at", allow_null=True)
    lead_seconds = serializers.FloatField(
        allow_null=True, help_text="From the commit to the healthy end; null before it"
    )

    class Meta:
        model = Deployment
        fields = (
            "id", "project", "environment", "tier", "bundle", "bundle_url", "commit", "author",
            "actor", "state", "reason", "change", "job", "created_at", "finished_at",
            "lead_seconds",
        )  # fmt: skip

    def get_bundle_url(self, row: Deployment) -> str:
        return api_of(row.bundle)
