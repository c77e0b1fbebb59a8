"""The REST client behind every command: deadlines, errors in words, exit codes, paging."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from idp.cli.config import Config
from idp.common.console import Code, fail, note
from idp.common.version import VERSION

MAX_PAGES = 200
_CODES = {
    401: Code.REFUSED,
    403: Code.REFUSED,
    404: Code.NOT_FOUND,
    502: Code.UNREACHABLE,
    503: Code.UNREACHABLE,
    504: Code.UNREACHABLE,
}


class RestClient:
    """Implements `idp.common.console.Client` over HTTP; errors end the command with their code."""

    def __init__(self, config: Config, *, transport: httpx.BaseTransport | None = None) -> None:
        self.config = config
        self.as_json = False
        self._timeout = 30.0
        self._http = httpx.Client(
            transport=transport,
            follow_redirects=False,
            headers={"User-Agent": f"slipway/{VERSION}"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def configure(self, *, as_json: bool, url: str, timeout: float) -> None:
        self.as_json, self._timeout = as_json, timeout
        if url and url.rstrip("/") != self.config.url:
            self.config = Config(url.rstrip("/"))

    def use(self, config: Config) -> None:
        self.config = config

    def get(self, path: str, **params: Any) -> Any:
        return self._json(self._call("GET", path, params=_given(params)))

    def send(
        self, method: str, path: str, body: Any = None, *, headers: Mapping[str, str] | None = None
    ) -> Any:
        sent = {"Idempotency-Key": str(uuid.uuid4()), **(headers or {})}
        return self._json(self._call(method, path, json=body, headers=sent))

    def upload(self, path: str, data: bytes, kind: str, **params: Any) -> Any:
        headers = {"Idempotency-Key": str(uuid.uuid4()), "Content-Type": kind}
        return self._json(
            self._call("POST", path, content=data, headers=headers, params=_given(params))
        )

    def download(self, path: str, **params: Any) -> Iterator[bytes]:
        """The bytes of an answer as they come, however many they are."""
        with self._answer("GET", path, stream=True, params=_given(params)) as response:
            try:
                yield from response.iter_bytes()
            except httpx.HTTPError as error:
                raise fail(f"The answer broke off: {error}.", Code.UNREACHABLE) from None

    def raw(self, path: str, **params: Any) -> tuple[bytes, Mapping[str, str]]:
        """The bytes of a small answer, and its headers by their names in lower case."""
        response = self._call("GET", path, params=_given(params))
        return response.content, {name.lower(): text for name, text in response.headers.items()}

    def rows(self, path: str, limit: int, **params: Any) -> Iterator[dict[str, Any]]:
        page = self.get(path, **params)
        for _ in range(MAX_PAGES):
            for row in page["results"]:
                if limit <= 0:
                    return
                limit -= 1
                yield row
            if limit <= 0 or not page.get("next"):
                return
            page = self._json(self._call("GET", self._own(page["next"])))

    def lines(self, path: str, **params: Any) -> Iterator[str]:
        """The lines of a text answer as they come, however long it is."""
        with self._answer("GET", path, stream=True, params=_given(params)) as response:
            try:
                yield from response.iter_lines()
            except httpx.HTTPError as error:
                raise fail(f"The answer broke off: {error}.", Code.UNREACHABLE) from None

    def _own(self, url: str) -> str:
        """The path and query of a link, which is followed on our own address only."""
        parts = urlsplit(url)
        path = parts.path.partition("/api/v1/")[2]
        return f"{path}?{parts.query}" if parts.query else path

    def _call(self, method: str, path: str, **options: Any) -> httpx.Response:
        answer: httpx.Response = self._answer(method, path, stream=False, **options)
        return answer

    def _answer(self, method: str, path: str, *, stream: bool, **options: Any) -> Any:
        """The response, read or as a context manager; errors are told and end the command."""
        if not self.config.url:
            raise fail("You are not signed in.", Code.USAGE, fix="Run slipway login URL.")
        headers = dict(options.pop("headers", {}))
        if self.config.token:
            headers["Authorization"] = f"Bearer {self.config.token}"
        try:
            request = self._http.build_request(
                method,
                f"{self.config.url}/api/v1/{path}",
                headers=headers,
                timeout=self._timeout,
                **options,
            )
            response = self._http.send(request, stream=stream)
            if not response.is_success:
                response.read()
        except httpx.TimeoutException:
            raise fail(
                f"{self.config.url} did not answer within {self._timeout:g} s.",
                Code.UNREACHABLE,
                fix="Try again, or give it longer with --timeout.",
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise fail(
                f"{self.config.url} cannot be reached: {error}.",
                Code.UNREACHABLE,
                fix="Check the address (slipway login URL) and the network.",
            ) from None
        self._judge(response)
        return closing(response) if stream else response

    def _judge(self, response: httpx.Response) -> None:
        if response.is_success:
            return
        if response.is_redirect:
            raise fail(
                f"{self.config.url} sends elsewhere ({response.headers.get('Location', '')}).",
                Code.UNREACHABLE,
                fix="Sign in to the address that it names.",
            )
        raise _told(response)

    def _json(self, response: httpx.Response) -> Any:
        if response.status_code == HTTPStatus.NO_CONTENT:
            return {}
        try:
            return response.json()
        except ValueError:
            raise fail(
                f"{self.config.url} does not answer like Slipway.",
                Code.UNREACHABLE,
                fix="Check the address: slipway login URL.",
            ) from None


def _given(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value not in (None, "")}


def _told(response: httpx.Response) -> Exception:
    """Writes a problem document's message, fields and fix; the exception that ends the command."""
    try:
        body = response.json()
    except ValueError:
        body = {}
    problem = body if isinstance(body, dict) else {}
    status = response.status_code
    code = _CODES.get(status, Code.FAILED)
    if problem.get("code") == "refused":
        code = Code.REFUSED
    detail = problem.get("detail") or f"{status} {response.reason_phrase}"
    fix = problem.get("fix", "")
    if status == HTTPStatus.UNAUTHORIZED and not fix:
        fix = "Sign in: slipway login URL."
    ending = fail(str(detail), code, fix=str(fix))
    for item in problem.get("errors") or []:
        if isinstance(item, dict):
            remedy = f" {item['fix']}" if item.get("fix") else ""
            note(f"  {item.get('field')}: {item.get('message')}{remedy}")
    return ending
