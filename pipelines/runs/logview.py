"""A log as the job's page shows it: in parts, with sections folded, searched."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from pipelines.runs import logs
from pipelines.runs.models import Attempt
from pipelines.runs.terminal import Close, Line, Open, Screen, Shown
from pipelines.runs.words import lasted

PART = 256 * 1024  # bytes that one page shows
MAX_FOUND = 500
MAX_QUERY = 200
_TAGS = re.compile(r"<[^>]*>")


@dataclass(frozen=True)
class View:
    """A part of a log as HTML, and where what comes next begins."""

    html: SafeString
    offset: int  # bytes of the log that are shown or lie before
    screen: Screen
    part: int = 0
    parts: int = 1
    found: int | None = None  # lines that a search found
    empty: bool = False


def whole(one: Attempt) -> tuple[bytes, int]:
    """All that is kept of a log, and the offset after it."""
    return logs.read(one.pk, 0, logs.HEAD + logs.TAIL + logs.CHUNK * 4)


def view(one: Attempt, *, part: int | None = None, line: int = 0, q: str = "") -> View:
    """The asked-for part, the one that holds a line, else the last; or what a search found."""
    data, end = whole(one)
    ended = one.status in Attempt.ENDED
    stop = len(data) if ended else data.rfind(b"\n") + 1
    offset = end - (len(data) - stop)
    if q:
        return _searched(data[:stop], q, offset)
    starts = _starts(data[:stop])
    chosen = _chosen(data, starts, part, line)
    first, after = starts[chosen], (*starts, stop)[chosen + 1]
    screen = Screen(line=data.count(b"\n", 0, first) + 1)
    live = chosen == len(starts) - 1 and not ended
    html = "".join(rendered(screen.feed(data[first:after]), live=live))
    return View(
        mark_safe(html),  # noqa: S308 - every text in it is escaped by `terminal`
        offset,
        screen,
        chosen,
        len(starts),
        empty=not stop,
    )


def _starts(data: bytes) -> list[int]:
    """Where each part begins: at line breaks, about `PART` bytes apart."""
    found = [0]
    while len(data) - found[-1] > PART:
        at = data.rfind(b"\n", found[-1], found[-1] + PART) + 1
        found.append(at if at > found[-1] else found[-1] + PART)
    return found


def _chosen(data: bytes, starts: list[int], part: int | None, line: int) -> int:
    if line > 0:
        seen = 1
        for number, start in enumerate(starts[1:]):
            seen += data.count(b"\n", starts[number], start)
            if line < seen:
                return number
        return len(starts) - 1
    return len(starts) - 1 if part is None else min(max(part, 0), len(starts) - 1)


def line_html(line: Line, *, href: str = "") -> str:
    number = line.number
    name = f' id="L{number}"' if line.first else ""
    link = href or f"#L{number}"
    anchor = f'<a href="{link}" aria-label="Line {number}">{number}</a>'
    return f"<li{name}>{anchor}<span>{line.html}</span></li>"


def open_html(section: Open) -> str:
    """The beginning of a section, as the page and the stream write it."""
    shut = "" if section.collapsed else " open"
    return (
        f'<li class="pl-section" id="L{section.number}"><details{shut} data-log-open><summary>'
        f'<span>{section.number}</span><span>{section.html}</span><span class="pl-took"></span>'
        "</summary><ol>"
    )


def rendered(shown: Iterable[Shown], *, live: bool = False) -> Iterator[str]:
    """The HTML of list items; sections that are open at the end stay open where it goes on."""
    pieces: list[str] = []
    opened: list[int] = []
    for one in shown:
        if isinstance(one, Line):
            pieces.append(line_html(one))
        elif isinstance(one, Open):
            opened.append(len(pieces))
            pieces.append(open_html(one))
        elif opened:
            _took(pieces, opened.pop(), one)
            pieces.append("</ol></details></li>")
    for at in opened:
        if not live:
            pieces[at] = pieces[at].replace(" data-log-open", "", 1)
        pieces.append("</ol></details></li>")
    return iter(pieces)


def _took(pieces: list[str], at: int, close: Close) -> None:
    text = lasted(float(close.seconds)) if close.seconds else ""
    head = pieces[at].replace(" data-log-open", "", 1)
    pieces[at] = head.replace(
        '<span class="pl-took"></span>', f'<span class="pl-took">{text}</span>'
    )


def _searched(data: bytes, q: str, offset: int) -> View:
    """Every line with the text, at most `MAX_FOUND`, each with a link to its place."""
    wanted = escape(q[:MAX_QUERY])
    pattern = re.compile(re.escape(wanted), re.IGNORECASE)
    screen, found, pieces = Screen(), 0, []
    for one in screen.feed(data):
        if isinstance(one, Close):
            continue
        text = _TAGS.sub("", one.html)
        if not pattern.search(text):
            continue
        found += 1
        if found <= MAX_FOUND:
            html = pattern.sub(lambda match: f"<mark>{match[0]}</mark>", text)
            link = f"?line={one.number}#L{one.number}"
            pieces.append(line_html(Line(one.number, html), href=link))
    return View(mark_safe("".join(pieces)), offset, screen, found=found)  # noqa: S308 - as above
