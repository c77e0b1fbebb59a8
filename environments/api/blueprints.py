"""Blueprints by REST: what there is, the schema of each version, and new versions."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import Prefetch
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from environments import services
from environments.api.serializers import BlueprintOut, VersionIn, VersionOut
from environments.models import Blueprint, BlueprintVersion
from idp.common.inputs import inputs
from rbac.access import get_visible, visible
from rbac.api.views import AccessAPIView


class BlueprintsAPI(AccessAPIView, ListAPIView):
    """Blueprints with their published versions."""

    permission = "blueprint.view"
    serializer_class = BlueprintOut
    filter_backends = ()
    queryset = Blueprint.objects.none()

    def get_queryset(self) -> Any:
        published = BlueprintVersion.objects.exclude(published_at=None).order_by("published_at")
        rows = Blueprint.objects.select_related("owner")
        return visible(self.actor, self.permission, rows).prefetch_related(
            Prefetch("versions", published)
        )

    @extend_schema(operation_id="blueprints_list")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


class VersionsAPI(AccessAPIView):
    """Versions of a blueprint, newest first; POST makes one, of a new blueprint too."""

    permissions: ClassVar[dict[str, str]] = {
        "GET": "blueprint.view",
        "POST": "blueprint.manage",
    }

    @extend_schema(operation_id="blueprint_versions_list", responses=VersionOut(many=True))
    def get(self, request: Request, blueprint: str) -> Response:
        row = get_visible(self.actor, "blueprint.view", Blueprint.objects.all(), name=blueprint)
        versions = row.versions.select_related("blueprint").order_by("-id")[:200]
        return Response({"results": VersionOut(versions, many=True).data})

    @extend_schema(
        operation_id="blueprint_versions_create", request=VersionIn, responses={201: VersionOut}
    )
    def post(self, request: Request, blueprint: str) -> Response:
        self.require(None)
        data = inputs(VersionIn, request)
        made = services.create_version(self.actor, blueprint=blueprint, **data)
        return Response(VersionOut(made).data, status=status.HTTP_201_CREATED)


class VersionAPI(AccessAPIView):
    """One version of a blueprint, with its template."""

    permission = "blueprint.view"

    def version(self) -> BlueprintVersion:
        return get_visible(
            self.actor,
            "blueprint.view",
            BlueprintVersion.objects.select_related("blueprint"),
            blueprint__name=self.kwargs["blueprint"],
            version=self.kwargs["version"],
        )

    @extend_schema(operation_id="blueprint_version_get", responses=VersionOut)
    def get(self, request: Request, blueprint: str, version: str) -> Response:
        return Response(VersionOut(self.version()).data)


class SchemaAPI(VersionAPI):
    """The JSON Schema of a version's parameters."""

    @extend_schema(operation_id="blueprint_version_schema", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, blueprint: str, version: str) -> Response:
        return Response(self.version().schema)
