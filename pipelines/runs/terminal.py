"""What a terminal would show of a log, as HTML that runs nothing: colours, sections, overwriting.

Colours (ECMA-48 SGR) become class names, GitLab's `section_start` and `section_end` marks become
sections; every other control sequence is left out, and all text is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from django.utils.html import escape

MAX_LINE = 10_000  # characters of one line that are shown
MAX_CODES = 32  # of one sequence
MAX_DEPTH = 20  # sections in sections
COLOURS = (
    "ansi-black", "ansi-red", "ansi-green", "ansi-yellow", "ansi-blue", "ansi-magenta",
    "ansi-cyan", "ansi-white",
)  # fmt: skip
BACKGROUNDS = (
    "ansi-on-black", "ansi-on-red", "ansi-on-green", "ansi-on-yellow", "ansi-on-blue",
    "ansi-on-magenta", "ansi-on-cyan", "ansi-on-white",
)  # fmt: skip
_MARK = re.compile(
    r"(?:\x1b\[0K)?section_(start|end):(\d{1,12}):([A-Za-z0-9_.-]{1,100})"
    r"(\[[^\]\r\n]{0,200}\])?\r(?:\x1b\[0K)?"
)
_ESCAPE = re.compile(
    r"\x1b\[([0-9;:<=>?]*)[ -/]*([@-~])"  # CSI
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # OSC: titles, links
    r"|\x1b[PX^_][^\x1b]*(?:\x1b\\)?"  # strings to the device
    r"|\x1b[ -/]*[0-~]?"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SCREEN = re.compile(
    r"(\d{1,12}):(-1|[0-7])\.(-1|[0-7])\.([0-7]):((?:[A-Za-z0-9_.-]{1,100}@\d{1,12};?)*)"
)
_CODE = re.compile(r"[0-9]{1,4}")
_BASIC = 8
_PALETTE = 16
_GREYS = 232


@dataclass(frozen=True)
class Style:
    """How text looks until the next sequence says otherwise."""

    colour: int | None = None
    background: int | None = None
    bold: bool = False
    italic: bool = False
    underline: bool = False

    @property
    def classes(self) -> str:
        found = []
        if self.background is not None:
            found.append(BACKGROUNDS[self.background])  # its own text colour, which can be read
        elif self.colour is not None:
            found.append(COLOURS[self.colour])
        found += [name for name, on in (
            ("ansi-bold", self.bold), ("ansi-italic", self.italic),
            ("ansi-underline", self.underline),
        ) if on]  # fmt: skip
        return " ".join(found)


@dataclass(frozen=True)
class Line:
    """A line of text; `first` unless something of the same line was shown before it."""

    number: int
    html: str
    first: bool = True


@dataclass(frozen=True)
class Open:
    """A section begins; what follows is in it."""

    number: int
    name: str
    html: str
    at: int  # seconds since 1970
    collapsed: bool = False


@dataclass(frozen=True)
class Close:
    """The innermost section ends."""

    seconds: int | None = None


Shown = Line | Open | Close


@dataclass
class Screen:
    """Reads a log line by line and keeps what one says of the next."""

    line: int = 1
    style: Style = Style()
    sections: list[tuple[str, int]] = field(default_factory=list)

    def feed(self, data: bytes) -> Iterator[Shown]:
        """What whole lines come to; `data` ends with a line break, or is the log's last."""
        lines = data.split(b"\n")
        if not lines[-1]:
            lines.pop()
        for raw in lines:
            yield from self._line(raw.decode(errors="replace"))
            self.line += 1

    @property
    def mark(self) -> str:
        """All that it keeps, as text that `resumed` reads."""
        style = self.style
        flags = 4 * style.underline + 2 * style.italic + style.bold
        colours = [-1 if one is None else one for one in (style.colour, style.background)]
        inside = ";".join(f"{name}@{at}" for name, at in self.sections)
        return f"{self.line}:{colours[0]}.{colours[1]}.{flags}:{inside}"

    @classmethod
    def resumed(cls, mark: str) -> Screen:
        """The screen that said `mark`; `ValueError` for any other text."""
        found = _SCREEN.fullmatch(mark)
        if found is None:
            raise ValueError("this is no mark of a log")
        colour, background = (None if one == "-1" else int(one) for one in found.group(2, 3))
        flags = int(found[4])
        style = Style(colour, background, bool(flags & 1), bool(flags & 2), bool(flags & 4))
        inside = [one.split("@") for one in found[5].split(";") if one]
        return cls(int(found[1]), style, [(name, int(at)) for name, at in inside[:MAX_DEPTH]])

    def peek(self, data: bytes) -> str:
        """How an unfinished line looks so far; nothing is kept of it."""
        style = self.style
        html = self._html(_MARK.sub("", data.decode(errors="replace")))
        self.style = style
        return html

    def _line(self, text: str) -> Iterator[Shown]:
        at, first = 0, True
        title: re.Match[str] | None = None
        for mark in [*_MARK.finditer(text), None]:
            piece = text[at : mark.start() if mark else len(text)]
            if title is not None:
                yield from self._open(title, piece)
                first = False
            elif piece.strip("\r") or (mark is None and at == 0):
                yield Line(self.line, self._html(piece), first)
                first = False
            title = None
            if mark is not None:
                at = mark.end()
                if mark[1] == "start":
                    title = mark
                else:
                    yield from self._close(mark[3], int(mark[2]))

    def _open(self, mark: re.Match[str], piece: str) -> Iterator[Shown]:
        if len(self.sections) >= MAX_DEPTH:
            yield Line(self.line, self._html(piece))
            return
        self.sections.append((mark[3], int(mark[2])))
        html = self._html(piece) or escape(mark[3].replace("_", " "))
        collapsed = "collapsed=true" in (mark[4] or "")
        yield Open(self.line, mark[3], html, int(mark[2]), collapsed)

    def _close(self, name: str, at: int) -> Iterator[Shown]:
        """End a section, and those in it that nobody ended."""
        if all(name != one for one, _ in self.sections):
            return
        while self.sections:
            inner, start = self.sections.pop()
            yield Close(max(at - start, 0))
            if inner == name:
                return

    def _html(self, text: str) -> str:
        parts: list[tuple[Style, str]] = []
        shown, at = 0, 0
        body = text.rstrip("\r")
        for found in [*_ESCAPE.finditer(body), None]:
            piece = body[at : found.start() if found else len(body)]
            overwritten, turned, rest = piece.rpartition("\r")
            if turned and (rest or overwritten):
                parts, shown = [], 0  # the line begins again
                piece = rest
            piece = _CONTROL.sub("", piece)
            if piece and shown <= MAX_LINE:
                parts.append((self.style, piece[: MAX_LINE - shown]))
            shown += len(piece)
            if found is not None:
                at = found.end()
                if found[2] == "m":
                    self.style = styled(self.style, found[1] or "")
        html = "".join(_span(style, piece) for style, piece in parts)
        if shown > MAX_LINE:
            html += f'<span class="pl-cut">… {shown - MAX_LINE} more characters</span>'
        return html


