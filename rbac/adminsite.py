"""The admin site: for people with `admin.view`, behind the product's own sign-in page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from csp.decorators import csp_update
from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, URLResolver
from unfold.sites import UnfoldAdminSite

from rbac.access import held_anywhere, require_anywhere
from rbac.requests import actor_of

PERMISSION = "admin.view"


class SlipwayAdminSite(UnfoldAdminSite):  # type: ignore[misc]  # unfold has no stubs
    """Every model below asks `decide` by itself; this is the outer door."""

    def get_urls(self) -> list[Any]:
        """Every page of the site, each under the policy that Unfold's scripts and styles need."""
        found: list[Any] = super().get_urls()
        _loosen(found)
        return found

    def has_permission(self, request: HttpRequest) -> bool:
        return held_anywhere(actor_of(request), PERMISSION)

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """To the sign-in page; whoever is signed in and lacks the permission gets the 403."""
        actor = actor_of(request)
        if actor.user is None:
            return redirect_to_login(request.GET.get("next") or request.get_full_path())
        require_anywhere(actor, PERMISSION)
        return redirect("admin:index")

    def logout(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return redirect("rbac:sign-out")

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return redirect("rbac:password-reset")


def _loosen(entries: Iterable[URLPattern | URLResolver]) -> None:
    todo = list(entries)
    while todo:
        entry = todo.pop()
        if isinstance(entry, URLResolver):
            todo.extend(entry.url_patterns)
        else:
            entry.callback = csp_update(settings.ADMIN_CONTENT_SECURITY_POLICY)(entry.callback)
