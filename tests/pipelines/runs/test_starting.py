"""Git is read before a pipeline is begun, so that no lock waits for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from gitops.hosts.local import LocalRepository
from pipelines.runs.models import Pipeline
from pipelines.runs.services import starting
from pipelines.schedules import due, services
from pipelines.schedules.models import Schedule
from tests.pipelines.runs.conftest import World

pytestmark = pytest.mark.django_db(transaction=True)
READS = ("ref", "commit", "read_file", "changed")


@pytest.fixture
def inside(world: World, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was read in git inside of a transaction."""
    world.commit("job: {script: [echo]}")
    found: list[str] = []

    def watched(name: str, read: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **given: Any) -> Any:
            if connection.in_atomic_block:
                found.append(name)
            return read(*args, **given)

        return call

    for name in READS:
        monkeypatch.setattr(LocalRepository, name, watched(name, getattr(LocalRepository, name)))
    return found


def test_a_start(world: World, inside: list[str]) -> None:
    pipeline = starting.start(world.developer, world.project, "main", inputs={}, key="k")
    assert starting.start(world.developer, world.project, "main", inputs={}, key="k") == pipeline
    assert inside == []


def test_a_schedule(world: World, inside: list[str]) -> None:
    row = services.create(
        world.developer, world.project, description="Nightly", cron="0 3 * * *", ref="main"
    )
    inside.clear()
    services.run(world.developer, row.pk)
    Schedule.objects.update(next_run_at=timezone.now() - timedelta(seconds=1))
    assert due.begin() == 1
    assert inside == []
    assert Pipeline.objects.count() == 2


def test_one_that_was_changed_while_git_was_read(
    world: World, inside: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    row = services.create(
        world.developer, world.project, description="Nightly", cron="0 3 * * *", ref="main"
    )
    Schedule.objects.update(next_run_at=timezone.now() - timedelta(seconds=1))
    look = starting.look

    def changes(*args: Any) -> starting.At:
        found = look(*args)
        Schedule.objects.update(ref="other")
        return found

    with monkeypatch.context() as patched:
        patched.setattr(starting, "look", changes)
        assert due.begin() == 0
    Schedule.objects.update(ref="main")
    assert not Pipeline.objects.exists()
    assert due.begin() == 1
    assert Pipeline.objects.get().schedule == row


def test_the_same_key_at_the_same_moment(
    world: World, inside: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    look = starting.look
    first: list[Pipeline] = []

    def meanwhile(*args: Any, **given: Any) -> starting.At:
        monkeypatch.setattr(starting, "look", look)
        first.append(starting.start(world.developer, world.project, "main", key="k"))
        return look(*args, **given)

    monkeypatch.setattr(starting, "look", meanwhile)
    assert starting.start(world.developer, world.project, "main", key="k") == first[0]
    assert Pipeline.objects.count() == 1
