"""The runner itself: what it takes, what it leaves, and what its own end does to jobs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError
from pytest_django import Settings

from idp.changes.leases import LeaseLost
from pipelines.executors.local import Runner, reach, tidy
from pipelines.runs import claiming, logs
from pipelines.runs.models import Attempt, LogChunk, Pipeline
from pipelines.runs.services import advancing, planning, starting
from tests.pipelines.runs.conftest import World

pytestmark = pytest.mark.django_db(transaction=True)


class TestReach:
    def test_a_job_with_an_image_is_not_taken_unless_images_are_ignored(
        self, world: World, settings: Settings
    ) -> None:
        world.start("job: {image: python, script: [echo]}")
        assert claiming.take(1, reach=reach()) == []
        settings.CI_RUNNER_IGNORES_IMAGES = True
        assert len(claiming.take(1, reach=reach())) == 1

    def test_only_projects_that_are_trusted(self, world: World, settings: Settings) -> None:
        world.start("job: {script: [echo]}")
        settings.CI_RUNNER_PROJECTS = ["payments"]
        assert claiming.take(1, reach=reach()) == []
        settings.CI_RUNNER_PROJECTS = ["payments", world.project.name]
        assert len(claiming.take(1, reach=reach())) == 1


def test_a_runner_that_is_stopped_leaves_a_system_failure_and_the_retry(world: World) -> None:
    text = "job: {script: [echo up, sleep 60], retry: {max: 1, when: runner_system_failure}}"
    pipeline = world.start(text)
    stop = threading.Event()
    thread = threading.Thread(target=Runner(stop, slots=1, name="ending").run)
    thread.start()
    for _ in range(1_500):
        if LogChunk.objects.filter(data__contains=b"\nup\n").exists():
            break
        stop.wait(0.02)
    stop.set()
    thread.join(30)
    job = world.job(pipeline, "job")
    first = job.attempts.get(number=1)
    assert (first.status, first.failure, first.message) == (
        "failed",
        "runner_system_failure",
        "its runner was stopped",
    )
    assert (job.status, job.retries) == ("pending", 1)


def test_folders_of_killed_runners_are_taken_away(world: World, tmp_path: Path) -> None:
    world.start("job: {script: [echo]}")
    (taken,) = claiming.take(1)
    running, dead, other = tmp_path / f"{taken.attempt.pk}-a", tmp_path / "9-b", tmp_path / "keep"
    for path in (running, dead, other):
        (path / "project").mkdir(parents=True)
    tidy(tmp_path)
    assert (running.exists(), dead.exists(), other.exists()) == (True, False, True)


def test_a_cache_of_untracked_files_has_none_that_git_knows(
    world: World, finished: Callable[[Pipeline], Pipeline], settings: Settings
) -> None:
    text = "job: {script: [echo 1 > made.txt], cache: {untracked: true}}"
    assert finished(world.start(text)).status == "success"
    kept = [path.name for path in Path(settings.CI_CACHES_DIR).rglob("*") if path.is_file()]
    assert sorted(kept) == [".lock", "made.txt"]


def test_a_cache_that_is_too_large_is_a_warning_and_no_failure(
    world: World, finished: Callable[[Pipeline], Pipeline], settings: Settings
) -> None:
    settings.CI_CACHE_SIZE = 10
    text = "job: {script: [echo more than ten > made.txt], cache: {paths: [made.txt]}}"
    pipeline = finished(world.start(text))
    assert pipeline.status == "success"
    log = logs.read(world.job(pipeline, "job").attempts.get().pk)[0].decode()
    assert "The cache is not saved; the job's result stays: it has 14 bytes, and one may" in log
    assert not list(Path(settings.CI_CACHES_DIR).rglob("made.txt"))


def test_each_job_has_a_home_of_its_own(
    world: World, finished: Callable[[Pipeline], Pipeline]
) -> None:
    text = "\n".join(f'{n}: {{script: ["test ! -e ~/x", "touch ~/x"]}}' for n in "ab")
    assert finished(world.start(text)).status == "success"


class TestLog:
    def writer(self, world: World) -> logs.Writer:
        world.start("job: {script: [echo]}")
        (taken,) = claiming.take(1)
        return logs.Writer(taken.lease)

    def text(self) -> bytes:
        return logs.read(Attempt.objects.get().pk)[0]

    def test_what_a_job_prints_is_due_at_once_and_what_is_told_has_company(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        writer = self.writer(world)
        assert not writer.is_due
        writer.write(b"Getting the sources\n", printed=False)
        assert not writer.is_due
        writer.write(b"hello\n")
        writer.write(b"Keeping artifacts\n", printed=False)
        assert writer.is_due
        writer.flush()
        monkeypatch.setattr(logs, "TOLD_SECONDS", 0)
        writer.write(b"Job succeeded\n", printed=False)
        assert writer.is_due

    def test_a_database_that_is_away_loses_nothing(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        writer = self.writer(world)
        writer.write(b"one\n")
        writer.flush()
        with monkeypatch.context() as away:
            away.setattr(logs.Writer, "_save", _fails)
            writer.write(b"x" * logs.CHUNK)
            with pytest.raises(DatabaseError):
                writer.flush()
        writer.write(b"\nthree\n")
        writer.flush()
        assert self.text() == b"one\n" + b"x" * logs.CHUNK + b"\nthree\n"

    def test_what_was_stored_though_nobody_said_so_is_not_stored_twice(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        writer, save = self.writer(world), logs.Writer._save

        def and_then_fail(self: logs.Writer, data: bytes, skipped: int) -> None:
            before = self._start, self._tail
            save(self, data, skipped)
            self._start, self._tail = before
            raise DatabaseError("the connection broke at the commit")

        writer.write(b"one\n")
        with monkeypatch.context() as broken:
            broken.setattr(logs.Writer, "_save", and_then_fail)
            with pytest.raises(DatabaseError):
                writer.flush()
        writer.write(b"two\n")
        writer.flush()
        writer.write(b"three\n")
        writer.flush()
        assert self.text() == b"one\ntwo\nthree\n"

    def test_head_and_tail_of_a_long_one_are_kept(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name, size in (("HEAD", 1_000), ("TAIL", 300), ("CHUNK", 100)):
            monkeypatch.setattr(logs, name, size)
        writer = self.writer(world)
        for number in range(500):
            writer.write(f"line {number:04d}\n".encode())
        writer.flush()
        text, size = self.text(), Attempt.objects.get().log_size
        assert size == 5_000
        assert text.startswith(b"line 0000\n")
        assert text.endswith(b"line 0499\n")
        assert b"bytes are left out here" in text
        assert len(text) < 1_700
        assert Attempt.objects.get().log_dropped >= 3_300

    def test_a_lost_lease_is_noted_and_raises_only_where_it_is_asked(self, world: World) -> None:
        writer = self.writer(world)
        Attempt.objects.update(lease_token=99)
        writer.write(b"x" * (logs.CHUNK + 1))
        assert writer.lost
        writer.write(b"y")
        with pytest.raises(LeaseLost):
            writer.flush()


def _fails(*_: Any) -> None:
    raise DatabaseError("the database is away")


def test_a_push_starts_the_commit_that_it_brought(world: World) -> None:
    first = world.commit("job: {script: [echo one]}")
    world.commit("job: {script: [echo two]}")
    pipeline = starting.start(world.developer, world.project, "refs/heads/main", sha=first)
    assert pipeline.sha == first


def test_a_plan_that_cannot_be_made_ends_with_words(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.commit("job: {script: [echo]}")
    pipeline = starting.start(world.developer, world.project, "main")

    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(planning, "plan", broken)
    for _ in range(planning.MAX_TRIES):
        Pipeline.objects.update(not_before=None)
        planning.work_on(pipeline.pk)
    pipeline.refresh_from_db()
    assert pipeline.status == "failed"
    assert pipeline.reason == "Slipway could not make its plan; the server's log says why."


def test_a_commit_that_is_gone_is_told(world: World) -> None:
    world.commit("job: {script: [echo]}")
    pipeline = starting.start(world.developer, world.project, "main")
    Pipeline.objects.update(sha="0123456789" * 4)
    planning.work_on(pipeline.pk)
    pipeline.refresh_from_db()
    assert (pipeline.status, bool(pipeline.reason)) == ("failed", True)


def test_a_cancelled_job_gets_no_turn(world: World) -> None:
    text = "job: {script: [echo], resource_group: one}"
    first, second, third = (world.start(text) for _ in range(3))
    assert [world.job(one, "job").status for one in (first, second, third)] == [
        "pending",
        "waiting_for_resource",
        "waiting_for_resource",
    ]
    second.jobs.update(status="canceled")
    first.jobs.update(status="success")
    advancing.free_group(world.project.pk, "one")
    assert world.job(second, "job").attempts.count() == 0
    assert world.job(third, "job").status == "pending"
