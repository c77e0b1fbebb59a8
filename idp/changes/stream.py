"""Server-sent events: `GET /events/?topic=change:42&topic=environments`, an ASGI application.

Rows are the truth: each wake-up, and every few seconds without one, the rows after the reader's
position are read and sent. An event's id holds the positions of all topics (`42=17,43=5`), so that
a reader resumes with `Last-Event-ID` without gaps; a page names the events that it already shows by
`&position=42=17`. Hints of list topics have no rows; a reader that
resumes gets one for each list, and fetches it again. Frames: https://html.spec.whatwg.org, 9.2.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, MutableMapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from typing import Any
from urllib.parse import parse_qs

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.db import close_old_connections
from django.utils.crypto import constant_time_compare

from idp.changes import events, selectors, wakeups
from idp.changes.models import Change, ChangeEvent
from idp.common.errors import NotVisible
from rbac import tokens
from rbac.access import can, held_anywhere
from rbac.actors import NOBODY, Actor
from rbac.models import Scope, User
from rbac.requests import client_address

Scope_ = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MAX_TOPICS = 20
MAX_STREAMS = 12  # of one person: tabs that are open at once
KEEP_ALIVE = 15.0
LOOK = 3.0  # seconds without a wake-up after which the rows are read all the same
BATCH = 200
_TOPIC = re.compile(r"change:(\d{1,18})")
_POSITION = re.compile(r"(\d{1,18})=(\d{1,18})")
_open: Counter[int] = Counter()
_relay: dict[int, asyncio.Task[None]] = {}


class Refused(Exception):
    """The request gets no stream: status and problem code."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail


@dataclass
class Reader:
    """One open stream: who reads, what, and how far they have read."""

    actor: Actor
    changes: dict[int, int]  # change id → number of the last event that was sent
    lists: frozenset[str]
    credentials: Callable[[], Actor]
    ending: set[int] = field(default_factory=set)

    @property
    def position(self) -> str:
        return ",".join(f"{pk}={number}" for pk, number in self.changes.items())


async def application(scope: Scope_, receive: Receive, send: Send) -> None:
    """The stream for one request; mounted at `/events/`."""
    try:
        reader = await in_thread(_admit, scope)
    except Refused as refused:
        await refuse(send, refused)
        return
    try:
        with counted(reader.actor):
            await _serve(reader, scope, receive, send)
    except Refused as refused:
        await refuse(send, refused)


@contextlib.contextmanager
def counted(actor: Actor) -> Iterator[None]:
    """One of the streams that a person may have open; `Refused` past `MAX_STREAMS`."""
    key = actor.user.pk if actor.user else 0
    if _open[key] >= MAX_STREAMS:
        detail = f"{MAX_STREAMS} streams of yours are open; close some tabs."
        raise Refused(429, "too_many_streams", detail)
    _open[key] += 1
    try:
        yield
    finally:
        _open[key] -= 1
        if not _open[key]:
            del _open[key]


def in_thread(function: Callable[..., Any], *args: Any) -> Awaitable[Any]:
    """Run ORM code in a thread with a live connection; the event loop never touches the ORM."""

    def run() -> Any:
        close_old_connections()
        try:
            return function(*args)
        finally:
            close_old_connections()

    return sync_to_async(run, thread_sensitive=False)()


# --- who may read what ---------------------------------------------------------------------------


def headers_of(scope: Scope_) -> dict[str, str]:
    return {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}


