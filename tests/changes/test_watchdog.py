"""The watchdog measures consumption: heartbeats that were sent and did not come back."""

from __future__ import annotations

import threading

import pytest

from idp.changes import watchdog
from idp.changes.watchdog import PATIENCE, Watchdog


@pytest.fixture
def sent() -> list[int]:
    return []


def test_a_worker_that_consumes_lives_on(sent: list[int]) -> None:
    dog = Watchdog(lambda: sent.append(1), lambda: pytest.fail("it was ended"))
    for _ in range(PATIENCE * 3):
        assert dog.beat()
        dog.received()
    assert len(sent) == PATIENCE * 3


def test_a_worker_that_consumes_nothing_is_ended(
    sent: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchdog, "BEAT_SECONDS", 0.001)
    ended = threading.Event()
    dog = Watchdog(lambda: sent.append(1), ended.set)
    thread = threading.Thread(target=dog.run)
    thread.start()
    assert ended.wait(10)
    thread.join(10)
    assert len(sent) == PATIENCE


def test_a_broker_that_is_away_ends_no_worker() -> None:
    def refuses() -> None:
        raise OSError("connection refused")

    dog = Watchdog(refuses, lambda: pytest.fail("it was ended"))
    assert all(dog.beat() for _ in range(PATIENCE * 3))
