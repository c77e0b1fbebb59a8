"""The git endpoint `/git/<project>.git/…`: an ASGI callable around `git http-backend`.

It streams both ways, because a push arrives chunked and without a length, and Django's request
would hand it over empty. Who may read or push is `decide`; what may be pushed is the judge's.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import signal
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.db import connections

from gitops import repositories, tickets
from gitops.hosts import backend
from gitops.judging import require_push
from gitops.models import ConfigRepository
from idp.common.errors import Forbidden, NotVisible, SlipwayError
from rbac import tokens
from rbac.access import require
from rbac.models import Project
from rbac.requests import client_address

log = logging.getLogger(__name__)
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MAX_PUSH = 16 * 1024 * 1024
MAX_DRAIN = 256 * 1024 * 1024  # read and thrown away, so that the refusal is heard
DEADLINE = 600.0
_CHUNK = 64 * 1024
_MAX_HEADER = 16 * 1024
_PATH = re.compile(r"/git/([a-z][a-z0-9-]{0,39})\.git/(info/refs|git-upload-pack|git-receive-pack)")
_PROTOCOL = re.compile(r"version=[0-9](:[a-z0-9=_-]{0,40}){0,10}")
_SERVICES = {"service=git-upload-pack": "upload", "service=git-receive-pack": "receive"}
_TOO_LARGE = (
    f"Slipway takes pushes of at most {MAX_PUSH // 1024 // 1024} MB; this one is larger."
    " Nothing was changed. Keep large files in a bucket, and leave them out of the history."
)


@dataclass(frozen=True)
class Refused(Exception):
    status: int
    text: str
    challenge: bool = False


@dataclass(frozen=True)
class Call:
    """One permitted request: which repository, which part of the protocol, on whose behalf."""

    repository: Path
    path: str
    ticket: str
    user: str


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request; anything but HTTP is none of ours."""
    if scope["type"] != "http":
        return
    try:
        async with ThreadSensitiveContext():
            call = await sync_to_async(_admit)(scope)
    except Refused as refusal:
        await _answer(send, refusal)
        return
    try:
        async with asyncio.timeout(DEADLINE):
            await _serve(call, scope, receive, send)
    except TimeoutError:
        log.warning("git request for %s took longer than %.0f s", call.repository.name, DEADLINE)


# -- admission (in a thread: it reads the database) -------------------------------------------


def _admit(scope: Scope) -> Call:
    try:
        return _call(scope)
    except NotVisible as error:
        raise Refused(404, f"{error.message}\n") from error
    except Forbidden as error:
        raise Refused(403, f"{error.message} {error.fix}".strip() + "\n") from error
    except SlipwayError as error:
        raise Refused(error.status, f"{error.message} {error.fix}".strip() + "\n") from error
    finally:
        connections.close_all()


def _call(scope: Scope) -> Call:
    match = _PATH.fullmatch(scope["path"])
    if not match:
        raise Refused(404, "No repository is served here. Clone /git/<project>.git\n")
    name, path = match.groups()
    query = scope.get("query_string", b"").decode(errors="replace")
    if path == "info/refs":
        service, method = _SERVICES.get(query, ""), "GET"
    else:
        service, method = path.removeprefix("git-").removesuffix("-pack"), "POST"
    if scope["method"] != method:
        raise Refused(405, f"Use {method}.\n")
    if not service:
        raise Refused(403, "Only git's smart protocol is served; use a current git.\n")
    headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
    peer = scope["client"][0] if scope.get("client") else ""
    address = client_address(peer, headers.get("x-forwarded-for", ""))
    secret = tokens.from_header(headers.get("authorization", ""))
    actor = tokens.authenticate(secret, address) if secret else None
    if actor is None or actor.user is None:
        raise Refused(401, "Sign in with any name, and an API token as the password.\n", True)
    project = Project.objects.select_related("scope").filter(name=name).first()
    if project is None:
        raise NotVisible(f"There is no repository {name}, or you may not see it.")
    require(actor, "repository.read", project.scope)
    if service == "receive":
        require_push(actor, project)
    repo = ConfigRepository.objects.select_related("project").filter(project=project).first()
    on_disk = repositories.path_of(repositories.ensure(project) if repo is None else repo)
    if service == "receive" and repo is not None:
        repositories.ensure(project)  # hooks of this installation
    return Call(on_disk, path, tickets.issue(name, actor), actor.user.username)


# -- serving ------------------------------------------------------------------------------------


