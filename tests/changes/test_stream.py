"""The event stream, over a real socket: who may read, what arrives, how a reader resumes."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import uvicorn
from django.test import Client
from django.utils import timezone

from idp.changes import events, runner, stream, wakeups
from idp.changes.models import Change
from rbac.actors import Actor
from rbac.models import RoleBinding
from rbac.services import create_token
from tests.changes.conftest import Propose
from tests.rbac.factories import Characters

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.loopback]
SECONDS = 20.0


@pytest.fixture
def base() -> Iterator[str]:
    """The stream's application behind uvicorn on a free port."""
    config = uvicorn.Config(stream.application, lifespan="off", log_level="warning")
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/events/"
    server.should_exit = True
    server.force_exit = True
    thread.join(SECONDS)
    listener.close()


@pytest.fixture
def token(people: Characters) -> str:
    _, text = create_token(
        Actor(people.developer),
        user=people.developer,
        name="stream",
        permissions=["change.view"],
        scope=None,
        expires_at=timezone.now() + timedelta(hours=1),
    )
    return text


class Tail:
    """The frames of one open stream."""

    def __init__(self, response: httpx.Response) -> None:
        self._lines = response.iter_lines()

    def line(self, starts: str) -> str:
        for line in self._lines:
            if line.startswith(starts):
                return line
        raise AssertionError(f"the stream ended before a line that starts with {starts!r}")

    def event(self) -> tuple[str, dict[str, Any]]:
        """The next event's id and data."""
        number = self.line("id: ").removeprefix("id: ")
        data: dict[str, Any] = json.loads(self.line("data: ").removeprefix("data: "))
        return number, data


@contextlib.contextmanager
def opened(base: str, query: str, **headers: str) -> Iterator[Tail]:
    with (
        httpx.Client(timeout=SECONDS, trust_env=False) as client,
        client.stream("GET", f"{base}?{query}", headers=headers) as response,
    ):
        assert response.status_code == 200, response.read()
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        tail = Tail(response)
        tail.line("retry: ")
        yield tail


def refused(base: str, query: str, **headers: str) -> tuple[int, str]:
    answer = httpx.get(f"{base}?{query}", headers=headers, trust_env=False, timeout=SECONDS)
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["detail"]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_change_is_followed_live_and_resumed_without_gaps(
    base: str, propose: Propose, token: str
) -> None:
    change = propose()
    topic = f"topic=change:{change.pk}"
    with opened(base, topic, **bearer(token)) as tail:
        runner.work(change.pk, renew=False)
        position, first = tail.event()
        assert first["number"] == 2  # the first one was there before the reader
        assert position == f"{change.pk}=2"
        assert first["topic"] == f"change:{change.pk}"
        assert first["kind"] == "state"
    change.refresh_from_db()
    with opened(base, topic, **bearer(token), **{"Last-Event-ID": position}) as tail:
        numbers = [tail.event()[1]["number"] for _ in range(change.event_number - 2)]
        assert numbers == list(range(3, change.event_number + 1))


def test_a_full_batch_is_followed_by_the_next_at_once(
    base: str, propose: Propose, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "BATCH", 4)
    monkeypatch.setattr(stream, "LOOK", 2 * SECONDS)  # who waits for a wake-up waits too long
    change = propose()
    for n in range(9):
        events.log(change, f"line {n}")
    query = f"topic=change:{change.pk}&position={change.pk}=0"
    with opened(base, query, **bearer(token)) as tail:
        assert [tail.event()[1]["number"] for _ in range(10)] == list(range(1, 11))


def test_a_list_has_one_permission() -> None:
    assert events.lists["environments"] == "environment.view"
    with pytest.raises(ValueError, match="list 'inbox' is registered twice"):
        events.register_list("inbox", "change.view")


def test_a_page_hears_what_happened_after_it_was_rendered(
    base: str, propose: Propose, token: str
) -> None:
    change = propose()  # the page shows event 1, then the work begins before the page listens
    runner.work(change.pk, renew=False)
    query = f"topic=change:{change.pk}&position={change.pk}=1"
    with opened(base, query, **bearer(token)) as tail:
        assert tail.event()[1]["number"] == 2


