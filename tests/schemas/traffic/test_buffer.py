"""The buffer's bounds, and the thread that empties it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError
from prometheus_client import REGISTRY
from pytest_django import Settings

from schemas.dependants.models import Role
from schemas.traffic import noting, writing
from schemas.traffic.buffer import Batch, Buffer, Use
from schemas.traffic.noting import Noting

READS = Role.CONSUMER


def use(number: int) -> Use:
    return Use(READS, ".", f"s{number}")


def test_the_same_use_is_one() -> None:
    buffer = Buffer(10, 5)
    for at in (5.0, 9.0, 7.0):
        buffer.note(1, use(1), at)
    buffer.note(1, Use(Role.PRODUCER, ".", "s1"), 1.0)
    buffer.note(2, use(1), 1.0)
    assert buffer.size == 3
    assert buffer.take()[1][use(1)] == 9.0
    assert (buffer.size, buffer.take()) == (0, {})


def test_a_million_names_stay_bounded_and_are_counted() -> None:
    buffer = Buffer(1000, 400)
    for number in range(1_000_000):
        buffer.note(number % 5, use(number), 1.0)
    assert buffer.size == 1000
    assert buffer.dropped == 1_000_000 - 1000
    assert max(len(uses) for uses in buffer.take().values()) <= 400


def test_one_token_leaves_room_for_others() -> None:
    buffer = Buffer(10, 4)
    for number in range(100):
        buffer.note(1, use(number), 1.0)
    buffer.note(2, use(1), 1.0)
    buffer.note(1, use(0), 8.0)  # what is known goes on
    taken = buffer.take()
    assert (len(taken[1]), len(taken[2]), taken[1][use(0)]) == (4, 1, 8.0)
    assert buffer.dropped == 96


def test_what_is_put_back_keeps_the_later_moment_and_the_bounds() -> None:
    buffer = Buffer(3, 3)
    buffer.note(1, use(1), 5.0)
    taken = buffer.take()
    buffer.note(1, use(1), 9.0)
    buffer.note(2, use(2), 1.0)
    buffer.put_back({**taken, 3: {use(3): 1.0, use(4): 1.0}})
    assert (buffer.size, buffer.dropped) == (3, 1)
    assert buffer.take()[1][use(1)] == 9.0


def test_threads_lose_nothing() -> None:
    buffer, taken = Buffer(100_000, 100_000), []

    def work(token: int) -> None:
        for number in range(2000):
            buffer.note(token, use(number), 1.0)
            if number % 500 == 0:
                taken.append(buffer.take())

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    taken.append(buffer.take())
    seen = {(token, one) for batch in taken for token, uses in batch.items() for one in uses}
    assert len(seen) == 8 * 2000
    assert (buffer.size, buffer.dropped) == (0, 0)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> list[Batch]:
    """What the writer hands on, at once."""
    found: list[Batch] = []

    def write(batch: Batch) -> int:
        found.append(batch)
        return len(batch)

    monkeypatch.setattr(writing, "write", write)
    monkeypatch.setattr(noting, "LEAST_SECONDS", 0.02)
    monkeypatch.setattr(noting.connections, "close_all", lambda: None)
    settings.SCHEMAS_TRAFFIC_SECONDS = 30
    return found


TOKEN: Any = SimpleNamespace(pk=7)


def until(done: Any) -> None:
    ends = time.monotonic() + 10
    while not done():
        assert time.monotonic() < ends, "the writer did nothing"
        time.sleep(0.01)


def test_the_writer_comes_after_its_time_and_goes(written: list[Batch], settings: Settings) -> None:
    settings.SCHEMAS_TRAFFIC_SECONDS = 0.05
    one = Noting()
    for _ in range(2):
        one.note(TOKEN, use(1))
        until(lambda: not one._running)
    assert written == [{7: {use(1): pytest.approx(time.time(), abs=20)}}] * 2


def test_a_connection_that_will_not_close_does_not_end_the_writing(
    written: list[Batch], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise OperationalError("server closed the connection unexpectedly")

    settings.SCHEMAS_TRAFFIC_SECONDS = 0.05
    monkeypatch.setattr(noting.connections, "close_all", broken)
    one = Noting()
    for number in (1, 2):
        one.note(TOKEN, use(1))
        until(lambda wanted=number: len(written) == wanted and not one._running)


def test_there_is_one_writer(written: list[Batch], monkeypatch: pytest.MonkeyPatch) -> None:
    one, started = Noting(), []
    monkeypatch.setattr(one, "start", lambda: started.append(1))
    for number in range(500):
        one.note(TOKEN, use(number))
    assert len(started) == 1
    assert written == []


def test_a_full_buffer_is_written_before_its_time(
    written: list[Batch], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(noting, "FULL", 20)
    one = Noting()
    for number in range(20):
        one.note(TOKEN, use(number))
    until(lambda: written)  # long before 30 s
    assert len(written[0][7]) == 20


def test_what_is_dropped_is_counted_once(written: list[Batch]) -> None:
    name = "slipway_registry_traffic_dropped_total"
    before = REGISTRY.get_sample_value(name) or 0
    one = Noting()
    one.buffer = Buffer(2, 2)
    for number in range(5):
        one.buffer.note(7, use(number), 1.0)
    one.flush()
    one.flush()
    assert REGISTRY.get_sample_value(name) == before + 3


def test_a_process_writes_at_its_end(written: list[Batch], monkeypatch: pytest.MonkeyPatch) -> None:
    one = Noting()
    monkeypatch.setattr(one, "start", lambda: None)
    monkeypatch.setattr(noting, "_noting", one)
    noting._end()
    assert written == []
    noting.note(TOKEN, use(1))
    noting._end()
    assert len(written) == 1
    noting._begin_anew()
    assert noting._noting is not one
