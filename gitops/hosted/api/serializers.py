"""Shapes of repositories at git hosts by REST. Token and webhook secret never go out."""

from __future__ import annotations

from rest_framework import serializers

from gitops.hosted.models import HookDelivery, HostConnection, HostedMergeRequest, HostedRepository
from gitops.hosted.services import MAX_SECRET, hook_url
from idp.common.inputs import Strict


class HostFindingSerializer(serializers.Serializer):
    check = serializers.CharField()
    ok = serializers.BooleanField()
    message = serializers.CharField()
    fix = serializers.CharField(allow_blank=True)


class HostedRepositorySerializer(serializers.ModelSerializer):
    project = serializers.CharField(source="project.name")
    kind = serializers.CharField(source="connection.kind")
    base_url = serializers.CharField(source="connection.base_url")
    acts_as = serializers.CharField(source="acts_as.username", default=None, allow_null=True)
    webhook = serializers.SerializerMethodField(help_text="Where the host sends its deliveries")
    findings = HostFindingSerializer(source="check_result", many=True)
    said = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = HostedRepository
        fields = [
            "project",
            "kind",
            "base_url",
            "path",
            "url",
            "default_branch",
            "webhook",
            "acts_as",
            "looked_at",
            "problem",
            "said",
            "refused_at",
            "refused_reason",
            "checked_at",
            "findings",
        ]

    def get_webhook(self, row: HostedRepository) -> str:
        return hook_url(row)


class HostedRepositoryIn(Strict):
    kind = serializers.ChoiceField(HostConnection.Kind.choices)
    base_url = serializers.CharField(max_length=300, help_text="https://git.example.com")
    path = serializers.CharField(max_length=300, help_text="owner/name")
    token = serializers.CharField(
        max_length=MAX_SECRET,
        required=False,
        write_only=True,
        help_text="Left out, the stored one stays; another host needs its own",
    )
    webhook_secret = serializers.CharField(
        max_length=MAX_SECRET,
        required=False,
        write_only=True,
        help_text="Left out, the stored one stays, or one is made",
    )


class HookDeliverySerializer(serializers.ModelSerializer):
    class Meta:
        model = HookDelivery
        fields = ["delivery", "kind", "what", "who", "at", "handled_at"]


class HostedMergeRequestSerializer(serializers.ModelSerializer):
    labels = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = HostedMergeRequest
        fields = [
            "number",
            "title",
            "state",
            "draft",
            "author",
            "source_branch",
            "target_branch",
            "source_repository",
            "fork",
            "sha",
            "merged_sha",
            "unmergeable",
            "labels",
            "url",
            "updated_at",
        ]


class MergeRequestIn(Strict):
    source_branch = serializers.CharField(max_length=255)
    target_branch = serializers.CharField(
        max_length=255, required=False, help_text="Left out: the default branch"
    )
    title = serializers.CharField(max_length=250)
    description = serializers.CharField(max_length=20_000, required=False, allow_blank=True)


class OpenedSerializer(serializers.Serializer):
    number = serializers.IntegerField()
    url = serializers.CharField()


class MergeIn(Strict):
    sha = serializers.CharField(
        max_length=40, required=False, help_text="Merge only while this is its head"
    )
