"""Repositories at git hosts by REST: one call of a selector or service each."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from gitops.hosted import selectors, services
from gitops.hosted.api import serializers as shapes
from gitops.hosted.services import CONNECT, PUSH, READ
from idp.common.inputs import inputs
from idp.common.pagination import KeysetPagination
from rbac.api.lists import ListAPIView
from rbac.api.views import AccessAPIView


class ByProject(KeysetPagination):
    ordering = "project_id"


class ByNumber(KeysetPagination):
    ordering = "-number"


class HostedRepositories(ListAPIView):
    """Projects whose code is at a git host, as far as you may read it."""

    permission = READ
    pagination = ByProject

    @extend_schema(
        operation_id="hosted_repositories_list",
        responses=shapes.HostedRepositorySerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        rows = selectors.repositories(self.actor).order_by("project_id")
        return self.listed(request, rows, shapes.HostedRepositorySerializer)


class HostedRepositoryDetail(AccessAPIView):
    """A project's repository at a git host. PUT connects it or changes the connection."""

    permissions = {"GET": READ, "PUT": CONNECT, "DELETE": CONNECT}

    @extend_schema(
        operation_id="hosted_repositories_retrieve", responses=shapes.HostedRepositorySerializer
    )
    def get(self, request: Request, project: str) -> Response:
        row = selectors.repository(self.actor, project)
        return Response(shapes.HostedRepositorySerializer(row).data)

    @extend_schema(
        operation_id="hosted_repositories_connect",
        request=shapes.HostedRepositoryIn,
        responses=shapes.HostedRepositorySerializer,
    )
    def put(self, request: Request, project: str) -> Response:
        found = selectors.project(self.actor, project)
        self.require(found.scope)
        given = inputs(shapes.HostedRepositoryIn, request)
        row = services.connect(self.actor, found, **given)
        return Response(shapes.HostedRepositorySerializer(row).data)

    @extend_schema(operation_id="hosted_repositories_disconnect", responses={204: None})
    def delete(self, request: Request, project: str) -> Response:
        services.disconnect(self.actor, selectors.repository(self.actor, project))
        return Response(status=status.HTTP_204_NO_CONTENT)


class HostedRepositoryTest(AccessAPIView):
    """Try the connection; answers with what was found."""

    permission = CONNECT

    @extend_schema(
        operation_id="hosted_repositories_test",
        request=None,
        responses=shapes.HostFindingSerializer(many=True),
    )
    def post(self, request: Request, project: str) -> Response:
        found = services.test(self.actor, selectors.repository(self.actor, project))
        return Response(shapes.HostFindingSerializer(found, many=True).data)


class HostedRepositoryHook(AccessAPIView):
    """Make the webhook at the host, or renew its secret there."""

    permission = CONNECT

    @extend_schema(
        operation_id="hosted_repositories_hook",
        request=None,
        responses=shapes.HostedRepositorySerializer,
    )
    def post(self, request: Request, project: str) -> Response:
        row = selectors.repository(self.actor, project)
        services.set_up_hook(self.actor, row)
        return Response(shapes.HostedRepositorySerializer(row).data)


class HookDeliveries(ListAPIView):
    """Webhooks whose proof held, the newest first."""

    permission = READ
    pagination = KeysetPagination

    @extend_schema(
        operation_id="hosted_repositories_deliveries",
        responses=shapes.HookDeliverySerializer(many=True),
    )
    def get(self, request: Request, project: str) -> Response:
        rows = selectors.deliveries(selectors.repository(self.actor, project))
        return self.listed(request, rows, shapes.HookDeliverySerializer)


class MergeRequests(ListAPIView):
    """Merge requests at the host, as they were at the last look; POST opens one there."""

    permissions = {"GET": READ, "POST": PUSH}
    pagination = ByNumber

    @extend_schema(
        operation_id="merge_requests_list",
        responses=shapes.HostedMergeRequestSerializer(many=True),
    )
    def get(self, request: Request, project: str) -> Response:
        rows = selectors.requests(selectors.repository(self.actor, project))
        return self.listed(request, rows, shapes.HostedMergeRequestSerializer)

    @extend_schema(
        operation_id="merge_requests_open",
        request=shapes.MergeRequestIn,
        responses={201: shapes.OpenedSerializer},
    )
    def post(self, request: Request, project: str) -> Response:
        row = selectors.repository(self.actor, project)
        self.require(row.project.scope)
        given = inputs(shapes.MergeRequestIn, request)
        source, target = given.pop("source_branch"), given.pop("target_branch", "")
        made = services.open_merge_request(self.actor, row, source=source, target=target, **given)
        return Response(shapes.OpenedSerializer(made).data, status=status.HTTP_201_CREATED)


class MergeRequestMerge(AccessAPIView):
    """Merge it at the host, while its head is the one that you saw."""

    permission = CONNECT

    @extend_schema(
        operation_id="merge_requests_merge",
        request=shapes.MergeIn,
        responses=shapes.HostedMergeRequestSerializer,
    )
    def post(self, request: Request, project: str, number: int) -> Response:
        row = selectors.request(self.actor, project, number)
        self.require(row.project.scope)
        services.merge(self.actor, row, **inputs(shapes.MergeIn, request))
        return Response(shapes.HostedMergeRequestSerializer(row).data)
