"""The repository that a workspace gets: all of it can be asked, none of it can be changed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pipelines.checkout import CheckoutFiles, origin_of
from pipelines.running.workspace import Origin


def git(folder: Path, *words: str) -> str:
    names = ("-c", "user.name=dana", "-c", "user.email=dana@example.test")
    done = subprocess.run(
        ["git", *names, *words], cwd=folder, check=True, capture_output=True, text=True, timeout=20
    )
    return done.stdout.strip()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout with a packed and a loose branch, a tag, and a remote's symbolic head."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "a.txt").write_text("one\n")
    git(folder, "add", "a.txt")
    git(folder, "commit", "-qm", "One")
    git(folder, "branch", "packed")
    git(folder, "tag", "-am", "Version 1", "v1")
    git(folder, "update-ref", "refs/remotes/origin/main", "HEAD")
    git(folder, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
    git(folder, "pack-refs", "--all")
    (folder / "a.txt").write_text("two\n")
    git(folder, "commit", "-qam", "Two")
    git(folder, "branch", "feature/x")
    return folder


def workspaces(root: Path, tmp_path: Path, count: int) -> list[Path]:
    origin: Origin = origin_of(CheckoutFiles(root))
    view = origin.view(tmp_path / "kept")
    made = [tmp_path / f"workspace{number}" for number in range(count)]
    for folder in made:
        folder.mkdir()
        origin.fill(folder, view)
    return made


def test_everything_can_be_asked(root: Path, tmp_path: Path) -> None:
    (folder,) = workspaces(root, tmp_path, 1)
    asked = ("for-each-ref", "--format=%(refname) %(objectname) %(*objectname)")
    assert git(folder, *asked) == git(root, *asked)
    for words in (("log", "--oneline"), ("status", "--short", "--branch"), ("describe",)):
        assert git(folder, *words) == git(root, *words)
    assert git(folder, "rev-parse", "--abbrev-ref", "origin/HEAD") == "origin/main"
    git(folder, "diff-index", "--quiet", "HEAD")  # reads no file: clean by time and size


def test_what_a_job_does_stays_in_its_workspace(root: Path, tmp_path: Path) -> None:
    first, second = workspaces(root, tmp_path, 2)
    before = git(root, "for-each-ref"), git(root, "config", "--list", "--local")
    git(first, "config", "core.abbrev", "12")
    (first / "b.txt").write_text("new\n")
    git(first, "add", "b.txt")
    git(first, "commit", "-qm", "Three")
    git(first, "tag", "made")
    git(first, "branch", "-D", "packed")
    git(first, "pack-refs", "--all")
    git(first, "checkout", "-q", "feature/x")
    git(first, "gc", "-q")
    for other in (second, root):
        assert git(other, "log", "-1", "--format=%s") == "Two"
        assert git(other, "status", "--short") == ""
        assert git(other, "rev-parse", "packed")
    assert (git(root, "for-each-ref"), git(root, "config", "--list", "--local")) == before
    assert git(second, "for-each-ref") == before[0]