def _admit(scope: Scope_) -> Reader:
    if scope.get("method", "GET") != "GET":
        raise Refused(405, "method_not_allowed", "Only GET is answered here.")
    headers = headers_of(scope)
    peer = (scope.get("client") or ("",))[0]
    address = client_address(peer, headers.get("x-forwarded-for", ""))

    def credentials() -> Actor:
        return actor_of(headers, address)

    actor = credentials()
    if actor.user is None:
        raise Refused(401, "not_signed_in", "Sign in, or send a token.")
    changes, lists = _topics(scope)
    last = headers.get("last-event-id") or query_of(scope).get("position", [""])[0]
    seen = {int(pk): int(number) for pk, number in _POSITION.findall(last[:2000])}
    reader = Reader(actor, {pk: seen.get(pk, -1) for pk in changes}, lists, credentials)
    _check(reader)
    for pk, number in reader.changes.items():
        if number < 0:  # a new reader that names no position: from now on
            reader.changes[pk] = Change.objects.values_list("event_number", flat=True).get(pk=pk)
    return reader


def actor_of(headers: dict[str, str], address: str | None) -> Actor:
    """The actor of a token or of a session cookie, read anew each time."""
    text = tokens.from_header(headers.get("authorization", ""))
    if text is not None:
        return tokens.authenticate(text, address) or NOBODY
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(settings.SESSION_COOKIE_NAME)
    except CookieError:
        return NOBODY
    if cookie is None:
        return NOBODY
    store = import_module(settings.SESSION_ENGINE).SessionStore(cookie.value)
    user = User.objects.filter(pk=store.get(SESSION_KEY) or 0, is_active=True).first()
    proof = store.get(HASH_SESSION_KEY, "")
    if user is None or not constant_time_compare(proof, user.get_session_auth_hash()):
        return NOBODY
    return Actor(user=user, address=address)


def query_of(scope: Scope_) -> dict[str, list[str]]:
    return parse_qs(scope.get("query_string", b"").decode("latin-1"), max_num_fields=100)


def _topics(scope: Scope_) -> tuple[list[int], frozenset[str]]:
    names = list(dict.fromkeys(query_of(scope).get("topic", [])))
    if not names or len(names) > MAX_TOPICS:
        raise Refused(422, "invalid", f"topic: name 1 to {MAX_TOPICS} topics.")
    changes, lists = [], set()
    for name in names:
        match = _TOPIC.fullmatch(name)
        if match:
            changes.append(int(match[1]))
        elif name in events.lists:
            lists.add(name)
        else:
            known = ", ".join(["change:<id>", *sorted(events.lists)])
            raise Refused(422, "invalid", f"topic: “{name[:60]}” is none of {known}.")
    return changes, frozenset(lists)


def _check(reader: Reader) -> None:
    """Raise `Refused` where the reader may not (or no longer) read one of the topics."""
    for pk in reader.changes:
        try:
            selectors.change_get(reader.actor, pk)
        except NotVisible:
            raise Refused(404, "not_found", f"There is no change {pk} that you may see.") from None
    for name in reader.lists:
        if not held_anywhere(reader.actor, events.lists[name]):
            raise Refused(403, "forbidden", f"You may not see {name}.")


def _still(reader: Reader) -> bool:
    """Decide again with fresh credentials; False ends the stream."""
    reader.actor = reader.credentials()
    if reader.actor.user is None:
        return False
    try:
        _check(reader)
    except Refused:
        return False
    return True


# --- sending --------------------------------------------------------------------------------------


async def refuse(send: Send, refused: Refused) -> None:
    body = {
        "type": f"https://slipway.dev/problems/{refused.code}",
        "title": refused.detail,
        "status": refused.status,
        "code": refused.code,
        "detail": refused.detail,
    }
    headers = [(b"content-type", b"application/problem+json"), (b"cache-control", b"no-store")]
    if refused.status == 401:  # noqa: PLR2004 - the challenge belongs to this status
        headers.append((b"www-authenticate", b'Bearer realm="slipway"'))
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})


async def _serve(reader: Reader, scope: Scope_, receive: Receive, send: Send) -> None:
    _start_relay()
    with wakeups.hub.subscribed() as queue:
        await serve(_pump(reader, scope, send, queue), receive, send)


