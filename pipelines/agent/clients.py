"""The agent's side of the wire: one call, one deadline; errors as what the agent does about them.

A server that is away is asked again, later each time and never in step with others. A token that
dies is followed by the next one, which is written down before it is used.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeVar
from urllib.parse import unquote

import httpx
import msgspec

from idp.common.version import VERSION
from pipelines.agent import forms

F = TypeVar("F")
CONNECT_SECONDS, READ_SECONDS = 5.0, 30.0
FILE_SECONDS = 300.0
LEAST_WAIT, MOST_WAIT = 0.5, 30.0
CHUNK = 256 * 1024
_LOST = frozenset({404, 409, 410})
_AGAIN = frozenset({408, 425, 429})
_SERVER_ERROR, _BAD, _UNAUTHORISED, _CLASH, _NO_CONTENT = 500, 400, 401, 409, 204


class AttemptLost(RuntimeError):
    """The attempt is over, or somebody else's: kill the job and write nothing more."""


class AgentRefused(RuntimeError):
    """The server does not take this agent's token."""


class Unreachable(RuntimeError):
    """The server did not answer, or could not; asking later may help."""


class Rejected(RuntimeError):
    """The server does not take what was sent; the text says why."""


class Backoff:
    """How long to wait before the next try: doubled each time, and random."""

    def __init__(self) -> None:
        self._next = LEAST_WAIT

    def seconds(self) -> float:
        found = random.uniform(self._next / 2, self._next)  # noqa: S311 - no secret
        self._next = min(self._next * 2, MOST_WAIT)
        return found


class Token:
    """The token of this agent, in a file where there is one: the next one is written there."""

    def __init__(self, text: str, path: Path | None = None) -> None:
        self.text = text.strip()
        self.path = path

    @classmethod
    def read(cls, path: Path) -> Token:
        return cls(path.read_text(), path)

    def replace(self, text: str) -> None:
        """Write the next token down, and use it from now on."""
        if self.path is not None:
            fresh = self.path.with_name(f".{self.path.name}.new")
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(text + "\n")
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self.path)
        self.text = text

    def reread(self) -> bool:
        """Whether somebody wrote another token into the file."""
        with contextlib.suppress(OSError):
            found = self.path.read_text().strip() if self.path else self.text
            changed, self.text = found != self.text, found
            return changed
        return False


