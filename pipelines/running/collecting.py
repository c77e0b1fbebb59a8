"""Finds what `paths`, `exclude` and `untracked` mean in a workspace.

https://docs.gitlab.com/ci/yaml/#artifactspaths: globs from the project's folder, `**` for any
folders; a folder means everything in it; an exclusion takes out what it fits and nothing below.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Sequence
from pathlib import Path

from pipelines.engine.patterns import PatternError, globbed
from pipelines.engine.values.release import Release
from pipelines.running.files import MAX_ENTRIES, inside, is_file, walk

RELEASE = "release"  # the kind of artifact that holds the file of a release's description
MAX_PATH = 1_000
_MAGIC = frozenset("*?[{")
MAX_DOUBTS = 20


def find(
    root: Path, paths: Sequence[str], exclude: Sequence[str] = (), extra: Iterable[str] = ()
) -> list[str]:
    """The entries meant, in order of their names; `extra` are entries beside those of `paths`."""
    found: dict[str, None] = dict.fromkeys(extra)
    for pattern in paths:
        bare = inner(root, pattern)
        if bare is not None:
            found.update(dict.fromkeys(_below(root, bare)))
    without = [globbed(bare, deep=True) for one in exclude if (bare := inner(root, one))]
    kept = [path for path in found if not any(one.fullmatch(path) for one in without)]
    return sorted(kept)[:MAX_ENTRIES]


def kept(
    root: Path, paths: Sequence[str], exclude: Sequence[str] = (), extra: Iterable[str] = ()
) -> tuple[list[str], list[str]]:
    """The entries of `find` without links that lead outside; warnings, one for each of those."""
    doubts = [
        f"{path} leads out of the project's folder; nothing of it is kept. Name a path in it."
        for path in paths
        if path.strip() and inner(root, path) is None
    ]
    base, entries = os.path.realpath(root), []
    for path in find(root, paths, exclude, extra):
        place = f"{base}/{path}"
        if os.path.islink(place) and not inside(os.path.realpath(place), base):  # noqa: PTH114 - texts: a Path for each entry costs most of it
            doubts.append(f"{path} is a link out of the project's folder; it is not kept.")
        else:
            entries.append(path)
    if paths and not entries and len(doubts) < len(paths):
        doubts.append(f"{', '.join(paths)}: no matching files.")
    return entries, _few(doubts)


def _few(doubts: list[str]) -> list[str]:
    """Warnings for a log: the first ones, and how many more there are."""
    more = len(doubts) - MAX_DOUBTS
    return [*doubts[:MAX_DOUBTS], f"… and {more} more."] if more > 0 else doubts


def inner(root: Path, pattern: str) -> str | None:
    """The pattern from the root, without a slash at the ends; None where it leads outside."""
    text = pattern.strip()
    prefix = f"{root}/"
    if text.startswith(prefix):
        text = text[len(prefix) :]
    elif text == str(root):
        text = "."
    if text.startswith("/"):
        return None
    text = posixpath.normpath(text) if text else ""
    if not text or text == ".." or text.startswith("../"):
        return None
    return "" if text == "." else text


def _below(root: Path, pattern: str) -> Iterable[str]:
    if not _MAGIC & set(pattern):
        return _whole(root, pattern)
    try:
        expression = globbed(pattern, deep=True)
    except PatternError:
        return ()
    start = _literal_folder(pattern)
    if os.path.islink(root / start):  # noqa: PTH114 - texts: a Path for each entry costs most of it
        return ()
    found: list[str] = []
    for path, is_folder in walk(root, start):
        if expression.fullmatch(path):
            found.append(path)
            if is_folder:
                found += [one for one, _ in walk(root, path)]
    return found


def _literal_folder(pattern: str) -> str:
    """The folders at the beginning of a pattern that have no magic."""
    parts = []
    for part in pattern.split("/")[:-1]:
        if _MAGIC & set(part):
            break
        parts.append(part)
    return "/".join(parts)


def _whole(root: Path, path: str) -> list[str]:
    target = root / path
    if not os.path.lexists(target):
        return []
    own = [path] if path else []
    if target.is_dir() and not target.is_symlink():
        return own + [one for one, _ in walk(root, path)]
    return own


def described(release: Release | None, folder: Path) -> str:
    """The file of the workspace that a release's description names; empty for plain text."""
    text = release.description.strip().removeprefix("./") if release else ""
    if not text or len(text) > MAX_PATH or any(letter.isspace() for letter in text):
        return ""
    return text if is_file(folder, text) else ""
