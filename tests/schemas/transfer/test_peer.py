"""Asking another registry: where it may stand, and what it may answer."""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from idp.common import networks
from idp.common.errors import (
    BackendError,
    Denied,
    Invalid,
    PermanentBackendError,
    TemporaryBackendError,
)
from rbac.actors import Actor
from schemas.backends import peer
from schemas.backends.peer import Peer
from schemas.transfer.models import ImportRun
from tests.rbac.factories import Characters
from tests.schemas.factories import V1
from tests.schemas.transfer.conftest import Other, Rest, carried, reply
from tests.schemas.transfer.test_imports import begun

pytestmark = pytest.mark.loopback
Handler = BaseHTTPRequestHandler
INSIDE = (
    "http://localhost", "http://localhost.:80", "http://127.0.0.1:8081", "http://[::1]",
    "http://[::ffff:127.0.0.1]/", "http://169.254.169.254/latest/meta-data", "http://0.0.0.0",
    "http://[fe80::1]",
)  # fmt: skip
WRONG = (
    "ftp://registry.example.org", "registry.example.org", "https://", "file:///etc/passwd",
    "https://u:p@registry.example.org", "https://registry.example.org/?x=1", "http://[::1",
    "https://registry.example.org:99999", "https://registry.example.org/a b",
    "https://registry.example.org/" + "x" * 500,
)  # fmt: skip


@pytest.mark.parametrize("url", [*INSIDE, *WRONG])
def test_addresses_that_are_none_or_lead_inside_are_refused_in_the_field(
    people: Characters, rest: Callable[[str], Rest], settings: Settings, url: str
) -> None:
    settings.SCHEMAS_IMPORT_NETWORKS = []
    settings.EMBEDDED = False
    body = {"registry": url, "project": "orders"}
    answer = rest("maintainer")("POST", "schemas/imports/", body, 422)
    assert answer["errors"][0]["field"] == "registry"
    assert not ImportRun.objects.exists()


def test_a_name_that_leads_inside_is_refused_when_it_is_asked(
    people: Characters, mia: Actor, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SCHEMAS_IMPORT_NETWORKS = []
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80))
        for address in ("93.184.216.34", "169.254.169.254")
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(Invalid, match=r"asks no registry at “r.example.org” \(169.254"):
        Peer("http://r.example.org")


