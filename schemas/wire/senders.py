"""Whose token a call carries, by one small query where the same token was seen a moment ago.

`rbac.tokens` reads person, token and scope as rows. A registry client sends the same token with
every read, so the rows are kept and only what may end them is read again each time: the digest,
the token's end and revocation, the person's standing and the access epoch.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import time
from collections import OrderedDict
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import Any

from django.db import connection
from django.utils import timezone

from idp.common.compiled import Compiled, compile_rows
from rbac import epoch, grants, tokens
from rbac.actors import Actor
from rbac.models import ApiToken
from rbac.requests import request_id
from schemas.wire.calls import Call, Refused

KEPT = 1024
KEPT_SECONDS = 30.0  # then the rows are read anew, and the token's use is noted
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="slipway"'}
_MARKER = "\x01prefix"


@dataclass(frozen=True)
class _Known:
    actor: Actor
    row: tuple[Any, ...]
    until: float


_known: OrderedDict[bytes, _Known] = OrderedDict()
_lock = Lock()


def sender(call: Call) -> tuple[Actor, str]:
    """The token's actor, and the user name beside it; raises `Refused` (401)."""
    header = call.headers.get("authorization", "")
    text = tokens.from_header(header)
    if not text:
        raise Refused(401, "Send an API token, as Bearer or as the password of Basic.", _CHALLENGE)
    actor = _recalled(text, call.address) or _read(text, call.address)
    if actor is None:
        raise Refused(401, "The token is unknown, revoked or past its end.", _CHALLENGE)
    return actor, _user_name(header)


@cache
def _standing(_vendor: str) -> Compiled:
    rows = ApiToken.objects.filter(prefix=_MARKER).annotate(number=epoch.subquery())
    fields = ("digest", "revoked_at", "expires_at", "user__is_active", "number")
    return compile_rows(rows.values_list(*fields), [_MARKER])


def _row(prefix: str) -> tuple[Any, ...] | None:
    return _standing(connection.vendor).row(prefix)


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()


def _recalled(text: str, address: str | None) -> Actor | None:
    """The actor from memory, where nothing of its standing has changed."""
    with _lock:
        known = _known.get(_key(text))
    if known is None or known.until < time.monotonic() or known.actor.token is None:
        return None
    token, user = known.actor.token, known.actor.user
    row = _row(token.prefix)
    if row is None or user is None or row != known.row or token.expires_at <= timezone.now():
        return None
    grants.stamp(user, row[-1], token)
    return Actor(user=user, token=token, address=address, request_id=request_id())


def _read(text: str, address: str | None) -> Actor | None:
    # Read before the rows are: what ends them in between makes the next call read them anew.
    row = _row(text.partition("_")[2].partition("_")[0])
    actor = tokens.authenticate(text, address)
    if actor is not None and actor.token is not None and row is not None:
        with _lock:
            _known[_key(text)] = _Known(actor, row, time.monotonic() + KEPT_SECONDS)
            while len(_known) > KEPT:
                _known.popitem(last=False)
    return actor


def _user_name(header: str) -> str:
    scheme, _, rest = header.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(rest.strip()).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""
