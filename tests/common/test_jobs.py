from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery
from django.db import transaction
from kombu import Connection

from idp.common import jobs


@pytest.fixture(autouse=True)
def closed_breaker() -> Iterator[None]:
    jobs.breaker.close()
    yield
    jobs.breaker.close()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    found: list[tuple[str, dict[str, Any]]] = []

    def send_task(_app: Celery, name: str, *, kwargs: dict[str, Any], **_: Any) -> None:
        found.append((name, kwargs))

    monkeypatch.setattr(Celery, "send_task", send_task)
    return found


@pytest.mark.django_db(transaction=True)
def test_work_is_sent_after_the_commit(sent: list[tuple[str, dict[str, Any]]]) -> None:
    with transaction.atomic():
        jobs.enqueue("changes.work", change_id=42)
        assert sent == []
    assert sent == [("changes.work", {"change_id": 42})]


@pytest.mark.django_db(transaction=True)
def test_work_of_a_transaction_rolled_back_is_not_sent(
    sent: list[tuple[str, dict[str, Any]]],
) -> None:
    with transaction.atomic():
        jobs.enqueue("changes.work", change_id=42)
        transaction.set_rollback(True)
    assert sent == []


def test_the_message_reaches_the_broker_by_name() -> None:
    app = jobs.celery_app()
    app.control.purge()  # what other tests sent in this process
    assert jobs.send("tests.nothing", {"row": 7})
    with app.connection_for_read() as connection:
        queue = connection.SimpleQueue(app.conf.task_default_queue)
        message = queue.get(timeout=5)
        message.ack()
        queue.close()
    assert message.headers["task"] == "tests.nothing"
    assert message.payload[1] == {"row": 7}


def test_a_broker_that_is_away_raises_nothing_and_is_left_alone_for_a_while(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[str] = []

    def refuse() -> Connection:
        asked.append("connection")
        raise ConnectionRefusedError

    monkeypatch.setattr(jobs, "_connection", refuse)
    assert jobs.send("changes.work", {}) is False
    assert jobs.send("changes.work", {}) is False
    assert asked == ["connection"]


def test_a_setting_that_names_something_else_is_refused(settings: Any) -> None:
    settings.CELERY_APP = "pathlib.Path"
    jobs.celery_app.cache_clear()
    try:
        with pytest.raises(TypeError, match="CELERY_APP names type, not a Celery application"):
            jobs.celery_app()
    finally:
        jobs.celery_app.cache_clear()
