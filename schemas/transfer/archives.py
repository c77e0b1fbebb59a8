"""Archives of schemas: a zip file with a file for each version, and a manifest with the rest.

Written for exports as a stream, and read back for imports. What is read comes from strangers: it is
never unpacked to disk, names only find entries, and every size is bounded while it is read.

    manifest.json                       format, versions with ids, guids and references, settings
    schemas/<context>/<subject>/<version>.avsc      .json, .proto
"""

from __future__ import annotations

import json
import stat
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Any
from urllib.parse import quote

from idp.common.errors import Invalid
from schemas.formats.base import MAX_TEXT, FormatName
from schemas.models import SubjectVersion
from schemas.transfer.storing import MAX_VERSIONS, Budget
from schemas.wire import bodies

MANIFEST = "manifest.json"
FORMAT = "slipway-schemas/1"
MAX_FILE = 64 * 1024 * 1024  # bytes of a packed archive that is taken in
MAX_MANIFEST = 64 * 1024 * 1024
MAX_TEXT_BYTES = MAX_TEXT * 4
ENDINGS = {FormatName.AVRO: "avsc", FormatName.PROTOBUF: "proto"}
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ENCRYPTED = 0x1
_EARLIEST = (1980, 1, 1, 0, 0, 0)  # what zip can say


# -- out ------------------------------------------------------------------------------------------


class _Pipe:
    """A file that a zip is written to and whose bytes are taken out as they come."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def take(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


def path_of(row: SubjectVersion) -> str:
    """A version's place in the archive: no name of a subject leads out of it."""
    context = quote(row.subject.context.name.strip(".") or "default", safe="")
    name = quote(row.subject.name, safe="").replace(".", "%2E")[:180]
    ending = ENDINGS.get(FormatName(row.schema.format), "json")
    return f"schemas/{context}/{name}-{row.subject_id}/{row.number}.{ending}"


def pack(
    rows: Iterable[SubjectVersion], head: Mapping[str, Any], settings: Mapping[str, Any]
) -> Iterator[bytes]:
    """The archive's bytes, one version at a time; `head` and `settings` go into the manifest."""
    pipe, versions = _Pipe(), []
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[call-overload]  # it only writes
        for row in rows:
            path = path_of(row)
            archive.writestr(_entry(path, row.created_at), row.schema.text)
            versions.append(_said(row, path))
            if data := pipe.take():
                yield data
        manifest = {"format": FORMAT, **head, **settings, "versions": versions}
        archive.writestr(MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False))
    yield pipe.take()


def _entry(path: str, at: datetime) -> zipfile.ZipInfo:
    moment = at.timetuple()[:6]
    info = zipfile.ZipInfo(path, max(moment, _EARLIEST))
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    return info


def _said(row: SubjectVersion, path: str) -> dict[str, Any]:
    """A version without its text, as registries write it."""
    found = bodies.version(row, "")
    del found["schema"]
    return {**found, "created_at": row.created_at.isoformat(), "file": path}


# -- in -------------------------------------------------------------------------------------------


@dataclass
class Unpacked:
    """What an archive says: versions as registries write them, by subject, and settings."""

    versions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    subjects: dict[str, Any] = field(default_factory=dict)
    registry: dict[str, Any] = field(default_factory=dict)
    contexts: dict[str, Any] = field(default_factory=dict)


def unpack(file: IO[bytes]) -> Unpacked:
    """The archive's content; raises `Invalid` for anything that `pack` does not write."""
    try:
        with zipfile.ZipFile(file) as archive:
            entries = _entries(archive)
            manifest = _manifest(archive, entries)
            return _unpacked(archive, entries, manifest)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, RuntimeError) as error:
        raise Invalid(f"It is no archive that can be read: {error}.", fix=_FIX) from error


_FIX = "Send a zip file as an export makes it."


def _entries(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Plain files by name; links, encrypted and doubled ones are refused."""
    found: dict[str, zipfile.ZipInfo] = {}
    if len(archive.filelist) > MAX_VERSIONS * 2:
        raise Invalid(f"The archive has more than {MAX_VERSIONS * 2} entries.")
    for info in archive.filelist:
        if info.is_dir():
            continue
        mode = info.external_attr >> 16
        if mode and not stat.S_ISREG(mode) and stat.S_IFMT(mode):
            raise Invalid(f"“{info.filename[:100]}” is a link or a device.", fix=_FIX)
        if info.flag_bits & _ENCRYPTED or info.compress_type not in _METHODS:
            raise Invalid(f"“{info.filename[:100]}” is packed in an unknown way.", fix=_FIX)
        if info.filename in found:
            raise Invalid(f"“{info.filename[:100]}” stands there twice.", fix=_FIX)
        found[info.filename] = info
    return found


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> str:
    """An entry's text; what it says of its size is not believed."""
    with archive.open(info) as entry:
        data = entry.read(most + 1)
    if len(data) > most:
        raise Invalid(f"“{info.filename[:100]}” unpacks to more than {most} bytes.")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Invalid(f"“{info.filename[:100]}” is not UTF-8.", fix=_FIX) from None


def _manifest(archive: zipfile.ZipFile, entries: Mapping[str, zipfile.ZipInfo]) -> dict[str, Any]:
    info = entries.get(MANIFEST)
    if info is None:
        raise Invalid(f"The archive has no {MANIFEST}.", fix=_FIX)
    try:
        found = json.loads(_read(archive, info, MAX_MANIFEST))
    except (ValueError, RecursionError):
        raise Invalid(f"{MANIFEST} is no JSON.", fix=_FIX) from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise Invalid(f"{MANIFEST} is not of the format {FORMAT}.", fix=_FIX)
    if not isinstance(found.get("versions"), list):
        raise Invalid(f"{MANIFEST} lists no versions.", fix=_FIX)
    return found


def _unpacked(
    archive: zipfile.ZipFile, entries: Mapping[str, zipfile.ZipInfo], manifest: Mapping[str, Any]
) -> Unpacked:
    found = Unpacked(
        **{name: _objects(manifest.get(name)) for name in ("subjects", "registry", "contexts")}
    )
    budget, used = Budget(), set()
    for entry in manifest["versions"]:
        path, subject = (_text(entry, name) for name in ("file", "subject"))
        info = entries.get(path)
        if info is None or path in used:
            raise Invalid(f"{MANIFEST} names “{path[:100]}”, which is not there or used twice.")
        used.add(path)
        text = _read(archive, info, MAX_TEXT_BYTES)
        budget.spend(subjects=int(subject not in found.versions), versions=1, characters=len(text))
        found.versions.setdefault(subject, []).append({**entry, "schema": text})
    return found


def _text(entry: Any, name: str) -> str:
    value = entry.get(name) if isinstance(entry, dict) else None
    if not isinstance(value, str):
        raise Invalid(f"A version in {MANIFEST} has no “{name}”.", fix=_FIX)
    return value


def _objects(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
