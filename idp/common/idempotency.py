"""The `Idempotency-Key` header: a repeated request answers with the first one's change."""

from __future__ import annotations

import re
from typing import Any

from idp.common.errors import FieldError, Invalid

MAX_KEY = 120
_KEY = re.compile(r'"?([\x21\x23-\x7e]{1,120})"?')


def idempotency_key(request: Any) -> str:
    """The key that the caller chose, or ""; `Invalid` where it has no allowed form."""
    header = request.headers.get("Idempotency-Key")
    if header is None:
        return ""
    match = _KEY.fullmatch(header.strip())
    if not match:
        message = f"The key is not 1 to {MAX_KEY} printable characters without spaces."
        fix = "Send a fresh UUID."
        raise Invalid(
            message, fix=fix, errors=[FieldError("Idempotency-Key", "form", message, fix)]
        )
    return match[1]
