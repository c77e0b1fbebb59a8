"""The body of a request and the answers to it: what is required, which statuses and headers."""

from __future__ import annotations

from dataclasses import replace

from schemas.formats.openapi.document import Node
from schemas.formats.openapi.effects import ERROR, INFORMATION, Context, Scope, Side
from schemas.formats.openapi.media import compare_media
from schemas.formats.openapi.schemas import Walk

_SUCCESS = "2"


def compare_bodies(walk: Walk, context: Context, places: tuple[Node, Node]) -> None:
    """Compare the request bodies of two operations."""
    before, after = (place.get("requestBody") for place in places)
    if before is None and after is None:
        return
    found = walk.found
    if before is None or after is None:
        _body_existence(walk, context, (before or places[0], after or places[1]), after)
        return
    required = before.raw("required") is True, after.raw("required") is True
    if required[0] != required[1]:
        kind = f"REQUEST_BODY_BECAME_{'REQUIRED' if required[1] else 'OPTIONAL'}"
        level = ERROR if required[1] is (context.side is Side.REQUEST) else INFORMATION
        advice = f"Clients of {context.operation} that send no body are refused: leave it optional."
        if context.side is Side.RESPONSE:
            advice = f"Receivers of {context.operation} may get no body: go on sending it."
        found.add(context, kind, level, (before, after), values=required, advice=advice)
    compare_media(walk, context, (before, after))


def _body_existence(
    walk: Walk, context: Context, places: tuple[Node, Node], after: Node | None
) -> None:
    who = context.operation
    if after is None:
        advice = f"Clients of {who} that send a body are refused or ignored: go on accepting it."
        walk.found.add(context, "REQUEST_BODY_REMOVED", ERROR, places, advice=advice)
        return
    required = after.raw("required") is True and context.side is Side.REQUEST
    kind = f"REQUEST_BODY_ADDED_{'REQUIRED' if required else 'OPTIONAL'}"
    advice = f"Clients of {who} that send no body are refused: leave it optional."
    walk.found.add(context, kind, ERROR if required else INFORMATION, places, advice=advice)


# -- answers ------------------------------------------------------------------------------


def compare_responses(walk: Walk, context: Context, places: tuple[Node, Node]) -> None:
    """Compare the answers of two operations by status."""
    context = replace(context, side=context.side.other)
    before, after = (_by_status(place) for place in places)
    met: set[str] = set()
    for status, node in before.items():
        other = _covering(status, after)
        if other is None:
            _gone(walk, context, (node, places[1]), status)
            continue
        met.add(other)
        _headers(walk, context, (node, after[other]))
        compare_media(walk, context, (node, after[other]))
    for status, node in after.items():
        if status not in met and status not in before:
            word = "SUCCESS" if status.startswith(_SUCCESS) else "NON_SUCCESS"
            kind = f"RESPONSE_{word}_STATUS_ADDED"
            walk.found.add(context, kind, INFORMATION, (places[0], node), values=(None, status))


def _by_status(operation: Node) -> dict[str, Node]:
    found = operation.members("responses", extensions=False)
    return {status.upper(): node for status, node in found.items()}


def _covering(status: str, others: dict[str, Node]) -> str | None:
    """The status, or the range that it falls into."""
    return next((name for name in (status, f"{status[0]}XX") if name in others), None)


def _gone(walk: Walk, context: Context, places: tuple[Node, Node], status: str) -> None:
    success = status.startswith(_SUCCESS)
    kind = f"RESPONSE_{'SUCCESS' if success else 'NON_SUCCESS'}_STATUS_REMOVED"
    advice = (
        f"Clients of {context.operation} that wait for status {status} no longer get it:"
        " go on answering with it."
    )
    level = ERROR if success else INFORMATION
    walk.found.add(context, kind, level, places, values=(status, None), advice=advice)


def _headers(walk: Walk, context: Context, places: tuple[Node, Node]) -> None:
    before, after = (
        {name.lower(): node for name, node in place.members("headers").items()} for place in places
    )
    for name, node in before.items():
        inner = replace(context, scope=Scope.HEADER, path=(name,), typed=False)
        if name not in after:
            _header_gone(walk, inner, (node, places[1]))
        else:
            _header(walk, inner, (node, after[name]))
    for name, node in after.items():
        if name not in before:
            kind = "RESPONSE_HEADER_ADDED"
            walk.found.add(context, kind, INFORMATION, (places[0], node), values=(None, name))


def _header_gone(walk: Walk, context: Context, places: tuple[Node, Node]) -> None:
    required = places[0].raw("required") is True
    kind = f"{'REQUIRED' if required else 'OPTIONAL'}_RESPONSE_HEADER_REMOVED"
    advice = f"Clients of {context.operation} rely on the header {context.what}: go on sending it."
    level = ERROR if required else INFORMATION
    walk.found.add(context, kind, level, places, advice=advice)


def _header(walk: Walk, context: Context, places: tuple[Node, Node]) -> None:
    required = tuple(place.raw("required") is True for place in places)
    if required[0] != required[1]:
        kind = f"RESPONSE_HEADER_BECAME_{'REQUIRED' if required[1] else 'OPTIONAL'}"
        advice = (
            f"Clients of {context.operation} rely on the header {context.what}:"
            " go on sending it always."
        )
        level = INFORMATION if required[1] else ERROR
        walk.found.add(context, kind, level, places, advice=advice)
    before, after = (place.get("schema") for place in places)
    if before is not None and after is not None:
        walk.compare(before, after, context)
