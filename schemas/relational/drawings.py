"""Pictures by `picture`: two models in one, with what differs marked; and files of their own."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from schemas.relational.model import Model, path
from schemas.relational.picture import Picture, draw

_STYLE = (
    "<style>.er{background:#fff}.er text{font:12px monospace;fill:#444}"
    ".er .er-name{font-weight:600}.er-key{font-size:10px}.er-box{fill:#fff;stroke:#888}"
    ".er-rule,.er-line,.er-foot{fill:none;stroke:#888}.er-none{fill:#fff;stroke:#888}"
    ".is-added .er-box{stroke:#1a7f37;stroke-width:2}"
    ".is-removed .er-box{stroke:#cf222e;stroke-width:2;stroke-dasharray:5 3}"
    ".is-changed .er-box{stroke:#9a6700;stroke-width:2}</style>"
)
_EMPTY = '<svg class="er" xmlns="http://www.w3.org/2000/svg"></svg>'


def compared(old: Model, new: Model, paths: Iterable[str]) -> Picture:
    """The tables of both models that differ at one of these paths, with those they are tied to.

    They are marked as added, removed or changed from the old model to the new one.
    """
    was, now = ({path(one.schema, one.name): one for one in side.tables} for side in (old, new))
    gone = tuple(was[at] for at in sorted(was.keys() - now.keys()))
    marks: dict[str, str] = {}
    for place in paths:
        at = _table_of(place, was.keys() | now.keys())
        if at and at in was:
            marks[at] = "changed" if at in now else "removed"
        elif at:
            marks[at] = "added"
    if not marks:
        return Picture("", 0, (), ())
    return draw(replace(new, tables=(*new.tables, *gone)), only=marks, marks=marks)


def _table_of(place: str, tables: Collection[str]) -> str:
    """The table that a difference's path is in, or nothing."""
    while place and place not in tables:
        place = place.rpartition(".")[0]
    return place


def standalone(svg: str) -> str:
    """A picture with a style of its own, to be kept as a file."""
    start, end, rest = (svg or _EMPTY).partition(">")
    return f"{start}{end}{_STYLE}{rest}\n"
