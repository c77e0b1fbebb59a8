"""Arrays: one schema for all elements, tuples, and what may follow a tuple."""

from __future__ import annotations

from schemas.formats.base import Difference
from schemas.formats.json.bounds import compare_bounds
from schemas.formats.json.drafts import Draft
from schemas.formats.json.judge import Judge, Label, Pair
from schemas.formats.json.kinds import difference
from schemas.formats.json.model import Kind, Node
from schemas.formats.json.objects import compare_optional, compare_rest


class _Elements:
    """What an array says of its elements, in the words of any draft."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.keyword = node.draft.tuple_keyword
        self.tuple = node.items(self.keyword)
        rest = "items" if node.draft is Draft.D2020_12 else "additionalItems"
        self.rest_keyword = rest
        self.all: Node | None = None
        if node.draft is Draft.D2020_12:
            if not self.tuple and isinstance(node.get("items"), dict):
                self.all = node.child("items")
            self.rest = None if self.all else _unless_true(node, "items")
        else:
            self.all = node.child("items")
            self.rest = _unless_true(node, "additionalItems")
        self.permits = self.rest is None or self.rest.kind is not Kind.NOTHING
        if not self.permits:
            self.rest = None
        self.unevaluated = node.child("unevaluatedItems")

    @property
    def open(self) -> bool:
        unevaluated = self.unevaluated is None or self.unevaluated.kind is Kind.ANY
        return self.permits and self.rest is None and unevaluated

    @property
    def covering(self) -> Node | None:
        """The schema of an element past the tuple, when there is one."""
        unevaluated = self.unevaluated
        if self.rest is not None or not self.permits or unevaluated is None:
            return self.rest
        return None if unevaluated.kind in (Kind.ANY, Kind.NOTHING) else unevaluated

    def at(self, index: int) -> str:
        place = f"{self.node.at}/{self.keyword}"
        return f"{place}/{index}" if index < len(self.tuple) else place


def _unless_true(node: Node, keyword: str) -> Node | None:
    return None if node.get(keyword) is True else node.child(keyword)


def compare_arrays(judge: Judge, pair: Pair) -> None:
    writer, reader = _Elements(pair.writer), _Elements(pair.reader)
    _compare_all(judge, pair, writer.all, reader.all)
    for index in range(max(len(writer.tuple), len(reader.tuple))):
        judge.budget.spend()
        if index >= len(reader.tuple):
            _removed(judge, pair, index, writer, reader)
        elif index >= len(writer.tuple):
            _added(judge, pair, index, writer, reader)
        else:
            pair.needs.append(judge.pair(writer.tuple[index], reader.tuple[index]))
    _compare_rest(judge, pair, writer, reader)
    compare_rest(judge, pair, "unevaluatedItems", "UNEVALUATED_ITEMS")
    compare_bounds(pair, "maxItems", "minItems")
    unique = bool(pair.writer.get("uniqueItems")), bool(pair.reader.get("uniqueItems"))
    if unique[0] != unique[1]:
        kind = "UNIQUE_ITEMS_ADDED" if unique[1] else "UNIQUE_ITEMS_REMOVED"
        _report(pair, kind, "uniqueItems")
    _compare_contains(judge, pair)


def _compare_contains(judge: Judge, pair: Pair) -> None:
    if pair.reader.get("minContains") == 0 and pair.reader.get("maxContains") is None:
        return  # asks for nothing
    compare_optional(judge, pair, "contains", "CONTAINS")
    if pair.writer.get("contains") is not None and pair.reader.get("contains") is not None:
        compare_bounds(pair, "maxContains")
        compare_bounds(pair, "minContains", default=1)


def _report(pair: Pair, kind: str, keyword: str) -> None:
    at, writer_at = f"{pair.reader.at}/{keyword}", f"{pair.writer.at}/{keyword}"
    pair.differences.append(difference(kind, at, writer_at))


def _compare_all(judge: Judge, pair: Pair, writer: Node | None, reader: Node | None) -> None:
    if writer is not None and reader is not None:
        pair.needs.append(judge.pair(writer, reader))
    elif writer is not reader:
        _report(pair, "SCHEMA_ADDED" if writer is None else "SCHEMA_REMOVED", "items")


def _place(kind: str, index: int, writer: _Elements, reader: _Elements) -> Difference:
    return difference(kind, reader.at(index), writer.at(index), name=str(index))


def _removed(judge: Judge, pair: Pair, index: int, writer: _Elements, reader: _Elements) -> None:
    node, covering = writer.tuple[index], reader.covering
    if reader.open:
        kind = "ITEM_REMOVED_FROM_OPEN_CONTENT_MODEL"
    elif covering is not None:
        _cover(pair, judge.pair(node, covering), "REMOVED", index, (writer, reader))
        return
    elif node.kind is Kind.NOTHING:
        kind = "ITEM_WITH_FALSE_REMOVED_FROM_CLOSED_CONTENT_MODEL"
    else:
        kind = "ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL"
    pair.differences.append(_place(kind, index, writer, reader))


def _added(judge: Judge, pair: Pair, index: int, writer: _Elements, reader: _Elements) -> None:
    node, covering = reader.tuple[index], writer.covering
    if writer.open:
        empty = "WITH_EMPTY_SCHEMA_" if node.kind is Kind.ANY else ""
        kind = f"ITEM_{empty}ADDED_TO_OPEN_CONTENT_MODEL"
    elif covering is not None:
        _cover(pair, judge.pair(covering, node), "ADDED", index, (writer, reader))
        return
    else:
        kind = "ITEM_ADDED_TO_CLOSED_CONTENT_MODEL"
    pair.differences.append(_place(kind, index, writer, reader))


def _cover(
    pair: Pair, need: Pair, way: str, index: int, sides: tuple[_Elements, _Elements]
) -> None:
    pair.needs.append(need)
    is_covered, not_covered = (
        _place(f"ITEM_{way}_{covered}_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL", index, *sides)
        for covered in ("IS", "NOT")
    )
    pair.labels.append(Label(need, is_covered, not_covered))


def _compare_rest(judge: Judge, pair: Pair, writer: _Elements, reader: _Elements) -> None:
    if writer.permits != reader.permits:
        way = "REMOVED" if writer.permits else "ADDED"
    elif writer.rest is not None and reader.rest is not None:
        pair.needs.append(judge.pair(writer.rest, reader.rest))
        return
    elif (writer.rest is None) == (reader.rest is None):
        return
    else:
        way = "NARROWED" if writer.rest is None else "EXTENDED"
    _report(pair, f"ADDITIONAL_ITEMS_{way}", reader.rest_keyword)
