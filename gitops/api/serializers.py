"""Shapes of this app's REST. No credential and no secret value ever goes out."""

from __future__ import annotations

from rest_framework import serializers

from gitops import repositories
from gitops.models import (
    Application,
    CloudAccount,
    Cluster,
    ConfigRepository,
    ManagedObject,
    SecretValue,
)
from rbac.models import Tier


class FindingSerializer(serializers.Serializer):
    check = serializers.CharField()
    ok = serializers.BooleanField()
    message = serializers.CharField()
    fix = serializers.CharField(allow_blank=True)


class _Tiers(serializers.ListField):
    """Empty: every tier."""

    def __init__(self) -> None:
        super().__init__(child=serializers.ChoiceField(Tier.choices), required=False)


class ClusterSerializer(serializers.ModelSerializer):
    environments = serializers.IntegerField(source="used", read_only=True)
    tiers = serializers.ListField(child=serializers.CharField())
    findings = FindingSerializer(source="check_result", many=True)
    simulated = serializers.BooleanField()

    class Meta:
        model = Cluster
        fields = [
            "name",
            "backend",
            "simulated",
            "domain",
            "ingress_class",
            "tls_issuer",
            "oidc_issuer",
            "tiers",
            "active",
            "checked_at",
            "findings",
            "environments",
        ]


class AccountSerializer(serializers.ModelSerializer):
    environments = serializers.IntegerField(source="used", read_only=True)
    tiers = serializers.ListField(child=serializers.CharField())
    findings = FindingSerializer(source="check_result", many=True)

    class Meta:
        model = CloudAccount
        fields = [
            "name",
            "region",
            "role_arn",
            "endpoint_url",
            "simulated",
            "tiers",
            "active",
            "checked_at",
            "findings",
            "environments",
        ]


class ClusterIn(serializers.ModelSerializer):
    """What registers or changes a cluster; credentials that are left out stay as they are."""

    kubeconfig = serializers.CharField(write_only=True, required=False, max_length=100_000)
    pull_secrets = serializers.DictField(
        child=serializers.DictField(child=serializers.CharField()),
        write_only=True,
        required=False,
        help_text="registry → {username, password}",
    )
    tiers = _Tiers()

    class Meta:
        model = Cluster
        fields = [
            "name",
            "backend",
            "kubeconfig",
            "domain",
            "ingress_class",
            "ingress_namespace",
            "tls_issuer",
            "pull_secrets",
            "oidc_provider_arn",
            "oidc_issuer",
            "tiers",
            "active",
        ]


class AccountIn(serializers.ModelSerializer):
    """What registers or changes an account; credentials that are left out stay as they are."""

    credentials = serializers.DictField(
        child=serializers.CharField(),
        write_only=True,
        required=False,
        help_text="access_key_id and secret_access_key; empty: the process's own role",
    )
    tiers = _Tiers()

    class Meta:
        model = CloudAccount
        fields = [
            "name",
            "region",
            "credentials",
            "role_arn",
            "endpoint_url",
            "simulated",
            "tiers",
            "active",
        ]


class RepositorySerializer(serializers.ModelSerializer):
    project = serializers.CharField(source="project.name")
    clone = serializers.SerializerMethodField()

    class Meta:
        model = ConfigRepository
        fields = ["project", "clone", "created_at"]

    def get_clone(self, repo: ConfigRepository) -> str:
        return repositories.clone_address(repo)


class ObjectSerializer(serializers.ModelSerializer):
    outputs = serializers.DictField(child=serializers.CharField())
    status = serializers.DictField()

    class Meta:
        model = ManagedObject
        fields = [
            "target",
            "api_version",
            "kind",
            "namespace",
            "name",
            "logical_name",
            "state",
            "health",
            "health_message",
            "outputs",
            "status",
            "change_id",
            "updated_at",
        ]


class ApplicationSerializer(serializers.ModelSerializer):
    project = serializers.CharField(source="repository.project.name")
    name = serializers.CharField(source="scope.name")
    cluster = serializers.CharField(source="cluster.name")
    account = serializers.CharField(source="account.name", allow_null=True, default=None)

    class Meta:
        model = Application
        fields = [
            "project",
            "name",
            "directory",
            "cluster",
            "account",
            "namespace",
            "sync",
            "health",
            "health_message",
            "synced_commit",
            "synced_tree",
            "observed_at",
        ]


class ApplicationDetailSerializer(ApplicationSerializer):
    objects = ObjectSerializer(source="ordered", many=True)

    class Meta(ApplicationSerializer.Meta):
        fields = [*ApplicationSerializer.Meta.fields, "objects"]


class SecretSerializer(serializers.ModelSerializer):
    reference = serializers.CharField(source="__str__")
    created_by = serializers.CharField(source="created_by.username", allow_null=True, default=None)

    class Meta:
        model = SecretValue
        fields = ["name", "version", "reference", "created_by", "created_at"]


class SecretPut(serializers.Serializer):
    name = serializers.CharField(max_length=120)
    value = serializers.CharField(max_length=64 * 1024, trim_whitespace=False, write_only=True)


class GiveUp(serializers.Serializer):
    confirm = serializers.CharField(max_length=130, help_text="project/environment, once more")
    message = serializers.CharField(max_length=2000, help_text="Why")


class BranchProposal(serializers.Serializer):
    branch = serializers.CharField(max_length=100)
