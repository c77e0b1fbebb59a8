"""Archives: what goes in comes out; nothing leads outside, and nothing grows without bound."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import pytest

from pipelines.running import archives
from pipelines.running.archives import ArchiveError, unpack


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "out/deep").mkdir(parents=True)
    (root / "out/run.sh").write_text("echo")
    (root / "out/run.sh").chmod(0o755)
    (root / "out/link").symlink_to("run.sh")
    (root / "out/away").symlink_to("/etc/passwd")
    return root


def test_what_goes_in_comes_out(tree: Path, tmp_path: Path) -> None:
    entries = ["out", "out/deep", "out/run.sh", "out/link", "out/away"]
    with archives.pack(tree, entries) as packed:
        assert archives.unpack(packed, tmp_path / "to") == 4
    assert (tmp_path / "to/out/run.sh").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "to/out/link").readlink() == Path("run.sh")
    assert (tmp_path / "to/out/deep").is_dir()
    assert not (tmp_path / "to/out/away").is_symlink()


def made(*files: tuple[str, bytes, int]) -> io.BytesIO:
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data, mode in files:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return found


@pytest.mark.parametrize(
    "files",
    [
        [("../x", b"x", 0o644)],
        [("/etc/x", b"x", 0o644)],
        [("a/../../x", b"x", 0o644)],
        [("a\\..\\x", b"x", 0o644)],
        [("link", b"/etc", stat.S_IFLNK | 0o777)],
        [("link", b"../..", stat.S_IFLNK | 0o777)],
        [("bomb", b"\0" * 3_000, 0o644)],
    ],
)
def test_what_leads_outside_or_grows_is_refused(
    files: list[tuple[str, bytes, int]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MAX_BYTES", 2_000)
    target = tmp_path / "a/to"
    target.mkdir(parents=True)
    with pytest.raises(ArchiveError):
        archives.unpack(made(*files), target)
    assert not list(target.iterdir())
    assert not (tmp_path / "a/x").exists()


def test_nothing_is_written_through_a_link_that_was_there(tmp_path: Path) -> None:
    target, outside = tmp_path / "to", tmp_path / "outside"
    target.mkdir()
    outside.mkdir()
    (target / "dir").symlink_to(outside)
    with pytest.raises(ArchiveError):
        archives.unpack(made(("dir/x", b"x", 0o644)), target)
    assert list(outside.iterdir()) == []


def test_what_is_no_archive_says_so(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError):
        archives.unpack(io.BytesIO(b"nonsense"), tmp_path)


def encrypted() -> bytes:
    """An archive whose entry says that it is encrypted, in both of its headers."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("secret.txt", b"x")
    data = bytearray(file.getvalue())
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + at] |= 1
    return bytes(data)


def torn() -> bytes:
    """An archive whose packed bytes are none."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", b"x" * 1000)
    data = bytearray(file.getvalue())
    start = data.index(b"a.txt") + 5
    data[start : start + 4] = b"\xff" * 4
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "words"),
    [(encrypted(), "“secret.txt” is encrypted"), (torn(), "cannot be unpacked: Error -3")],
)
def test_what_cannot_be_read_says_so(tmp_path: Path, data: bytes, words: str) -> None:
    with pytest.raises(ArchiveError, match=words):
        unpack(io.BytesIO(data), tmp_path)


def test_no_entry_is_compared_with_all_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.txt", b"x")
        for number in range(50):
            link = zipfile.ZipInfo(f"l{number}")
            link.external_attr = 0o120777 << 16
            archive.writestr(link, "a.txt")
    compared = []
    monkeypatch.setattr(zipfile.ZipInfo, "__eq__", lambda *both: compared.append(both) or False)
    assert unpack(file, tmp_path) == 51
    assert (compared, (tmp_path / "l49").read_text()) == ([], "x")
