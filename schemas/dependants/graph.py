"""Who writes and reads a subject as a picture: writers left, readers right, one row each.

SVG without any style of its own, as `schemas.relational.picture`; the page's table says the same in
words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from schemas.dependants.impact import Effect
from schemas.dependants.models import Role
from schemas.dependants.parties import TRAFFIC

MAX_DRAWN = 60
_MAX_NAME = 30  # characters of a drawn name
_WIDTH, _BOX, _HEIGHT, _GAP, _PAD = 820, 280, 44, 12, 8
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ufffe\uffff]")
_LOOKS = {True: "is-ok", False: "is-removed", None: "is-unknown"}


def drawn(effects: Sequence[Effect]) -> str:
    """The picture as SVG; empty where nobody is known."""
    if not effects:
        return ""
    subject = str(effects[0].party.subject)
    writers = [one for one in effects if one.party.role is Role.PRODUCER]
    readers = [one for one in effects if one.party.role is not Role.PRODUCER]
    rows = max(len(writers), len(readers), 1)
    height = rows * (_HEIGHT + _GAP) + _GAP
    parts = [
        *(_party(one, _PAD, _top(at, len(writers), height)) for at, one in enumerate(writers)),
        *(
            _party(one, _WIDTH - _BOX - _PAD, _top(at, len(readers), height))
            for at, one in enumerate(readers)
        ),
        *_lines(writers, height, _PAD + _BOX, _WIDTH / 2 - 60),
        *_lines(readers, height, _WIDTH - _BOX - _PAD, _WIDTH / 2 + 60),
        _subject(subject, height / 2),
    ]
    title = f"{len(writers)} write {escape(_clean(subject))}, {len(readers)} read it"
    return (
        f'<svg class="er" role="img" aria-label="{title}" viewBox="0 0 {_WIDTH} {height:g}"'
        f' width="{_WIDTH}" height="{height:g}">{"".join(parts)}</svg>'
    )


def _subject(name: str, middle: float) -> str:
    centre = _WIDTH / 2
    return (
        f'<g><circle class="er-box" cx="{centre:g}" cy="{middle:g}" r="7"/>'
        f'<text class="er-name" x="{centre:g}" y="{middle - 14:g}" text-anchor="middle">'
        f"{_text(name, 22)}</text></g>"
    )


def _top(at: int, count: int, height: float) -> float:
    """The upper edge of a box, its side's boxes in the middle of the height."""
    start = (height - count * (_HEIGHT + _GAP) + _GAP) / 2
    return start + at * (_HEIGHT + _GAP)


def _lines(side: Sequence[Effect], height: float, edge: float, centre: float) -> list[str]:
    """From each box to the subject; dashed for whoever was only seen in the registry's traffic."""
    return [
        f'<path class="{_line(one)}" d="M{edge:g} {_top(at, len(side), height) + _HEIGHT / 2:g}'
        f'L{centre:g} {height / 2:g}"/>'
        for at, one in enumerate(side)
    ]


def _line(effect: Effect) -> str:
    return "er-line is-seen" if effect.party.known == TRAFFIC else "er-line"


def _party(effect: Effect, left: float, top: float) -> str:
    party = effect.party
    where = f"{party.held}, {party.environment}" if party.environment else party.held
    return (
        f'<g class="{_LOOKS[effect.compatible]}">'
        f'<rect class="er-box" x="{left:g}" y="{top:g}" width="{_BOX}" height="{_HEIGHT}" rx="6"/>'
        f'<text class="er-name" x="{left + 10:g}" y="{top + 18:g}">{_text(party.holder)}</text>'
        f'<text class="er-column" x="{left + 10:g}" y="{top + 35:g}">{_text(where, 38)}</text></g>'
    )


def _text(value: str, most: int = _MAX_NAME) -> str:
    clean = _clean(value)
    return escape(clean if len(clean) <= most else f"{clean[: most - 1]}…")


def _clean(value: str) -> str:
    return _UNPRINTABLE.sub(" ", value)
