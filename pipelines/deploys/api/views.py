"""Bundles, promotions and deployments by REST: validate, one call, answer."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from environments.services.deploys import DEPLOY
from environments.services.edits import Options
from idp.changes.api.keyed import keyed
from idp.changes.api.responses import accepted
from idp.changes.api.serializers import ChangeOut
from idp.changes.models import Change
from idp.common.errors import FieldError, Invalid
from idp.common.idempotency import idempotency_key
from idp.common.inputs import inputs
from pipelines.deploys import selectors, services
from pipelines.deploys.addresses import api_of
from pipelines.deploys.api.serializers import BundleIn, BundleOut, DeploymentOut, PromoteIn
from pipelines.deploys.models import Bundle, Deployment
from pipelines.permissions import VIEW
from rbac.access import visible
from rbac.actors import Actor
from rbac.api.views import AccessAPIView
from rbac.models import Project

FILTERS = [
    OpenApiParameter("q", str, description="Words of the commit's title, a commit or a number"),
    OpenApiParameter("project", str, description="Name of the project"),
    OpenApiParameter("commit", str, description="The beginning of a commit"),
]
DEPLOYED = [
    OpenApiParameter("project", str, description="Name of the project"),
    OpenApiParameter("environment", str, description="Name of the environment"),
    OpenApiParameter("tier", str, description="development, staging or production"),
    OpenApiParameter("state", str, description="State of the change"),
]
_PIN = "registry.example.com/orders/api:1.4.3@sha256:" + "9f" * 32


def project_of(actor: Actor, name: str) -> Project:
    """A project whose pipelines the actor sees; `Invalid` where they see none of that name."""
    rows = Project.objects.select_related("scope", "team").filter(name=name.replace("\0", ""))
    row = visible(actor, VIEW, rows).first()
    if row is None:
        message = f"There is no project “{name[:60]}” that you see."
        found = FieldError("project", "unknown", message, "Name one of your projects.")
        raise Invalid(message, fix=found.fix, errors=[found])
    return row


class BundlesAPI(AccessAPIView, ListAPIView):
    """Bundles that you can see, newest first; POST makes one, or finds the same."""

    permissions: ClassVar[dict[str, str]] = {"GET": VIEW, "POST": VIEW}
    serializer_class = BundleOut
    filter_backends = ()
    queryset = Bundle.objects.none()

    def get_queryset(self) -> QuerySet[Bundle]:
        filters = selectors.Filters.read(self.request.query_params.dict())
        return selectors.bundles(self.actor, filters).order_by("-id")

    @extend_schema(operation_id="bundles_list", parameters=FILTERS)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="bundles_create",
        request=BundleIn,
        responses={201: BundleOut},
        examples=[
            OpenApiExample(
                "make",
                request_only=True,
                value={"project": "orders", "images": {"web": _PIN}},
            )
        ],
    )
    def post(self, request: Request) -> Response:
        data = inputs(BundleIn, request)
        project = project_of(self.actor, data["project"])
        row = services.make_bundle(self.actor, project, data, ref=data.get("ref", ""))
        headers = {"Location": api_of(row)}
        return Response(BundleOut(row).data, status=status.HTTP_201_CREATED, headers=headers)


class BundleAPI(AccessAPIView):
    """One bundle."""

    permission = VIEW

    @extend_schema(operation_id="bundles_get", responses=BundleOut)
    def get(self, request: Request, pk: int) -> Response:
        return Response(BundleOut(selectors.bundle(self.actor, pk)).data)


class PromoteAPI(AccessAPIView):
    """Bring a bundle to an environment: the change that does it."""

    permissions: ClassVar[dict[str, str]] = {"POST": DEPLOY}

    @extend_schema(
        operation_id="bundles_promote",
        request=PromoteIn,
        responses={202: ChangeOut},
        examples=[OpenApiExample("to", request_only=True, value={"environment": "staging"})],
    )
    @keyed
    def post(self, request: Request, pk: int) -> Response:
        row = selectors.bundle(self.actor, pk)
        services.require_promoter(self.actor, row.project)
        data = inputs(PromoteIn, request)
        options = Options(
            origin=Change.Origin.API,
            message=data.get("message", ""),
            idempotency_key=idempotency_key(request),
            interactive=data["confirm"],
        )
        environment = selectors.environment(self.actor, row.project, data["environment"])
        made = services.promote(self.actor, row, environment, options=options)
        return accepted(self.actor, made.change)


class DeploymentsAPI(AccessAPIView, ListAPIView):
    """Deployments that you can see, newest first, with commit, author and lead time."""

    permissions: ClassVar[dict[str, str]] = {"GET": selectors.ENVIRONMENT_VIEW}
    serializer_class = DeploymentOut
    filter_backends = ()
    queryset = Deployment.objects.none()

    def get_queryset(self) -> QuerySet[Deployment]:
        return selectors.deployments(self.actor, self.request.query_params.dict()).order_by("-id")

    @extend_schema(operation_id="deployments_list", parameters=DEPLOYED)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)
