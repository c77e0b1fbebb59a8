"""Who stands behind an HTTP request: the way from Django and DRF requests to an `Actor`."""

from __future__ import annotations

import ipaddress
from typing import Any, cast

import structlog
from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request

from rbac.actors import NOBODY, Actor
from rbac.models import ApiToken, User


def address_of(request: HttpRequest | Request) -> str | None:
    """The caller's IP address; behind a trusted proxy the one that the proxy names."""
    address = request.META.get("REMOTE_ADDR", "")
    if address in settings.TRUSTED_PROXIES:
        forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip()
        address = forwarded or address
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return None


def request_id() -> str:
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))[:64]


def actor_of(request: HttpRequest | Request) -> Actor:
    """The actor of a Django or DRF request; `NOBODY` where nobody is signed in."""
    user = cast("Any", request).user
    token = getattr(request, "auth", None)
    if not getattr(user, "is_authenticated", False) or not isinstance(user, User):
        return NOBODY
    return Actor(
        user=user,
        token=token if isinstance(token, ApiToken) else None,
        address=address_of(request),
        request_id=request_id(),
    )
