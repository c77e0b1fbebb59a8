"""Webhooks of git hosts at `/hooks/<kind>/<public id>/`: an ASGI callable of its own.

Django would read a whole body before anybody is asked. Here the length is judged first, then the
rate, then the proof; nothing is believed without it. The answer comes at once: what happened is a
row, and a worker looks.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.core.cache import cache
from django.db import IntegrityError, connections, transaction
from django.utils import timezone

from gitops.hosted import mirrors
from gitops.hosted.models import HookDelivery, HostedRepository
from gitops.hosted.services import look
from gitops.hosts.base import Commented, Delivery, Forged, MergeRequestChanged, Pushed
from idp.common.errors import Invalid, SlipwayError

log = logging.getLogger(__name__)
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MAX_BODY = 5 * 1024 * 1024
SECONDS = 20.0  # for the body to arrive
RATE = 240  # deliveries a minute to one repository
WINDOW = 60
_PATH = re.compile(r"/hooks/([a-z]{1,20})/([0-9a-f]{32})/")
Kind = HookDelivery.Kind


@dataclass(frozen=True)
class Refused(Exception):
    status: HTTPStatus
    text: str


@dataclass(frozen=True)
class Call:
    kind: str
    public_id: uuid.UUID
    headers: dict[str, str]


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one delivery; anything but HTTP is none of ours."""
    if scope["type"] != "http":
        return
    try:
        call = _call(scope)
        async with ThreadSensitiveContext():
            repository = await sync_to_async(_admitted)(call)
            async with asyncio.timeout(SECONDS):
                body = await _body(receive)
            said = await sync_to_async(_take)(call, repository, body)
    except Refused as refusal:
        await _answer(send, refusal.status, refusal.text)
    except TimeoutError:
        await _answer(send, HTTPStatus.REQUEST_TIMEOUT, "The body did not arrive in time.")
    else:
        await _answer(send, HTTPStatus.ACCEPTED, said)


def _call(scope: Scope) -> Call:
    """The request's parts, judged by what its head says alone."""
    match = _PATH.fullmatch(scope["path"])
    if not match:
        raise Refused(HTTPStatus.NOT_FOUND, "No webhook is taken here.")
    if scope["method"] != "POST":
        raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, "Use POST.")
    headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdecimal() and int(length[:20]) <= MAX_BODY):
        raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _TOO_LARGE)
    return Call(match[1], uuid.UUID(match[2]), headers)


_TOO_LARGE = f"Slipway takes deliveries of at most {MAX_BODY // 1024 // 1024} MB."


async def _body(receive: Receive) -> bytes:
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(HTTPStatus.BAD_REQUEST, "The sender is gone.")
        part = message.get("body", b"")
        size += len(part)
        if size > MAX_BODY:
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _TOO_LARGE)
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


# -- in a thread: it reads the database ---------------------------------------------------------


def _admitted(call: Call) -> HostedRepository:
    """The repository, while its host does not send too much."""
    try:
        rows = HostedRepository.objects.select_related("connection", "project__scope")
        row = rows.filter(public_id=call.public_id, connection__kind=call.kind).first()
    finally:
        connections.close_all()
    if row is None:
        raise Refused(HTTPStatus.NOT_FOUND, "No webhook is taken here.")
    key = f"hooks:{row.pk}:{int(time.time()) // WINDOW}"
    if not cache.add(key, 1, WINDOW * 2) and cache.incr(key) > RATE:
        raise Refused(
            HTTPStatus.TOO_MANY_REQUESTS, f"At most {RATE} deliveries a minute are taken."
        )
    return row


def _take(call: Call, repository: HostedRepository, body: bytes) -> str:
    try:
        return take(call, repository, body)
    except Forged as error:
        _note_refusal(repository, error)
        raise Refused(HTTPStatus.UNAUTHORIZED, f"{error.message} {error.fix}".strip()) from error
    except Invalid as error:
        _note_refusal(repository, error)
        text = f"{error.message} {error.fix}".strip()
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, text) from error
    finally:
        connections.close_all()


def _note_refusal(repository: HostedRepository, error: SlipwayError) -> None:
    """For the page: the sender seldom reads our answer."""
    log.warning("a delivery to %s is refused: %s", repository, error.message)
    HostedRepository.objects.filter(pk=repository.pk).update(
        refused_at=timezone.now(), refused_reason=f"{error.message} {error.fix}".strip()[:300]
    )


def take(call: Call, repository: HostedRepository, body: bytes) -> str:
    """Keep a delivery whose proof holds, once, and have a worker look; what there is to say."""
    connection = repository.connection
    kind = mirrors.host_class(connection.kind)
    found = kind.delivery(call.headers, body, connection.webhook_secret)
    if found.repository.lower() != repository.path.lower():
        raise Invalid(
            f"The delivery is of {found.repository[:100] or 'no repository'}, not of"
            f" {repository.path}.",
            fix="Give each repository its own webhook, or connect it by its new name.",
        )
    row = _row(repository, found)
    try:
        with transaction.atomic():
            row.save()
            if row.kind != Kind.IGNORED:
                look(repository)
    except IntegrityError:
        return "It came before."
    return "Taken." if row.kind != Kind.IGNORED else f"Nothing to do for {row.what}."


def _row(repository: HostedRepository, found: Delivery) -> HookDelivery:
    event = found.event
    row = HookDelivery(repository=repository, delivery=found.id)
    if isinstance(event, Pushed):
        row.kind, row.ref, row.who = Kind.PUSH, event.ref[:300], event.who
        row.what = f"{event.ref} to {event.after[:12]}"[:300]
    elif isinstance(event, MergeRequestChanged):
        row.kind, row.number, row.who = Kind.MERGE_REQUEST, event.number, event.who
        row.what = f"{event.action} {event.number}"[:300]
    elif isinstance(event, Commented):
        row.kind, row.number, row.who = Kind.COMMENT, event.number, event.who
        row.what = f"comment on {event.number}"
    else:
        row.kind, row.what, row.handled_at = Kind.IGNORED, event.what, timezone.now()
    return row


async def _answer(send: Send, status: HTTPStatus, text: str) -> None:
    body = json.dumps({"message": text}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": body})
