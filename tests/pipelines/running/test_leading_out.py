"""Links that a job leaves: nothing is written or read through them."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from pipelines.running import archives, files
from pipelines.running.afresh import write_new


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace with a folder that is a link out of it."""
    outside, inside = tmp_path / "outside", tmp_path / "project"
    outside.mkdir()
    (outside / "secret.txt").write_text("secret")
    (inside / "own").mkdir(parents=True)
    (inside / "own" / "a.txt").write_text("mine")
    (inside / "x").symlink_to(outside)
    (inside / "deep").mkdir()
    (inside / "deep" / "y").symlink_to(outside)
    return inside


ENTRIES = ("own/a.txt", "x/secret.txt", "deep/y/secret.txt", "x/../outside/secret.txt")


def test_no_archive_holds_what_lies_behind_a_linked_folder(workspace: Path) -> None:
    with archives.pack(workspace, ENTRIES) as packed, zipfile.ZipFile(packed) as archive:
        assert archive.namelist() == ["own/a.txt"]


def test_no_copy_holds_it(workspace: Path, tmp_path: Path) -> None:
    target = tmp_path / "kept"
    target.mkdir()
    copied = files.copy(workspace, ENTRIES, target)
    assert (copied.entries, set(copied.left)) == (1, set(ENTRIES[1:]))
    assert [path.name for path in target.rglob("*") if path.is_file()] == ["a.txt"]


def test_a_script_is_not_written_through_a_link(tmp_path: Path) -> None:
    victim, place = tmp_path / "victim", tmp_path / "after.sh"
    victim.write_text("as it was")
    place.symlink_to(victim)
    write_new(place, "echo\n")
    assert victim.read_text() == "as it was"
    assert (place.is_symlink(), place.read_text()) == (False, "echo\n")
