"""Looks into stored archives: what is in them, and one file of them, without unpacking."""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Iterator

from idp.common.errors import NotVisible
from pipelines.backends import blobs
from pipelines.running import archives
from pipelines.running.archives import ArchiveError, Entry

MAX_ENTRIES = 2_000  # that one page lists
CHUNK = 64 * 1024


def entries(digest: str, folder: str = "") -> list[Entry]:
    """What stands directly in a folder of an archive, folders first; raises `NotVisible`."""
    try:
        with blobs.open_blob(digest) as file:
            listed = archives.listing(file)
    except ArchiveError as error:
        raise NotVisible(str(error)) from error
    start = f"{folder.strip('/')}/" if folder.strip("/") else ""
    found: dict[str, Entry] = {}
    for one in listed:
        if not one.path.startswith(start) or one.path == start.rstrip("/"):
            continue
        name, slash, _ = one.path.removeprefix(start).partition("/")
        path = f"{start}{name}"
        is_folder = bool(slash) or one.is_folder
        if path not in found or is_folder:
            found[path] = Entry(path, 0 if is_folder else one.size, is_folder)
    if start and not found:
        raise NotVisible(f"There is no folder “{folder[:80]}” in it.")
    return sorted(found.values(), key=lambda one: (not one.is_folder, one.path))


def content(digest: str, path: str) -> Iterator[bytes]:
    """The bytes of one file of an archive; raises `NotVisible` before the first of them."""
    file = blobs.open_blob(digest)
    info = None
    with contextlib.suppress(KeyError, ValueError, zipfile.BadZipFile):
        archive = zipfile.ZipFile(file)
        info = archive.getinfo(path)
    if info is None or info.is_dir() or info.file_size > archives.MAX_BYTES:
        file.close()
        raise NotVisible(f"There is no file “{path[:80]}” in it.")

    def read() -> Iterator[bytes]:
        with file, archive, archive.open(info) as source:
            while chunk := source.read(CHUNK):
                yield chunk

    return read()
