"""`AccessAPIView`: the mixin of every REST view; it names the permission and knows the actor."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.views import APIView

from rbac.access import require, require_anywhere
from rbac.actors import Actor
from rbac.requests import actor_of


class AccessAPIView(APIView):
    """Mix in before DRF's generic views; selectors and services check each object.

    `permission`, or `permissions` by method, names the rule; `public` and `signed_in` hold the
    reason why there is none. `anywhere = True` refuses people who hold the permission nowhere.
    """

    permission: ClassVar[str] = ""
    permissions: ClassVar[dict[str, str]] = {}
    public: ClassVar[str] = ""
    signed_in: ClassVar[str] = ""
    anywhere: ClassVar[bool] = False
    request: Request

    def permission_for(self, method: str) -> str:
        return self.permissions.get(method, self.permission)

    @cached_property
    def actor(self) -> Actor:
        return actor_of(self.request)

    def require(self, obj: object | None) -> None:
        """Refuse before the body is read: a wrong body must not hide that it is not allowed."""
        require(self.actor, self.permission_for(self.request.method or "GET"), obj)

    def get_permissions(self) -> list[Any]:
        return [] if self.public else list(super().get_permissions())

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if self.anywhere:
            require_anywhere(self.actor, self.permission_for(request.method or "GET"))
