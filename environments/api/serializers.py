"""What REST says and takes; no business logic."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from environments.models import Blueprint, BlueprintVersion, Environment, Limit
from environments.selectors import WorkloadView
from idp.common.inputs import Strict
from rbac.models import Tier
from schemas.databases.readers import MAX_PATH, MAX_PATHS

MAX_TEXT = 300


class EnvironmentRow(serializers.ModelSerializer):
    """An environment in a list."""

    project = serializers.CharField(source="project.name")
    team = serializers.CharField(source="project.team.name")
    cluster = serializers.CharField(source="application.cluster.name")
    account = serializers.SerializerMethodField()
    health = serializers.CharField(source="application.health")
    sync = serializers.CharField(source="application.sync")
    namespace = serializers.CharField(source="application.namespace")
    blueprint = serializers.CharField(source="blueprint_version.__str__")
    owner: Any = serializers.SlugRelatedField(slug_field="username", read_only=True)
    images = serializers.SerializerMethodField()
    simulated = serializers.BooleanField(source="application.cluster.simulated")
    url = serializers.SerializerMethodField()
    page = serializers.SerializerMethodField()

    class Meta:
        model = Environment
        fields: tuple[str, ...] = (
            "project",
            "name",
            "url",
            "page",
            "tier",
            "state",
            "health",
            "sync",
            "team",
            "owner",
            "cluster",
            "account",
            "simulated",
            "namespace",
            "blueprint",
            "images",
            "address",
            "expires_at",
            "created_at",
            "ready_at",
            "deleted_at",
        )

    def get_account(self, row: Environment) -> str | None:
        account = row.application.account
        return account.name if account else None

    @extend_schema_field(serializers.DictField(child=serializers.CharField()))
    def get_images(self, row: Environment) -> dict[str, str]:
        return {w.name: w.image for w in row.workloads.all()}

    def get_url(self, row: Environment) -> str:
        return f"/api/v1/environments/{row.project.name}/{row.name}/"

    def get_page(self, row: Environment) -> str:
        return reverse("environments:detail", args=[row.project.name, row.name])


class EnvironmentOut(EnvironmentRow):
    """One environment with what its file says; `yaml` is empty before it was made."""

    health_message = serializers.CharField(source="application.health_message")
    parameters = serializers.JSONField()
    commit = serializers.CharField(source="application.synced_commit")
    etag = serializers.SerializerMethodField()
    yaml = serializers.SerializerMethodField()
    permissions = serializers.SerializerMethodField()

    class Meta(EnvironmentRow.Meta):
        fields = (
            *EnvironmentRow.Meta.fields,
            "health_message",
            "parameters",
            "commit",
            "etag",
            "yaml",
            "permissions",
        )

    def get_etag(self, _: Environment) -> str:
        return str(self.context["source"].tree)

    def get_yaml(self, _: Environment) -> str:
        return str(self.context["source"].text)

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_permissions(self, _: Environment) -> list[str]:
        return list(self.context["permissions"])


class CreateIn(Strict):
    project = serializers.SlugField(max_length=40)
    name = serializers.CharField(max_length=MAX_TEXT)
    tier = serializers.ChoiceField(choices=list(Tier.values))
    cluster = serializers.CharField(max_length=40)
    account = serializers.CharField(max_length=40, required=False, allow_blank=True)
    blueprint = serializers.RegexField(
        r"^[a-z][a-z0-9-]*(@[0-9A-Za-z.+-]+)?$",
        max_length=80,
        help_text="name@version; the newest version where none is named",
    )
    parameters = serializers.DictField(required=False)
    resources = serializers.DictField(child=serializers.DictField(), required=False)
    workloads = serializers.DictField(child=serializers.DictField(), required=False)
    schemas = serializers.DictField(
        child=serializers.ListField(child=serializers.DictField()), required=False
    )
    expires_at = serializers.DateTimeField(required=False, allow_null=True)


class ActionIn(Strict):
    """What every action takes."""

    message = serializers.CharField(max_length=2000, required=False, allow_blank=True)
    confirm = serializers.BooleanField(
        required=False, default=True, help_text="false: apply without asking for a confirmation"
    )


class ScaleIn(ActionIn):
    workload = serializers.CharField(max_length=63, required=False, allow_blank=True)
    replicas = serializers.IntegerField(min_value=0, max_value=100, required=False)
    min_replicas = serializers.IntegerField(min_value=1, max_value=100, required=False)
    max_replicas = serializers.IntegerField(min_value=1, max_value=100, required=False)


class ImageIn(ActionIn):
    workload = serializers.CharField(max_length=63, required=False, allow_blank=True)
    image = serializers.CharField(max_length=MAX_TEXT)


class HeldIn(Strict):
    subject = serializers.CharField(max_length=400, help_text="As registry clients write it")
    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1)
    workload = serializers.CharField(max_length=63, required=False)
    component = serializers.CharField(max_length=63, required=False)


class ProducedIn(HeldIn):
    retentionDays = serializers.IntegerField(  # noqa: N815  # the word of environment.yaml
        min_value=0, max_value=3650, required=False, help_text="How long data stays; 7 when empty"
    )


class ReadIn(Strict):
    database = serializers.CharField(max_length=127, help_text="Like orders/main")
    tables = serializers.ListField(
        child=serializers.CharField(max_length=MAX_PATH),
        max_length=MAX_PATHS,
        help_text="Tables or columns: orders, orders.note",
    )
    workload = serializers.CharField(max_length=63, required=False)
    component = serializers.CharField(max_length=63, required=False)


class SchemaSetIn(ActionIn):
    produces = ProducedIn(many=True, required=False, default=list)
    consumes = HeldIn(many=True, required=False, default=list)
    reads = ReadIn(many=True, required=False, default=list)
    workload = serializers.CharField(max_length=63, required=False, allow_blank=True)
    image = serializers.CharField(
        max_length=MAX_TEXT, required=False, help_text="The code that uses them, in one change"
    )


class ConfigSchemaIn(ActionIn):
    """A subject with its version, a JSON Schema itself, or neither to remove it."""

    workload = serializers.CharField(max_length=63, required=False, allow_blank=True)
    subject = serializers.CharField(max_length=400, required=False)
    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1, required=False)
    schema = serializers.DictField(required=False)
    image = serializers.CharField(
        max_length=MAX_TEXT, required=False, help_text="The code that asks for it, in one change"
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("subject" in attrs) != ("version" in attrs):
            message = "A subject and a version are named together."
            raise serializers.ValidationError({"version": message})
        if "subject" in attrs and "schema" in attrs:
            message = "Name a subject, or give a schema: one of the two."
            raise serializers.ValidationError({"schema": message})
        return attrs


class VariablesIn(ActionIn):
    workload = serializers.CharField(max_length=63, required=False, allow_blank=True)
    variables = serializers.DictField(
        child=serializers.CharField(max_length=20_000, allow_blank=True, trim_whitespace=False)
    )


class ComponentIn(ActionIn):
    workload = serializers.CharField(max_length=63, required=False, allow_blank=True)
    component = serializers.CharField(
        max_length=63, allow_blank=True, help_text="a component of the project; empty for none"
    )


class SecretIn(ActionIn):
    workload = serializers.CharField(max_length=63, required=False, allow_blank=True)
    variable = serializers.CharField(max_length=128)
    value = serializers.CharField(max_length=65_536, trim_whitespace=False, write_only=True)
    secret = serializers.CharField(max_length=120, required=False, allow_blank=True)


class RemoveSecretIn(ActionIn):
    workload = serializers.CharField(max_length=63, required=False, allow_blank=True)


class ExtendIn(ActionIn):
    expires_at = serializers.DateTimeField(allow_null=True)


class DeleteIn(ActionIn):
    choices = serializers.DictField(
        child=serializers.ChoiceField(choices=["retain", "purge"]), required=False
    )


class WorkloadOut(serializers.Serializer):
    """A workload with its live facts."""

    name = serializers.CharField(source="workload.name")
    kind = serializers.CharField(source="workload.kind")
    component = serializers.SerializerMethodField()
    image = serializers.CharField(source="workload.image")
    version = serializers.CharField()
    replicas = serializers.IntegerField(source="workload.replicas")
    health = serializers.CharField()
    message = serializers.CharField()
    status = serializers.DictField()

    def get_component(self, row: WorkloadView) -> str | None:
        return row.workload.component.name if row.workload.component else None


class ResourceOut(serializers.Serializer):
    """A resource with the outputs that workloads read."""

    name = serializers.CharField()
    kind = serializers.CharField()
    real_name = serializers.CharField()
    state = serializers.CharField()
    message = serializers.CharField()
    outputs = serializers.DictField(child=serializers.CharField())
    spec = serializers.DictField()


class LogLineOut(serializers.Serializer):
    at = serializers.DateTimeField(allow_null=True)
    pod = serializers.CharField()
    container = serializers.CharField()
    text = serializers.CharField()


class ClusterEventOut(serializers.Serializer):
    at = serializers.DateTimeField()
    type = serializers.CharField()
    reason = serializers.CharField()
    object = serializers.CharField()
    message = serializers.CharField()
    count = serializers.IntegerField()


class BlueprintOut(serializers.ModelSerializer):
    owner: Any = serializers.SlugRelatedField(slug_field="name", read_only=True)
    versions = serializers.SerializerMethodField()

    class Meta:
        model = Blueprint
        fields = ("name", "title", "description", "owner", "builtin", "active", "versions")

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_versions(self, row: Blueprint) -> list[str]:
        return [v.version for v in row.versions.all()]


class VersionOut(serializers.ModelSerializer):
    blueprint = serializers.CharField(source="blueprint.name")

    class Meta:
        model = BlueprintVersion
        fields = (
            "blueprint",
            "version",
            "digest",
            "notes",
            "schema",
            "template",
            "created_at",
            "published_at",
        )


class VersionIn(Strict):
    version = serializers.CharField(max_length=30)
    schema = serializers.DictField()
    template = serializers.CharField(max_length=128_000, trim_whitespace=False)
    title = serializers.CharField(max_length=120, required=False)
    description = serializers.CharField(max_length=2000, required=False)
    notes = serializers.CharField(max_length=2000, required=False, allow_blank=True)
    publish = serializers.BooleanField(required=False, default=False)


class LimitOut(serializers.ModelSerializer):
    scope: Any = serializers.SlugRelatedField(slug_field="label", read_only=True)
    team: Any = serializers.SlugRelatedField(slug_field="name", read_only=True)

    class Meta:
        model = Limit
        fields = (
            "name",
            "scope",
            "team",
            "tier",
            "max_environments",
            "max_lifetime_days",
            "allowed_tiers",
            "cpu",
            "memory",
            "lifted_by",
        )
