"""The key of a cache: a text, or a hash of files, with its fallbacks.

https://docs.gitlab.com/ci/yaml/#cachekeyfiles. Slipway hashes what is in the files.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from pipelines.engine.values.cache import DEFAULT_KEY, Cache, usable_key
from pipelines.running import collecting, files

MAX_HASHED = 50_000_000


def cache_keys(cache: Cache, folder: Path) -> tuple[str, ...]:
    """The key that holds, then those to look for where nothing is kept by it."""
    key = cache.key
    own = key.text
    if paths := key.files or key.files_commits:
        mark = _digest(folder, paths)
        own = f"{key.prefix}-{mark}" if key.prefix else mark
    usable = [one for one in (own, *cache.fallback_keys) if usable_key(one)]
    return tuple(dict.fromkeys(usable or [DEFAULT_KEY]))


def _digest(folder: Path, paths: tuple[str, ...]) -> str:
    found, left = hashlib.sha256(), MAX_HASHED
    entries = [path for path in collecting.find(folder, paths) if files.is_file(folder, path)]
    if not entries:
        return DEFAULT_KEY
    for path in entries:
        with files.open_file(folder, path) as file:
            content = file.read(left)
        left -= len(content)
        found.update(f"{path}\0{len(content)}\0".encode(errors="surrogateescape") + content)
    return found.hexdigest()[:40]
