"""The wire API under WSGI: taken off in front of Django, on the path as it was sent.

`PATH_INFO` is decoded already, so an encoded slash is lost in it; gunicorn keeps the request line
in `RAW_URI`, other servers in `REQUEST_URI`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from schemas.wire.application import respond
from schemas.wire.calls import MAX_BODY, Call, address_in
from schemas.wire.connections import connected

PREFIX = "/registry"
Environ = dict[str, Any]
StartResponse = Callable[..., Any]


def raw_path(environ: Environ) -> str:
    """The path of the request line, percent signs and all."""
    line = environ.get("RAW_URI") or environ.get("REQUEST_URI") or ""
    path = line.partition("?")[0]
    if "://" in path:  # a proxy's form of the request line
        path = "/" + path.partition("://")[2].partition("/")[2]
    if path:
        return str(path)
    given: str = environ.get("PATH_INFO", "")
    return quote(given.encode("latin-1"), safe="/:@!$&'()*+,;=~-._")


def is_ours(path: str) -> bool:
    return path == PREFIX or path.startswith(f"{PREFIX}/")


def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answer one request in one write."""
    with connected():
        answer = respond(call_of(environ, read_body(environ)))
    status = HTTPStatus(answer.status)
    headers = [*answer.headers.items(), ("Content-Length", str(len(answer.body)))]
    start_response(f"{status.value} {status.phrase}", headers)
    return [answer.body]


def call_of(environ: Environ, body: bytes) -> Call:
    headers = {
        name[5:].replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    headers["content-type"] = environ.get("CONTENT_TYPE", "")
    return Call(
        method=environ["REQUEST_METHOD"].upper(),
        path=raw_path(environ)[len(PREFIX) :],
        query=environ.get("QUERY_STRING", ""),
        headers=headers,
        body=body,
        address=address_in(environ),
    )


def read_body(environ: Environ) -> bytes:
    """The body, one byte past the bound at most: that one says that it is too long."""
    length = environ.get("CONTENT_LENGTH") or ""
    if length.isascii() and length.isdigit():
        size = min(int(length), MAX_BODY + 1)
    else:
        size = MAX_BODY + 1 if environ.get("wsgi.input_terminated") else 0
    data: bytes = environ["wsgi.input"].read(size) if size else b""
    return data
