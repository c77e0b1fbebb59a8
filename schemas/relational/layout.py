"""A layered layout of boxes and the lines between them, for `picture`.

After Sugiyama, Tagawa and Toda (1981): cycles are turned, boxes are put in layers along the longest
path, long lines get a bend in each layer that they cross, and neighbours are ordered by the median
of what they are tied to. The same input gives the same picture.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

GAP_X, GAP_Y = 90, 28  # between layers, and between boxes of one layer
_SWEEPS = 8
_BEND = 14  # the height that a passing line takes


@dataclass(frozen=True)
class Box:
    name: str
    width: int
    height: int


@dataclass(frozen=True)
class Point:
    x: int
    y: int


@dataclass(frozen=True)
class Layout:
    """The upper left corner of each box, and the bends of each line from right to left."""

    places: Mapping[str, Point]
    bends: Mapping[tuple[str, str], tuple[Point, ...]]
    width: int
    height: int


def layered(boxes: Sequence[Box], ties: Iterable[tuple[str, str]]) -> Layout:
    """`ties` go from a box to the one that it refers to, which is put further left."""
    names = [box.name for box in boxes]
    edges = _acyclic(names, sorted({tie for tie in ties if tie[0] != tie[1]}))
    layer = _layers(names, edges)
    chains = {edge: _chain(edge, layer) for edge in edges}
    ranks = _ranks(names, layer, chains.values())
    _order(ranks, chains.values())
    return _placed(boxes, ranks, chains)


Node = tuple[str, ...]  # a box by its name alone, or a bend by its line and layer


def _acyclic(names: Sequence[str], edges: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The edges, those turned round that close a cycle on a walk in order."""
    after: dict[str, list[str]] = defaultdict(list)
    for start, end in edges:
        after[start].append(end)
    done: set[str] = set()
    open_: set[str] = set()
    turned: set[tuple[str, str]] = set()
    for name in names:
        stack = [(name, iter(after[name]))] if name not in done else []
        open_.update(one for one, _ in stack)
        while stack:
            here, rest = stack[-1]
            following = next(rest, None)
            if following is None:
                stack.pop()
                open_.discard(here)
                done.add(here)
            elif following in open_:
                turned.add((here, following))
            elif following not in done:
                open_.add(following)
                stack.append((following, iter(after[following])))
    return sorted({(b, a) if (a, b) in turned else (a, b) for a, b in edges})


def _layers(names: Sequence[str], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """The longest way from each box to one that refers to nothing."""
    into: dict[str, list[str]] = defaultdict(list)
    left: dict[str, int] = dict.fromkeys(names, 0)
    for start, end in edges:
        into[end].append(start)
        left[start] += 1
    layer = dict.fromkeys(names, 0)
    ready = [name for name in names if left[name] == 0]
    while ready:
        here = ready.pop()
        for start in into[here]:
            layer[start] = max(layer[start], layer[here] + 1)
            left[start] -= 1
            if left[start] == 0:
                ready.append(start)
    return layer


def _chain(edge: tuple[str, str], layer: Mapping[str, int]) -> list[Node]:
    """The boxes and bends that a line visits, from the right to the left."""
    start, end = edge
    bends: list[Node] = [
        (start, end, str(rank)) for rank in range(layer[start] - 1, layer[end], -1)
    ]
    return [(start,), *bends, (end,)]


def _ranks(
    names: Sequence[str], layer: Mapping[str, int], chains: Iterable[Sequence[Node]]
) -> list[list[Node]]:
    ranks: list[list[Node]] = [[] for _ in range(max(layer.values(), default=0) + 1)]
    for name in names:
        ranks[layer[name]].append((name,))
    for chain in chains:
        for bend in chain[1:-1]:
            ranks[int(bend[2])].append(bend)
    return ranks


def _order(ranks: list[list[Node]], chains: Iterable[Sequence[Node]]) -> None:
    """Sweeps to and fro; each layer is sorted by the median place of its ties in the last one."""
    left: dict[Node, list[Node]] = defaultdict(list)
    right: dict[Node, list[Node]] = defaultdict(list)
    for chain in chains:
        for here, there in pairwise(chain):
            left[here].append(there)
            right[there].append(here)
    for sweep in range(_SWEEPS):
        ties = left if sweep % 2 == 0 else right
        order = range(1, len(ranks)) if sweep % 2 == 0 else range(len(ranks) - 2, -1, -1)
        for number in order:
            before = ranks[number - 1 if sweep % 2 == 0 else number + 1]
            place = {node: at for at, node in enumerate(before)}
            own = {node: at for at, node in enumerate(ranks[number])}
            key = {
                node: (_median([place[tie] for tie in ties[node] if tie in place], at), at)
                for node, at in own.items()
            }
            ranks[number].sort(key=key.__getitem__)


def _median(places: list[int], otherwise: int) -> float:
    places.sort()
    middle = len(places) // 2
    if not places:
        return float(otherwise)
    return places[middle] if len(places) % 2 else (places[middle - 1] + places[middle]) / 2


def _placed(
    boxes: Sequence[Box],
    ranks: Sequence[Sequence[Node]],
    chains: Mapping[tuple[str, str], Sequence[Node]],
) -> Layout:
    size = {box.name: box for box in boxes}
    heights = [sum(_height(node, size) + GAP_Y for node in rank) for rank in ranks]
    tallest = max(heights, default=0)
    at: dict[Node, Point] = {}
    ends: list[tuple[int, int]] = []  # the left and right edge of each layer
    x = GAP_Y
    for rank, height in zip(ranks, heights, strict=True):
        width = max((size[node[0]].width for node in rank if len(node) == 1), default=0)
        y = GAP_Y + (tallest - height) // 2
        for node in rank:
            at[node] = Point(x, y)
            y += _height(node, size) + GAP_Y
        ends.append((x, x + width))
        x += width + GAP_X
    bends = {
        edge: tuple(
            Point(side, at[node].y + _BEND // 2)
            for node in chain[1:-1]
            for side in reversed(ends[int(node[2])])
        )
        for edge, chain in chains.items()
    }
    places = {node[0]: place for node, place in at.items() if len(node) == 1}
    return Layout(places, bends, x - GAP_X + GAP_Y, tallest + GAP_Y)


def _height(node: Node, size: Mapping[str, Box]) -> int:
    return size[node[0]].height if len(node) == 1 else _BEND