def test_the_address_that_was_judged_is_the_one_that_is_asked(
    other: Other, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(other.url.rpartition(":")[2])
    answers = [[(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]]
    whole = socket.getaddrinfo

    def looked_up(host: Any, *more: Any, **given: Any) -> Any:
        if host == "registry.test":
            return answers.pop()  # a second look would fail
        return whole(host, *more, **given)

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    other.add("orders", (1, V1))
    with Peer(f"http://registry.test:{port}") as asked:
        assert asked.subjects(":*:", deleted=False, most=10) == ["orders"]
        assert asked.versions("orders", deleted=True) == [1]


def test_paths_are_kept_and_names_are_encoded_once(other: Other) -> None:
    with Peer(f"{other.url}/api/") as asked:
        assert asked.versions("a/b ä%", deleted=False) == []
    assert other.asked == ["/api/subjects/a%2Fb%20%C3%A4%25/versions?deleted=false"]


def test_lists_are_read_page_by_page_and_no_further_than_wanted(
    other: Other, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peer, "PAGE", 3)
    for number in range(8):
        other.add(f"s{number}", (number + 1, V1))
    with Peer(other.url) as asked:
        assert len(asked.subjects(":*:", deleted=False, most=100)) == 8
        assert len(asked.subjects(":*:", deleted=False, most=4)) == 6
        other.answers["/subjects"] = lambda h: reply(h, 200, ["a", "b", "c"])
        assert asked.subjects(":*:", deleted=False, most=100) == ["a", "b", "c"]


def packed(handler: Handler) -> None:
    reply(handler, 200, b"\x1f\x8b", Content_Encoding="gzip")


def elsewhere(handler: Handler) -> None:
    reply(handler, 302, {}, Location="http://169.254.169.254/")


def hung_up(handler: Handler) -> None:
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


ANSWERS: dict[str, tuple[Callable[[Handler], None], type[BackendError], str]] = {
    "not let in": (lambda h: reply(h, 401, {}), Denied, "does not let Slipway in"),
    "forbidden": (lambda h: reply(h, 403, {}), Denied, "HTTP 403"),
    "busy": (lambda h: reply(h, 429, {}), TemporaryBackendError, "HTTP 429"),
    "broken": (lambda h: reply(h, 500, {}), TemporaryBackendError, "HTTP 500"),
    "refused": (lambda h: reply(h, 422, {}), PermanentBackendError, "HTTP 422"),
    "elsewhere": (elsewhere, PermanentBackendError, "not followed"),
    "packed": (packed, PermanentBackendError, "packs"),
    "a page": (lambda h: reply(h, 200, b"<html>"), PermanentBackendError, "JSON"),
    "deep": (lambda h: reply(h, 200, b"[" * 200_000), PermanentBackendError, "JSON"),
    "an object": (lambda h: reply(h, 200, {}), PermanentBackendError, "with a list"),
    "numbers": (lambda h: reply(h, 200, [1]), PermanentBackendError, "no texts"),
    "hung up": (hung_up, TemporaryBackendError, "cannot be asked"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_what_a_registry_may_not_answer(other: Other, name: str) -> None:
    answer, error, words = ANSWERS[name]
    other.answers["/subjects"] = answer
    with Peer(other.url) as asked, pytest.raises(error, match=words):
        asked.subjects(":*:", deleted=False, most=10)


def test_an_answer_is_bounded_in_size_and_time(
    other: Other, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peer, "MAX_BYTES", 1000)
    other.answers["/subjects"] = lambda h: reply(h, 200, ["x" * 2000])
    with Peer(other.url) as asked, pytest.raises(PermanentBackendError, match="1000 bytes"):
        asked.subjects(":*:", deleted=False, most=10)
    monkeypatch.setattr(peer, "SECONDS", 0.4)
    other.answers["/subjects"] = dripping
    began = time.monotonic()
    with Peer(other.url) as asked, pytest.raises(TemporaryBackendError, match="in time"):
        asked.subjects(":*:", deleted=False, most=10)
    assert time.monotonic() - began < 3


def dripping(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "900")
    handler.end_headers()
    try:
        for _ in range(900):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.1)
    except OSError:
        handler.close_connection = True


def test_a_registry_that_lies_about_a_version_is_named(
    people: Characters, mia: Actor, other: Other
) -> None:
    other.add("orders", (1, V1))
    other.answers["/subjects/orders/versions/1"] = lambda h: reply(
        h, 200, {"subject": "other", "version": 1, "id": 1, "schema": V1}
    )
    run = carried(begun(mia, people, other))
    assert run.state == "ready"
    assert "answers with another version" in run.subjects.get().problem


def test_a_registry_that_lets_nobody_in_fails_the_run_with_the_way_out(
    people: Characters, mia: Actor, other: Other
) -> None:
    other.add("orders", (1, V1))
    other.answers["/subjects/orders/versions/1"] = lambda h: reply(h, 403, {})
    run = carried(begun(mia, people, other, user_name="u", secret="sesame-open"))
    assert run.state == "failed"
    assert "user name and the password" in run.fix
    assert "sesame" not in run.reason


def test_settings_that_are_none_are_left_and_named(
    people: Characters, mia: Actor, other: Other
) -> None:
    other.add("orders", (1, V1))
    other.config["orders"] = {"compatibilityLevel": "FULL", "defaultMetadata": []}
    run = carried(begun(mia, people, other))
    assert run.state == "ready"
    assert run.subjects.get().settings == {}
    assert "Not taken over: settings (“defaultMetadata”" in run.subjects.get().problem


@pytest.mark.parametrize(
    "text",
    [
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "fd00:ec2::254",
        "100.100.100.200",
        "168.63.129.16",
        "0.0.0.0",  # noqa: S104  # an address that is judged
        "::",
        "fe80::1",
        "224.0.0.1",
    ],
)
def test_no_address_leads_to_a_clouds_metadata(text: str) -> None:
    assert not networks.allowed(ipaddress.ip_address(text), ())


@pytest.mark.parametrize("text", ["10.0.0.7", "93.184.216.34", "64:ff9b::5db8:d822", "2001:db8::1"])
def test_other_addresses_are_open(text: str) -> None:
    assert networks.allowed(ipaddress.ip_address(text), ())
