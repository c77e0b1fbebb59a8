"""Properties, and what stands for those that are not named; items of arrays likewise."""

from __future__ import annotations

from schemas.formats.openapi.document import Node
from schemas.formats.openapi.effects import (
    ERROR,
    INFORMATION,
    WARNING,
    Context,
    Effect,
    Findings,
    Level,
    Side,
)
from schemas.formats.openapi.lifecycle import Removal, removal
from schemas.formats.openapi.pairs import Pair
from schemas.formats.openapi.shape import ANYTHING, Shape, equivalent


def compare_objects(found: Findings, context: Context, old: Shape, new: Shape) -> list[Pair]:
    """Note what happened to properties and items; the pairs that are in both."""
    before, after = old.node.members("properties"), new.node.members("properties")
    pairs: list[Pair] = []
    for name, node in before.items():
        if name not in after:
            _removed(found, context.down(name), (node, new.node), required=_requires(old, name))
        else:
            inner = context.down(name, muted=_is_muted(context, after[name]))
            _requiredness(found, inner, (node, after[name]), _both(old, new, name))
            _mutability(found, inner, (node, after[name]), required=_requires(new, name))
            pairs.append(Pair(node, after[name], inner))
    for name, node in after.items():
        if name not in before:
            _added(found, context.down(name), (old.node, node), required=_requires(new, name))
    pairs += _additional(found, context, old.node, new.node)
    pairs += _items(found, context, old.node, new.node)
    return pairs


def _requires(shape: Shape, name: str) -> bool:
    return name in (shape.raw("required") or ())


def _both(old: Shape, new: Shape, name: str) -> tuple[bool, bool]:
    return _requires(old, name), _requires(new, name)


def _is_muted(context: Context, node: Node) -> bool:
    """Read-only properties are in no request, write-only ones in no response."""
    return node.raw("readOnly" if context.side is Side.REQUEST else "writeOnly") is True


def _prefix(context: Context) -> str:
    """How a kind begins: `REQUEST_PROPERTY`, `RESPONSE_PROPERTY` and their like."""
    return f"{context.side.value}_{context.scope.value}"


def _removed(
    found: Findings, context: Context, places: tuple[Node, Node], *, required: bool
) -> None:
    gone = removal(places[0])
    if context.muted or _is_muted(context, places[0]):
        found.add(context, f"{_prefix(context)}_REMOVED", INFORMATION, places)
        return
    if gone is not Removal.SUDDEN:
        _sanctioned(found, context, places, gone)
        return
    if context.side is Side.REQUEST:
        advice = (
            f"Clients of {context.operation} that send {context.what} may be refused or ignored:"
            " deprecate it first, or go on accepting it."
        )
        found.add(context, f"{_prefix(context)}_REMOVED", WARNING, places, advice=advice)
        return
    kind = (
        "RESPONSE_REQUIRED_PROPERTY_REMOVED" if required else "RESPONSE_OPTIONAL_PROPERTY_REMOVED"
    )
    level = ERROR if required else INFORMATION
    advice = (
        f"Clients of {context.operation} that rely on {context.what} no longer get it:"
        " go on sending it, or deprecate it first."
    )
    found.add(context, kind, level, places, advice=advice)


def _sanctioned(
    found: Findings, context: Context, places: tuple[Node, Node], gone: Removal
) -> None:
    early = gone is not Removal.ANNOUNCED
    kind = f"{_prefix(context)}_REMOVED_{'BEFORE_SUNSET' if early else 'WITH_DEPRECATION'}"
    advice = f"Clients may use {context.what} until its sunset: remove it after that date."
    found.add(context, kind, ERROR if early else INFORMATION, places, advice=advice)


def _added(found: Findings, context: Context, places: tuple[Node, Node], *, required: bool) -> None:
    muted = context.muted or _is_muted(context, places[1])
    if context.side is Side.RESPONSE:
        word = "REQUIRED" if required else "OPTIONAL"
        found.add(context, f"RESPONSE_{word}_PROPERTY_ADDED", INFORMATION, places)
        return
    word = "REQUIRED" if required else "OPTIONAL"
    kind = f"NEW_{word}_{_prefix(context)}"
    if required and "default" in places[1]:
        kind += "_WITH_DEFAULT"
    advice = (
        f"Clients of {context.operation} that do not send {context.what} are refused:"
        " leave it optional."
    )
    level = ERROR if required and not muted else INFORMATION
    found.add(context, kind, level, places, advice=advice)


