"""What the REST views share: input, options from headers, ETags."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from environments import selectors
from environments.models import Environment
from environments.services.edits import Options
from idp.changes.models import Change
from idp.common.etags import require_match
from idp.common.idempotency import idempotency_key

MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="The ETag that you read; 412 where somebody changed it since.",
)
_DIGITS = 7


def etag(tree: str) -> str:
    """The entity tag of an environment: the tree id of its directory."""
    return f'"{tree}"'


def options(request: Request, data: dict[str, Any], environment: Environment) -> Options:
    """How the change is asked for, after If-Match was judged."""
    expected = ""
    if request.headers.get("If-Match"):
        expected = selectors.source(environment).tree
        require_match(request, etag(expected))
    return Options(
        origin=Change.Origin.API,
        message=data.get("message", ""),
        idempotency_key=idempotency_key(request),
        interactive=data.get("confirm", True),
        expected_tree=expected,
    )


def number(text: str, at: str, default: int, most: int) -> int:
    """A bounded number of the query string; 422 for what is none."""
    if not text:
        return default
    digits = text.isascii() and text.isdecimal() and len(text) <= _DIGITS
    if not digits or not 1 <= int(text) <= most:
        raise ValidationError({at: f"Use a number from 1 to {most}."})
    return int(text)
