"""Killed at any step and taken up again, an import loses nothing and doubles nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from idp.common import jobs, transitions
from rbac.actors import Actor
from rbac.models import AuditRecord
from schemas import services as registry
from schemas.backends.peer import Peer
from schemas.models import Mode, Schema, Subject, SubjectVersion
from schemas.transfer import importing, runs, services
from schemas.transfer.models import ImportRun, ImportSubject, ImportVersion
from schemas.transfer.running import Step
from tests.rbac.factories import Characters
from tests.schemas.transfer.conftest import Other, carried, reply
from tests.schemas.transfer.test_imports import begun, full, held

__all__ = ["full"]
pytestmark = pytest.mark.loopback


class Killed(BaseException):
    """The process is gone: no handler of ours runs for it."""


class Clock:
    """Counts the calls of what a run does and kills before, or behind, the nth."""

    def __init__(self) -> None:
        self.calls, self.at, self.behind = 0, 0, False

    def wrap(self, does: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            due = self.calls == self.at
            if due and not self.behind:
                raise Killed
            found = does(*args, **kwargs)
            if due:
                raise Killed
            return found

        return counted


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    for place, name in (
        (Peer, "_get"),
        (Step, "breathe"),
        (transitions, "transition"),
        (importing, "_places"),
        (registry, "register"),
        (registry, "set_mode"),
        (registry, "clear_mode"),
        (registry, "set_settings"),
        (registry, "delete_version"),
    ):
        monkeypatch.setattr(place, name, made.wrap(getattr(place, name)))
    return made


def worked(run: ImportRun) -> None:
    """Workers' turns until the run rests; one that was killed leaves its lease to run out."""
    for _ in range(10):
        try:
            runs.work(run.pk)
        except Killed:
            past = timezone.now() - timedelta(minutes=1)
            ImportRun.objects.filter(pk=run.pk).update(lease_until=past)
        run.refresh_from_db()
        if run.state not in {"reading", "importing"}:
            return
    raise AssertionError("the run never rests")


def outcome() -> dict[str, Any]:
    """Everything that a run leaves behind."""
    versions = SubjectVersion.objects.order_by("subject__context__name", "subject__name", "number")
    subjects = Subject.objects.order_by("context__name", "name")
    records = AuditRecord.objects.filter(action="subject.register").count()
    return {
        "versions": list(
            versions.values_list("subject__name", "number", "schema__number", "schema__guid")
        ),
        "deleted": versions.exclude(deleted_at=None).count(),
        "subjects": list(subjects.values_list("name", "level", "mode", "latest", "last_version")),
        "schemas": Schema.objects.count(),
        "registered": records,
        "outcomes": list(
            ImportVersion.objects.order_by("position").values_list("outcome", "removed")
        ),
    }


def each_kill(clock: Clock, does: Callable[[], ImportRun]) -> Iterator[ImportRun]:
    """What `does` leaves behind for a kill at every step, before and behind it by turns."""
    kills = 0
    while kills == 0 or kills <= clock.calls:
        mark = transaction.savepoint()
        clock.calls, clock.at, clock.behind = 0, kills, bool(kills % 2)
        yield does()
        transaction.savepoint_rollback(mark)
        kills += 1


def test_a_kill_at_any_step_of_reading_loses_nothing(
    people: Characters, mia: Actor, full: Other, clock: Clock
) -> None:
    def does() -> ImportRun:
        run = begun(mia, people, full, deleted=True)
        worked(run)
        return run

    seen = []
    for run in each_kill(clock, does):
        assert run.state == "ready"
        rows = run.versions.order_by("position")
        seen.append(list(rows.values_list("subject__source", "number", "outcome", "digest")))
    assert len(seen) >= 40
    assert all(one == seen[0] for one in seen)
    assert [row[2] for row in seen[0]] == ["ready"] * 6


def test_a_kill_at_any_step_of_importing_loses_and_doubles_nothing(
    people: Characters, mia: Actor, full: Other, clock: Clock
) -> None:
    full.subjects["orders-value"][0]["deleted"] = True
    run = begun(mia, people, full, deleted=True)
    worked(run)

    def does() -> ImportRun:
        run.refresh_from_db()
        clock.at, after = 0, clock.at
        services.confirm(mia, run)
        clock.calls, clock.at = 0, after
        worked(run)
        return run

    seen = []
    for done in each_kill(clock, does):
        assert done.state == "done"
        seen.append(outcome())
    assert len(seen) > 30
    assert all(one == seen[0] for one in seen)
    assert seen[0]["registered"] == 6


