"""One call in, one answer out: who asks, which route, and every error in the registry's own shape.

Below the servers' adapters (`wsgi`, `asgi`, `views`) and above the handlers. Nothing of a session,
a cookie or a form reaches this far: the token in `Authorization` is all that counts.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError

from idp.common.errors import Forbidden, Invalid, NotVisible, SlipwayError
from idp.common.metrics import REQUEST_SECONDS
from idp.common.version import VERSION
from rbac import audit
from schemas import beside, naming
from schemas.errors import Incompatible, RegistryError
from schemas.wire import uses
from schemas.wire.calls import (
    BODY_TYPES,
    MAX_BODY,
    Answer,
    Call,
    Refused,
    Reply,
    Request,
    media_type,
)
from schemas.wire.routes import Handler, Match, match, split
from schemas.wire.senders import sender

log = structlog.get_logger(__name__)
_IMMUTABLE = "private, max-age=86400, immutable"
_REVALIDATE = "private, no-cache"
_NOT_FOUND = "HTTP 404 Not Found"
_STORE = 50001
# Of errors that come from below the registry.
_NUMBERS: tuple[tuple[type[SlipwayError], int], ...] = (
    (Invalid, 42201),
    (Forbidden, 40301),
    (NotVisible, 40401),
)


def respond(call: Call) -> Answer:
    """The answer to a call; never raises."""
    started = time.monotonic()
    request_id = uuid.uuid4().hex
    with structlog.contextvars.bound_contextvars(request_id=request_id):
        try:
            answer = _answer(call)
        finally:
            audit.flush_denials()
    REQUEST_SECONDS.labels(call.method, f"registry/{answer.route}", str(answer.status)).observe(
        time.monotonic() - started
    )
    marks = {
        "X-Request-ID": request_id,
        "Slipway-Version": VERSION,
        "X-Content-Type-Options": "nosniff",
    }
    body = b"" if call.method == "HEAD" else answer.body
    return Answer(answer.status, body, {**answer.headers, **marks}, answer.route)


def _answer(call: Call) -> Answer:
    route = "none"
    try:
        kind = media_type(call.headers.get("accept", ""))
    except Refused as refusal:
        return _refusal(refusal, "application/json", route)
    try:
        segments = split(call.path)
        _refuse_associations(segments)
        actor, user_name = sender(call)
        context, found = _route(segments)
        route = found.route.pattern
        handler = _handler(call, found)
        _check_body(call)
        request = Request(call, actor, context, found.parts, user_name)
        with beside.on_the_wire():
            reply = handler(request)
        uses.note(request, route)
        return _success(call, reply, kind, route)
    except Exception as error:  # noqa: BLE001  # whatever it is, the client gets the registry's shape
        return _refusal(error, kind, route)


def _refuse_associations(segments: list[str]) -> None:
    """New clients ask this first, and take nothing but 404 for "there are none"."""
    if segments[:1] == ["associations"]:
        raise Refused(404, _NOT_FOUND)


def _handler(call: Call, found: Match) -> Handler:
    handler = found.route.handlers.get("GET" if call.method == "HEAD" else call.method)
    if handler is None:
        allowed = {"Allow": ", ".join(sorted(found.route.handlers))}
        raise Refused(405, "HTTP 405 Method Not Allowed", allowed)
    return handler


def _route(segments: list[str]) -> tuple[str, Match]:
    """The context that the path begins with, and the route behind it."""
    context = naming.DEFAULT
    if len(segments) > 1 and segments[0] == "contexts":
        context = naming.context(segments[1])
        segments = segments[2:]
    found = match(segments)
    if found is None:
        raise Refused(404, _NOT_FOUND)
    return context, found


def _check_body(call: Call) -> None:
    if len(call.body) > MAX_BODY:
        raise Refused(413, f"The body has more than {MAX_BODY} bytes.")
    kind = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if call.body and kind and kind not in BODY_TYPES:
        raise Refused(415, "HTTP 415 Unsupported Media Type")


# -- out ------------------------------------------------------------------------------------------


def _success(call: Call, reply: Reply, kind: str, route: str) -> Answer:
    headers = {"Content-Type": kind, "Vary": "Accept, Authorization"}
    if reply.etag:
        headers["ETag"] = f'"{reply.etag}"'
        headers["Cache-Control"] = _IMMUTABLE if reply.immutable else _REVALIDATE
        if headers["ETag"] in call.headers.get("if-none-match", ""):
            return Answer(HTTPStatus.NOT_MODIFIED, b"", headers, route)
    else:
        headers["Cache-Control"] = "no-store"
    body = reply.value.encode() if reply.text else _dump(reply.value)
    return Answer(HTTPStatus.OK, body, headers, route)


def _dump(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _refusal(error: Exception, kind: str, route: str) -> Answer:
    status, code, message, headers = _described(error)
    body = _dump({"error_code": code, "message": message})
    return Answer(
        status, body, {"Content-Type": kind, "Cache-Control": "no-store", **headers}, route
    )


def _described(error: Exception) -> tuple[int, int, str, Mapping[str, str]]:
    """Status, number, message and headers of any exception."""
    if isinstance(error, Refused):
        return error.status, error.error_code, error.message, error.headers
    if isinstance(error, SlipwayError):
        return error.status, _number(error), _message(error), {}
    log.error("registry.error", exc_info=error)
    if isinstance(error, DatabaseError):
        return 500, _STORE, "Error in the backend data store", {}
    return 500, _STORE, "The registry failed to answer; it was written to the log.", {}


def _number(error: SlipwayError) -> int:
    if isinstance(error, Incompatible):
        return int(settings.SCHEMAS_INCOMPATIBLE_CODE)
    if isinstance(error, RegistryError):
        return error.error_code
    known = (code for kind, code in _NUMBERS if isinstance(error, kind))
    return next(known, error.status * 100 + 1)


def _message(error: SlipwayError) -> str:
    if isinstance(error, Incompatible):  # its message holds the advice already
        return error.message
    ended = error.message.endswith((".", "!", "?", "…")) or not error.fix
    text = f"{error.message}{'' if ended else '.'} {error.fix}".strip()
    return f"Invalid schema: {text}" if isinstance(error, Invalid) else text
