"""Commits, tests, coverage and splits by REST: one call of a selector or service each."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from idp.common.errors import Invalid
from pipelines.permissions import QUARANTINE, VIEW
from pipelines.reports import selectors, services, shares, trends
from pipelines.reports.api.serializers import (
    CommitOut,
    HistoryOut,
    QuarantineIn,
    QuarantineOut,
    SplitIn,
    SuiteShareOut,
    TestOut,
    TrendOut,
)
from pipelines.reports.formats.base import whole_number
from pipelines.reports.models import TestCase
from pipelines.reports.selectors import STATES, Filters
from rbac.api.views import AccessAPIView
from rbac.auditlog import moment

FILTERS = [
    OpenApiParameter("q", str, description="Words of its name, class or file"),
    OpenApiParameter("state", str, enum=STATES),
    OpenApiParameter("project", str),
    OpenApiParameter("component", str),
    OpenApiParameter("owner", str, description="Name of the owning team"),
]
SPLIT = [
    OpenApiParameter("index", int, required=True, description="This machine’s number, from 1"),
    OpenApiParameter("total", int, required=True, description="How many machines"),
    OpenApiParameter("component", str),
    OpenApiParameter(
        "before",
        datetime,
        description="By what was known then; all machines of a run name the same",
    ),
]


class CommitAPI(AccessAPIView):
    """What is known of a commit beside its target branch."""

    permission = VIEW

    @extend_schema(operation_id="commits_get", responses=CommitOut)
    def get(self, request: Request, name: str, commit: str) -> Response:
        found = selectors.project(self.actor, name)
        return Response(CommitOut(selectors.comparison(self.actor, found, commit)).data)


class CoverageAPI(AccessAPIView):
    """The trend of a project's coverage on its target branch, by component."""

    permission = VIEW

    @extend_schema(operation_id="coverage_trends", responses=TrendOut(many=True))
    def get(self, request: Request, name: str) -> Response:
        found = selectors.project(self.actor, name)
        return Response(TrendOut(trends.trends(self.actor, of=found), many=True).data)


class SplitAPI(AccessAPIView):
    """What one of several machines runs of a suite, balanced by how long its parts took.

    GET splits what the target branch's last commit ran; POST splits the parts that it is given.
    """

    permission = VIEW

    @extend_schema(operation_id="tests_split", parameters=SPLIT, responses=SuiteShareOut)
    def get(self, request: Request, name: str) -> Response:
        return self._share(request, name, [])

    @extend_schema(
        operation_id="tests_split_parts", parameters=SPLIT, request=SplitIn, responses=SuiteShareOut
    )
    def post(self, request: Request, name: str) -> Response:
        selectors.project(self.actor, name)
        given = SplitIn(data=request.data)
        given.is_valid(raise_exception=True)
        return self._share(request, name, given.validated_data["parts"])

    def _share(self, request: Request, name: str, wanted: list[str]) -> Response:
        found = selectors.project(self.actor, name)
        query = request.query_params
        before = query.get("before", "")
        share = shares.share(
            found,
            index=whole_number(query.get("index")),
            total=whole_number(query.get("total")),
            component=query.get("component", "").replace("\0", ""),
            wanted=wanted,
            before=moment(before, "before") if before else None,
        )
        return Response(SuiteShareOut(share).data)


class TestsAPI(AccessAPIView, ListAPIView):
    """Tests that you see, newest first."""

    permission = VIEW
    serializer_class = TestOut
    filter_backends = ()
    queryset = TestCase.objects.none()

    def get_queryset(self) -> QuerySet[TestCase]:
        filters = Filters.read(self.request.query_params.dict())
        if filters.state and filters.state not in STATES:
            raise Invalid("There is no such state.", fix=f"Use {', '.join(STATES)}.")
        return selectors.tests(self.actor, filters).order_by("-id")

    @extend_schema(operation_id="tests_list", parameters=FILTERS)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


class TestAPI(AccessAPIView):
    """One test with its history."""

    permission = VIEW

    @extend_schema(operation_id="tests_get", responses=HistoryOut)
    def get(self, request: Request, pk: int) -> Response:
        row = selectors.test(self.actor, pk)
        told = {
            "test": row,
            "quarantine": selectors.quarantine_of(row),
            **vars(selectors.history(row)),
        }
        return Response(HistoryOut(told).data)


class QuarantineAPI(AccessAPIView):
    """POST lets a test no longer block until a day; DELETE ends that."""

    permissions: ClassVar[dict[str, str]] = {"POST": QUARANTINE, "DELETE": QUARANTINE}

    @extend_schema(
        operation_id="tests_quarantine", request=QuarantineIn, responses={201: QuarantineOut}
    )
    def post(self, request: Request, pk: int) -> Response:
        row = selectors.test(self.actor, pk)
        self.require(row.project)
        given = QuarantineIn(data=request.data)
        given.is_valid(raise_exception=True)
        made = services.quarantine(self.actor, row, **given.validated_data)
        return Response(QuarantineOut(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(operation_id="tests_release", responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        services.release(self.actor, selectors.test(self.actor, pk))
        return Response(status=status.HTTP_204_NO_CONTENT)
