"""The wire API under ASGI, mounted before Django: the body is collected, the work done in threads.

The threads are kept, and with them their database connections; one per request, as Django's own
handler has it, would open a connection for every read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from schemas.wire.application import respond
from schemas.wire.calls import MAX_BODY, Answer, Call, address_in
from schemas.wire.connections import connected
from schemas.wire.wsgi import PREFIX

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
THREADS = 8
_pool = ThreadPoolExecutor(THREADS, thread_name_prefix="registry")


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request; anything but HTTP is none of ours."""
    if scope["type"] != "http":
        return
    body = await _body(receive)
    if body is None:
        return
    answer = await asyncio.get_running_loop().run_in_executor(_pool, _respond, scope, body)
    named = [*answer.headers.items(), ("content-length", str(len(answer.body)))]
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in named]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


async def _body(receive: Receive) -> bytes | None:
    """The body up to one byte past the bound, heard to the end; None when the sender went away."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part = message.get("body", b"")[: MAX_BODY + 1 - size]
        parts.append(part)
        size += len(part)
        if not message.get("more_body"):
            return b"".join(parts)


def _respond(scope: Scope, body: bytes) -> Answer:
    with connected():
        return respond(call_of(scope, body))


def call_of(scope: Scope, body: bytes) -> Call:
    headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
    client = scope.get("client") or ("", 0)
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return Call(
        method=scope["method"].upper(),
        path=raw.decode("latin-1").partition("?")[0][len(PREFIX) :],
        query=scope.get("query_string", b"").decode("latin-1"),
        headers=headers,
        body=body,
        address=address_in(
            {
                "REMOTE_ADDR": client[0],
                "HTTP_X_FORWARDED_FOR": headers.get("x-forwarded-for", ""),
            }
        ),
    )
