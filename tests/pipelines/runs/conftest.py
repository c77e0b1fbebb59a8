"""A project with a repository, commits with a CI file, and a runner that works it off."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from gitops import repositories
from gitops.hosts.local import MAIN
from pipelines.executors.local import Runner
from pipelines.runs.models import Job, Pipeline
from pipelines.runs.services import planning, starting
from rbac.actors import Actor
from rbac.models import Team
from tests.rbac.factories import Characters, make_characters, make_project

SECONDS = 30


class World:
    """What the tests of runs share."""

    def __init__(self, people: Characters) -> None:
        self.people = people
        self.project = people.project
        self.developer = Actor(people.developer)
        self.repository = repositories.local(repositories.ensure(self.project))

    def commit(self, text: str, ref: str = MAIN, **files: str) -> str:
        """A commit with a CI file, and other files by `name=content`."""
        content: dict[str, bytes | None] = {".gitlab-ci.yml": text.encode()}
        content |= {name.replace("__", "."): data.encode() for name, data in files.items()}
        base = self.repository.ref(ref) or self.repository.head()
        who = ("Dana", "dana@localhost")
        return self.repository.write(ref, base=base, files=content, author=who, message="Change it")

    def start(self, text: str, *, ref: str = "main", **options: object) -> Pipeline:
        """A planned pipeline of a new commit."""
        self.commit(text, f"refs/heads/{ref}")
        return self.start_again(ref=ref, **options)

    def start_again(self, *, ref: str = "main", **options: object) -> Pipeline:
        """A planned pipeline of the commit that is there."""
        pipeline = starting.start(self.developer, self.project, ref, **options)  # type: ignore[arg-type]
        planning.work_on(pipeline.pk)
        pipeline.refresh_from_db()
        return pipeline

    def other(self, name: str = "other", team: Team | None = None) -> World:
        """The same with another project, of the same people where no team is given."""
        found = World.__new__(World)
        found.people, found.developer = self.people, Actor(self.people.administrator)
        found.project = make_project(name, team or self.people.project.team)
        found.repository = repositories.local(repositories.ensure(found.project))
        return found

    def job(self, pipeline: Pipeline, name: str) -> Job:
        return pipeline.jobs.get(name=name)

    def words(self, pipeline: Pipeline) -> dict[str, str]:
        return dict(pipeline.jobs.order_by("position").values_list("name", "status"))


@pytest.fixture
def _places(settings: Settings, tmp_path: Path) -> None:
    settings.CI_RUNNER_PROJECTS = ["*"]
    settings.BLOBS_DIR = tmp_path / "blobs"
    settings.CI_CACHES_DIR = tmp_path / "caches"
    settings.CI_SCRATCH_DIR = tmp_path / "scratch"
    settings.REPOSITORIES_DIR = tmp_path / "repositories"


@pytest.fixture
def world(db: None, _places: None) -> World:
    return World(make_characters())


@pytest.fixture
def runs(transactional_db: None) -> Iterator[Callable[..., None]]:
    """Runs attempts until the given condition holds."""
    stop = threading.Event()
    runner = Runner(stop, slots=4, name="tests")
    thread = threading.Thread(target=runner.run)

    def until(holds: Callable[[], bool]) -> None:
        if not thread.is_alive():
            thread.start()
        end = time.monotonic() + SECONDS
        while not holds():
            assert time.monotonic() < end, "it did not come to that"
            stop.wait(0.02)

    yield until
    stop.set()
    if thread.ident:
        thread.join(SECONDS)


@pytest.fixture
def finished(runs: Callable[..., None]) -> Callable[[Pipeline], Pipeline]:
    """Runs a pipeline to its end."""

    def ended(pipeline: Pipeline) -> Pipeline:
        def over() -> bool:
            pipeline.refresh_from_db()
            return pipeline.ended and pipeline.finished_at is not None

        runs(over)
        return pipeline

    return ended