async def serve(pump: Coroutine[Any, Any, None], receive: Receive, send: Send) -> None:
    """Begin the answer, and let `pump` write its frames until it ends or the reader has gone."""
    headers = [
        (b"content-type", b"text/event-stream; charset=utf-8"),
        (b"cache-control", b"no-store"),
        (b"x-accel-buffering", b"no"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    tasks = {asyncio.create_task(pump), asyncio.create_task(disconnected(receive))}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    with contextlib.suppress(OSError, RuntimeError):  # the reader has gone
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _start_relay() -> None:
    """One forwarder from Redis in each event loop; none where everything is one process."""
    loop = asyncio.get_running_loop()
    task = _relay.get(id(loop))
    if wakeups.redis_url() and (task is None or task.done()):
        _relay[id(loop)] = loop.create_task(wakeups.relay())


async def disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _pump(
    reader: Reader, scope: Scope_, send: Send, queue: asyncio.Queue[wakeups.Message]
) -> None:
    resumed = "last-event-id" in headers_of(scope)
    await write(send, b"retry: 2000\n\n")
    if resumed:
        for name in sorted(reader.lists):
            await write(send, _frame(reader, {"topic": name, "kind": "hint", "data": {}}))
    decided = wrote = time.monotonic()
    while True:
        found = await in_thread(_new_events, reader)
        for event in found:
            reader.changes[event.change_id] = event.number
            await write(send, _frame(reader, _said(event)))
            wrote = time.monotonic()
        # A full batch is followed by the next at once: nothing would wake the reader for it.
        for name, data in await _woken(reader, queue) if len(found) < BATCH else ():
            body = {"topic": name, "kind": "hint", "data": data}
            await write(send, _frame(reader, body))
            wrote = time.monotonic()
        now = time.monotonic()
        if now - decided >= KEEP_ALIVE:
            if not await in_thread(_still, reader):
                await write(send, b"event: end\ndata: {}\n\n")
                return
            decided = now
        if now - wrote >= KEEP_ALIVE:
            await write(send, b": keep-alive\n\n")
            wrote = now


async def _woken(
    reader: Reader, queue: asyncio.Queue[wakeups.Message]
) -> Iterable[wakeups.Message]:
    """Wait for a wake-up of one of the reader's topics, or a few seconds; the list hints."""
    own = {f"change:{pk}" for pk in reader.changes}
    ends = time.monotonic() + LOOK
    hints: list[wakeups.Message] = []
    while (left := ends - time.monotonic()) > 0:
        try:
            topic, data = await asyncio.wait_for(queue.get(), left)
        except TimeoutError:
            break
        if topic in own:
            break
        if topic in reader.lists:
            hints.append((topic, data))
            break
    return await in_thread(_visible_hints, reader, hints) if hints else []


def _visible_hints(reader: Reader, hints: list[wakeups.Message]) -> list[wakeups.Message]:
    """The hints about places that the reader may see; the rest are none of their business."""
    seen = []
    for topic, data in hints:
        place = Scope.objects.filter(pk=data.get("scope", 0)).first()
        if place is not None and can(reader.actor, events.lists[topic], place):
            seen.append((topic, data))
    return seen


def _new_events(reader: Reader) -> list[ChangeEvent]:
    found: list[ChangeEvent] = []
    for pk, number in reader.changes.items():
        rows = ChangeEvent.objects.filter(change_id=pk, number__gt=number).order_by("number")
        found += rows[:BATCH]
    return found


def _said(event: ChangeEvent) -> dict[str, Any]:
    return {
        "topic": f"change:{event.change_id}",
        "number": event.number,
        "at": event.at.isoformat(),
        "kind": event.kind,
        "data": event.data,
    }


def _frame(reader: Reader, body: dict[str, Any]) -> bytes:
    """One event; JSON has no raw line breaks, so one `data` line holds it."""
    return f"id: {reader.position}\ndata: {json.dumps(body)}\n\n".encode()


async def write(send: Send, chunk: bytes) -> None:
    await send({"type": "http.response.body", "body": chunk, "more_body": True})
