"""Plans kept on disk by everything that they were made of, so that the same one is not made twice.

A plan is found by the file, the context's facts and the engine itself; beside it stands which
files it read and whether it looked at the list of files, and each is compared before it counts.
What asked a source outside of the commit, or has masked variables, is not kept. An entry is own
data in `marshal`'s form behind a version and a checksum; another one is as if it were not there.
"""

from __future__ import annotations

import contextlib
import hashlib
import marshal
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

from pipelines.engine import packing
from pipelines.engine.planned import Plan
from pipelines.engine.sources import Files, Sources

FORMAT = b"slipway-plan-2\n"
MAX_BYTES = 50_000_000
MAX_ENTRIES = 64
FILE = ".gitlab-ci.yml"
_DIGEST = 32
_PORTS = frozenset({"files", "sources", "changed", "_memory"})


class Recorded:
    """Files that remember what was asked of them."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self.read_: dict[str, str] = {}
        self.listed = False

    def read(self, path: str) -> bytes | None:
        data = self._files.read(path)
        self.read_[path] = digest_of(data)
        return data

    def paths(self) -> Sequence[str]:
        self.listed = True
        return self._files.paths()


class Asked:
    """Sources that remember that they were asked at all."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self.asked = False

    def __getattr__(self, name: str) -> Any:
        self.asked = True
        return getattr(self._sources, name)


def digest_of(data: bytes | None) -> str:
    return "" if data is None else hashlib.sha256(data).hexdigest()


@lru_cache(maxsize=1)
def engine_digest() -> str:
    """Which engine made a plan: Python's version, and the files of the engine as they are."""
    folder = Path(__file__).parent
    found = hashlib.sha256(sys.version.encode())
    for path in sorted(folder.glob("**/*.py")):
        status = path.stat()
        found.update(f"{path.name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return found.hexdigest()


def key_of(data: bytes, context: Any, file: str) -> str:
    """What names an entry: the engine, the file, and every fact of the context but its ports."""
    found = hashlib.sha256(f"{engine_digest()}\n{file}\n{digest_of(data)}\n".encode())
    for one in fields(context):
        if one.name not in _PORTS:
            found.update(f"{one.name}={_stable(getattr(context, one.name))!r}\n".encode())
    changed = None if context.changed is None else sorted(context.changed)
    found.update(repr(changed).encode(errors="surrogatepass"))
    return found.hexdigest()


def _stable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return sorted((str(name), _stable(one)) for name, one in value.items())
    if isinstance(value, tuple):
        return [_stable(one) for one in value]
    if hasattr(value, "__dataclass_fields__"):
        return [(one.name, _stable(getattr(value, one.name))) for one in fields(value)]
    return value


def planned(data: bytes, context: Any, folder: Path | None, file: str = FILE) -> Plan:
    """The plan from the folder, or a new one, which is put there; `ConfigError` as `plan` has it.

    None for a folder keeps nothing. A folder that cannot be read or written is no error.
    """
    if folder is None:
        return _made(data, context, file)
    path = folder / key_of(data, context, file)
    entry = _read(path)
    if entry is not None and _holds(entry, context.files):
        return packing.unpacked(entry["plan"])
    files, sources = Recorded(context.files), Asked(context.sources)
    recording = replace(context, files=files, sources=sources)
    made = _made(data, recording, file)
    if not sources.asked and not context.masked:
        tree = _tree(context.files) if files.listed else ""
        _write(path, {"read": files.read_, "tree": tree, "plan": packing.packed(made)})
    return made


def _made(data: bytes, context: Any, file: str) -> Plan:
    config = import_module("pipelines.engine.config").load(data, context, file)
    made: Plan = import_module("pipelines.engine.plan").plan(config, context)
    return made


def _tree(files: Files) -> str:
    return digest_of("\0".join(sorted(files.paths())).encode(errors="surrogateescape"))


def _holds(entry: Mapping[str, Any], files: Files) -> bool:
    """Whether all that the plan was made of is as it was."""
    if any(digest_of(files.read(path)) != was for path, was in entry["read"].items()):
        return False
    return not entry["tree"] or entry["tree"] == _tree(files)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        if path.stat().st_size > MAX_BYTES:
            return None
        raw = path.read_bytes()
    except OSError:
        return None
    body = raw[len(FORMAT) + _DIGEST :]
    if not raw.startswith(FORMAT) or hashlib.sha256(body).digest() != raw[len(FORMAT) :][:_DIGEST]:
        return None
    try:
        entry = marshal.loads(body)  # noqa: S302 - own data, whole by its checksum
    except (ValueError, EOFError, TypeError):
        return None
    whole = isinstance(entry, dict) and entry.keys() == {"read", "tree", "plan"}
    return entry if whole else None


def _write(path: Path, entry: dict[str, Any]) -> None:
    """Beside and then in place, so that nobody reads half of it; the oldest ones go."""
    body = marshal.dumps(entry)
    if len(body) > MAX_BYTES:
        return
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(beside, "wb", opener=_private) as file:
            file.write(FORMAT + hashlib.sha256(body).digest() + body)
        beside.replace(path)
        _forget(path.parent)
    except OSError:
        with contextlib.suppress(OSError):
            beside.unlink()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _forget(folder: Path) -> None:
    kept = sorted(folder.iterdir(), key=lambda one: one.stat().st_mtime, reverse=True)
    for old in kept[MAX_ENTRIES:]:
        old.unlink(missing_ok=True)
