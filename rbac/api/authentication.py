"""`Authorization: Bearer slp_…` (or Basic, with the token as password) for REST."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from rbac import tokens
from rbac.models import ApiToken, User
from rbac.requests import address_of


class TokenAuthentication(BaseAuthentication):
    """The owner of a good token; 401 for a bad one, so that nobody acts as less by mistake."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        text = tokens.from_header(request.headers.get("Authorization", ""))
        if text is None:
            return None
        actor = tokens.authenticate(text, address_of(request))
        if actor is None or actor.user is None or actor.token is None:
            raise AuthenticationFailed(
                "The token is unknown, revoked or past its end. Make a new one at /account/."
            )
        return actor.user, actor.token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="slipway"'


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # its hook
    """How OpenAPI describes it."""

    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "slp_<prefix>_<secret>"}
