"""Regular expressions (RE2: linear time) and file globs, as GitLab's reference has them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

import re2

MAX_PATTERN = 4_096
MAX_GLOBS = 50
MAX_CHECKS = 50_000
MAX_TOTAL = 5_000_000
_MAGIC = frozenset("*?[{")
_MAX_BRACES = 10


class PatternError(ValueError):
    """The pattern cannot be used; the text says why."""


def parse_slashes(text: str) -> tuple[str, str] | None:
    """Body and flags of `/body/flags`; None for text of another form."""
    end = text.rfind("/")
    if not text.startswith("/") or end <= 0:
        return None
    return text[1:end], text[end + 1 :]


@lru_cache(maxsize=2_000)
def compiled(text: str) -> re2._Regexp:
    """The expression written `/body/flags`; `PatternError` where RE2 does not take it."""
    parts = parse_slashes(text)
    if parts is None or set(parts[1]) - set("i"):
        raise PatternError("it is written /…/ or /…/i")
    if len(parts[0]) > MAX_PATTERN:
        raise PatternError(f"it has more than {MAX_PATTERN} characters")
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = "i" not in parts[1]
    options.max_mem = 8 << 20
    try:
        # Ruby's ^ and $ stand at each line; "\/" is a slash.
        return re2.compile("(?m)" + parts[0].replace("\\/", "/"), options)
    except re2.error as fault:
        reason = fault.args[0]
        raise PatternError(reason.decode() if isinstance(reason, bytes) else str(reason)) from None


def matches(text: str, pattern: str) -> bool:
    return compiled(pattern).search(text) is not None


class Lookup:
    """Finds files by globs, which start at the root. Each list of globs is looked for once.

    Past `MAX_CHECKS` comparisons the answer is yes, as published; past `MAX_TOTAL` of one lookup,
    and for a bad pattern, it is a `PatternError`.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        self._known = frozenset(paths)
        self._paths = sorted(self._known)
        self._found: dict[tuple[str, ...], tuple[str, str] | None] = {}
        self._left = MAX_TOTAL

    def first(self, patterns: Sequence[str]) -> tuple[str, str] | None:
        """The first pattern that some path fits, with the path."""
        key = tuple(patterns)
        if key not in self._found:
            self._found[key] = self._search(key)
        return self._found[key]

    def fitting(self, pattern: str) -> tuple[str, str] | None:
        """The first path that a regular expression, with slashes or bare, finds something in."""
        key = (f"/{pattern}/" if parse_slashes(pattern) is None else pattern,)
        if key not in self._found:
            self._left -= len(self._paths)
            if self._left < 0:
                raise PatternError(f"all patterns together make over {MAX_TOTAL} comparisons")
            expression = compiled(key[0])
            fits = (path for path in self._paths if expression.search(path))
            path = next(fits, None)
            self._found[key] = None if path is None else (pattern, path)
        return self._found[key]

    def all(self, pattern: str) -> list[str]:
        """All paths that one pattern fits, in order."""
        expression = globbed(pattern.removeprefix("/"))
        return [path for path in self._paths if expression.fullmatch(path)]

    def _search(self, patterns: tuple[str, ...]) -> tuple[str, str] | None:
        checks = 0
        for pattern in patterns:
            bare = pattern.removeprefix("/")
            if not _MAGIC & set(bare):
                if bare in self._known:
                    return pattern, bare
                continue
            expression = globbed(bare)
            for path in self._paths:
                checks += 1
                self._left -= 1
                if self._left < 0:
                    raise PatternError(f"all globs together make over {MAX_TOTAL} comparisons")
                if checks > MAX_CHECKS:
                    return pattern, f"more than {MAX_CHECKS} comparisons"
                if expression.fullmatch(path):
                    return pattern, path
        return None


@lru_cache(maxsize=2_000)
def globbed(pattern: str, *, deep: bool = False) -> re2._Regexp:
    """The glob as RE2: `**/` is any folders, `*` and `?` stay in one, `{a,b}` is a choice.

    `deep`: `/**` at the end means everything below the folder, as for artifacts and caches.
    """
    if len(pattern) > MAX_PATTERN:
        raise PatternError(f"it has more than {MAX_PATTERN} characters")
    if pattern.count("{") > _MAX_BRACES:
        raise PatternError(f"it has more than {_MAX_BRACES} braces")
    options = re2.Options()
    options.log_errors = False
    options.dot_nl = True
    below = ""
    if deep and (pattern == "**" or pattern.endswith("/**")):
        pattern, below = pattern[:-3], "/.+" if pattern[:-3] else ".+"
    try:
        return re2.compile("".join(_pieces(pattern)) + below, options)
    except re2.error as fault:
        raise PatternError(f"it is no glob: {fault}") from None


def _pieces(pattern: str) -> Iterable[str]:
    at, open_braces = 0, 0
    while at < len(pattern):
        letter = pattern[at]
        starts_folder = at == 0 or pattern[at - 1] == "/"
        if pattern.startswith("**/", at) and starts_folder:
            yield "(?:.*/)?"
            at += 3
            continue
        if letter == "[" and (end := pattern.find("]", at + 2)) > 0:
            inner = pattern[at + 1 : end].replace("\\", "\\\\").replace("[", "\\[")
            yield f"[{'^' + inner[1:] if inner[:1] in {'!', '^'} else inner}]"
            at = end + 1
            continue
        if letter == "{":
            open_braces += 1
        piece = {"*": "[^/]*", "?": "[^/]", "{": "(?:"}.get(letter, re2.escape(letter))
        if open_braces and letter in ",}":
            piece = "|" if letter == "," else ")"
            open_braces -= letter == "}"
        yield piece
        at += 1
