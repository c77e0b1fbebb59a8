"""`AccessMixin`: each page names its permission, so that a walk over the URLs can prove a rule."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import urlsplit

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.generic.base import View

from rbac.access import require_anywhere
from rbac.actors import Actor
from rbac.requests import actor_of


def _page_of(request: HttpRequest) -> str:
    """Where to go on after signing in: of a form that was sent, the page where it stood."""
    if request.method in {"GET", "HEAD"}:
        return request.get_full_path()
    came, own = request.headers.get("Referer", ""), {request.get_host()}
    path = urlsplit(came)._replace(scheme="", netloc="", fragment="").geturl()
    if not all(url_has_allowed_host_and_scheme(one, own) for one in (came, path)):
        return "/"
    return path


class AccessMixin(View):
    """Login required unless `public` says why not; `permission` or `permissions` names the rule.

    The rule is checked per object by selectors and services. `anywhere = True` also refuses, before
    the view runs, people who hold the permission nowhere.
    """

    permission: ClassVar[str] = ""
    permissions: ClassVar[dict[str, str]] = {}
    public: ClassVar[str] = ""  # the reason why nobody has to be signed in
    signed_in: ClassVar[str] = ""  # the reason why being signed in is enough
    anywhere: ClassVar[bool] = False
    actor: Actor

    def permission_for(self, method: str) -> str:
        return self.permissions.get(method, self.permission)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.actor = actor_of(request)
        if not self.public:
            if self.actor.user is None:
                return redirect_to_login(_page_of(request))
            if self.anywhere:
                require_anywhere(self.actor, self.permission_for(request.method or "GET"))
        return super().dispatch(request, *args, **kwargs)