def test_a_message_that_comes_twice_does_nothing(
    people: Characters, mia: Actor, full: Other
) -> None:
    run = begun(mia, people, full)
    ImportRun.objects.filter(pk=run.pk).update(lease_until=timezone.now() + timedelta(minutes=1))
    assert not runs.work(run.pk)
    ImportRun.objects.filter(pk=run.pk).update(lease_until=None)
    assert runs.work(run.pk)
    assert not runs.work(run.pk)


def test_a_message_that_is_lost_is_sent_again(
    people: Characters, mia: Actor, full: Other, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(jobs, "enqueue", lambda name, **given: sent.append((name, given)))
    run = begun(mia, people, full)
    assert runs.sweep() == [run.pk]
    assert sent == [("schemas.import", {"run_id": run.pk})] * 2
    assert runs.sweep() == []


def test_a_source_that_is_away_is_asked_again_and_again(
    people: Characters, mia: Actor, full: Other
) -> None:
    full.answers["/subjects/orders-value/versions"] = lambda handler: reply(handler, 503, {})
    run = begun(mia, people, full)
    for failures in range(1, runs.MAX_FAILURES):
        run = carried(run)
        assert (run.state, run.failures) == ("reading", failures)
        assert run.not_before > timezone.now()  # type: ignore[operator]  # it waits
        assert "HTTP 503" in run.reason
    run = carried(run)
    assert run.state == "failed"
    assert AuditRecord.objects.filter(reason__contains="HTTP 503").exists()
    del full.answers["/subjects/orders-value/versions"]
    run = carried(services.look_again(mia, run))
    assert run.state == "ready"
    assert run.reason == ""


def test_subjects_stand_in_mode_import_only_while_they_come(
    people: Characters, mia: Actor, full: Other, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = carried(begun(mia, people, full))
    monkeypatch.setattr(Step, "breathe", Clock().wrap(Step.breathe))
    whole = registry.register
    monkeypatch.setattr(registry, "register", stopping(whole, 11))
    services.confirm(mia, run)
    with pytest.raises(Killed):
        runs.work(run.pk)
    monkeypatch.setattr(registry, "register", stopping(whole, 12))
    ImportRun.objects.update(lease_until=None)
    with pytest.raises(Killed):
        runs.work(run.pk)
    assert Subject.objects.get(name="orders-value").mode == Mode.IMPORT
    assert ImportSubject.objects.filter(opened=True, settled=False).count() == 1
    ImportRun.objects.update(lease_until=None)
    run.refresh_from_db()
    services.cancel(mia, run)
    assert run.state == "cancelled"
    assert Subject.objects.get(name="orders-value").mode == ""
    assert held("orders-value") == [(1, 11)]
    assert not runs.work(run.pk)


def stopping(does: Callable[..., Any], at: int) -> Callable[..., Any]:
    """Registering that is killed at a schema's id."""

    def found(actor: Actor, name: Any, candidate: Any, **more: Any) -> Any:
        if candidate.schema_id == at:
            raise Killed
        return does(actor, name, candidate, **more)

    return found


def test_a_token_that_ended_brings_nothing(people: Characters, mia: Actor, full: Other) -> None:
    run = carried(begun(mia, people, full))
    services.confirm(mia, run)
    people.maintainer.is_active = False
    people.maintainer.save()
    run = carried(run)
    assert run.state == "done"
    assert set(ImportVersion.objects.values_list("outcome", flat=True)) == {"refused"}
    assert not Subject.objects.exists()


def test_a_run_that_is_cancelled_in_the_middle_brings_nothing_more(
    people: Characters, full: Other, monkeypatch: pytest.MonkeyPatch
) -> None:
    actor = Actor(people.administrator)
    run = carried(begun(actor, people, full))
    services.confirm(actor, run)
    taken: list[int] = []
    take = importing._take

    def cancelled_after_one(step: Step, by: Actor, row: ImportVersion) -> None:
        take(step, by, row)
        if not taken:
            services.cancel(actor, ImportRun.objects.get(pk=run.pk))
        taken.append(row.pk)

    monkeypatch.setattr(importing, "_take", cancelled_after_one)
    carried(run)
    assert run.state == ImportRun.State.CANCELLED
    assert len(taken) == 1
    assert run.versions.filter(outcome=ImportVersion.Outcome.TAKEN).count() == 1
    assert SubjectVersion.objects.count() == 1
    assert not Subject.objects.filter(mode=Mode.IMPORT).exists()
