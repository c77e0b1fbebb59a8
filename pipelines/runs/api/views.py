"""Pipelines by REST: validate, one call of a service or selector, answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from gitops.hosted import selectors as hosted
from idp.changes.api.keyed import HEADER
from idp.common.errors import FieldError, Invalid
from idp.common.idempotency import idempotency_key
from idp.common.inputs import inputs
from idp.common.pagination import KeysetPagination
from pipelines.permissions import RUN, VIEW
from pipelines.runs import selectors
from pipelines.runs.addresses import api_of
from pipelines.runs.api.serializers import AgainIn, JobRow, PipelineIn, PipelineOut, PipelineRow
from pipelines.runs.models import Job, Pipeline
from pipelines.runs.services import acting, again, merging, starting
from portal.permissions import keeper_scope
from rbac.access import require, require_anywhere, visible
from rbac.actors import Actor
from rbac.api.views import AccessAPIView
from rbac.models import Project

FILTERS = [
    OpenApiParameter("q", str, description="Words of the title, reference or name, or a number"),
    OpenApiParameter("project", str, description="Name of the project"),
    OpenApiParameter("ref", str, description="Branch or tag"),
    OpenApiParameter("status", str, enum=Pipeline.Status.values),
    OpenApiParameter("source", str, enum=Pipeline.Source.values, description="What started it"),
    OpenApiParameter("actor", str, description="User name of whoever started it"),
]


def project_of(actor: Actor, name: str) -> Project:
    """The project in which the actor starts a pipeline; `Invalid` where they see none."""
    row = visible(actor, VIEW, Project.objects.filter(name=name.replace("\0", ""))).first()
    if row is None:
        message = f"There is no project “{name[:60]}” that you see."
        fix = "Name one of your projects."
        raise Invalid(message, fix=fix, errors=[FieldError("project", "unknown", message, fix)])
    require(actor, RUN, keeper_scope(row))
    return row


def _known(field: str, value: str, values: Sequence[str]) -> None:
    """Refuse a filter's value that no pipeline can have: an empty list would hide the slip."""
    if value and value not in values:
        message, fix = f"“{value[:60]}” is no {field}.", f"Take one of {', '.join(values)}."
        raise Invalid(message, fix=fix, errors=[FieldError(field, "choice", message, fix)])


def told(row: Pipeline, actor: Actor) -> Any:
    """A pipeline as REST answers it to somebody: what stands around it as far as they see."""
    return PipelineOut(row, context={"actor": actor}).data


class PipelinesAPI(AccessAPIView, ListAPIView):
    """Pipelines that you can see, newest first; POST starts one."""

    permissions: ClassVar[dict[str, str]] = {"GET": VIEW, "POST": RUN}
    serializer_class = PipelineRow
    filter_backends = ()
    queryset = Pipeline.objects.none()

    def get_queryset(self) -> QuerySet[Pipeline]:
        filters = selectors.Filters.read(self.request.query_params.dict())
        _known("status", filters.status, Pipeline.Status.values)
        _known("source", filters.source, Pipeline.Source.values)
        return selectors.pipelines(self.actor, filters).order_by("-id")

    @extend_schema(operation_id="pipelines_list", parameters=FILTERS)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="pipelines_start",
        request=PipelineIn,
        parameters=[HEADER],
        responses={202: PipelineOut},
        examples=[
            OpenApiExample(
                "start",
                request_only=True,
                value={"project": "orders", "ref": "main", "variables": {"DEPLOY": "yes"}},
            )
        ],
    )
    def post(self, request: Request) -> Response:
        require_anywhere(self.actor, RUN)
        key = idempotency_key(request)
        given = PipelineIn(data=request.data if request.data is not None else {})
        given.is_valid(raise_exception=True)
        data = given.validated_data
        row = starting.start(
            self.actor,
            project_of(self.actor, data["project"]),
            data["ref"],
            source=Pipeline.Source.API,
            variables=data.get("variables"),
            inputs=data.get("inputs", {}),
            key=key,
        )
        headers = {"Location": api_of(row)}
        return Response(told(row, self.actor), status=status.HTTP_202_ACCEPTED, headers=headers)


class RequestPipelinesAPI(AccessAPIView):
    """Start a pipeline of a merge request; a fork's gets no variable of yours."""

    permission = RUN

    @extend_schema(
        operation_id="merge_requests_run",
        request=None,
        parameters=[HEADER],
        responses={202: PipelineOut},
    )
    def post(self, request: Request, project: str, number: int) -> Response:
        found = hosted.request(self.actor, project, number)
        self.require(keeper_scope(found.project))
        row = merging.start(self.actor, found, key=idempotency_key(request))
        headers = {"Location": api_of(row)}
        return Response(told(row, self.actor), status=status.HTTP_202_ACCEPTED, headers=headers)


class PipelineView(AccessAPIView):
    """Base of what is about one pipeline, by its number in the whole installation."""

    permission = VIEW

    def pipeline(self) -> Pipeline:
        row = selectors.pipeline(self.actor, self.kwargs["pk"])
        if self.permission_for(self.request.method or "GET") == RUN:
            self.require(keeper_scope(row.project))
        return row


class PipelineAPI(PipelineView):
    """One pipeline, with what is wrong with its file and the jobs that are not in it."""

    @extend_schema(operation_id="pipelines_get", responses=PipelineOut)
    def get(self, request: Request, pk: int) -> Response:
        return Response(told(self.pipeline(), self.actor))


class CancelAPI(PipelineView):
    """End a pipeline: what runs is asked to end, and nothing else begins."""

    permission = RUN

    @extend_schema(operation_id="pipelines_cancel", request=None, responses=PipelineOut)
    def post(self, request: Request, pk: int) -> Response:
        row = acting.cancel(self.actor, self.pipeline().pk)
        return Response(told(row, self.actor))


class RetryAPI(PipelineView):
    """Run all failed and cancelled jobs again, and decide anew what was skipped behind them."""

    permission = RUN

    @extend_schema(operation_id="pipelines_retry", request=None, responses=PipelineOut)
    def post(self, request: Request, pk: int) -> Response:
        row = acting.retry_failed(self.actor, self.pipeline().pk)
        return Response(told(row, self.actor))


class AgainAPI(PipelineView):
    """Run the whole pipeline once more as a new one, at its commit or at the newest of its ref."""

    permission = RUN

    @extend_schema(
        operation_id="pipelines_again",
        request=AgainIn,
        parameters=[HEADER],
        responses={202: PipelineOut},
    )
    def post(self, request: Request, pk: int) -> Response:
        row = self.pipeline()
        key = idempotency_key(request)
        configuration = inputs(AgainIn, request)["configuration"]
        source = Pipeline.Source.API
        made = again.again(self.actor, row, configuration, source=source, key=key)
        headers = {"Location": api_of(made)}
        return Response(told(made, self.actor), status=status.HTTP_202_ACCEPTED, headers=headers)


class InFileOrder(KeysetPagination):
    ordering = "position"
    page_size = 100


class JobsAPI(PipelineView, ListAPIView):
    """The jobs of a pipeline, in the order of its file."""

    serializer_class = JobRow
    filter_backends = ()
    pagination_class = InFileOrder
    queryset = Job.objects.none()

    def get_queryset(self) -> QuerySet[Job]:
        return selectors.jobs(self.pipeline())

    @extend_schema(operation_id="pipelines_jobs")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)
