"""`Authorization: Bearer slp_…` for REST; the session is the other way in."""

from __future__ import annotations

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from rbac.models import ApiToken, User


class TokenAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        return None

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="slipway"'
