"""Small line charts as SVG paths: numbers in, attributes out; the page has the same as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, EDGE = 600, 96, 4


@dataclass(frozen=True)
class Line:
    """A chart of values from oldest to newest."""

    points: str
    last: tuple[float, float]
    least: float
    most: float
    width: int = WIDTH
    height: int = HEIGHT


def line(values: Sequence[float]) -> Line | None:
    """None for fewer than two values, which are no line."""
    if len(values) < 2:  # noqa: PLR2004  # a line has two ends
        return None
    least, most = min(values), max(values)
    step = (WIDTH - 2 * EDGE) / (len(values) - 1)
    places = [
        (round(EDGE + at * step, 1), round(_height(value, least, most), 1))
        for at, value in enumerate(values)
    ]
    return Line(" ".join(f"{x},{y}" for x, y in places), places[-1], least, most)


def _height(value: float, least: float, most: float) -> float:
    share = (value - least) / (most - least) if most > least else 0.5
    return EDGE + (1 - share) * (HEIGHT - 2 * EDGE)
