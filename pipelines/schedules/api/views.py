"""Schedules by REST: validate, one call of a service or selector, answer."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from idp.changes.api.keyed import HEADER
from idp.common.idempotency import idempotency_key
from idp.common.inputs import inputs
from pipelines.permissions import MANAGE, RUN, VIEW
from pipelines.runs.addresses import api_of
from pipelines.runs.api.serializers import PipelineOut
from pipelines.runs.api.views import project_of, told
from pipelines.schedules import selectors, services
from pipelines.schedules.api.serializers import (
    ScheduleChangeIn,
    ScheduleIn,
    ScheduleOut,
    ScheduleRow,
)
from pipelines.schedules.models import Schedule
from portal.permissions import keeper_scope
from rbac.access import require_anywhere
from rbac.api.views import AccessAPIView

FILTERS = [
    OpenApiParameter("project", str, description="Name of the project"),
    OpenApiParameter("active", str, enum=list(selectors.ACTIVE), description="On or off"),
]


class ScheduleView(AccessAPIView):
    """Base of what is about schedules."""

    def shown(self, row: Schedule) -> Any:
        return ScheduleOut(row, context={"actor": self.actor}).data


class SchedulesAPI(ScheduleView, ListAPIView):
    """Schedules of pipelines that you can see, newest first; POST makes one, which you own."""

    permissions: ClassVar[dict[str, str]] = {"GET": VIEW, "POST": RUN}
    serializer_class = ScheduleRow
    filter_backends = ()
    queryset = Schedule.objects.none()

    def get_queryset(self) -> QuerySet[Schedule]:
        filters = selectors.Filters.read(self.request.query_params.dict())
        return selectors.schedules(self.actor, filters).order_by("-id")

    @extend_schema(operation_id="pipeline_schedules_list", parameters=FILTERS)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="pipeline_schedules_add",
        request=ScheduleIn,
        responses={201: ScheduleOut},
        examples=[
            OpenApiExample(
                "nightly",
                request_only=True,
                value={
                    "project": "orders",
                    "description": "Nightly tests",
                    "cron": "0 3 * * 1-5",
                    "timezone": "Europe/Berlin",
                    "ref": "main",
                    "variables": {"SUITE": "full"},
                },
            )
        ],
    )
    def post(self, request: Request) -> Response:
        require_anywhere(self.actor, RUN)
        given = inputs(ScheduleIn, request)
        project = project_of(self.actor, given.pop("project"))
        row = services.create(self.actor, project, **given)
        made = self.shown(selectors.schedule(self.actor, row.pk))
        headers = {"Location": made["url"]}
        return Response(made, status=status.HTTP_201_CREATED, headers=headers)


class ScheduleAPI(ScheduleView):
    """One schedule; its owner and maintainers PATCH and DELETE it."""

    permission = MANAGE  # or owning it
    permissions: ClassVar[dict[str, str]] = {"GET": VIEW}

    @extend_schema(operation_id="pipeline_schedules_get", responses=ScheduleOut)
    def get(self, request: Request, pk: int) -> Response:
        return Response(self.shown(selectors.schedule(self.actor, pk)))

    @extend_schema(
        operation_id="pipeline_schedules_change", request=ScheduleChangeIn, responses=ScheduleOut
    )
    def patch(self, request: Request, pk: int) -> Response:
        services.permit(self.actor, selectors.schedule(self.actor, pk))
        services.update(self.actor, pk, **inputs(ScheduleChangeIn, request))
        return Response(self.shown(selectors.schedule(self.actor, pk)))

    @extend_schema(operation_id="pipeline_schedules_remove", responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        services.delete(self.actor, pk)
        return Response(status=status.HTTP_204_NO_CONTENT)


class RunAPI(ScheduleView):
    """Begin its pipeline now, as yourself; when it runs next stays."""

    permission = RUN

    @extend_schema(
        operation_id="pipeline_schedules_run",
        request=None,
        parameters=[HEADER],
        responses={202: PipelineOut},
    )
    def post(self, request: Request, pk: int) -> Response:
        self.require(keeper_scope(selectors.schedule(self.actor, pk).project))
        row = services.run(self.actor, pk, key=idempotency_key(request))
        headers = {"Location": api_of(row)}
        return Response(told(row, self.actor), status=status.HTTP_202_ACCEPTED, headers=headers)


class TakeOwnershipAPI(ScheduleView):
    """Make yourself its owner: it runs with your rights from then on."""

    permission = RUN

    @extend_schema(
        operation_id="pipeline_schedules_take_ownership", request=None, responses=ScheduleOut
    )
    def post(self, request: Request, pk: int) -> Response:
        services.take(self.actor, pk)
        return Response(self.shown(selectors.schedule(self.actor, pk)))
