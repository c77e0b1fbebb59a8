"""Keywords with a number as their bound: where the reader's is tighter, data is refused."""

from __future__ import annotations

import re
from typing import Any

from schemas.formats.json.judge import Pair
from schemas.formats.json.kinds import difference
from schemas.formats.json.model import Node


def compare_bounds(pair: Pair, *keywords: str, default: int | None = None) -> None:
    """Report each bound that was added, removed, increased or decreased."""
    for keyword in keywords:
        old, new = (
            default if limit is None else limit
            for limit in (bound(pair.writer, keyword), bound(pair.reader, keyword))
        )
        if old != new:
            at = f"{pair.reader.at}/{keyword}"
            kind = f"{_kind(keyword)}_{_way(old, new)}"
            pair.differences.append(
                difference(kind, at, f"{pair.writer.at}/{keyword}", old=old, new=new)
            )


def bound(node: Node, keyword: str) -> Any:
    """The bound's number; in draft 4, where `exclusiveMaximum` is a flag, that of `maximum`."""
    value = node.get(keyword)
    if isinstance(value, bool):
        limit = "maximum" if keyword == "exclusiveMaximum" else "minimum"
        return node.get(limit) if value else None
    return value


def _way(old: Any, new: Any) -> str:
    if old is None:
        return "ADDED"
    if new is None:
        return "REMOVED"
    return "INCREASED" if old < new else "DECREASED"


def _kind(keyword: str) -> str:
    return re.sub("([A-Z])", r"_\1", keyword).upper()
