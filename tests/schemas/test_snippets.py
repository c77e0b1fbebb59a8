"""The producer and consumer that pages show: they run as they stand against a running registry."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import confluent_kafka
import httpx
import pytest
from grpc_tools import protoc

from deploy.processes import Installation
from deploy.supervisor import Supervisor
from tests.schemas import live
from tests.schemas.live import Registry

pytestmark = [
    pytest.mark.slow,
    pytest.mark.loopback,
]
AVRO = {
    "type": "record",
    "name": "Order",
    "namespace": "shop",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "note", "type": ["null", "string"], "default": None},
        {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9}},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "day", "type": {"type": "int", "logicalType": "date"}},
        {"name": "raw", "type": "bytes"},
        {"name": "hash", "type": {"type": "fixed", "name": "Hash", "size": 4}},
        {"name": "ok", "type": "boolean"},
    ],
}
JSON = {"type": "object", "properties": {"id": {"type": "integer"}, "é": {"type": "string"}}}
PROTO = 'syntax = "proto3";\npackage shop;\nmessage Payment {\n  string id = 1;\n}\n'


@pytest.fixture(scope="module")
def registry(supervisor: Callable[[str], Supervisor]) -> Iterator[Registry]:
    home = supervisor("registry-snippets")
    yield live.start(Installation(home, f"sqlite:///{home.directory}/registry.sqlite3", ""))
    home.stop()


@pytest.fixture
def rest(registry: Registry) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {registry.token}"}
    base = f"{registry.installation.url}/api/v1/"
    with httpx.Client(base_url=base, headers=headers, timeout=30) as client:
        yield client


class Ended(Exception):
    """The consumer has read what there was."""


class Broker:
    """Stands for Kafka: keeps what a producer sends, gives it to a consumer."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes]] = []
        broker = self

        class Producer:
            def __init__(self, conf: dict[str, Any]) -> None:
                assert conf["bootstrap.servers"]

            def produce(self, topic: str, value: bytes) -> None:
                broker.sent.append((topic, value))

            def flush(self) -> None:
                assert broker.sent

        class Consumer:
            def __init__(self, conf: dict[str, Any]) -> None:
                assert conf["group.id"]

            def subscribe(self, topics: list[str]) -> None:
                assert topics == [broker.sent[0][0]]

            def poll(self, _seconds: float) -> Message:
                if not broker.sent:
                    raise Ended
                return Message(broker.sent.pop()[1])

        self.producer, self.consumer = Producer, Consumer


class Message:
    def __init__(self, value: bytes) -> None:
        self._value = value

    def error(self) -> None:
        return None

    def value(self) -> bytes:
        return self._value


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    made = Broker()
    monkeypatch.setattr(confluent_kafka, "Producer", made.producer)
    monkeypatch.setattr(confluent_kafka, "Consumer", made.consumer)
    return made


def code_of(rest: httpx.Client, name: str, text: str, kind: str) -> dict[str, Any]:
    body = {"subject": name, "schema": text, "format": kind}
    made = rest.post("subjects/", json=body)
    assert made.status_code == 201, made.text
    (row,) = rest.get("subjects/", params={"name": name}).json()["results"]
    return dict(rest.get(f"subjects/{row['id']}/versions/1/example/").json())


def run(code: str, token: str) -> None:
    compiled = compile(code.replace(":TOKEN", f":{token}"), "<snippet>", "exec")
    names: dict[str, Any] = {}
    try:
        exec(compiled, names)  # noqa: S102  # what people are told to run
    finally:
        names["registry"].__exit__()


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("snippets-avro-value", json.dumps(AVRO), "AVRO"),
        (':.snippets:quoted "name" ä-value', json.dumps(AVRO), "AVRO"),
        ("snippets-primitive-value", '"string"', "AVRO"),
        ("snippets-union-value", '["null", "bytes"]', "AVRO"),
        ("snippets-json-value", json.dumps(JSON), "JSON"),
        ("snippets-titled", json.dumps({**JSON, "title": "Order"}), "JSON"),
        ("snippets-proto-value", PROTO, "PROTOBUF"),
    ],
)  # fmt: skip
def test_what_is_shown_runs(  # noqa: PLR0917  # fixtures, and a table's columns
    registry: Registry,
    rest: httpx.Client,
    broker: Broker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    text: str,
    kind: str,
) -> None:
    found = code_of(rest, name, text, kind)
    if kind == "PROTOBUF":
        (tmp_path / "record.proto").write_text(PROTO)
        assert protoc.main(["", f"-I{tmp_path}", f"--python_out={tmp_path}", "record.proto"]) == 0
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, "record_pb2", raising=False)
    run(found["producer"], registry.token)
    assert broker.sent[0][1][:1] == b"\x00"
    with pytest.raises(Ended):
        run(found["consumer"], registry.token)
    assert capsys.readouterr().out


def test_a_description_of_a_service_has_none(rest: httpx.Client) -> None:
    text = '{"openapi": "3.1.0", "info": {"title": "T", "version": "1"}, "paths": {}}'
    found = code_of(rest, "snippets-api", text, "OPENAPI")
    assert (found["producer"], found["consumer"]) == ("", "")
    assert "no example" in found["reason"]
