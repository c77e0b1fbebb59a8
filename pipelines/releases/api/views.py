"""Releases by REST."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from pipelines.permissions import VIEW
from pipelines.releases import selectors
from pipelines.releases.models import Release
from rbac.api.views import AccessAPIView

FILTERS = [
    OpenApiParameter("q", str, description="Words of the tag or name"),
    OpenApiParameter("project", str, description="Name of the project"),
]


class LinkOut(serializers.Serializer):
    """A link of a release."""

    name = serializers.CharField()
    url = serializers.CharField()
    filepath = serializers.CharField(allow_blank=True)
    link_type = serializers.CharField(help_text="other, runbook, package or image")


class ReleaseOut(serializers.ModelSerializer):
    """A release; its description is text, whatever marks stand in it."""

    url = serializers.SerializerMethodField()
    project = serializers.CharField(source="project.name")
    actor = serializers.CharField(source="actor_label", help_text="Who started its pipeline")
    upcoming = serializers.BooleanField(help_text="Whether `released_at` is still to come")
    pipeline = serializers.IntegerField(source="pipeline_id", allow_null=True)
    links = LinkOut(many=True)

    class Meta:
        model = Release
        fields: tuple[str, ...] = (
            "id", "url", "project", "tag", "sha", "name", "description", "links", "released_at",
            "upcoming", "pipeline", "job_name", "actor", "created_at",
        )  # fmt: skip

    def get_url(self, row: Release) -> str:
        return reverse("release", args=[row.pk])


class ReleasesAPI(AccessAPIView, ListAPIView):
    """Releases that you can see, newest first."""

    permission = VIEW
    serializer_class = ReleaseOut
    filter_backends = ()
    queryset = Release.objects.none()

    def get_queryset(self) -> QuerySet[Release]:
        filters = selectors.Filters.read(self.request.query_params.dict())
        return selectors.releases(self.actor, filters).order_by("-id")

    @extend_schema(operation_id="releases_list", parameters=FILTERS)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


class ReleaseAPI(AccessAPIView):
    """One release."""

    permission = VIEW

    @extend_schema(operation_id="releases_get", responses=ReleaseOut)
    def get(self, request: Request, pk: int) -> Response:
        return Response(ReleaseOut(selectors.release(self.actor, pk)).data)
