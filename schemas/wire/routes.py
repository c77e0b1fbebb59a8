"""The route table of the wire API: segments are split first and decoded once, by no framework.

A subject may hold an encoded slash, which URL resolvers lose. Clients that do not encode it at all
are understood too: where nothing else fits, a subject takes several segments.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from idp.common.version import VERSION
from schemas.wire import reading, writing
from schemas.wire.bodies import WIRE_FORMATS
from schemas.wire.calls import Reply, Request

Handler = Callable[[Request], Reply]
SUBJECT = "{subject}"
MAX_SEGMENTS = 40


def _always(value: Any) -> Handler:
    """A handler for what does not depend on who asks."""
    return lambda _: Reply(value)


_TABLE: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "", _always({})),
    ("GET", "v1/metadata/id", _always({"id": "slipway", "scope": {"path": [], "clusters": {}}})),
    ("GET", "v1/metadata/version", _always({"version": VERSION, "commitId": ""})),
    ("GET", "contexts", reading.contexts),
    ("GET", "schemas", reading.schemas),
    ("GET", "schemas/types", _always(list(WIRE_FORMATS))),
    ("GET", "schemas/ids/{id}", reading.schema_by_id),
    ("GET", "schemas/ids/{id}/schema", reading.schema_text_by_id),
    ("GET", "schemas/ids/{id}/subjects", reading.subjects_by_id),
    ("GET", "schemas/ids/{id}/versions", reading.versions_by_id),
    ("GET", "schemas/guids/{guid}", reading.schema_by_guid),
    ("GET", "schemas/guids/{guid}/ids", reading.ids_by_guid),
    ("GET", "subjects", reading.subjects),
    ("POST", "subjects/{subject}", writing.look_up),
    ("DELETE", "subjects/{subject}", writing.delete_subject),
    ("GET", "subjects/{subject}/metadata", reading.latest_with_metadata),
    ("GET", "subjects/{subject}/versions", reading.versions),
    ("POST", "subjects/{subject}/versions", writing.register),
    ("GET", "subjects/{subject}/versions/{version}", reading.version),
    ("DELETE", "subjects/{subject}/versions/{version}", writing.delete_version),
    ("GET", "subjects/{subject}/versions/{version}/schema", reading.version_text),
    ("GET", "subjects/{subject}/versions/{version}/referencedby", reading.referenced_by),
    ("POST", "compatibility/subjects/{subject}/versions", writing.check),
    ("POST", "compatibility/subjects/{subject}/versions/{version}", writing.check),
    ("GET", "config", writing.get_config),
    ("PUT", "config", writing.set_config),
    ("DELETE", "config", writing.clear_config),
    ("GET", "config/{subject}", writing.get_config),
    ("PUT", "config/{subject}", writing.set_config),
    ("DELETE", "config/{subject}", writing.clear_config),
    ("GET", "mode", writing.get_mode),
    ("PUT", "mode", writing.set_mode),
    ("DELETE", "mode", writing.clear_mode),
    ("GET", "mode/{subject}", writing.get_mode),
    ("PUT", "mode/{subject}", writing.set_mode),
    ("DELETE", "mode/{subject}", writing.clear_mode),
)


@dataclass(frozen=True)
class Route:
    pattern: str
    segments: tuple[str, ...]
    handlers: dict[str, Handler]

    def parts(self, segments: Sequence[str]) -> dict[str, str] | None:
        """The values of the variable segments; None where the route does not fit."""
        found: dict[str, str] = {}
        for wanted, given in zip(self.segments, segments, strict=True):
            if wanted.startswith("{"):
                if not given:
                    return None
                found[wanted[1:-1]] = given
            elif wanted != given:
                return None
        return found


@dataclass(frozen=True)
class Match:
    route: Route
    parts: dict[str, str]


def _routes() -> dict[int, list[Route]]:
    by_pattern: dict[str, Route] = {}
    for method, pattern, handler in _TABLE:
        segments = tuple(pattern.split("/")) if pattern else ()
        route = by_pattern.setdefault(pattern, Route(pattern, segments, {}))
        route.handlers[method] = handler
    found: dict[int, list[Route]] = {}
    for route in by_pattern.values():
        found.setdefault(len(route.segments), []).append(route)
    return found


_ROUTES = _routes()


def split(path: str) -> list[str]:
    """The decoded segments of a path as it was sent."""
    pieces = path.strip("/").split("/") if path.strip("/") else []
    return [unquote(piece) for piece in pieces[: MAX_SEGMENTS + 1]]


def match(segments: Sequence[str]) -> Match | None:
    """The route of these segments, its subject perhaps put together from several."""
    if len(segments) > MAX_SEGMENTS:
        return None
    exact = _exact(segments)
    if exact is not None:
        return exact
    for length in sorted(_ROUTES, reverse=True):
        surplus = len(segments) - length
        if surplus <= 0:
            continue
        for route in _ROUTES[length]:
            if SUBJECT in route.segments:
                parts = route.parts(_joined(segments, route.segments.index(SUBJECT), surplus))
                if parts is not None:
                    return Match(route, parts)
    return None


def _exact(segments: Sequence[str]) -> Match | None:
    for route in _ROUTES.get(len(segments), []):
        parts = route.parts(segments)
        if parts is not None:
            return Match(route, parts)
    return None


def _joined(segments: Sequence[str], at: int, surplus: int) -> list[str]:
    """The segments with the subject's put together again by slashes."""
    end = at + surplus + 1
    return [*segments[:at], "/".join(segments[at:end]), *segments[end:]]
