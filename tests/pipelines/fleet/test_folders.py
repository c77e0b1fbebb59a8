"""An agent's folder goes with it; what one left that was killed goes with the next."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from pipelines.agent import folders


def aged(path: Path) -> Path:
    os.utime(path, (1, 1))
    return path


def made(parent: Path, name: str) -> Path:
    folder = parent / f"{folders.PREFIX}{name}"
    (folder / "7-job/project").mkdir(parents=True)
    return aged(folder)


def test_it_goes_at_the_end(tmp_path: Path) -> None:
    with folders.own(tmp_path / "work") as folder:
        (folder / "1-job").mkdir()
        assert folder.stat().st_mode & 0o777 == 0o700
    assert list((tmp_path / "work").iterdir()) == []


def test_another_user_may_pass_where_jobs_are_anothers(tmp_path: Path) -> None:
    with folders.own(tmp_path / "work", shared=True) as folder:
        assert folder.stat().st_mode & 0o777 == 0o711


def test_what_a_killed_one_left_goes_with_the_next(tmp_path: Path) -> None:
    dead, lives = made(tmp_path, "dead"), made(tmp_path, "lives")
    (tmp_path / f"{folders.PREFIX}link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").mkdir()
    fresh = tmp_path / f"{folders.PREFIX}fresh"
    fresh.mkdir()
    with (lives / folders.LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        aged(lives)
        with folders.own(tmp_path):
            there = [path.is_dir() for path in (dead, lives, fresh, tmp_path / "elsewhere")]
    assert there == [False, True, True, True]
