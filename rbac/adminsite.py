"""The admin site: for people with `admin.view`, behind the product's own sign-in page."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from unfold.sites import UnfoldAdminSite

from rbac.access import held_anywhere, require_anywhere
from rbac.requests import actor_of

PERMISSION = "admin.view"


class SlipwayAdminSite(UnfoldAdminSite):  # type: ignore[misc]  # unfold has no stubs
    """Every model below asks `decide` by itself; this is the outer door."""

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