def test_lists_get_hints_about_what_their_reader_may_see(
    base: str, propose: Propose, people: Characters, token: str
) -> None:
    with opened(base, "topic=changes", **bearer(token)) as tail:
        hidden = people.project.scope.parent_id  # the root: dana sees nothing there
        events.hint("changes", {"id": 0}, scope=hidden)
        wakeups.publish("changes", {"id": 0})  # of no place that anybody could be asked about
        change = propose()
        _, hint = tail.event()
        assert hint["topic"] == "changes"
        assert hint["data"]["id"] == change.pk


def test_a_resumed_list_is_told_to_look_again(base: str, token: str) -> None:
    query = "topic=changes&topic=inbox"
    with opened(base, query, **bearer(token), **{"Last-Event-ID": ""}) as tail:
        assert [tail.event()[1]["topic"] for _ in range(2)] == ["changes", "inbox"]


def test_a_token_may_come_as_a_password(base: str, token: str) -> None:
    pair = base64.b64encode(f"dana:{token}".encode()).decode()
    headers = {"Authorization": f"Basic {pair}", "Last-Event-ID": ""}
    with opened(base, "topic=changes", **headers) as tail:
        assert tail.event()[1]["topic"] == "changes"


def test_a_session_reads_too(base: str, propose: Propose, people: Characters) -> None:
    client = Client()
    client.force_login(people.developer)
    cookie = f"sessionid={client.cookies['sessionid'].value}"
    change = propose()
    with opened(base, f"topic=change:{change.pk}", Cookie=cookie) as tail:
        events.log(change, "hello")
        assert tail.event()[1]["data"]["text"] == "hello"
    people.developer.set_password("another")
    people.developer.save()
    assert refused(base, f"topic=change:{change.pk}", Cookie=cookie)[0] == 401


def test_who_gets_no_stream(base: str, propose: Propose, people: Characters, token: str) -> None:
    change = propose()
    assert refused(base, f"topic=change:{change.pk}") == (401, "Sign in, or send a token.")
    assert refused(base, "topic=changes", Cookie="sessionid=nonsense")[0] == 401
    assert refused(base, "topic=changes", Authorization="Bearer slp_x_y")[0] == 401
    assert refused(base, "topic=change:999999", **bearer(token)) == (
        404,
        "There is no change 999999 that you may see.",
    )
    status, detail = refused(base, "topic=everything", **bearer(token))
    assert status == 422
    lists = "changes, databases, environments, imports, inbox, pipelines"
    assert detail == f"topic: “everything” is none of change:<id>, {lists}."
    assert refused(base, "", **bearer(token))[0] == 422
    posted = httpx.post(f"{base}?topic=changes", trust_env=False, timeout=SECONDS)
    assert posted.status_code == 405


def test_a_stream_ends_when_the_permission_ends(
    base: str,
    propose: Propose,
    people: Characters,
    token: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stream, "KEEP_ALIVE", 0.2)
    monkeypatch.setattr(stream, "LOOK", 0.1)
    change = propose()
    with opened(base, f"topic=change:{change.pk}", **bearer(token)) as tail:
        assert tail.line(": keep-alive")
        people.developer.memberships.all().delete()
        RoleBinding.objects.filter(user=people.developer).delete()
        assert tail.line("event: end")


def test_streams_of_one_person_are_bounded(
    base: str, token: str, monkeypatch: pytest.MonkeyPatch, people: Characters
) -> None:
    monkeypatch.setattr(stream, "MAX_STREAMS", 1)
    with opened(base, "topic=changes", **bearer(token)):
        status, detail = refused(base, "topic=changes", **bearer(token))
        assert (status, detail) == (429, "1 streams of yours are open; close some tabs.")


def test_events_are_numbered_without_gaps_by_many_writers(propose: Propose) -> None:
    change = propose()
    before = Change.objects.get(pk=change.pk).event_number

    def write() -> None:
        for n in range(10):
            events.log(Change(pk=change.pk), f"line {n}")
        events.transaction.get_connection().close()

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    numbers = list(change.events.order_by("number").values_list("number", flat=True))
    assert numbers == list(range(1, before + 41))
