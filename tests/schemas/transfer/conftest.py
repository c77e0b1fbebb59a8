"""A registry that is asked over HTTP and a run that a worker carries, without any worker."""

from __future__ import annotations

import ipaddress
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from pytest_django.fixtures import Settings

from rbac.actors import Actor
from schemas.transfer import runs
from schemas.transfer.models import ImportRun
from tests.rbac.factories import Characters
from tests.schemas.databases.conftest import Rest, rest, signed_in

__all__ = ["Rest", "rest", "signed_in"]


@pytest.fixture
def mia(people: Characters) -> Actor:
    return Actor(people.maintainer)


@pytest.fixture
def ada(people: Characters) -> Actor:
    return Actor(people.administrator)


@pytest.fixture(autouse=True)
def on_loopback(settings: Settings) -> None:
    settings.SCHEMAS_IMPORT_NETWORKS = [ipaddress.ip_network("127.0.0.0/8")]


@dataclass
class Other:
    """Another registry: what it holds, and what it was asked; `answers` replace what it says."""

    subjects: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    config: dict[str, dict[str, Any]] = field(default_factory=dict)
    modes: dict[str, str] = field(default_factory=dict)
    answers: dict[str, Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    authorization: list[str] = field(default_factory=list)
    url: str = ""

    def add(self, subject: str, *versions: tuple[int, str], deleted: bool = False) -> None:
        """Versions by id and text, counted on."""
        held = self.subjects.setdefault(subject, [])
        for number, text in versions:
            row = {"subject": subject, "version": len(held) + 1, "id": number, "schema": text}
            held.append({**row, "deleted": True} if deleted else row)

    def say(self, path: str, query: dict[str, list[str]]) -> Any:
        """The answer to a request; None: 404."""
        parts = [unquote(part) for part in path.strip("/").split("/")]
        deleted = query.get("deleted") == ["true"]
        match parts:
            case ["subjects"]:
                rows = [name for name, held in self.subjects.items() if deleted or living(held)]
                start = int(query.get("offset", ["0"])[0])
                return rows[start : start + int(query.get("limit", ["1000"])[0])]
            case ["subjects", name, "versions"]:
                held = self.subjects.get(name, [])
                return [r["version"] for r in held if deleted or "deleted" not in r] or None
            case ["subjects", name, "versions", number]:
                held = self.subjects.get(name, [])
                return next((r for r in held if str(r["version"]) == number), None)
            case ["config", *name]:
                return self.config.get("".join(name))
            case ["mode", *name]:
                mode = self.modes.get("".join(name))
                return {"mode": mode} if mode else None
        return None


def living(held: list[dict[str, Any]]) -> bool:
    return any("deleted" not in row for row in held)


@pytest.fixture
def other() -> Iterator[Other]:
    """A small registry on the loopback, in a thread."""
    held = Other()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body together: two small packets would wait for each other

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            held.asked.append(self.path)
            held.authorization.append(self.headers.get("Authorization", ""))
            special = held.answers.get(parts.path)
            if special is not None:
                special(self)
                return
            found = held.say(parts.path, parse_qs(parts.query))
            missing = {"error_code": 40401, "message": "not found"}
            reply(self, 404 if found is None else 200, missing if found is None else found)

        def log_message(self, *args: object) -> None:
            """Tests say enough."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    held.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield held
    server.shutdown()
    server.server_close()
    thread.join()


def reply(handler: BaseHTTPRequestHandler, status: int, value: Any, **headers: str) -> None:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    handler.send_response(status)
    handler.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
    handler.send_header("Content-Length", str(len(body)))
    for name, text in headers.items():
        handler.send_header(name.replace("_", "-"), text)
    handler.end_headers()
    handler.wfile.write(body)
    handler.wfile.flush()


def carried(run: ImportRun) -> ImportRun:
    """The run after a worker's turn."""
    ImportRun.objects.filter(pk=run.pk).update(not_before=None)
    assert runs.work(run.pk)
    run.refresh_from_db()
    return run
