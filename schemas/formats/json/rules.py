"""What a pair of schemas consists of: the rules of Confluent's JSON Schema compatibility.

`compare` fills in a pair for the judge; the rules of objects and arrays stand in modules of their
own. Where a rule is stricter than that registry's (it does not look at `contains`,
`propertyNames`, pattern properties and conditions), data that a reader would refuse is the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

from schemas.formats.base import Difference
from schemas.formats.json.arrays import compare_arrays
from schemas.formats.json.bounds import compare_bounds
from schemas.formats.json.choices import FirstOf, Matching, Order, Reversed, carries_bytes
from schemas.formats.json.document import compact
from schemas.formats.json.judge import Judge, Pair
from schemas.formats.json.kinds import difference
from schemas.formats.json.model import Kind, Node
from schemas.formats.json.objects import compare_objects
from schemas.formats.json.sameness import same

_SHOWN = 20  # values of an enum that a difference lists
_SUM = frozenset({"anyOf", "oneOf"})


def compare(judge: Judge, pair: Pair) -> None:
    """Fill in a pair: its own differences, what it needs and where it has a choice."""
    writer, reader = pair.writer, pair.reader
    if writer is reader or same(writer, reader):
        return
    if writer.kind is Kind.NOTHING or (reader.kind is Kind.ANY and writer.kind is not Kind.ANY):
        return
    if (writer.kind is Kind.COMBINED) != (reader.kind is Kind.COMBINED):
        _compare_with_combined(judge, pair)
    elif writer.kind is not reader.kind:
        if not carries_bytes(writer, reader):
            pair.differences.append(_type_changed(writer, reader))
    else:
        _compare_annotations(pair)
        _SAME_KIND[writer.kind](judge, pair)


def shape(node: Node) -> str:
    """What a node takes, in one word for a sentence."""
    if node.kind is Kind.COMBINED:
        return node.criterion
    return node.type or node.kind.value


def _type_changed(writer: Node, reader: Node) -> Difference:
    return difference("TYPE_CHANGED", reader.at, writer.at, old=shape(writer), new=shape(reader))


def _compare_with_combined(judge: Judge, pair: Pair) -> None:
    """One side alone, the other a combination: one of its subschemas may do."""
    writer, reader = pair.writer, pair.reader
    combined = reader if reader.kind is Kind.COMBINED else writer
    subschemas, met = combined.subschemas, []
    if len(subschemas) != 1:
        if combined is reader and combined.criterion in _SUM:
            met = [
                difference("SUM_TYPE_EXTENDED", reader.at, writer.at, old=1, new=len(subschemas))
            ]
        elif combined is writer and combined.criterion == "allOf":
            met = [
                difference(
                    "PRODUCT_TYPE_NARROWED", reader.at, writer.at, old=len(subschemas), new=1
                )
            ]
        else:
            subschemas = ()
    candidates = [(writer, each) if combined is reader else (each, reader) for each in subschemas]
    unmet = [_type_changed(writer, reader)]
    pair.choices.append(FirstOf(judge, candidates, met=met, unmet=unmet))


def _compare_annotations(pair: Pair) -> None:
    writer, reader = pair.writer, pair.reader
    if not (writer.whole and reader.whole):
        return
    for keyword, kind in (
        ("$id", "ID_CHANGED"),
        ("title", "TITLE_CHANGED"),
        ("description", "DESCRIPTION_CHANGED"),
        ("default", "DEFAULT_CHANGED"),
        ("format", "FORMAT_CHANGED"),
    ):
        old = writer.get(writer.draft.id_keyword if keyword == "$id" else keyword)
        new = reader.get(reader.draft.id_keyword if keyword == "$id" else keyword)
        if old != new:
            at, name = f"{reader.at}/{keyword}", f"{writer.at}/{keyword}"
            pair.differences.append(difference(kind, at, name, old=old, new=new))


def _compare_strings(_: Judge, pair: Pair) -> None:
    compare_bounds(pair, "maxLength", "minLength")
    old, new = pair.writer.get("pattern"), pair.reader.get("pattern")
    if old != new:
        kind = _change("PATTERN", old, new) or "PATTERN_CHANGED"
        pair.differences.append(_keyword(pair, kind, "pattern", old, new))


def _compare_numbers(_: Judge, pair: Pair) -> None:
    writer, reader = pair.writer, pair.reader
    compare_bounds(pair, "maximum", "minimum", "exclusiveMaximum", "exclusiveMinimum")
    old, new = writer.get("multipleOf"), reader.get("multipleOf")
    if old != new:
        kind = _change("MULTIPLE_OF", old, new) or _step_change(old, new)
        pair.differences.append(_keyword(pair, kind, "multipleOf", old, new))
    if (writer.type == "integer") != (reader.type == "integer"):
        kind = "TYPE_EXTENDED" if writer.type == "integer" else "TYPE_NARROWED"
        pair.differences.append(
            difference(kind, reader.at, writer.at, old=shape(writer), new=shape(reader))
        )


def _step_change(old: float, new: float) -> str:
    before, after = Fraction(str(old)), Fraction(str(new))
    if after % before == 0:
        return "MULTIPLE_OF_EXPANDED"
    return "MULTIPLE_OF_REDUCED" if before % after == 0 else "MULTIPLE_OF_CHANGED"


def _change(prefix: str, old: Any, new: Any) -> str:
    if old is None:
        return f"{prefix}_ADDED"
    return f"{prefix}_REMOVED" if new is None else ""


def _keyword(pair: Pair, kind: str, keyword: str, old: Any, new: Any) -> Difference:
    return difference(
        kind, f"{pair.reader.at}/{keyword}", f"{pair.writer.at}/{keyword}", old=old, new=new
    )


def _compare_enums(_: Judge, pair: Pair) -> None:
    old = {compact(each, sort=True): each for each in pair.writer.get("enum")}
    new = {compact(each, sort=True): each for each in pair.reader.get("enum")}
    gone = [value for text, value in old.items() if text not in new][:_SHOWN]
    come = [value for text, value in new.items() if text not in old][:_SHOWN]
    if gone or come:
        kind = "CHANGED" if gone and come else "NARROWED" if gone else "EXTENDED"
        pair.differences.append(_keyword(pair, f"ENUM_ARRAY_{kind}", "enum", gone, come))


def _compare_constants(_: Judge, pair: Pair) -> None:
    old, new = pair.writer.get("const"), pair.reader.get("const")
    if compact(old, sort=True) != compact(new, sort=True):
        pair.differences.append(_keyword(pair, "ENUM_ARRAY_CHANGED", "const", old, new))


def _compare_negations(judge: Judge, pair: Pair) -> None:
    writer, reader = pair.writer.child("not"), pair.reader.child("not")
    if writer is not None and reader is not None:
        met = _keyword(pair, "NOT_TYPE_NARROWED", "not", None, None)
        unmet = _keyword(pair, "NOT_TYPE_EXTENDED", "not", None, None)
        pair.choices.append(Reversed(judge, writer, reader, met=met, unmet=unmet))


def _compare_conditions(judge: Judge, pair: Pair) -> None:
    """A condition has to stay as it was: what it asks for cannot be told from its parts."""
    keywords = ("if", "then", "else")
    for keyword in keywords:
        old, new = pair.writer.get(keyword), pair.reader.get(keyword)
        if old != new or compact(old, sort=True) != compact(new, sort=True):
            pair.differences.append(_keyword(pair, "CONDITION_CHANGED", keyword, None, None))
            continue
        writer, reader = pair.writer.child(keyword), pair.reader.child(keyword)
        if writer is not None and reader is not None:
            pair.needs += [judge.pair(writer, reader), judge.pair(reader, writer)]


def _compare_combined(judge: Judge, pair: Pair) -> None:
    writer, reader = pair.writer, pair.reader
    change = _criterion_change(writer, reader)
    if change:
        pair.differences.append(
            difference(change, reader.at, writer.at, old=writer.criterion, new=reader.criterion)
        )
    if change == "COMBINED_TYPE_CHANGED":
        return
    old, new = _distinct(writer.subschemas), _distinct(reader.subschemas)
    if len(old) != len(new):
        product = reader.criterion == "allOf"
        kind = ("PRODUCT" if product else "SUM") + "_TYPE_"
        kind += "EXTENDED" if len(old) < len(new) else "NARROWED"
        pair.differences.append(difference(kind, reader.at, writer.at, old=len(old), new=len(new)))
    unmet = difference("COMBINED_TYPE_SUBSCHEMAS_CHANGED", reader.at, writer.at)
    pair.choices.append(Matching(judge, old, new, likeliest=_likeliest, unmet=unmet))


def _criterion_change(writer: Node, reader: Node) -> str:
    if writer.criterion == reader.criterion:
        return ""
    alone = len(writer.subschemas) == 1
    if reader.criterion == "anyOf" or (alone and reader.criterion == "oneOf"):
        return "COMBINED_TYPE_EXTENDED"
    if alone and len(reader.subschemas) == 1:
        return "COMBINED_TYPE_EXTENDED"
    return "COMBINED_TYPE_CHANGED"


def _text(node: Node) -> str:
    return f"{node.kind}{node.type}{node.criterion}{compact(node.place.value, sort=True)}"


def _distinct(nodes: Sequence[Node]) -> list[Node]:
    """Equal subschemas count once."""
    return list({_text(node): node for node in reversed(nodes)}.values())[::-1]


def _likeliest(few: Sequence[Node], many: Sequence[Node]) -> Order:
    """For each of a few subschemas the many in the order in which a match is likely."""
    known = [{sign(node): at for at, node in enumerate(many)} for sign in _SIGNS]
    hints = [
        [places.get(sign(node)) for sign, places in zip(_SIGNS, known, strict=True)] for node in few
    ]

    def order(index: int) -> Iterator[int]:
        first = dict.fromkeys(each for each in (*hints[index], index) if each is not None)
        yield from (each for each in first if each < len(many))
        yield from (each for each in range(len(many)) if each not in first)

    return order


def _tags(node: Node) -> str:
    """The constants by which alternatives are told apart: `{"kind": {"const": "order"}}`."""
    parts = node.parts or (node,)
    return node.kind + compact(
        {
            name: schema["const"]
            for part in parts
            for name, schema in part.map("properties").items()
            if isinstance(schema, dict) and "const" in schema
        },
        sort=True,
    )


def _name(node: Node) -> str:
    """What it is referred to by, for one that stands under a name of its own."""
    return node.kind + node.at.rpartition("/")[2]


def _title(node: Node) -> str:
    return f"{node.kind}{node.get('title') if node.whole else ''}"


_SIGNS: tuple[Callable[[Node], str], ...] = (_text, _tags, _name, _title)


def _compare_nothing(judge: Judge, pair: Pair) -> None:
    """Kinds without keywords of their own."""


_SAME_KIND: dict[Kind, Callable[[Judge, Pair], None]] = {
    Kind.ANY: _compare_nothing,
    Kind.NOTHING: _compare_nothing,
    Kind.BOOLEAN: _compare_nothing,
    Kind.NULL: _compare_nothing,
    Kind.STRING: _compare_strings,
    Kind.NUMBER: _compare_numbers,
    Kind.ARRAY: compare_arrays,
    Kind.OBJECT: compare_objects,
    Kind.ENUM: _compare_enums,
    Kind.CONST: _compare_constants,
    Kind.NOT: _compare_negations,
    Kind.CONDITION: _compare_conditions,
    Kind.COMBINED: _compare_combined,
}
