"""REST of repositories, applications and secrets."""

from __future__ import annotations

from typing import Any

from django.db.models import F, QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from gitops import giving_up, secrets, selectors, services
from gitops.api import serializers as shapes
from idp.changes.api.keyed import keyed
from idp.changes.api.responses import accepted
from idp.changes.api.serializers import ChangeOut
from idp.common.idempotency import idempotency_key
from idp.common.pagination import KeysetPagination
from rbac.access import get_visible
from rbac.api.views import AccessAPIView


class ByProject(KeysetPagination):
    ordering = "project_name"


class Newest(KeysetPagination):
    ordering = "-id"


def _page(
    view: AccessAPIView,
    rows: QuerySet[Any, Any],
    shape: type[serializers.Serializer],
    paginator: KeysetPagination,
) -> Response:
    page = paginator.paginate_queryset(rows, view.request, view=view)
    return paginator.get_paginated_response(shape(page or [], many=True).data)


class Repositories(AccessAPIView):
    """Config repositories that you may clone, and their addresses."""

    permission = "repository.read"

    @extend_schema(
        operation_id="repositories_list", responses=shapes.RepositorySerializer(many=True)
    )
    def get(self, request: Request) -> Response:
        rows = selectors.repositories_of(self.actor).annotate(project_name=F("project__name"))
        return _page(self, rows, shapes.RepositorySerializer, ByProject())


class RepositoryDetail(AccessAPIView):
    permission = "repository.read"

    @extend_schema(operation_id="repositories_retrieve", responses=shapes.RepositorySerializer)
    def get(self, request: Request, project: str) -> Response:
        rows = selectors.repositories_of(self.actor)
        row = get_visible(self.actor, self.permission, rows, project__name=project)
        return Response(shapes.RepositorySerializer(row).data)


class Applications(AccessAPIView):
    """What is deployed: directories of git, their sync and health."""

    permission = "application.view"

    @extend_schema(
        operation_id="applications_list",
        parameters=[OpenApiParameter("project", str), OpenApiParameter("health", str)],
        responses=shapes.ApplicationSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        rows = selectors.applications(self.actor)
        if project := request.query_params.get("project", "")[:63]:
            rows = rows.filter(repository__project__name=project)
        if health := request.query_params.get("health", "")[:12]:
            rows = rows.filter(health=health)
        return _page(self, rows, shapes.ApplicationSerializer, KeysetPagination())


class ApplicationDetail(AccessAPIView):
    """One application with every object that it made."""

    permission = "application.view"

    @extend_schema(
        operation_id="applications_retrieve", responses=shapes.ApplicationDetailSerializer
    )
    def get(self, request: Request, project: str, name: str) -> Response:
        row: Any = selectors.application(self.actor, project, name)
        row.ordered = selectors.live_objects(row)
        return Response(shapes.ApplicationDetailSerializer(row).data)


class ApplicationPropose(AccessAPIView):
    """Propose what a pushed branch holds; answers with the change, which somebody confirms."""

    permission = "environment.push"

    @extend_schema(
        operation_id="applications_propose",
        request=shapes.BranchProposal,
        responses={202: ChangeOut},
    )
    @keyed
    def post(self, request: Request, project: str, name: str) -> Response:
        row = selectors.application(self.actor, project, name)
        self.require(row.scope)
        given = shapes.BranchProposal(data=request.data)
        given.is_valid(raise_exception=True)
        change = services.propose_branch(
            self.actor,
            row,
            given.validated_data["branch"],
            origin="api",
            idempotency_key=idempotency_key(request),
        )
        return accepted(self.actor, change)


class ApplicationGiveUp(AccessAPIView):
    """End an environment whose cluster or account is gone for good; what is there stays there."""

    permission = "application.give-up"

    @extend_schema(
        operation_id="applications_give_up", request=shapes.GiveUp, responses={202: ChangeOut}
    )
    @keyed
    def post(self, request: Request, project: str, name: str) -> Response:
        row = selectors.application(self.actor, project, name)
        self.require(row.scope)
        given = shapes.GiveUp(data=request.data)
        given.is_valid(raise_exception=True)
        change = giving_up.give_up(
            self.actor,
            row,
            **given.validated_data,
            origin="api",
            idempotency_key=idempotency_key(request),
        )
        return accepted(self.actor, change)


class Secrets(AccessAPIView):
    """Names and versions of secrets at a project or environment; POST sets a value."""

    permissions = {"GET": "secret.view", "POST": "secret.write"}

    @extend_schema(operation_id="secrets_list", responses=shapes.SecretSerializer(many=True))
    def get(self, request: Request, project: str, name: str = "") -> Response:
        scope = selectors.secret_scope(self.actor, project, name)
        rows = secrets.names(self.actor, scope)
        return _page(self, rows, shapes.SecretSerializer, Newest())

    @extend_schema(
        operation_id="secrets_put",
        request=shapes.SecretPut,
        responses={201: shapes.SecretSerializer},
    )
    def post(self, request: Request, project: str, name: str = "") -> Response:
        scope = selectors.secret_scope(self.actor, project, name)
        self.require(scope)
        given = shapes.SecretPut(data=request.data)
        given.is_valid(raise_exception=True)
        made = secrets.put(self.actor, scope, **given.validated_data)
        return Response(shapes.SecretSerializer(made).data, status=status.HTTP_201_CREATED)


class EnvironmentSecrets(Secrets):
    """The same at one environment."""

    @extend_schema(
        operation_id="environment_secrets_list", responses=shapes.SecretSerializer(many=True)
    )
    def get(self, request: Request, project: str, name: str = "") -> Response:
        return super().get(request, project, name)

    @extend_schema(
        operation_id="environment_secrets_put",
        request=shapes.SecretPut,
        responses={201: shapes.SecretSerializer},
    )
    def post(self, request: Request, project: str, name: str = "") -> Response:
        return super().post(request, project, name)
