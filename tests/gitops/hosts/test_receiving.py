"""The receiver of webhooks as hosts and strangers meet it: over HTTP, judged before it is read."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from pytest_django import Settings

from gitops.hosted import receiving
from gitops.hosted.models import HookDelivery, HostedRepository
from gitops.hosts import proofs
from gitops.hosts.base import Forged
from tests.gitops.hosts.fakes import FakeHost
from tests.gitops.hosts.making import push_of, signed
from tests.rbac.factories import Characters
from tests.support.world import connect_repository

SECRET = "a-webhook-secret-of-ours"
CHUNK = b"x" * 65_536
pytestmark = pytest.mark.django_db(transaction=True)


class Sender:
    """One request to the ASGI callable, without a socket; counts what of its body was read."""

    def __init__(self, row: HostedRepository) -> None:
        self.path = f"/hooks/gitea/{row.public_id.hex}/"
        self.read = 0
        self.answer: tuple[int, str] = (0, "")

    def send(
        self, body: bytes = b"", *, size: int = 0, length: str | None = None, **more: Any
    ) -> tuple[int, str]:
        headers = {"content-length": length or str(size or len(body)), **more.pop("headers", {})}
        if length == "none":
            del headers["content-length"]
        scope = {
            "type": "http", "path": self.path, "method": "POST",
            "headers": [(k.encode(), v.encode()) for k, v in headers.items()], **more,
        }  # fmt: skip
        left = size

        async def receive() -> dict[str, Any]:
            nonlocal left
            self.read += len(CHUNK) if size else len(body)
            if not size:
                return {"type": "http.request", "body": body}
            left -= len(CHUNK)
            return {"type": "http.request", "body": CHUNK, "more_body": left > 0}

        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        asyncio.run(receiving.application(scope, receive, send))
        return sent[0]["status"], json.loads(sent[1]["body"])["message"]


@pytest.fixture
def row(people: Characters) -> HostedRepository:
    found = connect_repository(people.project, people.maintainer)
    found.deliveries.all().delete()
    found.connection.webhook_secret = SECRET
    found.connection.save()
    return found


@pytest.fixture
def sender(row: HostedRepository) -> Sender:
    return Sender(row)


def delivery(name: str = "1", secret: str = SECRET, **more: Any) -> tuple[dict[str, str], bytes]:
    host = FakeHost.__new__(FakeHost)
    host.kind, host.path = "gitea", "acme/orders"
    return signed(host, "push", push_of(host, "a" * 40) | more, delivery=name, secret=secret)


def test_taken_once(sender: Sender, row: HostedRepository) -> None:
    headers, body = delivery()
    assert sender.send(body, headers=headers) == (202, "Taken.")
    assert sender.send(body, headers=headers) == (202, "It came before.")
    assert HookDelivery.objects.count() == 1
    row.refresh_from_db()
    assert row.wanted == 1


def test_a_forged_signature(sender: Sender, row: HostedRepository) -> None:
    headers, body = delivery(secret="another-secret-of-mine")
    status, said = sender.send(body, headers=headers)
    assert status == 401
    assert "does not fit" in said
    assert SECRET not in said
    row.refresh_from_db()
    assert "does not fit" in row.refused_reason
    assert (row.wanted, HookDelivery.objects.count()) == (0, 0)


@pytest.mark.parametrize("length", [None, "none", "1"])
def test_a_hundred_megabytes(sender: Sender, length: str | None) -> None:
    headers, _ = delivery()
    status, _ = sender.send(size=100 * 1024**2, length=length, headers=headers)
    assert status == 413
    assert sender.read <= (0 if length is None else receiving.MAX_BODY + len(CHUNK))


@pytest.mark.parametrize("length", ["-1", "1e9", "٣", "9" * 30])
def test_lengths_that_are_none(sender: Sender, length: str) -> None:
    assert sender.send(b"{}", length="0", headers={"content-length": length})[0] == 413


@pytest.mark.parametrize(
    "path",
    [
        "/hooks/", "/hooks/gitea/x/", "/hooks/github/{id}/", "/hooks/gitea/{id}",
        "/hooks/gitea/" + "0" * 32 + "/", "/hooks/gitea/{id}/../x/",
    ],
)  # fmt: skip
def test_addresses_that_are_none(sender: Sender, row: HostedRepository, path: str) -> None:
    sender.path = path.replace("{id}", row.public_id.hex)
    headers, body = delivery()
    assert sender.send(body, headers=headers)[0] == 404


def test_only_post(sender: Sender) -> None:
    assert sender.send(b"", method="GET")[0] == 405


def test_the_rate(sender: Sender, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    monkeypatch.setattr(receiving, "RATE", 2)
    monkeypatch.setattr(receiving.time, "time", lambda: 1_000.0)
    found = [sender.send(*delivery(str(n))[1:], headers=delivery(str(n))[0])[0] for n in range(4)]
    assert found == [202, 202, 429, 429]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b'"x"'])
def test_a_proven_body_that_says_nothing(sender: Sender, body: bytes) -> None:
    proof = proofs.hex_hmac(body, SECRET)
    status, _ = sender.send(body, headers={"x-gitea-signature": proof, "x-gitea-event": "push"})
    assert status == 422


def test_texts_with_metacharacters_are_texts(sender: Sender) -> None:
    ref = "refs/heads/$(touch owned);`id`|&<script>"
    headers, body = delivery(ref=ref, sender={"login": "a\0b$(id)"})
    assert sender.send(body, headers=headers)[0] == 202
    row = HookDelivery.objects.get()
    assert (row.ref, row.who) == (ref, "ab$(id)")


class TestStandardWebhooks:
    KEY = "whsec_" + "c2xpcHdheS1zaWduaW5nLWtleS0wMTIzNDU2Nzg5"

    def headers(self, body: bytes, at: str, **more: str) -> dict[str, str]:
        signature = proofs.standard_signature("msg_1", at, body, self.KEY)
        return {
            "webhook-id": "msg_1", "webhook-timestamp": at,
            "webhook-signature": f"v1,AAAA {signature}", **more,
        }  # fmt: skip

    def test_it_fits(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(proofs.time, "time", lambda: 1_700_000_100.0)
        proofs.require_token(self.headers(b"{}", "1700000000"), b"{}", self.KEY)

    @pytest.mark.parametrize("what", ["body", "old", "id", "token alone", "no time"])
    def test_it_does_not(self, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
        later = 1_000.0 if what == "old" else 0.0
        monkeypatch.setattr(proofs.time, "time", lambda: 1_700_000_000.0 + later)
        found = self.headers(b"{}", "1700000000")
        if what == "id":
            found["webhook-id"] = "msg_2"
        if what == "token alone":
            found = {"x-gitlab-token": self.KEY}
        if what == "no time":
            found["webhook-timestamp"] = "now"
        with pytest.raises(Forged):
            proofs.require_token(found, b"{ }" if what == "body" else b"{}", self.KEY)
