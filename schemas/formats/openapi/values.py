"""Types, formats, enumerations, patterns and bounds of one schema against another.

`schemas` calls these for every pair of schemas that meet. Kinds follow the check ids that
oasdiff publishes: `request-property-max-length-decreased` and its like.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from schemas.formats.openapi.document import Node
from schemas.formats.openapi.effects import (
    INFORMATION,
    WARNING,
    Context,
    Effect,
    Findings,
    Scope,
    Side,
)
from schemas.formats.openapi.shape import Shape, bound, frozen

_SHOWN = 3  # of several values in a sentence
_UPPER = {
    "maximum": "MAX",
    "exclusiveMaximum": "EXCLUSIVE_MAX",
    "maxLength": "MAX_LENGTH",
    "maxItems": "MAX_ITEMS",
    "maxProperties": "MAX_PROPERTIES",
    "maxContains": "MAX_CONTAINS",
}
_LOWER = {
    "minimum": "MIN",
    "exclusiveMinimum": "EXCLUSIVE_MIN",
    "minLength": "MIN_LENGTH",
    "minItems": "MIN_ITEMS",
    "minProperties": "MIN_PROPERTIES",
    "minContains": "MIN_CONTAINS",
}
_NUMERIC = frozenset({*_UPPER, *_LOWER, "multipleOf", "uniqueItems"})
_WIDER_FORMATS = {
    ("float", "double"),
    ("int32", "int64"),
    ("int32", "bigint"),
    ("int64", "bigint"),
    ("date", "date-time"),
    ("time", "date-time"),
}
_ANY_TEXT = frozenset({".*", "^.*$", "^.*", ".*$", ""})
_SCALARS = frozenset({"string", "number", "integer", "boolean"})


def compare_values(found: Findings, context: Context, old: Shape, new: Shape) -> None:
    """Note every change of what a single value may be."""
    _types(found, context, old, new)
    _enums(found, context, old, new)
    _extensible(found, context, old, new)
    _patterns(found, context, old, new)
    _defaults(found, context, old, new)
    _content(found, context, old, new)
    if not _NUMERIC.isdisjoint((*(old.node.value or ()), *(new.node.value or ()))):
        _bounds(found, context, (old.node, new.node))


# -- types --------------------------------------------------------------------------------


def _types(found: Findings, context: Context, old: Shape, new: Shape) -> None:
    before, after = (old.types, old.raw("format")), (new.types, new.raw("format"))
    if before == after:
        return
    effect = _type_effect(context, before, after)
    if effect is Effect.NONE:
        return
    shown = _type_name(*before), _type_name(*after)
    told = (
        f"{context.what} as {shown[0] if context.side is Side.REQUEST else shown[1]}",
        f"keep {shown[0]}, or add a new field of type {shown[1]} beside it",
    )
    name = {Effect.WIDENS: "TYPE_GENERALIZED", Effect.NARROWS: "TYPE_SPECIALIZED"}.get(effect)
    many = any(types is not None and len(types) > 1 for types in (old.types, new.types))
    if many and effect in {Effect.WIDENS, Effect.NARROWS}:
        name = f"LIST_OF_TYPES_{'WIDENED' if effect is Effect.WIDENS else 'NARROWED'}"
    places = old.node, new.node
    found.effect(
        context, name or "TYPE_CHANGED", effect, places, keyword="type", values=shown, told=told
    )


def _type_name(types: frozenset[str] | None, form: Any) -> str:
    name = " or ".join(sorted(types)) if types else "any type"
    return f"{name} ({str(form)[:40]})" if form else name


def _type_effect(
    context: Context,
    before: tuple[frozenset[str] | None, Any],
    after: tuple[frozenset[str] | None, Any],
) -> Effect:
    (old, old_format), (new, new_format) = before, after
    if not context.typed and _becomes_text(old, new) and not new_format:
        # Text carries every scalar where types are not told apart. What a property of an
        # object in a query is read as, the description does not say.
        inside = context.scope is Scope.PARAMETER_PROPERTY
        return Effect.UNKNOWN if inside else Effect.WIDENS
    wider, narrower = _contains(new, old), _contains(old, new)
    if not wider and not narrower:
        return Effect.INCOMPARABLE
    changed = _format_effect(old_format, new_format)
    if wider and narrower:
        return changed
    kind = Effect.WIDENS if wider else Effect.NARROWS
    return kind if changed in {Effect.NONE, kind} else Effect.INCOMPARABLE


def _becomes_text(old: frozenset[str] | None, new: frozenset[str] | None) -> bool:
    return old is not None and old != new and old <= _SCALARS and new == frozenset({"string"})


def _contains(outer: frozenset[str] | None, inner: frozenset[str] | None) -> bool:
    if outer is None:
        return True
    if inner is None:
        return False
    return inner <= (outer | {"integer"} if "number" in outer else outer)


def _format_effect(old: Any, new: Any) -> Effect:
    old, new = old or None, new or None
    if old == new:
        return Effect.NONE
    if new is None or (old, new) in _WIDER_FORMATS:
        return Effect.WIDENS
    if old is None or (new, old) in _WIDER_FORMATS:
        return Effect.NARROWS
    return Effect.INCOMPARABLE


def compare_nullable(found: Findings, context: Context, old: Shape, new: Shape) -> None:
    """Note that null joined or left."""
    if old.nullable == new.nullable:
        return
    name, effect = (
        ("BECAME_NULLABLE", Effect.WIDENS)
        if new.nullable
        else ("BECAME_NOT_NULLABLE", Effect.NARROWS)
    )
    remedy = "keep it not nullable" if new.nullable else "keep it nullable"
    told = f"null for {context.what}", remedy
    values = old.nullable, new.nullable
    found.effect(context, name, effect, (old.node, new.node), values=values, told=told)


# -- enumerations -------------------------------------------------------------------------


def _enumerated(shape: Shape) -> dict[str, Any] | None:
    """The values of `enum` or `const`, null apart, by their JSON text; None: any."""
    if "const" in shape.node:
        return {frozen(shape.raw("const")): shape.raw("const")}
    values = shape.raw("enum")
    if not isinstance(values, list):
        return None
    return {frozen(value): value for value in values if value is not None}


def _enums(found: Findings, context: Context, old: Shape, new: Shape) -> None:
    before, after = _enumerated(old), _enumerated(new)
    places = old.node, new.node
    constant = "const" in old.node or "const" in new.node
    if before is None and after is None:
        return
    if before is None or after is None:
        effect = Effect.NARROWS if before is None else Effect.WIDENS
        known = _some((before or after or {}).values())
        told = f"other values than {known} as {context.what}", "list every value that is in use"
        name = "CONST_REMOVED" if constant else "ENUM_REMOVED"
        if before is None:
            name = "CONST_ADDED" if constant else "BECAME_ENUM"
        values = before and list(before.values()), after and list(after.values())
        found.effect(context, name, effect, places, keyword="enum", values=values, told=told)
        return
    _enum_values(found, context, (old, new), (before, after))


def _enum_values(
    found: Findings,
    context: Context,
    shapes: tuple[Shape, Shape],
    values: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    before, after = values
    places = shapes[0].node, shapes[1].node
    removed = [value for key, value in before.items() if key not in after]
    added = [value for key, value in after.items() if key not in before]
    if removed:
        told = f"{_some(removed)} as {context.what}", "keep the values until nobody sends them"
        pair = removed, None
        found.effect(
            context,
            "ENUM_VALUE_REMOVED",
            Effect.NARROWS,
            places,
            keyword="enum",
            values=pair,
            told=told,
        )
    if not added:
        return
    if context.side is Side.REQUEST:
        found.effect(context, "ENUM_VALUE_ADDED", Effect.WIDENS, places, values=(None, added))
        return
    advice = (
        f"Clients of {context.operation} that know every value of {context.what} meet"
        f" {_some(added)}: tell them to expect unknown values first."
    )
    kind = f"RESPONSE_{context.scope.value}_ENUM_VALUE_ADDED"
    level = INFORMATION if context.muted else WARNING
    found.add(context, kind, level, places, values=(None, added), advice=advice)


def _some(values: Iterable[Any]) -> str:
    known = list(values)
    shown = ", ".join(f"`{str(value)[:40]}`" for value in known[:_SHOWN])
    return f"{shown} and {len(known) - _SHOWN} more" if len(known) > _SHOWN else shown or "none"


def _extensible(found: Findings, context: Context, old: Shape, new: Shape) -> None:
    before, after = old.raw("x-extensible-enum"), new.raw("x-extensible-enum")
    if not isinstance(before, list) or not isinstance(after, list):
        return
    kept = {frozen(value) for value in after}
    removed = [value for value in before if frozen(value) not in kept]
    if removed and context.side is Side.REQUEST:
        told = f"{_some(removed)} as {context.what}", "keep the values until nobody sends them"
        found.effect(
            context,
            "X_EXTENSIBLE_ENUM_VALUE_REMOVED",
            Effect.NARROWS,
            (old.node, new.node),
            values=(removed, None),
            told=told,
        )


# -- text ---------------------------------------------------------------------------------


def _patterns(found: Findings, context: Context, old: Shape, new: Shape) -> None:
    before, after = old.raw("pattern"), new.raw("pattern")
    if before == after:
        return
    if before is None:
        name, effect = "PATTERN_ADDED", Effect.NARROWS
    elif after is None:
        name, effect = "PATTERN_REMOVED", Effect.WIDENS
    elif after in _ANY_TEXT:
        name, effect = "PATTERN_GENERALIZED", Effect.WIDENS
    else:
        name, effect = "PATTERN_CHANGED", Effect.UNKNOWN
    pattern = str(after if context.side is Side.REQUEST else before)[:60]
    told = f"{context.what} that does not match `{pattern}`", "keep the pattern, or widen it only"
    places = old.node, new.node
    found.effect(
        context, name, effect, places, keyword="pattern", values=(before, after), told=told
    )


def _defaults(found: Findings, context: Context, old: Shape, new: Shape) -> None:
    before, after = "default" in old.node, "default" in new.node
    values = old.raw("default"), new.raw("default")
    if (before, frozen(values[0])) == (after, frozen(values[1])):
        return
    way = "CHANGED" if before and after else "ADDED" if after else "REMOVED"
    places = old.node, new.node
    rule = f"DEFAULT_VALUE_{way}"
    found.effect(context, rule, Effect.NONE, places, keyword="default", values=values)


def _content(found: Findings, context: Context, old: Shape, new: Shape) -> None:
    for keyword, name in (
        ("contentMediaType", "CONTENT_MEDIA_TYPE_CHANGED"),
        ("contentEncoding", "CONTENT_ENCODING_CHANGED"),
    ):
        values = old.raw(keyword), new.raw(keyword)
        if values[0] != values[1]:
            told = f"{context.what} in the other encoding", f"keep `{keyword}`"
            places = old.node, new.node
            found.effect(
                context,
                name,
                Effect.INCOMPARABLE,
                places,
                keyword=keyword,
                values=values,
                told=told,
            )


# -- bounds -------------------------------------------------------------------------------


def _bounds(found: Findings, context: Context, places: tuple[Node, Node]) -> None:
    for keyword, name in _UPPER.items():
        _bound(found, context, places, (keyword, name, 1))
    for keyword, name in _LOWER.items():
        _bound(found, context, places, (keyword, name, -1))
    _multiple(found, context, *places)
    _unique(found, context, *places)


def _bound(
    found: Findings, context: Context, places: tuple[Node, Node], rule: tuple[str, str, int]
) -> None:
    """Compare one bound; the sign is positive for upper bounds."""
    keyword, name, sign = rule
    before, after = (bound(node, keyword) for node in places)
    if before == after:
        return
    if before is None or after is None:
        way = "SET" if before is None else "UNSET"
        effect = Effect.NARROWS if before is None else Effect.WIDENS
    else:
        way = "INCREASED" if after > before else "DECREASED"
        effect = Effect.WIDENS if (after - before) * sign > 0 else Effect.NARROWS
    limit = after if context.side is Side.REQUEST else before
    told = f"{context.what} beyond `{keyword}` {limit}", f"keep `{keyword}` as it was"
    rule_name = f"{name}_{way}"
    found.effect(
        context, rule_name, effect, places, keyword=keyword, values=(before, after), told=told
    )


def _multiple(found: Findings, context: Context, old: Node, new: Node) -> None:
    before, after = old.raw("multipleOf"), new.raw("multipleOf")
    if before == after:
        return
    if before is None:
        name, effect = "MULTIPLE_OF_SET", Effect.NARROWS
    elif after is None:
        name, effect = "MULTIPLE_OF_UNSET", Effect.WIDENS
    elif _divides(after, before):
        name, effect = "MULTIPLE_OF_GENERALIZED", Effect.WIDENS
    elif _divides(before, after):
        name, effect = "MULTIPLE_OF_SPECIALIZED", Effect.NARROWS
    else:
        name, effect = "MULTIPLE_OF_CHANGED", Effect.INCOMPARABLE
    step = after if context.side is Side.REQUEST else before
    told = f"{context.what} that is no multiple of {step}", "keep `multipleOf` as it was"
    found.effect(context, name, effect, (old, new), values=(before, after), told=told)


def _divides(small: float, large: float) -> bool:
    return bool(small) and (large / small) % 1 == 0


def _unique(found: Findings, context: Context, old: Node, new: Node) -> None:
    values = old.raw("uniqueItems") is True, new.raw("uniqueItems") is True
    if values[0] != values[1]:
        name, effect = (
            ("UNIQUE_ITEMS_SET", Effect.NARROWS)
            if values[1]
            else ("UNIQUE_ITEMS_UNSET", Effect.WIDENS)
        )
        told = f"the same item twice in {context.what}", "keep `uniqueItems` as it was"
        found.effect(context, name, effect, (old, new), values=values, told=told)
