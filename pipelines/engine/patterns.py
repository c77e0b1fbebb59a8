"""Regular expressions (RE2: linear time) and file globs, as GitLab's reference has them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

import re2

MAX_PATTERN = 4_096
MAX_GLOBS = 50
MAX_CHECKS = 50_000
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


def any_match(patterns: Sequence[str], paths: Iterable[str]) -> tuple[str, str] | None:
    """The first pattern that some path matches, with the path. Patterns start at the root.

    Past `MAX_CHECKS` comparisons the answer is yes, as published; `PatternError` for a bad pattern.
    """
    checks = 0
    listed = frozenset(paths)
    for pattern in patterns:
        bare = pattern.removeprefix("/")
        if not set(bare) & set("*?[{"):
            if bare in listed:
                return pattern, bare
            continue
        expression = _globbed(bare)
        for path in sorted(listed):
            checks += 1
            if checks > MAX_CHECKS:
                return pattern, f"more than {MAX_CHECKS} comparisons"
            if expression.fullmatch(path):
                return pattern, path
    return None


@lru_cache(maxsize=2_000)
def _globbed(pattern: str) -> re2._Regexp:
    """The glob as RE2: `**/` is any folders, `*` and `?` stay in one, `{a,b}` is a choice."""
    if len(pattern) > MAX_PATTERN:
        raise PatternError(f"it has more than {MAX_PATTERN} characters")
    if pattern.count("{") > _MAX_BRACES:
        raise PatternError(f"it has more than {_MAX_BRACES} braces")
    options = re2.Options()
    options.log_errors = False
    options.dot_nl = True
    try:
        return re2.compile("".join(_pieces(pattern)), options)
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
