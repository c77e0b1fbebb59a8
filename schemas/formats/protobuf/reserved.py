"""Reserved numbers: whether one is taken, and whether an older reservation was given up.

Called by `compare`.
"""

from __future__ import annotations

from bisect import bisect_right

Spans = list[tuple[int, int]]  # first and last, both reserved; sorted and apart


def spans(ranges: list[tuple[int, int]]) -> Spans:
    """The same numbers in as few spans as they need."""
    found: Spans = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found


def covers(taken: Spans, first: int, last: int) -> bool:
    """Whether every number from first to last is reserved."""
    at = bisect_right(taken, (first, float("inf"))) - 1
    return at >= 0 and taken[at][0] <= first and last <= taken[at][1]


def given_up(old: Spans, new: Spans) -> bool:
    """Whether a number of `old` is free in `new`."""
    return any(not covers(new, first, last) for first, last in old)