class Connection:
    """Calls of one agent's process; threads may share it."""

    def __init__(self, url: str, token: Token, *, slots: int = 1) -> None:
        self.token = token
        self._base = url.rstrip("/") + forms.PREFIX
        self._instance = uuid.uuid4().hex
        limits = httpx.Limits(max_connections=slots * 2 + 4, max_keepalive_connections=slots + 4)
        self._http = httpx.Client(
            limits=limits,
            timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
            headers={forms.INSTANCE: self._instance, "User-Agent": f"slipway-agent/{VERSION}"},
        )
        self.closed = threading.Event()

    def close(self) -> None:
        self.closed.set()
        self._http.close()

    # -- the agent ---------------------------------------------------------------------------------

    def claim(self, asked: forms.Claim) -> forms.Claimed:
        return self._form("claim", asked, forms.Claimed, read=asked.wait + READ_SECONDS)

    def beat(self, held: Mapping[int, str]) -> dict[int, str]:
        return self._form("beat", forms.Beat(dict(held)), forms.Beaten).attempts

    def rotate(self) -> None:
        """Take the next token, and use it."""
        self.token.replace(self._form("rotate", {}, forms.Rotated).token)

    def drain(self) -> None:
        """Let a claim that waits end."""
        self._call("POST", "leave?drain=1").close()

    def leave(self) -> None:
        self._call("POST", "leave").close()

    # -- an attempt --------------------------------------------------------------------------------

    def log(self, order: forms.Order, offset: int, data: bytes) -> forms.Logged:
        path = f"attempts/{order.attempt}/log?offset={offset}"
        return msgspec.json.decode(self._of(order, "POST", path, data).content, type=forms.Logged)

    def finish(self, order: forms.Order, said: forms.Finish) -> None:
        path = f"attempts/{order.attempt}/finish"
        self._of(order, "POST", path, msgspec.json.encode(said))

    @contextmanager
    def fetched(
        self, order: forms.Order, path: str, into: IO[bytes], **params: Any
    ) -> Iterator[Mapping[str, str] | None]:
        """A file of the attempt, written and checked; its headers, None where there is none."""
        with self._open(order, path, params) as answer:
            found = hashlib.sha256()
            for chunk in answer.iter_bytes(CHUNK):
                found.update(chunk)
                into.write(chunk)
        if answer.status_code == _NO_CONTENT:
            yield None
            return
        digest = answer.headers.get(forms.DIGEST, "")
        if digest and digest != found.hexdigest():
            raise Unreachable("What came is not what was sent.")
        into.seek(0)
        yield answer.headers

    @contextmanager
    def _open(self, order: forms.Order, path: str, params: Any) -> Iterator[httpx.Response]:
        url = f"{self._base}attempts/{order.attempt}/{path}"
        headers = {**self._authorization(), forms.LEASE: order.lease}
        try:
            with self._http.stream(
                "GET", url, params=params, headers=headers, timeout=FILE_SECONDS
            ) as answer:
                if answer.status_code >= _BAD:
                    answer.read()
                    raise self._error(answer, attempt=True)
                yield answer
        except httpx.HTTPError as error:
            raise Unreachable(str(error) or type(error).__name__) from error

    def send(self, order: forms.Order, path: str, file: IO[bytes], **params: Any) -> forms.Kept:
        """Send a file of the attempt; what is wrong with it, in lines."""
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # any file
        size = file.tell()
        file.seek(0)
        headers = {forms.DIGEST: digest, "Content-Length": str(size)}
        body = iter(lambda: file.read(CHUNK), b"")
        full = f"attempts/{order.attempt}/{path}"
        answer = self._of(
            order, "PUT", full, body, headers=headers, params=params, read=FILE_SECONDS
        )
        if answer.status_code == _NO_CONTENT:
            return forms.Kept()
        return msgspec.json.decode(answer.content, type=forms.Kept)

    def _of(
        self, order: forms.Order, method: str, path: str, content: Any, **options: Any
    ) -> httpx.Response:
        headers = {**options.pop("headers", {}), forms.LEASE: order.lease}
        return self._call(method, path, content, headers=headers, attempt=True, **options)

    # -- one call ----------------------------------------------------------------------------------

    def _form(self, path: str, body: Any, kind: type[F], read: float = READ_SECONDS) -> F:
        answer = self._call("POST", path, msgspec.json.encode(body), read=read)
        try:
            return msgspec.json.decode(answer.content, type=kind)
        except msgspec.DecodeError as error:
            raise Unreachable(f"What answers is no Slipway: {error}") from error

    def _authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token.text}"}

    def _call(
        self,
        method: str,
        path: str,
        content: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        params: Any = None,
        attempt: bool = False,
        read: float = READ_SECONDS,
    ) -> httpx.Response:
        timeout = httpx.Timeout(read, connect=CONNECT_SECONDS)
        try:
            answer = self._http.request(
                method,
                self._base + path,
                content=content,
                params=params,
                headers={**(headers or {}), **self._authorization()},
                timeout=timeout,
            )
        except httpx.HTTPError as error:
            raise Unreachable(str(error) or type(error).__name__) from error
        if answer.status_code >= _BAD:
            raise self._error(answer, attempt=attempt)
        return answer

    @staticmethod
    def _error(answer: httpx.Response, *, attempt: bool) -> Exception:
        status = answer.status_code
        said = f"HTTP {status}"
        with contextlib.suppress(ValueError, AttributeError):
            found = answer.json()
            said = " ".join(filter(None, (found.get("detail"), found.get("fix")))) or said
        if status == _UNAUTHORISED:
            return AgentRefused(said)
        if attempt and status in _LOST:
            return AttemptLost(said)
        if status >= _SERVER_ERROR or status in _AGAIN or status == _CLASH:
            return Unreachable(said)
        return Rejected(said)


def cache_key(headers: Mapping[str, str]) -> str:
    return unquote(headers.get(forms.CACHE_KEY, ""))


def again(do: Any, *, seconds: float, stop: threading.Event) -> Any:
    """Do it until the server can answer, for so long; then the last `Unreachable`."""
    backoff, end = Backoff(), time.monotonic() + seconds
    while True:
        try:
            return do()
        except Unreachable:
            wait = backoff.seconds()
            if time.monotonic() + wait > end or stop.is_set():
                raise
            stop.wait(wait)
