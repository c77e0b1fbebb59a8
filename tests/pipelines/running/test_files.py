"""What paths mean, and that copying never leads out of either side."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipelines.running.collecting import MAX_DOUBTS, find, kept
from pipelines.running.files import copy


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    for path in ("a.txt", "out/x.bin", "out/deep/y.bin", "out/.hidden/z", "with space/s.txt"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path)
    return root


@pytest.mark.parametrize(
    ("paths", "exclude", "expected"),
    [
        (["a.txt"], [], ["a.txt"]),
        (["./a.txt", "$"], [], ["a.txt"]),
        (
            ["out/"],
            ["out/.hidden/**"],
            ["out", "out/.hidden", "out/deep", "out/deep/y.bin", "out/x.bin"],
        ),
        (["out/*.bin"], [], ["out/x.bin"]),
        (["out/**/*.bin"], [], ["out/deep/y.bin", "out/x.bin"]),
        (["**/*.txt"], ["a.*"], ["with space/s.txt"]),
        (["out/{x,y}.bin", "out/deep"], ["**/y.bin"], ["out/deep", "out/x.bin"]),
        (["../tree/a.txt", "/etc/passwd", "nothing", ""], [], []),
        (["out/../../x"], [], []),
    ],
)
def test_paths(tree: Path, paths: list[str], exclude: list[str], expected: list[str]) -> None:
    assert find(tree, paths, exclude) == expected


def test_the_whole_folder(tree: Path) -> None:
    assert len(find(tree, ["."])) == 9
    assert find(tree, [f"{tree}/a.txt"]) == ["a.txt"]


def test_a_folder_that_is_a_link_is_not_walked(tree: Path) -> None:
    (tree / "etc").symlink_to("/etc")
    assert find(tree, ["etc"]) == ["etc"]
    assert find(tree, ["etc/*"]) == []


def test_what_leads_outside_is_told_by_name(tree: Path, tmp_path: Path) -> None:
    (tree / "out" / "away").symlink_to(tmp_path)
    (tree / "out" / "near").symlink_to("x.bin")
    entries, doubts = kept(tree, ["out/*", "../up", "/etc/hostname", "nothing", ""])
    assert "out/near" in entries
    assert "out/away" not in entries
    outside = "leads out of the project's folder; nothing of it is kept. Name a path in it."
    assert doubts == [
        f"../up {outside}",
        f"/etc/hostname {outside}",
        "out/away is a link out of the project's folder; it is not kept.",
    ]
    assert kept(tree, ["nothing", "../up"])[1][1] == "nothing, ../up: no matching files."


def test_the_log_names_few_links(tree: Path, tmp_path: Path) -> None:
    for number in range(MAX_DOUBTS + 5):
        (tree / "out" / f"away{number}").symlink_to(tmp_path)
    _, doubts = kept(tree, ["out"])
    assert len(doubts) == MAX_DOUBTS + 1
    assert doubts[-1] == "… and 5 more."


def test_links_that_lead_outside_are_left(tree: Path, tmp_path: Path) -> None:
    (tree / "evil").symlink_to("/etc/passwd")
    (tree / "good").symlink_to("a.txt")
    os.mkfifo(tree / "pipe")
    copied = copy(tree, ["evil", "good", "a.txt", "pipe"], tmp_path / "to")
    assert copied.left == ("evil", "pipe")
    assert (tmp_path / "to/good").readlink() == Path("a.txt")


def test_nothing_is_written_through_a_link_that_leads_outside(tree: Path, tmp_path: Path) -> None:
    outside, target = tmp_path / "outside", tmp_path / "to"
    outside.mkdir()
    target.mkdir()
    (target / "out").symlink_to(outside)
    (target / "a.txt").symlink_to(outside / "victim")
    copied = copy(tree, ["out/x.bin", "a.txt"], target)
    assert copied.left == ("out/x.bin",)
    assert list(outside.iterdir()) == []
    assert (target / "a.txt").read_text() == "a.txt"


def test_modes_and_times_come_along(tree: Path, tmp_path: Path) -> None:
    (tree / "a.txt").chmod(0o750)
    os.utime(tree / "a.txt", (1, 1))
    copy(tree, ["a.txt"], tmp_path / "to")
    found = (tmp_path / "to/a.txt").stat()
    assert (found.st_mode & 0o777, found.st_mtime) == (0o750, 1)
