"""Zip archives of a workspace's entries: written, listed and unpacked without leading outside."""

from __future__ import annotations

import lzma
import os
import shutil
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pipelines.running.files import MAX_ENTRIES, inside

MAX_BYTES = 2 * 1024**3  # of all files, unpacked
_EARLIEST = (1980, 1, 1, 0, 0, 0)
_SPOOL = 8 * 1024 * 1024
_ENCRYPTED = 1  # a bit of an entry's flags
_METHODS = frozenset(
    {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA}
)
# All that reading an archive of a stranger's raises.
_BROKEN = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError, ValueError,
    struct.error,
)  # fmt: skip


class ArchiveError(ValueError):
    """The archive is too large, or something in it leads outside; the text says what."""


@dataclass(frozen=True)
class Entry:
    path: str
    size: int
    is_folder: bool


def pack(root: Path, entries: Sequence[str]) -> IO[bytes]:
    """An archive of entries, links left out where they lead outside; `ArchiveError` past 2 GiB."""
    found: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_SPOOL)  # noqa: SIM115 - the caller's
    base, total = os.path.realpath(root), 0
    judged: dict[str, bool] = {}  # by folder: whether it is really below the root
    with zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in entries:
            source = f"{base}/{path}"
            parent = os.path.dirname(source)  # noqa: PTH120 - texts: a Path for each entry costs most of it
            if parent not in judged:
                judged[parent] = inside(os.path.realpath(parent), base)
            if not judged[parent]:
                continue
            facts = os.lstat(source)
            info = zipfile.ZipInfo(path, _EARLIEST)
            info.external_attr = facts.st_mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            if stat.S_ISLNK(facts.st_mode):
                if inside(os.path.realpath(source), base):
                    archive.writestr(info, os.readlink(source))  # noqa: PTH115 - texts: a Path for each entry costs most of it
            elif stat.S_ISDIR(facts.st_mode):
                info.filename += "/"
                archive.writestr(info, b"")
            elif stat.S_ISREG(facts.st_mode):
                total += facts.st_size
                if total > MAX_BYTES:
                    raise ArchiveError(f"The files have more than {MAX_BYTES // 1024**3} GiB.")
                with open(source, "rb") as file, archive.open(info, "w") as target:  # noqa: PTH123 - texts: a Path for each entry costs most of it
                    shutil.copyfileobj(file, target)
    return found


def listing(file: IO[bytes]) -> list[Entry]:
    """What is in an archive; `ArchiveError` where it cannot be read."""
    try:
        with zipfile.ZipFile(file) as archive:
            return [
                Entry(one.filename.rstrip("/"), one.file_size, one.is_dir())
                for one in archive.infolist()
            ]
    except _BROKEN as error:
        raise ArchiveError("It is no zip archive.") from error


def judge(file: IO[bytes], limit: int | None = None) -> int:
    """How many entries an archive has; `ArchiveError` for one that nobody should unpack.

    `limit` is of bytes of all its files, `MAX_BYTES` without one.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
    except _BROKEN as error:
        raise ArchiveError(f"It is no zip archive: {_words(error)}") from error
    _judge(entries, limit)
    return len(entries)


def unpack(file: IO[bytes], target: Path, limit: int | None = None) -> int:
    """Put everything into a folder; how many entries. `ArchiveError` before what leads outside."""
    base = os.path.realpath(target)
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            _judge(entries, limit)
            links: list[zipfile.ZipInfo] = []
            for one in entries:
                if stat.S_ISLNK(one.external_attr >> 16):
                    links.append(one)
                else:
                    _put(archive, one, base)
            for one in links:
                _link(archive, one, base)
    except ArchiveError:
        raise
    except _BROKEN as error:
        raise ArchiveError(f"It cannot be unpacked: {_words(error)}") from error
    return len(entries)


def _words(error: Exception) -> str:
    """What an error says; of the system's no path of this machine."""
    return (isinstance(error, OSError) and error.strerror) or str(error)


def _judge(entries: Sequence[zipfile.ZipInfo], limit: int | None) -> None:
    total, most = 0, MAX_BYTES if limit is None else limit
    if len(entries) > MAX_ENTRIES:
        raise ArchiveError(f"It has more than {MAX_ENTRIES} entries.")
    for one in entries:
        parts = one.filename.split("/")
        if one.filename.startswith("/") or ".." in parts or "\\" in one.filename:
            raise ArchiveError(f"“{one.filename[:80]}” leads out of the folder.")
        if one.flag_bits & _ENCRYPTED:
            raise ArchiveError(f"“{one.filename[:80]}” is encrypted; pack it without a password.")
        if one.compress_type not in _METHODS:
            raise ArchiveError(f"“{one.filename[:80]}” is packed by a method that is not read.")
        total += one.file_size
        if total > most:
            raise ArchiveError(f"“{one.filename[:80]}” grows past what is unpacked.")


def _place(base: str, path: str) -> str:
    """Where an entry goes; `ArchiveError` where a link on the way leads outside."""
    where = f"{base}/{path}"
    parent = os.path.dirname(where)  # noqa: PTH120 - texts: a Path for each entry costs most of it
    if not inside(os.path.realpath(parent), base):
        raise ArchiveError(f"“{path[:80]}” leads out of the folder.")
    os.makedirs(parent, exist_ok=True)  # noqa: PTH103 - texts: a Path for each entry costs most of it
    return where


def _put(archive: zipfile.ZipFile, one: zipfile.ZipInfo, base: str) -> None:
    where = _place(base, one.filename.rstrip("/"))
    mode = (one.external_attr >> 16) & 0o777
    if one.is_dir():
        os.makedirs(where, exist_ok=True)  # noqa: PTH103 - texts: a Path for each entry costs most of it
        return
    if os.path.islink(where):  # noqa: PTH114 - texts: a Path for each entry costs most of it
        os.unlink(where)  # noqa: PTH108 - texts: a Path for each entry costs most of it
    with archive.open(one) as source, open(where, "wb") as file:  # noqa: PTH123 - texts: a Path for each entry costs most of it
        shutil.copyfileobj(source, file)
    os.chmod(where, mode or 0o644)  # noqa: PTH101 - texts: a Path for each entry costs most of it


def _link(archive: zipfile.ZipFile, one: zipfile.ZipInfo, base: str) -> None:
    where = _place(base, one.filename)
    to = archive.read(one).decode(errors="surrogateescape")
    aim = os.path.realpath(os.path.join(os.path.dirname(where), to))  # noqa: PTH118, PTH120 - texts: a Path for each entry costs most of it
    if not inside(aim, base):
        raise ArchiveError(f"“{one.filename[:80]}” is a link that leads out of the folder.")
    if os.path.lexists(where):
        os.unlink(where)  # noqa: PTH108 - texts: a Path for each entry costs most of it
    os.symlink(to, where)  # noqa: PTH211 - texts: a Path for each entry costs most of it
