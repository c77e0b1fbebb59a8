"""A running job's log as server-sent events: `GET /events/log/?attempt=7`, an ASGI application.

Each event holds what the page appends: lines, sections that begin or end, and how the unfinished
line looks so far. Its id is the place in the log and what the screen remembers there, so that a
reader resumes by `Last-Event-ID`, or from the page's `&position=`, without a gap.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from idp.changes.stream import (
    KEEP_ALIVE,
    Receive,
    Refused,
    Scope_,
    Send,
    actor_of,
    counted,
    headers_of,
    in_thread,
    query_of,
    refuse,
    serve,
    write,
)
from idp.common.errors import NotVisible
from pipelines.permissions import VIEW
from pipelines.runs import logs
from pipelines.runs.logview import line_html, open_html
from pipelines.runs.models import Attempt
from pipelines.runs.terminal import Close, Line, Screen, Shown
from pipelines.runs.words import lasted
from rbac.access import get_visible
from rbac.actors import Actor
from rbac.requests import client_address

LOOK = 0.15  # seconds between two looks at the rows
BATCH = 128 * 1024
MAX_REST = 4_000  # bytes of an unfinished line that are shown
_DIGITS = 18


@dataclass
class Reader:
    """One open stream: whose, of which attempt, and how far it has read."""

    actor: Actor
    attempt: int
    credentials: Callable[[], Actor]
    offset: int = 0
    screen: Screen | None = None
    rest: str = ""

    @property
    def position(self) -> str:
        return f"{self.offset}:{self.screen.mark}" if self.screen else ""


@dataclass(frozen=True)
class Step:
    """What one look found."""

    ops: list[tuple[str, str]]
    rest: str | None = None  # None: as before
    ended: str = ""  # the attempt's status, once all of its log was sent


async def application(scope: Scope_, receive: Receive, send: Send) -> None:
    """The stream for one request; mounted at `/events/log/`."""
    try:
        reader = await in_thread(_admit, scope)
        with counted(reader.actor):
            await serve(_pump(reader, send), receive, send)
    except Refused as refused:
        await refuse(send, refused)


def _admit(scope: Scope_) -> Reader:
    if scope.get("method", "GET") != "GET":
        raise Refused(405, "method_not_allowed", "Only GET is answered here.")
    headers, query = headers_of(scope), query_of(scope)
    peer = (scope.get("client") or ("",))[0]
    address = client_address(peer, headers.get("x-forwarded-for", ""))
    text = query.get("attempt", [""])[0]
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS):
        raise Refused(422, "invalid", "attempt: name an attempt by its number.")
    actor = actor_of(headers, address)
    if actor.user is None:
        raise Refused(401, "not_signed_in", "Sign in, or send a token.")
    reader = Reader(actor, int(text), lambda: actor_of(headers, address))
    _check(reader)
    last = headers.get("last-event-id") or query.get("position", [""])[0]
    reader.offset, reader.screen = _resumed(last) if last else (0, Screen())
    return reader


def _resumed(position: str) -> tuple[int, Screen]:
    offset, _, mark = position[:4000].partition(":")
    try:
        if offset.isascii() and offset.isdecimal() and len(offset) <= _DIGITS:
            return int(offset), Screen.resumed(mark)
    except ValueError as error:
        raise Refused(422, "invalid", f"position: {error}.") from error
    raise Refused(422, "invalid", "position: it begins with a number.")


def _check(reader: Reader) -> None:
    try:
        get_visible(reader.actor, VIEW, Attempt.objects.only("pk"), pk=reader.attempt)
    except NotVisible:
        detail = f"There is no attempt {reader.attempt} that you may see."
        raise Refused(404, "not_found", detail) from None


def _still(reader: Reader) -> bool:
    """Decide again with fresh credentials; False ends the stream."""
    reader.actor = reader.credentials()
    try:
        _check(reader)
    except Refused:
        return False
    return reader.actor.user is not None


async def _pump(reader: Reader, send: Send) -> None:
    await write(send, b"retry: 1000\n\n")
    decided = wrote = time.monotonic()
    while True:
        step = await in_thread(look, reader)
        if step.ops or step.rest is not None:
            body = json.dumps({"ops": step.ops, "rest": step.rest or ""})
            await write(send, f"id: {reader.position}\ndata: {body}\n\n".encode())
            wrote = time.monotonic()
        if step.ended:
            await write(send, f'event: end\ndata: "{step.ended}"\n\n'.encode())
            return
        now = time.monotonic()
        if now - decided >= KEEP_ALIVE:
            if not await in_thread(_still, reader):
                await write(send, b'event: end\ndata: ""\n\n')
                return
            decided = now
        if now - wrote >= KEEP_ALIVE:
            await write(send, b": keep-alive\n\n")
            wrote = now
        if not step.ops:
            await asyncio.sleep(LOOK)


def look(reader: Reader) -> Step:
    """What came since, as far as lines are whole; an attempt that ended has no more."""
    row = Attempt.objects.filter(pk=reader.attempt).values_list("status", "log_size").first()
    if row is None or reader.screen is None:
        return Step([], ended="gone")
    ended = row[0] in Attempt.ENDED
    data, end = b"", reader.offset
    if row[1] > reader.offset:
        data, end = logs.read(reader.attempt, reader.offset, BATCH)
    whole = len(data) if ended and end >= row[1] else data.rfind(b"\n") + 1
    if not whole and len(data) >= BATCH:
        whole = len(data)  # a line longer than one look is shown in pieces
    ops = [_op(one) for one in reader.screen.feed(data[:whole])] if whole else []
    reader.offset = end - (len(data) - whole)
    done = row[0] if ended and reader.offset >= row[1] else ""
    rest = reader.screen.peek(data[whole:][:MAX_REST])
    changed = rest != reader.rest
    reader.rest = rest
    return Step(ops, rest if changed or (ops and rest) else None, done)


def _op(one: Shown) -> tuple[str, str]:
    if isinstance(one, Line):
        return "line", line_html(one)
    if isinstance(one, Close):
        return "close", lasted(float(one.seconds)) if one.seconds else ""
    return "open", f"{open_html(one)}</ol></details></li>"
