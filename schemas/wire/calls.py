"""Requests and replies of the wire API as plain values, whatever server they came through.

The servers' adapters make a `Call` and write an `Answer`; handlers see a `Request`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

from django.http import HttpRequest

from idp.common.errors import SlipwayError
from rbac.actors import Actor
from rbac.requests import address_of
from schemas import naming
from schemas.errors import InvalidCandidate
from schemas.naming import SubjectName

MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"
MEDIA_TYPES = (MEDIA_TYPE, "application/vnd.schemaregistry+json", "application/json")
BODY_TYPES = frozenset({*MEDIA_TYPES, "application/octet-stream"})
MAX_BODY = 8 * 1024 * 1024  # bytes; a schema of 1,000,000 characters, escaped, with room for rules
MAX_QUERY = 200  # parameters
MAX_PAGE = 10_000
_TRUE = frozenset({"true", "1", "yes", "on"})


class Refused(SlipwayError):
    """A refusal below the registry's own numbers: of HTTP itself."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.error_code = status
        self.headers = dict(headers or {})


@dataclass(frozen=True)
class Call:
    """One request: `path` is what stands behind the prefix, as it was sent, still encoded."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)  # names in lower case
    body: bytes = b""
    address: str | None = None


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    route: str = ""


@dataclass(frozen=True)
class Reply:
    """What a handler says: a value, or a text that is not quoted; `etag` where it is fixed."""

    value: Any
    text: bool = False
    etag: str = ""
    immutable: bool = False


@dataclass(frozen=True)
class Request:
    """A call whose sender is known; `parts` are the path's variable segments, decoded."""

    call: Call
    actor: Actor
    context: str
    parts: Mapping[str, str]
    user_name: str = ""  # beside a Basic token: may name the project

    @cached_property
    def query(self) -> dict[str, list[str]]:
        """By lower-case name without underscores: `deletedOnly` and `deleted_only` are one."""
        try:
            pairs = parse_qsl(
                self.call.query, keep_blank_values=True, max_num_fields=MAX_QUERY, errors="replace"
            )
        except ValueError:
            raise Refused(400, f"More than {MAX_QUERY} query parameters.") from None
        found: dict[str, list[str]] = {}
        for name, value in pairs:
            found.setdefault(name.replace("_", "").lower(), []).append(value)
        return found

    def text(self, name: str, default: str = "") -> str:
        return self.query.get(name.lower(), [default])[-1].replace("\x00", "")

    def flag(self, name: str) -> bool:
        """Python clients write `True`, others `true`."""
        return self.text(name).lower() in _TRUE

    def number(self, name: str, default: int) -> int:
        text = self.text(name)
        digits = text.removeprefix("-")
        if not text:
            return default
        if not (digits.isascii() and digits.isdigit() and len(digits) < 10):  # noqa: PLR2004  # below 2**31
            raise Refused(404, "HTTP 404 Not Found")
        return int(text)

    @property
    def page(self) -> slice:
        """`offset` and `limit`; a limit below 1 means no limit of the caller's."""
        start = max(0, self.number("offset", 0))
        limit = self.number("limit", -1)
        return slice(start, start + min(limit if limit > 0 else MAX_PAGE, MAX_PAGE))

    @property
    def subject(self) -> SubjectName:
        return naming.parse(self.parts["subject"], self.context)

    @property
    def place(self) -> SubjectName:
        """A subject, or a whole context, or the registry where the path names neither."""
        text = self.parts.get("subject", "")
        if text:
            return naming.place(text, self.context)
        return SubjectName(naming.GLOBAL if self.context == naming.DEFAULT else self.context, "")

    @property
    def project(self) -> str:
        """The project that a new subject is meant for, by header, parameter or user name."""
        header = self.call.headers.get("x-slipway-project", "")
        return header or self.text("project") or self.user_name

    @cached_property
    def json(self) -> dict[str, Any]:
        """The body, an object; raises `Refused` (400, 422) for what is none."""
        try:
            found = json.loads(self.call.body or b"null")
        except (ValueError, RecursionError):
            raise Refused(400, "The body is not JSON.") from None
        if not isinstance(found, dict):
            raise InvalidCandidate("The body is not a JSON object.")
        if b"\\u" in self.call.body:
            _require_text(found)
        return found


def _require_text(value: Mapping[str, Any]) -> None:
    """Refuse escapes of what no column stores: NUL and halves of surrogate pairs."""
    try:
        plain = json.dumps(value, ensure_ascii=False).encode()
    except (UnicodeEncodeError, RecursionError):
        raise InvalidCandidate("The body holds half of a surrogate pair.") from None
    if b"\\u0000" in plain.replace(b"\\\\", b""):
        raise InvalidCandidate("The body holds a NUL character.")


def address_in(meta: Mapping[str, Any]) -> str | None:
    """The caller's address by the variables of its request, behind a trusted proxy too."""
    request = HttpRequest()
    request.META = dict(meta)
    return address_of(request)


def media_type(accept: str) -> str:
    """The best of ours that the sender takes; raises `Refused` (406)."""
    if not accept.strip():
        return MEDIA_TYPE
    offered: Sequence[str] = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    for ours in MEDIA_TYPES:
        if ours in offered:
            return ours
    if any(part in {"*/*", "application/*"} for part in offered):
        return MEDIA_TYPE
    raise Refused(406, "HTTP 406 Not Acceptable")
