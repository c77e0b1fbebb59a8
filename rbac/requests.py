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

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def address_of(request: HttpRequest | Request) -> str | None:
    """The caller's IP address; behind a trusted proxy the one that the proxy names."""
    meta = request.META
    return client_address(meta.get("REMOTE_ADDR", ""), meta.get("HTTP_X_FORWARDED_FOR", ""))


def client_address(peer: str, forwarded: str) -> str | None:
    """Who asked: `peer`, or behind trusted proxies the nearest in X-Forwarded-For that is none.

    Each proxy appends the address that it heard from, so the list is read from its end; what stands
    before the first address that nobody vouches for could be written by anybody.
    """
    hops = [hop.strip() for hop in forwarded.split(",") if hop.strip()]
    address = _parsed(peer)
    while address is not None and hops and _trusted(address):
        address = _parsed(hops.pop())
    return None if address is None else str(address)


def _parsed(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _trusted(address: Address) -> bool:
    return any(address in network for network in settings.TRUSTED_PROXIES)


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
