"""Merge requests of own repositories by REST: one call of a selector or service each."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from gitops.hosted import selectors as projects
from gitops.hosted.services import PUSH, READ
from gitops.judging import require_push
from gitops.models import HostedMergeRequest
from gitops.review import merging, selectors, services
from gitops.review.api import serializers as shapes
from idp.common.inputs import inputs
from idp.common.pagination import KeysetPagination
from rbac.api.lists import ListAPIView
from rbac.api.views import AccessAPIView


class ByNumber(KeysetPagination):
    ordering = "-number"


class OwnMergeRequests(ListAPIView):
    """Merge requests in the project's own repository, the newest first; POST opens one."""

    permissions = {"GET": READ, "POST": PUSH}
    pagination = ByNumber

    @extend_schema(
        operation_id="own_merge_requests_list",
        responses=shapes.OwnMergeRequestSerializer(many=True),
    )
    def get(self, request: Request, project: str) -> Response:
        rows = selectors.requests(self.actor, projects.project(self.actor, project))
        return self.listed(request, rows, shapes.OwnMergeRequestSerializer)

    @extend_schema(
        operation_id="own_merge_requests_open",
        request=shapes.OwnMergeRequestIn,
        responses={201: shapes.OwnMergeRequestSerializer},
    )
    def post(self, request: Request, project: str) -> Response:
        found = projects.project(self.actor, project)
        require_push(self.actor, found)
        given = inputs(shapes.OwnMergeRequestIn, request)
        made = services.open_request(self.actor, found, **given)
        data = shapes.OwnMergeRequestSerializer(made).data
        return Response(data, status=status.HTTP_201_CREATED)


class RequestView(AccessAPIView):
    """Base of what is about one merge request."""

    def found(self) -> HostedMergeRequest:
        row = selectors.request(self.actor, self.kwargs["project"], self.kwargs["number"])
        if self.permission_for(self.request.method or "GET") == PUSH:
            require_push(self.actor, row.project)
        return row


class OwnMergeRequestDetail(RequestView):
    """One merge request; PATCH closes it or opens it again."""

    permissions = {"GET": READ, "PATCH": PUSH}

    @extend_schema(
        operation_id="own_merge_requests_get", responses=shapes.OwnMergeRequestSerializer
    )
    def get(self, request: Request, project: str, number: int) -> Response:
        return Response(shapes.OwnMergeRequestSerializer(self.found()).data)

    @extend_schema(
        operation_id="own_merge_requests_turn",
        request=shapes.RequestStateIn,
        responses=shapes.OwnMergeRequestSerializer,
    )
    def patch(self, request: Request, project: str, number: int) -> Response:
        row = self.found()
        event = inputs(shapes.RequestStateIn, request)["state_event"]
        (services.close if event == "close" else services.reopen)(self.actor, row)
        return Response(shapes.OwnMergeRequestSerializer(row).data)


class OwnMergeRequestMerge(RequestView):
    """Merge it while its head is the one that you saw, as a push to its target would."""

    permission = PUSH

    @extend_schema(
        operation_id="own_merge_requests_merge",
        request=shapes.OwnMergeIn,
        responses=shapes.MergedSerializer,
    )
    def post(self, request: Request, project: str, number: int) -> Response:
        row = self.found()
        done = merging.merge(self.actor, row, **inputs(shapes.OwnMergeIn, request))
        data = shapes.OwnMergeRequestSerializer(done.request).data
        return Response({**data, "lines": done.lines})


class RequestComments(RequestView, ListAPIView):
    """What people say of it, the newest first; POST adds a comment."""

    permission = READ
    pagination = KeysetPagination

    @extend_schema(
        operation_id="own_merge_requests_comments",
        responses=shapes.RequestCommentSerializer(many=True),
    )
    def get(self, request: Request, project: str, number: int) -> Response:
        rows = selectors.comments(self.found()).order_by("-id")
        return self.listed(request, rows, shapes.RequestCommentSerializer)

    @extend_schema(
        operation_id="own_merge_requests_comment",
        request=shapes.RequestCommentIn,
        responses={201: shapes.RequestCommentSerializer},
    )
    def post(self, request: Request, project: str, number: int) -> Response:
        row = self.found()
        made = services.comment(self.actor, row, **inputs(shapes.RequestCommentIn, request))
        data = shapes.RequestCommentSerializer(made).data
        return Response(data, status=status.HTTP_201_CREATED)


class RequestApprovals(RequestView):
    """Who approves the head that it has now; POST approves, DELETE takes yours back."""

    permissions = {"GET": READ, "POST": PUSH, "DELETE": PUSH}

    @extend_schema(
        operation_id="own_merge_requests_approvals",
        responses=shapes.RequestApprovalSerializer(many=True),
    )
    def get(self, request: Request, project: str, number: int) -> Response:
        rows = selectors.approvals(self.found())
        return Response(shapes.RequestApprovalSerializer(rows, many=True).data)

    @extend_schema(
        operation_id="own_merge_requests_approve",
        request=shapes.RequestApprovalIn,
        responses={201: shapes.RequestApprovalSerializer},
    )
    def post(self, request: Request, project: str, number: int) -> Response:
        row = self.found()
        made = services.approve(self.actor, row, **inputs(shapes.RequestApprovalIn, request))
        data = shapes.RequestApprovalSerializer(made).data
        return Response(data, status=status.HTTP_201_CREATED)

    @extend_schema(operation_id="own_merge_requests_withdraw", responses={204: None})
    def delete(self, request: Request, project: str, number: int) -> Response:
        services.withdraw(self.actor, self.found())
        return Response(status=status.HTTP_204_NO_CONTENT)
