"""The wire API through sockets: one gunicorn worker on PostgreSQL, the client in this process."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from urllib.parse import urlsplit

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from bench.figures import Figure, side_by_side
from bench.registry import rows

REGISTERED, READ = 100, 300  # calls a round


class _Bare(BaseHTTPRequestHandler):
    """A registry that does nothing: what the client and the socket cost by themselves."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def _say(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        associated = "associations" in self.path
        body = b'{"error_code":404,"message":"none"}' if associated else b'{"id":1}'
        self.send_response(404 if associated else 200)
        self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    do_GET = do_POST = _say  # noqa: N815  # the base class names them

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@contextmanager
def bare() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Bare)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def figures(url: str, token: str) -> Iterator[Figure]:
    with bare() as floor:
        yield _registered(f"{url}/registry", floor, token)
        yield _read(f"{url}/registry", floor, token)


def _registered(url: str, floor: str, token: str) -> Figure:
    """Subjects that grow to forty versions each, one after the other, by the real client."""
    turns, others = count(), count()

    def publish(client: SchemaRegistryClient, turn: Iterator[int]) -> None:
        subject, version = divmod(next(turn), 40)
        text = rows.chain(version).replace("Order", f"Order{subject}")
        client.register_schema(f"bench-{subject}-value", Schema(text, "AVRO"))

    with _client(url, token) as ours, _client(floor, token) as theirs:
        mine, other = side_by_side(
            lambda: publish(ours, turns), lambda: publish(theirs, others), REGISTERED
        )
    beside = f"the client against a registry that does nothing: {1 / other:,.0f}/s"
    return Figure("Register, through the real client", 1 / mine, "/s", 150, beside=beside)


def _client(url: str, token: str) -> SchemaRegistryClient:
    return SchemaRegistryClient({"url": url, "basic.auth.user.info": f"kafka:{token}"})


def _read(url: str, floor: str, token: str) -> Figure:
    turn = count()
    ours, theirs = _connection(url), _connection(floor)
    headers = {"Authorization": f"Bearer {token}"}

    def read(connection: http.client.HTTPConnection, prefix: str) -> None:
        number = next(turn) % rows.SUBJECTS + 1
        connection.request("GET", f"{prefix}/schemas/ids/{number}", headers=headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise SystemExit(f"schema {number}: {answer.status}")

    mine, other = side_by_side(
        lambda: read(ours, urlsplit(url).path), lambda: read(theirs, ""), READ
    )
    beside = f"the same client, a server that does nothing: {1 / other:,.0f}/s"
    return Figure("Read by id, raw keep-alive HTTP", 1 / mine, "/s", 500, beside=beside)


def _connection(url: str) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
