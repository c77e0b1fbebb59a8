"""HTTP calls to a git host's API: bounded in time and size, pinned, and never sent elsewhere."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import httpx

from gitops.hosts.addresses import Where, address_of
from idp.common import outgoing
from idp.common.errors import (
    Conflict,
    Denied,
    NotFound,
    PermanentBackendError,
    TemporaryBackendError,
)
from idp.common.outgoing import QUOTED
from idp.common.version import VERSION

SECONDS = 20.0  # of one call
MAX_BYTES = 8 * 1024 * 1024  # of one answer
MAX_WAIT = 3600.0
_BUSY = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
_MOVED = frozenset({HTTPStatus.CONFLICT, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_ACCEPTABLE})
_FIX = "Check the address and the kind of the git host."


class Api:
    """The API below a prefix of a host; `headers` carry the credential."""

    def __init__(self, where: Where, prefix: str, headers: Mapping[str, str]) -> None:
        self._where, self._prefix = where, prefix
        self._headers = {
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": f"slipway/{VERSION}",
            "Host": where.netloc,
            **headers,
        }

    def get(self, path: str, **params: str | int) -> Any:
        return self.call("GET", path, params=params)

    def list(self, path: str, **params: str | int) -> list[Any]:
        """An answer that has to be a list."""
        found = self.call("GET", path, params=params)
        if not isinstance(found, list):
            raise PermanentBackendError(f"{self._where.host} does not answer with a list.")
        return found

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> Any:
        """The decoded answer, None for an empty one; raises a `BackendError` for any other end."""
        where = self._where
        address = address_of(where)
        shown = f"[{address}]" if ":" in address else address
        url = f"{where.scheme}://{shown}:{where.port}{self._prefix}{path}"
        try:
            with (
                httpx.Client(
                    timeout=httpx.Timeout(SECONDS / 2, connect=SECONDS / 4),
                    follow_redirects=False,
                    trust_env=False,
                ) as client,
                client.stream(
                    method,
                    url,
                    params=dict(params or {}),
                    json=None if data is None else dict(data),
                    headers=self._headers,
                    extensions={"sni_hostname": where.host},
                ) as answer,
            ):
                body = outgoing.read(answer, where.host, most=MAX_BYTES, seconds=SECONDS)
        except httpx.TimeoutException as error:
            raise TemporaryBackendError(f"{where.host} did not answer in time.") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise TemporaryBackendError(f"{where.host} cannot be asked: {error}.") from error
        self._judge(answer, body, path)
        return outgoing.decoded(body, where.host, path, fix=_FIX) if body.strip() else None

    def _judge(self, answer: httpx.Response, body: bytes, path: str) -> None:
        status, host, said = answer.status_code, self._where.host, _said(body)
        if status < HTTPStatus.MULTIPLE_CHOICES:
            return
        if status < HTTPStatus.BAD_REQUEST:
            raise PermanentBackendError(
                f"{host} sends elsewhere; that is not followed.",
                fix="Give the address it names: the repository or the host has moved.",
            )
        if limited := _limited(answer):
            raise TemporaryBackendError(
                f"{host} wants fewer calls (HTTP {status}).", retry_after=limited
            )
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise Denied(
                f"{host} does not let Slipway do it (HTTP {status}){said}.",
                fix="Check the token, its scopes and its end.",
            )
        if status == HTTPStatus.NOT_FOUND:
            raise NotFound(
                f"{host} has no {path[:QUOTED]}, or the token does not see it.",
                fix="Check the repository's name and the token's access to it.",
            )
        if status in _MOVED:
            raise Conflict(f"{host} does not do it (HTTP {status}){said}.")
        if status in _BUSY or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise TemporaryBackendError(f"{host} failed to answer (HTTP {status}).")
        raise PermanentBackendError(f"{host} refuses {path[:QUOTED]} (HTTP {status}){said}.")


def _limited(answer: httpx.Response) -> float:
    """How long to wait where the host asks for fewer calls; 0 where it does not."""
    spent = answer.headers.get("x-ratelimit-remaining") == "0"
    if answer.status_code != HTTPStatus.TOO_MANY_REQUESTS and not (
        answer.status_code == HTTPStatus.FORBIDDEN and spent
    ):
        return 0
    after = answer.headers.get("retry-after", "")
    if after.isascii() and after.isdecimal():
        return min(max(float(after[:6]), 1.0), MAX_WAIT)
    reset = answer.headers.get("x-ratelimit-reset", "")
    if reset.isascii() and reset.isdecimal():
        return min(max(float(reset[:12]) - time.time(), 1.0), MAX_WAIT)
    return 60.0


def _said(body: bytes) -> str:
    """The host's own message, shortened and on one line; never what we sent."""
    try:
        found = json.loads(body[:20_000])
    except (ValueError, RecursionError):
        return ""
    message = found.get("message") or found.get("error") if isinstance(found, dict) else ""
    text = " ".join(str(message).split())[:QUOTED] if message else ""
    return f": {text}" if text else ""
