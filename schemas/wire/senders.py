"""Whose token a call carries."""

from __future__ import annotations

import base64
import binascii

from rbac import recalling, tokens
from rbac.actors import Actor
from schemas.wire.calls import Call, Refused

_CHALLENGE = {"WWW-Authenticate": 'Basic realm="slipway"'}


def sender(call: Call) -> tuple[Actor, str]:
    """The token's actor, and the user name beside it; raises `Refused` (401)."""
    header = call.headers.get("authorization", "")
    text = tokens.from_header(header)
    if not text:
        raise Refused(401, "Send an API token, as Bearer or as the password of Basic.", _CHALLENGE)
    actor = recalling.actor_behind(text, call.address)
    if actor is None:
        raise Refused(401, "The token is unknown, revoked or past its end.", _CHALLENGE)
    return actor, _user_name(header)


def _user_name(header: str) -> str:
    scheme, _, rest = header.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(rest.strip()).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""
