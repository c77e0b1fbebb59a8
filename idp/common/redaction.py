"""What must not reach a log: values under telling names, tokens, credentials in addresses."""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from typing import Any

HIDDEN = "[hidden]"
MAX_DEPTH = 6

_NAMES = re.compile(
    r"pass(word|wd|phrase)?$|secret|token|authorization|cookie|credential|api_?key|private_?key"
    r"|encryption_?key|kubeconfig|session_?id|csrf",
    re.IGNORECASE,
)
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\bslp_([a-z0-9]{12})_[A-Za-z0-9_-]+"), rf"slp_\1_{HIDDEN}"),
    (
        re.compile(r"\b(Bearer|Basic|Token)\s+[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE),
        rf"\1 {HIDDEN}",
    ),
    (re.compile(r"(\w://[^/\s:@]*):[^/\s@]+@"), rf"\1:{HIDDEN}@"),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), HIDDEN),
    (re.compile(r"\bgAAAA[A-Za-z0-9_=-]{40,}"), HIDDEN),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END[^\n]*|\Z)", re.DOTALL), HIDDEN),
    # One-time links: a long random part of an address.
    (re.compile(r"(?<=/)(?=[A-Za-z_-]*\d)[A-Za-z0-9_-]{32,}(?=/|\s|\?|$)"), HIDDEN),
    (
        re.compile(r"([?&](?:token|key|secret|code|password)=)[^&\s]+", re.IGNORECASE),
        rf"\1{HIDDEN}",
    ),
)


def redact_text(text: str) -> str:
    """The text with what looks like a credential replaced."""
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def redact(value: Any, *, depth: int = 0) -> Any:
    """The value with secrets hidden, in maps by their names and in every text by its form."""
    if isinstance(value, str):
        return redact_text(value)
    if depth >= MAX_DEPTH:
        return value if isinstance(value, (int, float, bool, type(None))) else HIDDEN
    if isinstance(value, Mapping):
        return {
            key: HIDDEN if item and _NAMES.search(str(key)) else redact(item, depth=depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple, set, frozenset)):
        return [redact(item, depth=depth + 1) for item in value]
    return value


def redact_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
    """Structlog processor: hides what `redact` hides; keys that start with `_` stay as they are."""
    inner = {key: item for key, item in event.items() if key.startswith("_")}
    return {**redact({k: v for k, v in event.items() if k not in inner}), **inner}
