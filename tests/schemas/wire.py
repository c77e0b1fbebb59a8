"""A client of the registry's wire API through a server's own request form, without a socket."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from unittest import mock
from urllib.parse import unquote

from django.db import connection
from django.utils import timezone

from rbac.actors import Actor
from rbac.models import Scope, User
from rbac.services.tokens import create_token
from schemas.wire import asgi, connections, wsgi
from schemas.wire.calls import Answer

RECORD = {"type": "record", "name": "Order", "fields": [{"name": "id", "type": "int"}]}


def avro(*fields: tuple[str, str] | tuple[str, str, Any], name: str = "Order") -> str:
    """An Avro record as text; a third member of a field is its default."""
    made = [
        {"name": f[0], "type": f[1], **({"default": f[2]} if len(f) > 2 else {})} for f in fields
    ]
    return json.dumps({"type": "record", "name": name, "fields": made})


def token_of(
    user: User, *, scope: Scope | None = None, permissions: list[str] | None = None
) -> str:
    _, text = create_token(
        Actor(user),
        user=user,
        name="registry",
        permissions=permissions or [],
        scope=scope,
        expires_at=timezone.now() + timedelta(days=1),
    )
    return text


@dataclass
class Said:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> Any:
        return self.json["error_code"]


_respond = asgi._respond


def _closing(scope: Any, body: bytes) -> Answer:
    """Leave no connection open in the server's threads: the test database is dropped at the end."""
    try:
        return _respond(scope, body)
    finally:
        connection.close()


@dataclass
class Wire:
    """Requests as one server hands them on: gunicorn's (`wsgi`) or uvicorn's (`asgi`)."""

    token: str
    server: str = "wsgi"
    user_name: str = "kafka"
    headers: dict[str, str] = field(default_factory=dict)

    def __call__(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Said:
        raw = (
            body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        )
        sent = {**self._authorization(), **self.headers, **(headers or {})}
        if raw:
            sent.setdefault("content-type", "application/vnd.schemaregistry.v1+json")
        ask = self._wsgi if self.server == "wsgi" else self._asgi
        return ask(method, f"/registry{path}", raw, sent)

    def _authorization(self) -> dict[str, str]:
        if not self.token:
            return {}
        pair = base64.b64encode(f"{self.user_name}:{self.token}".encode()).decode()
        return {"authorization": f"Basic {pair}"}

    @staticmethod
    def _wsgi(method: str, path: str, body: bytes, headers: dict[str, str]) -> Said:
        bare, _, query = path.partition("?")
        environ = {
            "REQUEST_METHOD": method,
            "RAW_URI": path,
            "PATH_INFO": unquote(bare),
            "QUERY_STRING": query,
            "CONTENT_TYPE": headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.input": io.BytesIO(body),
        }
        for name, value in headers.items():
            if name != "content-type":
                environ[f"HTTP_{name.upper().replace('-', '_')}"] = value
        said: dict[str, Any] = {}

        def start(status: str, found: list[tuple[str, str]]) -> None:
            said.update(status=int(status.split(maxsplit=1)[0]), headers=dict(found))

        inside = mock.patch.object(connections, "close_old_connections")
        # A test's own transaction lives on the connection that a request would close.
        with inside if connection.in_atomic_block else contextlib.nullcontext():
            parts = list(wsgi.application(environ, start))
        assert len(parts) == 1, "one write per reply"
        return Said(said["status"], said["headers"], parts[0])

    @staticmethod
    def _asgi(method: str, path: str, body: bytes, headers: dict[str, str]) -> Said:
        bare, _, query = path.partition("?")
        scope = {
            "type": "http",
            "method": method,
            "path": unquote(bare),
            "raw_path": bare.encode(),
            "query_string": query.encode(),
            "headers": [(k.lower().encode(), v.encode()) for k, v in headers.items()],
            "client": ("127.0.0.1", 1),
        }
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        with mock.patch.object(asgi, "_respond", _closing):
            asyncio.run(asgi.application(scope, receive, send))
        start, content = sent
        found = {k.decode().title(): v.decode() for k, v in start["headers"]}
        return Said(start["status"], found, content["body"])

    def register(self, subject: str, schema: str, **more: Any) -> Said:
        return self("POST", f"/subjects/{subject}/versions", {"schema": schema, **more})