def _requiredness(
    found: Findings, context: Context, places: tuple[Node, Node], required: tuple[bool, bool]
) -> None:
    if required[0] == required[1]:
        return
    kind = f"{_prefix(context)}_BECAME_{'REQUIRED' if required[1] else 'OPTIONAL'}"
    harmful = required[1] is (context.side is Side.REQUEST)
    if context.side is Side.REQUEST:
        advice = f"Clients that do not send {context.what} are refused: leave it optional."
    else:
        advice = f"Clients that rely on {context.what} may not get it: go on sending it always."
    level = ERROR if harmful and not context.muted else INFORMATION
    found.add(context, kind, level, places, values=required, advice=advice)


def _mutability(
    found: Findings, context: Context, places: tuple[Node, Node], *, required: bool
) -> None:
    for keyword, name in (("readOnly", "READ_ONLY"), ("writeOnly", "WRITE_ONLY")):
        before, after = (place.raw(keyword) is True for place in places)
        if before == after:
            continue
        word = "REQUIRED" if required else "OPTIONAL"
        kind = f"{context.side.value}_{word}_PROPERTY_BECAME_{'' if after else 'NOT_'}{name}"
        appears = keyword == "writeOnly" and before and context.side is Side.RESPONSE
        level: Level = WARNING if appears and required else INFORMATION
        advice = (
            f"Clients of {context.operation} now get {context.what}, which only requests held:"
            " keep it write-only, or make sure that they ignore it."
        )
        found.add(context, kind, level, places, values=(before, after), advice=advice)


# -- what is not named --------------------------------------------------------------------


def _additional(found: Findings, context: Context, old: Node, new: Node) -> list[Pair]:
    before, after = (_open(node, "additionalProperties") for node in (old, new))
    inner = context.down("{}")
    if before.value is not False and after.value is not False:
        return _loose(found, inner, (before, after), "ADDITIONAL_PROPERTIES")
    if before.value is False and after.value is False:
        return []
    closed = after.value is False
    told = "properties that are not named", "leave `additionalProperties` open"
    name = "ADDITIONAL_PROPERTIES_REMOVED" if closed else "ADDITIONAL_PROPERTIES_ADDED"
    # A client has to ignore properties that it does not know: opening an answer harms nobody.
    effect = Effect.NARROWS if closed else Effect.NONE
    found.effect(context, name, effect, (old, new), told=told)
    return []


def _items(found: Findings, context: Context, old: Node, new: Node) -> list[Pair]:
    inner = context.down("[]")
    before, after = _open(old, "items"), _open(new, "items")
    pairs = _loose(found, inner, (before, after), "ITEMS")
    first, second = old.entries("prefixItems"), new.entries("prefixItems")
    shared = min(len(first), len(second))
    pairs += [Pair(a, b, inner) for a, b in zip(first, second, strict=False)]
    for here, other, name in (
        (first[shared:], after, "PREFIX_ITEMS_REMOVED"),
        (second[shared:], before, "PREFIX_ITEMS_ADDED"),
    ):
        for node in here:
            if not equivalent(node, other, found.budget):
                told = f"other items in {context.what}", "keep the positions as they were"
                found.effect(context, name, Effect.UNKNOWN, (old, new), told=told)
                break
    return pairs


def _open(node: Node, keyword: str) -> Node:
    """The schema below a keyword; without it, one that takes anything."""
    inner = node.get(keyword)
    if inner is None or inner.value is True:
        return Node(ANYTHING, node.at, node.document)
    return inner


def _loose(found: Findings, context: Context, places: tuple[Node, Node], name: str) -> list[Pair]:
    """The pair of two schemas that may each be absent; a change where one is."""
    before, after = (bool(place.value) or place.value is False for place in places)
    if before and after:
        return [Pair(*places, context)]
    if before or after:
        word, effect = ("ADDED", Effect.NARROWS) if after else ("REMOVED", Effect.WIDENS)
        told = f"other values in {context.what}", "keep the schema as it was"
        found.effect(context, f"{name}_SCHEMA_{word}", effect, places, told=told)
    return []