def _span(style: Style, text: str) -> str:
    classes = style.classes
    return f'<span class="{classes}">{escape(text)}</span>' if classes else escape(text)


def styled(style: Style, sequence: str) -> Style:
    """The style after one SGR sequence; what it does not know changes nothing."""
    given = sequence.replace(":", ";").split(";")[:MAX_CODES]
    codes = [int(one) if _CODE.fullmatch(one) else 0 for one in given]
    while codes:
        code = codes.pop(0)
        if code in {38, 48}:
            colour, codes = _extended(codes)
            key = "colour" if code == 38 else "background"  # noqa: PLR2004 - as the standard says
            style = replace(style, **{key: colour})  # type: ignore[arg-type]  # one of the two
        else:
            style = _simple(style, code)
    return style


_FLAGS: dict[int, dict[str, bool]] = {
    1: {"bold": True}, 22: {"bold": False}, 3: {"italic": True}, 23: {"italic": False},
    4: {"underline": True}, 24: {"underline": False},
}  # fmt: skip


def _simple(style: Style, code: int) -> Style:
    if code == 0:
        return Style()
    if code in _FLAGS:
        return replace(style, **_FLAGS[code])
    for start, bright, key in ((30, 90, "colour"), (40, 100, "background")):
        for base in (start, bright):
            if base <= code < base + _BASIC:
                return replace(style, **{key: code - base})  # type: ignore[arg-type]  # as above
        if code == start + 9:
            return replace(style, **{key: None})  # type: ignore[arg-type]  # as above
    return style


def _extended(codes: list[int]) -> tuple[int | None, list[int]]:
    """A colour of 256 or of 16 million as the nearest of eight, and the codes after it."""
    if codes[:1] == [5] and len(codes) > 1:
        return _indexed(codes[1]), codes[2:]
    if codes[:1] == [2] and len(codes) > 3:  # noqa: PLR2004 - red, green and blue
        return _nearest(*codes[1:4]), codes[4:]
    return None, []


def _indexed(number: int) -> int:
    if number < _PALETTE:
        return number % _BASIC
    if number >= _GREYS:
        level = (number - _GREYS) * 10
        return _nearest(level, level, level)
    cube = number - _PALETTE
    return _nearest(*(step * 51 for step in (cube // 36, cube // 6 % 6, cube % 6)))


def _nearest(red: int, green: int, blue: int) -> int:
    """Which of its parts are strong, as the bits of the eight colours have it."""
    least = max(min(max(red, green, blue) // 2, 127), 40)
    return (red > least) + 2 * (green > least) + 4 * (blue > least)
