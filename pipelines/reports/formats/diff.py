"""The lines that a unified diff adds, as `git diff` prints it."""

from __future__ import annotations

import re

from pipelines.reports.formats.base import ReportRefused, Source
from pipelines.reports.formats.paths import relative
from pipelines.reports.formats.results import MAX_FILES, Changed

MAX_LINES = 500_000
_HUNK = re.compile(r"@@ -\d{1,9}(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@")
_ESCAPED = re.compile(r"\\([0-7]{3}|.)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


class _Reader:
    def __init__(self) -> None:
        self.lines: dict[str, list[int]] = {}
        self.path = ""
        self.number = self.old_left = self.new_left = self.kept = 0
        self.seen = False

    def line(self, text: str) -> None:
        if self.old_left > 0 or self.new_left > 0:
            self._inside(text)
        elif text.startswith("+++ "):
            self.path = _path(text[4:])
            self.seen = True
        elif hunk := _HUNK.match(text):
            self.old_left = int(hunk[1] or 1)
            self.number, self.new_left = int(hunk[2]), int(hunk[3] or 1)
        elif text.startswith(("diff --git ", "--- ")):
            self.seen, self.path = True, ""

    def _inside(self, text: str) -> None:
        if text.startswith("\\"):
            return
        if text.startswith("-"):
            self.old_left -= 1
            return
        if text.startswith("+"):
            self._added()
        else:
            self.old_left -= 1
        self.new_left -= 1
        self.number += 1

    def _added(self) -> None:
        if not self.path:
            return
        self.kept += 1
        if self.kept > MAX_LINES:
            raise ReportRefused("lines", f"A diff has at most {MAX_LINES:,} added lines.")
        if self.path not in self.lines and len(self.lines) >= MAX_FILES:
            raise ReportRefused("files", f"A diff has at most {MAX_FILES:,} files.")
        self.lines.setdefault(self.path, []).append(self.number)


def _path(text: str) -> str:
    """The name after `+++`, empty for a file that is deleted."""
    name = text.split("\t", 1)[0].strip()
    if name.startswith('"') and name.endswith('"'):
        name = _unquoted(name[1:-1])
    if name == "/dev/null":
        return ""
    return relative(name.removeprefix("b/"))


def _unquoted(text: str) -> str:
    """Git's C-style quoting: octal bytes of UTF-8."""

    def byte(found: re.Match[str]) -> str:
        word = found[1]
        return chr(int(word, 8) & 0xFF) if len(word) == 3 else _ESCAPES.get(word, word)  # noqa: PLR2004  # octal

    plain = _ESCAPED.sub(byte, text)
    try:
        return plain.encode("latin-1").decode("utf-8")
    except (UnicodeDecodeError, UnicodeEncodeError):
        return plain


def read(source: Source) -> Changed:
    """Added lines by file; raises `ReportRefused`."""
    reader = _Reader()
    empty = True
    for text in source.lines(longest=1024 * 1024):
        empty = empty and not text.strip()
        reader.line(text)
    if not reader.seen and not empty:
        raise ReportRefused("form", "This is no unified diff.", "Send what git diff prints.")
    return Changed({path: tuple(lines) for path, lines in reader.lines.items()})
