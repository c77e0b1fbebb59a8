"""Environments by REST: validate, one call of a service or selector, answer."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from environments import asking, selectors, services
from environments.api.serializers import (
    CreateIn,
    DeleteIn,
    EnvironmentOut,
    EnvironmentRow,
    LimitOut,
    ResourceOut,
    WorkloadOut,
)
from environments.api.support import MATCH, etag, options
from environments.models import Environment, Limit
from idp.changes.api.keyed import keyed
from idp.changes.api.responses import accepted
from idp.changes.api.serializers import ChangeOut, ChangeRow
from idp.changes.models import Change
from idp.common.idempotency import idempotency_key
from idp.common.inputs import inputs
from rbac.access import can, visible
from rbac.api.views import AccessAPIView

_FILTERS = [
    OpenApiParameter(name, str, description=text)
    for name, text in {
        "project": "Name of the project",
        "team": "Name of the owning team",
        "tier": "preview, development, staging or production",
        "state": "proposed, creating, active, stopped, deleting or deleted",
        "health": "Healthy, Progressing, Suspended, Degraded, Missing or Unknown; “broken” is"
        " Degraded or Missing",
        "cluster": "Name of the cluster",
        "owner": "User name of who asked for it",
        "q": "Words of its name or project",
        "expiring": "Ends within that many days",
    }.items()
]
_EXAMPLE = OpenApiExample(
    "A web service with a bucket",
    request_only=True,
    value={
        "project": "orders",
        "name": "split-shipments",
        "tier": "preview",
        "cluster": "local",
        "account": "local",
        "blueprint": "web-service-aws@1.0.0",
        "parameters": {"image": "registry.example.com/orders/api:1.4.2", "replicas": 2},
        "resources": {"exports": {"kind": "Bucket"}},
        "expires_at": "2026-12-01T00:00:00Z",
    },
)


class EnvironmentsAPI(AccessAPIView, ListAPIView):
    """Environments that you can see, newest first; POST asks for a new one."""

    permissions: ClassVar[dict[str, str]] = {
        "GET": "environment.view",
        "POST": "environment.create",
    }
    serializer_class = EnvironmentRow
    filter_backends = ()
    queryset = Environment.objects.none()

    def get_queryset(self) -> Any:
        filters = selectors.Filters.read(self.request.query_params)
        return selectors.filtered(selectors.environments(self.actor), filters).order_by("-id")

    @extend_schema(operation_id="environments_list", parameters=_FILTERS)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="environments_create",
        request=CreateIn,
        responses={202: ChangeOut},
        examples=[_EXAMPLE],
    )
    @keyed
    def post(self, request: Request) -> Response:
        data = inputs(CreateIn, request)
        key = idempotency_key(request)
        change = asking.create(self.actor, data, origin=Change.Origin.API, key=key)
        return accepted(self.actor, change)


class EnvironmentView(AccessAPIView):
    """Base of what is about one environment."""

    permission = "environment.view"

    def environment(self) -> Environment:
        return selectors.environment(self.actor, self.kwargs["project"], self.kwargs["name"])


class EnvironmentAPI(EnvironmentView):
    """One environment with its file and ETag; DELETE asks for its removal."""

    permissions: ClassVar[dict[str, str]] = {
        "GET": "environment.view",
        "DELETE": "environment.delete",
    }

    @extend_schema(operation_id="environments_get", responses=EnvironmentOut)
    def get(self, request: Request, project: str, name: str) -> Response:
        row = self.environment()
        source = selectors.source(row)
        held = [verb for verb in selectors.VERBS if can(self.actor, verb, row)]
        body = EnvironmentOut(row, context={"source": source, "permissions": held}).data
        return Response(body, headers={"ETag": etag(source.tree)} if source.tree else {})

    @extend_schema(
        operation_id="environments_delete",
        request=DeleteIn,
        responses={202: ChangeOut},
        parameters=[MATCH],
    )
    @keyed
    def delete(self, request: Request, project: str, name: str) -> Response:
        row = self.environment()
        self.require(row)
        data = inputs(DeleteIn, request)
        change = services.delete_environment(
            self.actor, row, choices=data.get("choices"), options=options(request, data, row)
        )
        return accepted(self.actor, change)


class WorkloadsAPI(EnvironmentView):
    """Workloads with their live facts."""

    @extend_schema(operation_id="environments_workloads", responses=WorkloadOut(many=True))
    def get(self, request: Request, project: str, name: str) -> Response:
        row = self.environment()
        found = selectors.workloads(row, selectors.objects(row))
        return Response({"results": WorkloadOut(found, many=True).data})


class ResourcesAPI(EnvironmentView):
    """Resources with their outputs; none of these is secret."""

    @extend_schema(operation_id="environments_resources", responses=ResourceOut(many=True))
    def get(self, request: Request, project: str, name: str) -> Response:
        row = self.environment()
        found = selectors.resources(row, selectors.objects(row))
        return Response({"results": ResourceOut(found, many=True).data})


class HistoryAPI(EnvironmentView, ListAPIView):
    """Changes of the environment, newest first."""

    serializer_class = ChangeRow
    filter_backends = ()
    queryset = Change.objects.none()

    def get_queryset(self) -> Any:
        return selectors.history(self.actor, self.environment())

    @extend_schema(operation_id="environments_history")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


class LimitsAPI(AccessAPIView, ListAPIView):
    """Limits of projects and teams."""

    permission = "limit.view"
    serializer_class = LimitOut
    filter_backends = ()
    queryset = Limit.objects.none()

    def get_queryset(self) -> Any:
        rows = Limit.objects.select_related("scope__project_scope", "team")
        return visible(self.actor, self.permission, rows)

    @extend_schema(operation_id="limits_list")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)
