"""Which calls of the wire API show that their sender reads or writes a subject.

Registering and looking up is what a writer does, fetching a schema or a version what a reader does.
Called by `application` after an answer, so only what exists and is visible comes here.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from schemas.dependants.models import Role
from schemas.traffic import noting
from schemas.traffic.buffer import Use
from schemas.wire.calls import Request

_READS, _WRITES = Role.CONSUMER, Role.PRODUCER
_VERSION = "subjects/{subject}/versions/{version}"
_ROLES: Mapping[tuple[str, str], Role] = {
    ("GET", "schemas/ids/{id}"): _READS,
    ("GET", "schemas/ids/{id}/schema"): _READS,
    ("GET", "schemas/guids/{guid}"): _READS,
    ("GET", _VERSION): _READS,
    ("GET", f"{_VERSION}/schema"): _READS,
    ("GET", "subjects/{subject}/metadata"): _READS,
    ("POST", "subjects/{subject}"): _WRITES,
    ("POST", "subjects/{subject}/versions"): _WRITES,
}


def note(request: Request, pattern: str) -> None:
    """Keep what an answered call showed; nothing of most calls."""
    role = _ROLES.get((request.call.method, pattern))
    token = request.actor.token
    if role is None or token is None:
        return
    parts = request.parts
    if "subject" in parts:
        use = Use(role, request.context, parts["subject"])
    else:
        about = request.text("subject") if request.call.query else ""
        guid = str(UUID(parts["guid"])) if "guid" in parts else ""
        use = Use(role, request.context, about, int(parts.get("id", 0)), guid)
    noting.note(token, use)
