"""REST of the catalog, search and home: validate, one service or selector call, answer."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from idp.common.etags import etag_of, require_match
from idp.common.pagination import KeysetPagination
from portal import finding, front, services
from portal.api import serializers as shapes
from portal.catalog import import_document
from portal.models import Component
from portal.selectors import Filters, component_get, component_list
from rbac.access import Actor, get_visible
from rbac.api.views import AccessAPIView
from rbac.models import Project

_FILTERS = [OpenApiParameter(name, str) for name in ("q", "owner", "project", "type", "lifecycle")]
_FILTERS.append(OpenApiParameter("removed", bool, description="Only those gone from git."))


class ByName(KeysetPagination):
    ordering = "name"


def _project(actor: Actor, name: str) -> Project:
    return get_visible(actor, "project.view", Project.objects.select_related("scope"), name=name)


def _etag(component: Component) -> str:
    return etag_of(f"{component.pk} {component.version}")


def _answer(component: Component, code: int = status.HTTP_200_OK) -> Response:
    data = shapes.ComponentSerializer(component).data
    return Response(data, status=code, headers={"ETag": _etag(component)})


class Components(AccessAPIView):
    """The catalog's components, by name."""

    permissions = {"GET": "component.view", "POST": "component.create"}
    queryset: QuerySet[Component] = Component.objects.none()

    @extend_schema(
        operation_id="components_list",
        parameters=_FILTERS,
        responses=shapes.ComponentSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        names = ("q", "owner", "project", "type", "lifecycle")
        given = {name: request.query_params.get(name, "")[:100] for name in names}
        removed = request.query_params.get("removed", "").lower() in {"1", "true"}
        rows = component_list(actor=self.actor, filters=Filters(**given, removed=removed))
        paginator = ByName()
        page = paginator.paginate_queryset(rows, request, view=self)
        return paginator.get_paginated_response(
            shapes.ComponentSerializer(page or [], many=True).data
        )

    @extend_schema(request=shapes.ComponentCreate, responses={201: shapes.ComponentSerializer})
    def post(self, request: Request) -> Response:
        given = shapes.ComponentCreate(data=request.data)
        given.is_valid(raise_exception=True)
        fields: dict[str, Any] = dict(given.validated_data)
        project = _project(self.actor, fields.pop("project"))
        component = services.create_component(self.actor, project=project, **_plain(fields))
        answer = _answer(component, status.HTTP_201_CREATED)
        answer["Location"] = f"/api/v1/components/{component.name}/"
        return answer


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    """Links as plain dictionaries, which the row keeps."""
    if "links" in fields:
        fields["links"] = [dict(link) for link in fields["links"]]
    return fields


class ComponentDetail(AccessAPIView):
    """One component, by its name."""

    permissions = {
        "GET": "component.view",
        "PATCH": "component.edit",
        "DELETE": "component.delete",
    }

    @extend_schema(operation_id="components_retrieve", responses=shapes.ComponentSerializer)
    def get(self, request: Request, name: str) -> Response:
        return _answer(component_get(actor=self.actor, name=name))

    @extend_schema(request=shapes.ComponentChange, responses=shapes.ComponentSerializer)
    def patch(self, request: Request, name: str) -> Response:
        component = component_get(actor=self.actor, name=name)
        require_match(request, _etag(component))
        given = shapes.ComponentChange(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        changed = services.update_component(
            self.actor,
            component,
            expected=component.version if "If-Match" in request.headers else "",
            **_plain(dict(given.validated_data)),
        )
        return _answer(changed)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, name: str) -> Response:
        component = component_get(actor=self.actor, name=name)
        require_match(request, _etag(component))
        services.delete_component(self.actor, component)
        return Response(status=status.HTTP_204_NO_CONTENT)


class Import(AccessAPIView):
    """Bring the components of a `catalog-info.yaml` into a project's catalog."""

    permission = "component.create"

    @extend_schema(request=shapes.ImportRequest, responses=shapes.ImportResult)
    def post(self, request: Request) -> Response:
        given = shapes.ImportRequest(data=request.data)
        given.is_valid(raise_exception=True)
        fields = given.validated_data
        project = _project(self.actor, fields["project"])
        done = import_document(self.actor, project, fields["text"], fields["location"])
        return Response(shapes.ImportResult(asdict(done)).data)


class SearchView(AccessAPIView):
    """What the palette answers: objects that the caller may see, and commands."""

    signed_in = "each provider answers what the caller may see"

    @extend_schema(
        operation_id="search",
        parameters=[OpenApiParameter("q", str, description="“>” first: commands only.")],
        responses=shapes.SearchResult,
    )
    def get(self, request: Request) -> Response:
        groups = finding.search(self.actor, request.query_params.get("q", ""))
        found = [group.to_json() for group in groups]
        total = sum(len(group["hits"]) for group in found)
        return Response(shapes.SearchResult({"groups": found, "total": total}).data)


class HomeView(AccessAPIView):
    """The home page's headline and the numbers of its panels."""

    signed_in = "each panel answers what the caller may see"

    @extend_schema(operation_id="home", responses=shapes.HomeSerializer)
    def get(self, request: Request) -> Response:
        filled = front.panels(self.actor)
        panels = [
            {
                "name": panel.name,
                "title": panel.title,
                "count": str(panel.data.get("count", "")),
                "headline": panel.headline,
            }
            for panel in filled
        ]
        body = {"headline": front.headline(filled), "panels": panels}
        return Response(shapes.HomeSerializer(body).data)
