"""Parameters of an operation: by place and name, those of the path by their position."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from schemas.formats.openapi.document import Node
from schemas.formats.openapi.effects import (
    ERROR,
    INFORMATION,
    WARNING,
    Context,
    Effect,
    Level,
    Scope,
    Side,
    level_of,
)
from schemas.formats.openapi.lifecycle import Removal, compare_lifecycle, removal
from schemas.formats.openapi.media import MediaType
from schemas.formats.openapi.schemas import Walk
from schemas.formats.openapi.shape import type_list

_TEMPLATE = re.compile(r"\{([^{}/]{1,200})\}")
_IGNORED = frozenset({"accept", "content-type", "authorization"})  # by the specification
_SCALARS = frozenset({"string", "number", "integer", "boolean", "null"})
Key = tuple[str, str]


def shape_of_path(path: str) -> str:
    """A path without the names of its parameters: two of one shape are the same path."""
    return _TEMPLATE.sub("{}", path)


def parameters_of(path: str, item: Node, operation: Node) -> dict[Key, Node]:
    """The parameters of an operation, its own before those of its path."""
    positions = {name: str(index) for index, name in enumerate(_TEMPLATE.findall(path))}
    found: dict[Key, Node] = {}
    for node in [*item.entries("parameters"), *operation.entries("parameters")]:
        place, name = node.text("in"), node.text("name")
        if place == "header":
            name = name.lower()
            if name in _IGNORED:
                continue
        found[place, positions.get(name, name) if place == "path" else name] = node
    return found


def compare_parameters(
    walk: Walk,
    context: Context,
    sides: tuple[dict[Key, Node], dict[Key, Node]],
    places: tuple[Node, Node],
) -> None:
    """Note every change of parameters. `places` are the operations."""
    before, after = sides
    context = replace(context, scope=Scope.PARAMETER, typed=False)
    moved = _moved(walk, context, before, after)
    for key, node in before.items():
        if key in after:
            _compare(walk, _inside(context, node), (node, after[key]))
        elif key not in moved:
            _removed(walk, _inside(context, node), (node, places[1]))
    for key, node in after.items():
        if key not in before and key not in moved:
            _added(walk, _inside(context, node), (places[0], node))


def _inside(context: Context, node: Node) -> Context:
    return replace(context, path=(node.text("name"),))


def _moved(
    walk: Walk, context: Context, before: dict[Key, Node], after: dict[Key, Node]
) -> set[Key]:
    """Note parameters that are sent in another place now; their keys in both."""
    gone = {node.text("name"): key for key, node in before.items() if key not in after}
    moved: set[Key] = set()
    for key, node in after.items():
        old = gone.get(node.text("name"))
        if key in before or old is None:
            continue
        moved |= {key, old}
        inner = _inside(context, node)
        advice = (
            f"Clients of {context.operation} send {inner.what} in the {old[0]}, where it is no"
            " longer read: accept it there as well."
        )
        kind, values = "REQUEST_PARAMETER_IN_CHANGED", (old[0], key[0])
        places = before[old], node
        walk.found.add(inner, kind, ERROR, places, values=values, advice=advice)
    return moved


def _removed(walk: Walk, context: Context, places: tuple[Node, Node]) -> None:
    gone = removal(places[0])
    kind, level, remedy = {
        Removal.SUDDEN: ("REMOVED", WARNING, "go on accepting it, or deprecate it first"),
        Removal.ANNOUNCED: ("REMOVED_WITH_DEPRECATION", INFORMATION, ""),
        Removal.EARLY: ("REMOVED_BEFORE_SUNSET", ERROR, "remove it after its sunset"),
        Removal.UNREADABLE: ("SUNSET_PARSE", ERROR, "give it a sunset that is a date first"),
    }[gone]
    advice = (
        f"Clients of {context.operation} that send {context.what} may be refused or ignored:"
        f" {remedy}."
    )
    walk.found.add(context, f"REQUEST_PARAMETER_{kind}", level, places, advice=advice)


def _required(node: Node) -> bool:
    return node.raw("required") is True or node.text("in") == "path"


def _added(walk: Walk, context: Context, places: tuple[Node, Node]) -> None:
    node = places[1]
    if node.text("in") == "path":
        kind = "NEW_REQUEST_PATH_PARAMETER"
    elif _required(node):
        kind = "NEW_REQUIRED_REQUEST_PARAMETER"
    else:
        kind = "NEW_OPTIONAL_REQUEST_PARAMETER"
    advice = (
        f"Clients of {context.operation} that do not send {context.what} are refused:"
        " leave it optional."
    )
    level = ERROR if _required(node) else INFORMATION
    walk.found.add(context, kind, level, places, advice=advice)


def _compare(walk: Walk, context: Context, places: tuple[Node, Node]) -> None:
    old, new = places
    required = _required(old), _required(new)
    if required[0] != required[1]:
        kind = f"REQUEST_PARAMETER_BECOME_{'REQUIRED' if required[1] else 'OPTIONAL'}"
        advice = (
            f"Clients of {context.operation} that do not send {context.what} are refused:"
            " leave it optional."
        )
        level = ERROR if required[1] else INFORMATION
        walk.found.add(context, kind, level, places, values=required, advice=advice)
    compare_lifecycle(walk.found, context, places, "REQUEST_PARAMETER", context.what)
    _serialisation(walk, context, places)
    before, after = _schema(old), _schema(new)
    if before and after:
        inner = replace(context, typed=before[1])
        if before[1] != after[1]:
            _told(walk, context, places, "CONTENT_CHANGED", Effect.INCOMPARABLE)
        walk.compare(before[0], after[0], inner)
    elif before or after:
        way, effect = ("REMOVED", Effect.WIDENS) if before else ("ADDED", Effect.NARROWS)
        _told(walk, context, places, f"SCHEMA_{way}", effect)


def _schema(node: Node) -> tuple[Node, bool] | None:
    """The schema of a parameter, and whether its text tells a number from a string."""
    plain = node.get("schema")
    if plain is not None:
        return plain, False
    for name, media in node.members("content").items():
        schema = media.get("schema")
        if schema is not None:
            return schema, MediaType.of(name).is_json
    return None


def _told(
    walk: Walk,
    context: Context,
    places: tuple[Node, Node],
    rule: str,
    effect: Effect,
    *,
    values: tuple[Any, Any] = (None, None),
) -> None:
    level: Level = level_of(effect, Side.REQUEST)
    advice = f"Clients of {context.operation} write {context.what} the old way: go on reading it."
    kind = f"REQUEST_PARAMETER_{rule}"
    walk.found.add(context, kind, level, places, values=values, advice=advice)


def _serialisation(walk: Walk, context: Context, places: tuple[Node, Node]) -> None:
    """How the value is written; a default that is spelled out is no change."""
    (style, explode), (new_style, new_explode) = map(_style, places)
    if style != new_style:
        values = style, new_style
        _told(walk, context, places, "STYLE_CHANGED", Effect.INCOMPARABLE, values=values)
    elif explode != new_explode and not all(map(_is_scalar, places)):
        values = explode, new_explode
        _told(walk, context, places, "EXPLODE_CHANGED", Effect.INCOMPARABLE, values=values)
    before, after = (place.raw("allowReserved") is True for place in places)
    if before != after:
        name, effect = (
            ("BECAME_ALLOW_RESERVED", Effect.WIDENS)
            if after
            else ("BECAME_NOT_ALLOW_RESERVED", Effect.NARROWS)
        )
        _told(walk, context, places, name, effect)


def _style(node: Node) -> tuple[str, Any]:
    default = "form" if node.text("in") in {"query", "cookie"} else "simple"
    style = node.text("style") or default
    return style, node.raw("explode", style == "form")


def _is_scalar(node: Node) -> bool:
    schema = node.get("schema")
    types = type_list(schema.value) if schema else []
    return bool(types) and set(types) <= _SCALARS
