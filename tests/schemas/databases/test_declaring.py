"""Declarations as durable rows: killed, doubled, out of turn, put off and taken over."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from unittest import mock

import pytest
from django.db import connections
from django.utils import timezone

from idp.common.errors import Clash, Refusal, TemporaryBackendError
from rbac.actors import Actor
from rbac.models import ApiToken
from schemas.backends.scratch import Loaded
from schemas.databases import declaring, measuring
from schemas.databases.models import Database, DatabaseInstance, Declaration
from schemas.formats.base import InvalidSchema, TooComplex
from tests.rbac.factories import Characters
from tests.schemas.databases.factories import SHOP, drifted, live, measure

State = Declaration.State


@pytest.fixture
def load() -> Iterator[mock.Mock]:
    """Reading without a server: every text makes the shop."""
    with mock.patch.object(declaring, "_load", return_value=Loaded(SHOP, 4)) as found:
        yield found


@pytest.fixture
def dana(people: Characters) -> Actor:
    return Actor(people.developer)


def again(row: Declaration) -> Declaration:
    row.refresh_from_db()
    return row


def test_a_worker_that_was_killed_is_followed_by_another(
    dana: Actor, database: Database, load: mock.Mock
) -> None:
    row = declaring.ask(dana, database, "SELECT 1")
    load.side_effect = KeyboardInterrupt  # what SIGKILL leaves: a row that is being read
    with pytest.raises(KeyboardInterrupt):
        declaring.work(row.pk)
    assert again(row).state == State.READING
    load.side_effect = None
    assert not declaring.work(row.pk), "its lease still runs"
    Declaration.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert declaring.sweep() == [row.pk]
    assert declaring.work(row.pk)
    assert again(row).state == State.DECLARED
    assert database.versions.count() == 1


def test_a_request_that_comes_twice_is_one_declaration(
    dana: Actor, people: Characters, database: Database, load: mock.Mock
) -> None:
    first = declaring.ask(dana, database, "SELECT 1", idempotency_key="once")
    assert declaring.work(first.pk)
    assert declaring.ask(dana, database, "SELECT 1", idempotency_key="once") == first
    with pytest.raises(Clash, match="was used for declaration"):
        declaring.ask(dana, database, "SELECT 2", idempotency_key="once")
    other = declaring.ask(Actor(people.maintainer), database, "SELECT 2", idempotency_key="once")
    assert other != first


@pytest.mark.django_db(transaction=True)
def test_a_process_that_is_killed_while_it_reads_loses_nothing(
    dana: Actor, database: Database, tmp_path: Path
) -> None:
    row = declaring.ask(dana, database, "CREATE TABLE orders (id int PRIMARY KEY);")
    began = tmp_path / "began"

    def hang(_: str) -> Loaded:
        began.touch()
        time.sleep(60)
        raise AssertionError("it was not killed")

    def read() -> None:
        connections.close_all()
        with mock.patch.object(declaring, "_load", side_effect=hang):
            declaring.work(row.pk)

    connections.close_all()
    process = multiprocessing.get_context("fork").Process(target=read)
    process.start()
    until = time.monotonic() + 20
    while not began.exists() and time.monotonic() < until:
        time.sleep(0.05)
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join(10)
    assert process.exitcode == -signal.SIGKILL
    assert again(row).state == State.READING
    assert not database.versions.exists()
    Declaration.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert declaring.sweep() == [row.pk]
    assert declaring.work(row.pk)
    assert again(row).state == State.DECLARED
    assert [version.number for version in database.versions.all()] == [1]


def test_messages_may_be_lost_or_doubled(dana: Actor, database: Database, load: mock.Mock) -> None:
    row = declaring.ask(dana, database, "SELECT 1")
    assert declaring.sweep() == [], "its message was just sent"
    Declaration.objects.update(resend_at=timezone.now() - timedelta(seconds=1))
    assert declaring.sweep() == [row.pk]
    assert [declaring.work(row.pk) for _ in range(3)] == [True, False, False]
    assert load.call_count == 1
    assert (again(row).sql, database.versions.get().sql) == ("", "SELECT 1")
    assert declaring.sweep() == []


def test_who_lost_the_lease_writes_nothing(
    dana: Actor, database: Database, load: mock.Mock
) -> None:
    row = declaring.ask(dana, database, "SELECT 1")

    def taken_over(_: str) -> Loaded:
        Declaration.objects.update(lease_token=99)
        return Loaded(SHOP, 4)

    load.side_effect = taken_over
    assert not declaring.work(row.pk)
    assert again(row).state == State.READING
    assert not database.versions.exists()


def test_they_are_read_in_the_order_of_handing_in(
    dana: Actor, database: Database, load: mock.Mock
) -> None:
    first = declaring.ask(dana, database, "SELECT 1")
    second = declaring.ask(dana, database, "SELECT 2", on_top=True)
    assert not declaring.work(second.pk)
    assert declaring.work(first.pk)
    assert declaring.work(second.pk)
    assert [row.sql for row in database.versions.order_by("number")] == [
        "SELECT 1",
        "SELECT 1\nSELECT 2",
    ]


def test_a_server_that_is_away_puts_it_off_until_it_is_given_up(
    dana: Actor, database: Database, load: mock.Mock
) -> None:
    row = declaring.ask(dana, database, "SELECT 1")
    load.side_effect = TemporaryBackendError("The database did not answer.")
    for _ in range(declaring.MAX_ATTEMPTS):
        assert not declaring.work(row.pk)
        assert again(row).state == State.QUEUED
        assert row.problem["detail"] == "The database did not answer."
        assert not declaring.work(row.pk), "not before its pause is over"
        Declaration.objects.update(not_before=None)
    assert declaring.work(row.pk)
    assert again(row).state == State.REFUSED
    assert "never ended" in row.problem["detail"]


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (InvalidSchema.at("line 3", "sql", "syntax error"), "syntax error"),
        (RuntimeError("a secret"), "It could not be read (RuntimeError)."),
    ],
)
def test_what_fails_ends_refused(
    failure: Exception, said: str, dana: Actor, database: Database, load: mock.Mock
) -> None:
    row = declaring.ask(dana, database, "SELECT 1")
    load.side_effect = failure
    assert declaring.work(row.pk)
    assert again(row).state == State.REFUSED
    assert said in row.problem["detail"]
    assert row.finished_at is not None


def test_the_right_is_asked_for_again_when_it_is_read(
    dana: Actor, people: Characters, database: Database, load: mock.Mock
) -> None:
    token = ApiToken.objects.create(
        user=people.developer, name="ci", digest="x", expires_at=timezone.now() + timedelta(days=1)
    )
    kept = declaring.ask(dana, database, "SELECT 1")
    revoked = declaring.ask(Actor(people.developer, token), database, "SELECT 2")
    ApiToken.objects.update(revoked_at=timezone.now())
    assert declaring.work(kept.pk)
    assert declaring.work(revoked.pk)
    assert again(kept).state == State.DECLARED
    assert again(revoked).state == State.REFUSED
    assert revoked.problem["status"] in {403, 404}


def test_bounds(
    dana: Actor, database: Database, load: mock.Mock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(declaring, "MAX_OPEN", 2)
    monkeypatch.setattr(declaring, "KEPT", 1)
    with pytest.raises(TooComplex):
        declaring.ask(dana, database, "x" * (declaring.MAX_SQL + 1))
    rows = [declaring.ask(dana, database, f"SELECT {n}") for n in range(2)]
    with pytest.raises(Refusal, match="2 declarations of orders/main are waiting"):
        declaring.ask(dana, database, "SELECT 3")
    for row in rows:
        assert declaring.work(row.pk)
    assert list(Declaration.objects.all()) == [rows[1]]
    monkeypatch.setattr(declaring, "MAX_SQL", 20)
    over = declaring.ask(dana, database, "SELECT 'twenty'", on_top=True)
    assert declaring.work(over.pk)
    assert "more than 20 characters" in again(over).problem["detail"]


def test_one_process_reads_few_at_once(
    dana: Actor, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(declaring, "WAIT_SECONDS", 0.01)
    with (
        declaring._turn(),
        declaring._turn(),
        pytest.raises(TemporaryBackendError),
        declaring._turn(),
    ):
        pytest.fail("a third one is read")
    with declaring._turn():
        pass


def test_a_drift_that_moved_while_it_was_compared_is_compared_again(
    dana: Actor, mia: Actor, database: Database, load: mock.Mock, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = live(mia, database, "staging", drifted())
    declaring.work(declaring.ask(dana, database, "SELECT 1").pk)
    assert measuring.send_stale() == 1
    compared = []
    honest = measuring._compare

    def moving(row: DatabaseInstance) -> measuring.Measured:
        compared.append(row.revision)
        if len(compared) == 1:
            measuring.ask(DatabaseInstance.objects.filter(pk=row.pk))
        return honest(row)

    monkeypatch.setattr(measuring, "_compare", moving)
    assert measuring.measure(place.pk)
    assert compared == [compared[0], compared[0] + 1]
    place.refresh_from_db()
    assert (place.drift_count, place.measured) == (1, place.revision)
    assert not measuring.measure(place.pk), "there is nothing new"
    assert measuring.send_stale() == 0


def test_of_two_that_measure_one_tells(
    dana: Actor, mia: Actor, database: Database, load: mock.Mock
) -> None:
    place = live(mia, database, "staging", drifted())
    declaring.work(declaring.ask(dana, database, "SELECT 1").pk)
    row = DatabaseInstance.objects.select_related("database__project", "scope").get(pk=place.pk)
    found = measuring._compare(row)
    assert measuring._keep(row, found)
    assert not measuring._keep(row, found)


def test_a_comparison_that_fails_is_told_on_the_place(
    dana: Actor, mia: Actor, database: Database, load: mock.Mock, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = live(mia, database, "staging", drifted())
    declaring.work(declaring.ask(dana, database, "SELECT 1").pk)
    failing = mock.Mock(side_effect=TooComplex("Comparing takes too long."))
    monkeypatch.setattr(measuring.selectors, "drift_of", failing)
    measure(database)
    place.refresh_from_db()
    assert place.error == "Comparing takes too long."
    assert place.measured == place.revision
