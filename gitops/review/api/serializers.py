"""Shapes of merge requests in own repositories by REST; the row is the one of a host's."""

from __future__ import annotations

from rest_framework import serializers

from gitops.hosted.api.serializers import HostedMergeRequestSerializer
from gitops.models import HostedMergeRequest, RequestApproval, RequestComment
from gitops.review import services
from gitops.review.addresses import page_of
from gitops.review.merging import METHODS
from idp.common.addresses import whole
from idp.common.inputs import Strict


class OwnMergeRequestSerializer(HostedMergeRequestSerializer):
    url = serializers.SerializerMethodField()

    class Meta(HostedMergeRequestSerializer.Meta):
        fields = [
            *HostedMergeRequestSerializer.Meta.fields,
            "description",
            "target_sha",
            "result_sha",
            "ended_by",
        ]

    def get_url(self, row: HostedMergeRequest) -> str:
        return whole(page_of(row))


class OwnMergeRequestIn(Strict):
    source_branch = serializers.CharField(max_length=255)
    target_branch = serializers.CharField(max_length=255, default="main")
    title = serializers.CharField(max_length=services.MAX_TITLE)
    description = serializers.CharField(
        max_length=services.MAX_DESCRIPTION, required=False, allow_blank=True
    )


class OwnMergeIn(Strict):
    sha = serializers.CharField(max_length=40, help_text="Merge only while this is its head")
    method = serializers.ChoiceField([(one, one) for one in METHODS], default=METHODS[0])
    delete_source = serializers.BooleanField(
        default=False, help_text="Remove the source branch once it is merged"
    )


class MergedSerializer(OwnMergeRequestSerializer):
    lines = serializers.ListField(
        child=serializers.CharField(), help_text="What followed, as a push would be told"
    )

    class Meta(OwnMergeRequestSerializer.Meta):
        fields = [*OwnMergeRequestSerializer.Meta.fields, "lines"]


class RequestStateIn(Strict):
    state_event = serializers.ChoiceField([("close", "close"), ("reopen", "reopen")])


class RequestCommentSerializer(serializers.ModelSerializer):
    author = serializers.CharField(source="author.username", default=None, allow_null=True)

    class Meta:
        model = RequestComment
        fields = ["id", "author", "body", "at"]


class RequestCommentIn(Strict):
    body = serializers.CharField(max_length=services.MAX_COMMENT, help_text="Plain text")


class RequestApprovalSerializer(serializers.ModelSerializer):
    person = serializers.CharField(source="person.username")

    class Meta:
        model = RequestApproval
        fields = ["person", "sha", "at"]


class RequestApprovalIn(Strict):
    sha = serializers.CharField(max_length=40, help_text="The head that you looked at")
