"""`AccessMixin`: each page names its permission, so that a walk over the URLs can prove a rule."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase
from django.views.generic.base import View

from rbac.access import require_anywhere
from rbac.actors import Actor
from rbac.requests import actor_of


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
                return redirect_to_login(request.get_full_path())
            if self.anywhere:
                require_anywhere(self.actor, self.permission_for(request.method or "GET"))
        return super().dispatch(request, *args, **kwargs)
