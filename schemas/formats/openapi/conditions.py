"""Conditional and structural keywords of JSON Schema 2020-12, which OpenAPI 3.1 brings.

Each only adds constraints: to set one narrows what is valid, to drop one widens it.
"""

from __future__ import annotations

from schemas.formats.openapi.effects import Context, Effect, Findings
from schemas.formats.openapi.pairs import Pair
from schemas.formats.openapi.shape import Shape, equivalent

_SINGLE = {
    "if": "IF",
    "then": "THEN",
    "else": "ELSE",
    "not": "NOT",
    "contains": "CONTAINS",
    "propertyNames": "PROPERTY_NAMES",
    "unevaluatedItems": "UNEVALUATED_ITEMS",
    "unevaluatedProperties": "UNEVALUATED_PROPERTIES",
    "contentSchema": "CONTENT_SCHEMA",
}
_UNDECIDED = frozenset({"if", "not"})  # a change inside may widen or narrow the whole
_MAPS = {"patternProperties": "PATTERN_PROPERTY", "dependentSchemas": "DEPENDENT_SCHEMA"}
_ALL = frozenset({*_SINGLE, *_MAPS, "dependentRequired"})


def compare_conditions(found: Findings, context: Context, old: Shape, new: Shape) -> list[Pair]:
    """Note what was set and dropped; the pairs that are in both."""
    if _ALL.isdisjoint((*(old.node.value or ()), *(new.node.value or ()))):
        return []
    pairs: list[Pair] = []
    for keyword, name in _SINGLE.items():
        pairs += _single(found, context, (old, new), (keyword, name))
    for keyword, name in _MAPS.items():
        pairs += _map(found, context, (old, new), (keyword, name))
    _dependent_required(found, context, old, new)
    return pairs


def _told(context: Context, keyword: str) -> tuple[str, str]:
    return f"{context.what} that `{keyword}` does not allow", f"keep `{keyword}` as it was"


def _single(
    found: Findings, context: Context, shapes: tuple[Shape, Shape], rule: tuple[str, str]
) -> list[Pair]:
    keyword, name = rule
    before, after = (shape.node.get(keyword) for shape in shapes)
    # `true` allows everything, as if the keyword were not there.
    before, after = (None if n is not None and n.value is True else n for n in (before, after))
    places = shapes[0].node, shapes[1].node
    told = _told(context, keyword)
    if before is None or after is None:
        if before is not after:
            way, effect = (
                ("ADDED", Effect.NARROWS) if before is None else ("REMOVED", Effect.WIDENS)
            )
            found.effect(context, f"{name}_{way}", effect, places, told=told)
        return []
    if keyword not in _UNDECIDED:
        return [Pair(before, after, context.down())]
    if not equivalent(before, after, found.budget):
        found.effect(context, f"{name}_CHANGED", Effect.UNKNOWN, (before, after), told=told)
    return []


def _map(
    found: Findings, context: Context, shapes: tuple[Shape, Shape], rule: tuple[str, str]
) -> list[Pair]:
    keyword, name = rule
    before, after = (shape.node.members(keyword) for shape in shapes)
    told = _told(context, keyword)
    for key in before.keys() - after.keys():
        places = before[key], shapes[1].node
        found.effect(context, f"{name}_REMOVED", Effect.WIDENS, places, told=told)
    for key in after.keys() - before.keys():
        places = shapes[0].node, after[key]
        found.effect(context, f"{name}_ADDED", Effect.NARROWS, places, told=told)
    return [Pair(before[key], after[key], context.down()) for key in before if key in after]


def _dependent_required(found: Findings, context: Context, old: Shape, new: Shape) -> None:
    before = old.raw("dependentRequired") or {}
    after = new.raw("dependentRequired") or {}
    for key in sorted(before.keys() | after.keys()):
        first, second = set(before.get(key, ())), set(after.get(key, ()))
        if first == second:
            continue
        if first < second:
            way, effect = "CHANGED" if first else "ADDED", Effect.NARROWS
        elif second < first:
            way, effect = "CHANGED" if second else "REMOVED", Effect.WIDENS
        else:
            way, effect = "CHANGED", Effect.INCOMPARABLE
        told = _told(context, "dependentRequired")
        values = sorted(first), sorted(second)
        found.effect(
            context, f"DEPENDENT_REQUIRED_{way}", effect, (old.node, new.node),
            values=values, told=told,
        )  # fmt: skip
