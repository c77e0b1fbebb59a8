"""Kept folders: whole for every reader, whoever else writes; old ones and too much go."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipelines.running import files, stores, sweeping
from pipelines.running.stores import Folders, TooLarge

DAY = 86_400.0
ROUNDS, FILES = 15, 40


def content(folder: Path, text: str, count: int = FILES) -> Sequence[str]:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (folder / f"{number}.txt").write_text(text)
    return [f"{number}.txt" for number in range(count)]


def generations(root: Path) -> list[Path]:
    return [one for one in root.iterdir() if one.is_dir() and not one.is_symlink()]


def test_many_write_one_key_at_once_and_readers_see_one_of_them_whole(tmp_path: Path) -> None:
    root = tmp_path / "kept"
    names = content(tmp_path / "0", "0")
    Folders(root).put("key", tmp_path / "0", names)

    def write(who: int) -> None:
        content(tmp_path / str(who), str(who))
        for _ in range(ROUNDS):
            Folders(root).put("key", tmp_path / str(who), names)  # each as if a process of its own

    def read(who: int) -> None:
        for number in range(ROUNDS):
            target = tmp_path / f"got-{who}-{number}"
            target.mkdir()
            copied = Folders(root).get("key", target)
            assert copied is not None
            assert (copied.entries, copied.left) == (FILES, ())
            assert len({(target / name).read_text() for name in names}) == 1

    with ThreadPoolExecutor(8) as pool:
        done = [pool.submit(write, who) for who in range(1, 5)]
        done += [pool.submit(read, who) for who in range(4)]
        for one in done:
            one.result(60)
    sweeping.sweep(tmp_path, sweeping.Bounds(0, 0))
    for one in generations(root):
        os.utime(one, (0, 0))
    sweeping.sweep(tmp_path, sweeping.Bounds(0, 0))
    assert len(generations(root)) == 1


def test_what_was_kept_before_there_were_links_is_read_and_replaced(tmp_path: Path) -> None:
    kept = Folders(tmp_path / "kept")
    place = kept._place("key")
    content(place, "old", 2)
    (tmp_path / "a").mkdir()
    assert getattr(kept.get("key", tmp_path / "a"), "entries", 0) == 2
    kept.put("key", tmp_path / "a", ["0.txt"])
    (tmp_path / "b").mkdir()
    assert getattr(kept.get("key", tmp_path / "b"), "entries", 0) == 1
    assert place.is_symlink()


def test_one_that_is_too_large_says_so_and_leaves_what_was_there(tmp_path: Path) -> None:
    kept = Folders(tmp_path / "kept", most=100)
    kept.put("key", tmp_path / "a", content(tmp_path / "a", "x", 3))
    with pytest.raises(TooLarge, match="it has 120 bytes, and one may have 100"):
        kept.put("key", tmp_path / "b", content(tmp_path / "b", "x" * 40, 3))
    assert getattr(kept.get("key", tmp_path), "size", 0) == 3


def test_a_full_disk_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "_copy_one", full)
    kept = Folders(tmp_path / "kept")
    with pytest.raises(OSError, match="No space left"):
        kept.put("key", tmp_path / "a", content(tmp_path / "a", "x", 3))
    assert list((tmp_path / "kept").iterdir()) == []


class TestSweep:
    def put(self, base: Path, name: str, days: float, size: int = 10) -> Path:
        """A cache that was used so many days ago; its place."""
        kept = Folders(base / "1/protected")
        kept.put(name, base.parent / name, content(base.parent / name, "x" * size, 1))
        place = kept._place(name)
        then = time.time() - days * DAY
        os.utime(place.resolve(), (then, then))
        return place

    def test_what_nobody_used_for_long_goes(self, tmp_path: Path) -> None:
        base = tmp_path / "caches"
        old, fresh = self.put(base, "old", 40), self.put(base, "fresh", 2)
        assert sweeping.sweep(base, sweeping.Bounds(30 * DAY, 0)) == 1
        assert (old.is_symlink(), fresh.exists()) == (False, True)

    def test_reading_is_use(self, tmp_path: Path) -> None:
        base = tmp_path / "caches"
        old = self.put(base, "old", 40)
        Folders(base / "1/protected").get("old", tmp_path)
        assert sweeping.sweep(base, sweeping.Bounds(30 * DAY, 0)) == 0
        assert old.exists()

    def test_of_too_much_the_least_recently_used_go(self, tmp_path: Path) -> None:
        base = tmp_path / "caches"
        places = [self.put(base, f"c{days}", days) for days in (3, 1, 2)]
        assert sweeping.sweep(base, sweeping.Bounds(0, 20)) == 1
        assert [place.exists() for place in places] == [False, True, True]

    def test_leftovers_go_and_what_is_somebody_elses_stays(self, tmp_path: Path) -> None:
        base = tmp_path / "caches"
        self.put(base, "fresh", 0)
        left, new = base / "1/protected/ab.new", base / "1/protected/cd.new"
        other = base / "commits/ef.new"
        for folder in (left, new, other):
            folder.mkdir(parents=True)
        for folder in (left, other):
            os.utime(folder, (0, 0))
        sweeping.sweep(base, sweeping.Bounds(30 * DAY, 0), apart="commits")
        assert (left.exists(), new.exists(), other.exists()) == (False, True, True)

    def test_one_that_is_read_stays(self, tmp_path: Path) -> None:
        base = tmp_path / "caches"
        place = self.put(base, "old", 40)
        with stores.held(place) as generation:
            assert generation is not None
            sweeping.sweep(base, sweeping.Bounds(30 * DAY, 0))
            assert generation.is_dir()
