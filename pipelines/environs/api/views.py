"""Environments of jobs by REST."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from pipelines.environs import selectors
from pipelines.environs.models import JobEnvironment
from pipelines.environs.services import stopping
from pipelines.permissions import RUN, VIEW
from portal.permissions import keeper_scope
from rbac.api.views import AccessAPIView

FILTERS = [
    OpenApiParameter("q", str, description="Words of the name"),
    OpenApiParameter("project", str, description="Name of the project"),
    OpenApiParameter("state", str, enum=JobEnvironment.State.values),
]


class JobEnvironmentOut(serializers.ModelSerializer):
    """An environment as jobs name it, by the last job that started it."""

    project = serializers.CharField(source="project.name")
    address = serializers.SerializerMethodField()
    state = serializers.CharField(help_text=", ".join(JobEnvironment.State.values))
    url = serializers.CharField(help_text="`environment:url`, dotenv reports put in")
    job = serializers.IntegerField(source="job_id", allow_null=True)
    problem = serializers.CharField(help_text="Why it did not expire or stop as the file says")

    class Meta:
        model = JobEnvironment
        fields: tuple[str, ...] = (
            "id", "address", "project", "name", "tier", "state", "url", "job", "on_stop",
            "auto_stop_at", "problem", "created_at", "updated_at",
        )  # fmt: skip

    def get_address(self, row: JobEnvironment) -> str:
        return reverse("job-environment", args=[row.pk])


class EnvironmentsAPI(AccessAPIView, ListAPIView):
    """Environments that jobs started, newest first."""

    permission = VIEW
    serializer_class = JobEnvironmentOut
    filter_backends = ()
    queryset = JobEnvironment.objects.none()

    def get_queryset(self) -> QuerySet[JobEnvironment]:
        filters = selectors.Filters.read(self.request.query_params.dict())
        return selectors.environments(self.actor, filters).order_by("-id")

    @extend_schema(operation_id="job_environments_list", parameters=FILTERS)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


class EnvironmentAPI(AccessAPIView):
    """One environment of jobs."""

    permission = VIEW

    @extend_schema(operation_id="job_environments_get", responses=JobEnvironmentOut)
    def get(self, request: Request, pk: int) -> Response:
        return Response(JobEnvironmentOut(selectors.environment(self.actor, pk)).data)


class StopAPI(AccessAPIView):
    """Start the job that `on_stop` names; an environment without any is stopped at once."""

    permission = RUN

    @extend_schema(operation_id="job_environments_stop", request=None, responses=JobEnvironmentOut)
    def post(self, request: Request, pk: int) -> Response:
        row = selectors.environment(self.actor, pk)
        self.require(keeper_scope(row.project))
        stopping.stop(self.actor, row)
        return Response(JobEnvironmentOut(selectors.environment(self.actor, pk)).data)
