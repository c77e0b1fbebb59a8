"""Work trees that are made once for all jobs of a commit."""

from __future__ import annotations

import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gitops.hosts.local import LocalRepository
from idp.common.errors import SlipwayError
from pipelines.executors import checkouts
from pipelines.executors.checkouts import KEPT, Checkouts
from pipelines.executors.files import depth_of
from tests.pipelines.runs.conftest import World

pytestmark = pytest.mark.django_db


def asked(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", *words], cwd=folder, check=True, capture_output=True, text=True, timeout=20
    )
    return done.stdout.strip()


def empty(folder: Path) -> Path:
    folder.mkdir()
    return folder


class Cloned:
    """Counts the clones of a repository."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        clone_at = LocalRepository.clone_at

        def counted(repository: LocalRepository, folder: Path, sha: str, *, depth: int) -> None:
            self.count += 1
            clone_at(repository, folder, sha, depth=depth)

        monkeypatch.setattr(LocalRepository, "clone_at", counted)


@pytest.fixture
def cloned(monkeypatch: pytest.MonkeyPatch) -> Cloned:
    return Cloned(monkeypatch)


def test_jobs_of_one_commit_cost_two_clones(world: World, tmp_path: Path, cloned: Cloned) -> None:
    sha = world.commit("job: {script: [echo]}")
    kept = Checkouts(tmp_path / "kept")
    folders = [empty(tmp_path / f"job{number}") for number in range(6)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda one: kept.put(world.repository, sha, one, depth=1), folders))
    assert cloned.count == 2
    for folder in folders:
        assert asked(folder, "rev-parse", "HEAD") == sha
        asked(folder, "diff-index", "--quiet", "HEAD")
        assert asked(folder, "log", "--oneline").count("\n") == 0
    (folders[0] / ".gitlab-ci.yml").write_text("changed")
    (folders[0] / ".git" / "HEAD").write_text("broken")
    kept.put(world.repository, sha, empty(tmp_path / "late"), depth=1)
    assert asked(tmp_path / "late", "status", "--short") == ""


def test_only_so_many_are_kept(world: World, tmp_path: Path) -> None:
    kept = Checkouts(tmp_path / "kept")
    for number in range(KEPT + 3):
        sha = world.commit(f"job: {{script: [echo {number}]}}")
        for turn in range(2):
            kept.put(world.repository, sha, empty(tmp_path / f"{number}.{turn}"), depth=1)
    folders = [path for path in (tmp_path / "kept").iterdir() if path.is_dir()]
    assert len(folders) == KEPT
    assert asked(tmp_path / f"{KEPT + 2}.1", "rev-parse", "HEAD") == sha


def test_one_that_cannot_be_copied_is_cloned(
    world: World, tmp_path: Path, cloned: Cloned, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha = world.commit("job: {script: [echo]}")
    kept = Checkouts(tmp_path / "kept")
    copy = checkouts._copy

    def gone(place: Path, folder: Path) -> None:
        shutil.rmtree(place)
        copy(place, folder)

    monkeypatch.setattr(checkouts, "_copy", gone)
    for number in range(2):
        kept.put(world.repository, sha, empty(tmp_path / f"job{number}"), depth=1)
    assert cloned.count == 3
    assert asked(tmp_path / "job1", "rev-parse", "HEAD") == sha


def test_a_commit_that_is_not_there_leaves_nothing(world: World, tmp_path: Path) -> None:
    kept = Checkouts(tmp_path / "kept")
    for number in range(2):
        with pytest.raises(SlipwayError):
            kept.put(world.repository, "1" * 40, empty(tmp_path / f"job{number}"), depth=1)
    assert [path for path in (tmp_path / "kept").iterdir() if path.is_dir()] == []


def test_one_that_is_copied_is_not_taken_away(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Checkouts(tmp_path / "kept")
    shas = [world.commit(f"job: {{script: [echo {number}]}}") for number in range(KEPT + 1)]
    copy, seen = checkouts._copy, []

    def slow(place: Path, folder: Path) -> None:
        if not seen:
            seen.append(place)
            for sha in shas[1:]:
                for number in range(2):
                    kept.put(world.repository, sha, empty(tmp_path / f"{sha}-{number}"), depth=1)
            assert (place / ".gitlab-ci.yml").is_file()
        copy(place, folder)

    monkeypatch.setattr(checkouts, "_copy", slow)
    for number in range(2):
        kept.put(world.repository, shas[0], empty(tmp_path / f"job{number}"), depth=1)
    assert asked(tmp_path / "job1", "status", "--porcelain") == ""


@pytest.mark.parametrize(("given", "depth"), [("", 20), ("x", 20), ("5", 5), ("9" * 5000, 0)])
def test_any_depth_that_is_asked_for_is_one(given: str, depth: int) -> None:
    assert depth_of(given) == depth
