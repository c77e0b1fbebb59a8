"""ETags and If-Match (RFC 9110, section 13.1): nobody overwrites what they have not seen."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from idp.common.errors import PreconditionFailed

_TAG = re.compile(r'(?:W/)?"([^"]*)"')


def etag_of(text: str) -> str:
    """A strong entity tag, in quotes, of the text that identifies a version."""
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def require_match(request: Any, current: str) -> None:
    """Raise `PreconditionFailed` where the request names another version than `current`.

    A request without If-Match passes, and so does `*`. `current` is a tag from `etag_of`.
    """
    header = request.headers.get("If-Match", "").strip()
    if not header or header == "*":
        return
    weak_current = current.removeprefix("W/").strip('"')
    if weak_current not in _TAG.findall(header[:4_000]):
        raise PreconditionFailed(
            "It was changed since you read it.",
            fix=f"Read it again, look at what changed, and send If-Match: {current}.",
        )
