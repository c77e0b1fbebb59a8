"""The root of the REST interface: what there is, its OpenAPI document, and a page to try it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from csp.decorators import csp_update
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase
from django.urls import URLResolver, get_resolver
from django.utils.decorators import method_decorator
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response

from rbac.api.views import AccessAPIView

PREFIX = "api/v1/"


def routes() -> Iterator[tuple[str, Any]]:
    """Every route of the product with its view, as `path()` spells it."""
    todo: list[tuple[str, Any]] = [("", entry) for entry in get_resolver().url_patterns]
    while todo:
        before, entry = todo.pop()
        route = f"{before}{entry.pattern}"
        if isinstance(entry, URLResolver):
            todo.extend((route, child) for child in entry.url_patterns)
        else:
            yield route, entry.callback


def collections() -> dict[str, str]:
    """Name and path of every address below the root that has no parameter."""
    found = {
        route.removeprefix(PREFIX).strip("/"): f"/{route}"
        for route, _ in routes()
        if route.startswith(PREFIX) and route != PREFIX and "<" not in route
    }
    return dict(sorted(found.items()))


class Root(AccessAPIView):
    """Every collection of this interface, by name."""

    signed_in: ClassVar[str] = "The list of addresses tells nothing about what stands there."

    @extend_schema(responses=OpenApiTypes.OBJECT, operation_id="root", summary="All collections")
    def get(self, request: Request) -> Response:
        return Response(
            {name: request.build_absolute_uri(path) for name, path in collections().items()}
        )


class Schema(SpectacularAPIView):
    """The OpenAPI 3.1 document."""

    signed_in: ClassVar[str] = "The document describes the interface, not its contents."


# Swagger UI sets style attributes and draws its icons from data: addresses.
@method_decorator(csp_update({"style-src": ["'unsafe-inline'"]}), name="dispatch")
class Console(SpectacularSwaggerSplitView):
    """Swagger UI over the document: try a call as the person who is signed in."""

    signed_in: ClassVar[str] = "It shows the document, and calls as whoever looks at it."
    url_name = "api-schema"
    template_name = "console.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """A page for browsers: whoever is not signed in is sent to sign in."""
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        answer: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        return answer