def _variables(call: Call, scope: Scope) -> dict[str, str]:
    headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
    protocol = headers.get("git-protocol", "")
    return {
        "REQUEST_METHOD": scope["method"],
        "QUERY_STRING": scope.get("query_string", b"").decode("latin-1"),
        "CONTENT_TYPE": headers.get("content-type", ""),
        "HTTP_CONTENT_ENCODING": headers.get("content-encoding", ""),
        "GIT_PROTOCOL": protocol if _PROTOCOL.fullmatch(protocol) else "",
        "REMOTE_USER": call.user,
        "REMOTE_ADDR": scope["client"][0] if scope.get("client") else "",
        "SLIPWAY_TICKET": call.ticket,
    }


async def _serve(call: Call, scope: Scope, receive: Receive, send: Send) -> None:
    process = await backend.spawn(
        call.repository, path=call.path, largest=MAX_PUSH, variables=_variables(call, scope)
    )
    feeding = asyncio.create_task(_feed(process, receive))
    errors = asyncio.create_task(_tail(process))
    try:
        head, rest = await _head(process)  # git writes its header before it reads the push
        if await feeding == "large":
            await _too_large(send)
            return
        await _start(send, head)
        await _stream(process, send, rest)
    finally:
        feeding.cancel()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        said = await errors
        if process.returncode not in {0, -signal.SIGKILL} and said:
            log.info("git http-backend for %s: %s", call.repository.name, said)


async def _feed(process: asyncio.subprocess.Process, receive: Receive) -> str:
    """Hand the request's body to the program; too much of it ends the program, heard to the end."""
    stdin, seen, outcome = process.stdin, 0, "done"
    assert stdin is not None  # noqa: S101 - spawned with a pipe
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            _kill(process)
            return "gone"
        chunk = message.get("body", b"")
        seen += len(chunk)
        if seen > MAX_PUSH and outcome == "done":
            outcome = "large"
        if seen > MAX_DRAIN:
            break
        if chunk and outcome == "done":
            try:
                stdin.write(chunk)
                await stdin.drain()
            except (BrokenPipeError, ConnectionResetError):
                outcome = "closed"
        if not message.get("more_body", False):
            break
    if outcome == "large":
        _kill(process)
    else:
        stdin.close()
    return outcome


def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


async def _tail(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None  # noqa: S101 - as above
    kept = b""
    while chunk := await process.stderr.read(_CHUNK):
        kept = (kept + chunk)[-2000:]
    return kept.decode(errors="replace").strip()


async def _head(process: asyncio.subprocess.Process) -> tuple[bytes, bytes]:
    """The CGI header and what of the body came with it."""
    assert process.stdout is not None  # noqa: S101 - as above
    read = b""
    while b"\r\n\r\n" not in read and len(read) < _MAX_HEADER:
        chunk = await process.stdout.read(_CHUNK)
        if not chunk:
            break
        read += chunk
    head, _, rest = read.partition(b"\r\n\r\n")
    return head, rest


async def _start(send: Send, head: bytes) -> None:
    status, headers = (200 if head else 500), []
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b": ")
        if name.lower() == b"status":
            status = int(value[:3])
        elif name:
            headers.append((name.lower(), value))
    headers.append((b"x-content-type-options", b"nosniff"))
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def _stream(process: asyncio.subprocess.Process, send: Send, rest: bytes) -> None:
    assert process.stdout is not None  # noqa: S101 - as above
    if rest:
        await send({"type": "http.response.body", "body": rest, "more_body": True})
    while chunk := await process.stdout.read(_CHUNK):
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _packet(data: bytes) -> bytes:
    return f"{len(data) + 4:04x}".encode() + data


async def _too_large(send: Send) -> None:
    """The refusal in git's own words (gitprotocol-pack(5), side bands), so that people read it."""
    report = _packet(b"unpack the push is too large\n") + b"0000"
    body = _packet(b"\x02" + f"{_TOO_LARGE}\n".encode()) + _packet(b"\x01" + report) + b"0000"
    kind = (b"content-type", b"application/x-git-receive-pack-result")
    await send({"type": "http.response.start", "status": 200, "headers": [kind]})
    await send({"type": "http.response.body", "body": body})


async def _answer(send: Send, refusal: Refused) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    if refusal.challenge:
        headers.append((b"www-authenticate", b'Basic realm="Slipway", charset="UTF-8"'))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": refusal.text.encode()})
