"""Resource groups by REST, in GitLab's shape."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from idp.common.inputs import Strict, inputs
from idp.common.pagination import KeysetPagination
from pipelines.permissions import MANAGE, VIEW
from pipelines.runs import groups
from pipelines.runs.api.serializers import JobRow
from pipelines.runs.models import ResourceGroup
from pipelines.runs.services import grouping
from rbac.api.views import AccessAPIView


class GroupRow(serializers.ModelSerializer):
    """A resource group and its mode."""

    project = serializers.CharField(source="project.name")

    class Meta:
        model = ResourceGroup
        fields: tuple[str, ...] = (
            "id", "project", "key", "process_mode", "created_at", "updated_at",
        )  # fmt: skip


class GroupOut(serializers.Serializer):
    """A resource group with the job that has it and those that wait, the next first."""

    id = serializers.IntegerField(source="group.pk")
    project = serializers.CharField(source="group.project.name")
    key = serializers.CharField(source="group.key")
    process_mode = serializers.ChoiceField(grouping.Mode.choices, source="group.process_mode")
    created_at = serializers.DateTimeField(source="group.created_at")
    updated_at = serializers.DateTimeField(source="group.updated_at")
    holder = JobRow(allow_null=True)
    upcoming_jobs = JobRow(many=True, source="waiting")


class GroupIn(Strict):
    """What can be changed."""

    process_mode = serializers.CharField(
        max_length=40, help_text="unordered, oldest_first, newest_first or newest_ready_first"
    )


class ByKey(KeysetPagination):
    ordering = "key"


class GroupsAPI(AccessAPIView, ListAPIView):
    """Resource groups of a project, by key; a job that asks for one first makes it."""

    permission = VIEW
    serializer_class = GroupRow
    filter_backends = ()
    pagination_class = ByKey
    queryset = ResourceGroup.objects.none()

    def get_queryset(self) -> QuerySet[ResourceGroup]:
        return groups.of_project(self.actor, self.kwargs["name"])

    @extend_schema(
        operation_id="resource_groups_list",
        parameters=[OpenApiParameter("name", str, OpenApiParameter.PATH)],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


class GroupAPI(AccessAPIView):
    """One resource group; PUT changes who is next."""

    permissions: ClassVar[dict[str, str]] = {"GET": VIEW, "PUT": MANAGE}

    @extend_schema(operation_id="resource_groups_get", responses=GroupOut)
    def get(self, request: Request, name: str, key: str) -> Response:
        return Response(GroupOut(groups.one(self.actor, name, key)).data)

    @extend_schema(operation_id="resource_groups_change", request=GroupIn, responses=GroupOut)
    def put(self, request: Request, name: str, key: str) -> Response:
        row = groups.managed(self.actor, project__name=name, key=key)
        given = inputs(GroupIn, request)
        grouping.set_mode(self.actor, row.project, row.key, given["process_mode"])
        return Response(GroupOut(groups.one(self.actor, name, key)).data)
