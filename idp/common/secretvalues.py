"""What must not enter git: values that look like secrets, by their form or by their name.

The shapes are those that issuers publish so that scanners find them. A name that says “password”
is not enough: placeholders, references, paths and plain words pass.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

_SHAPES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("an AWS access key", re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")),
    ("a GitHub token", re.compile(r"\b(?:gh[oprsu]_[A-Za-z0-9]{30,}|github_pat_\w{22,})")),
    ("a GitLab token", re.compile(r"\bglpat-[\w-]{20,}")),
    ("a Slack token", re.compile(r"\bxox[abeoprs]-[\w-]{10,}")),
    ("a Stripe key", re.compile(r"\b[rs]k_live_[A-Za-z0-9]{16,}")),
    ("a Google API key", re.compile(r"\bAIza[\w-]{35}")),
    ("an npm token", re.compile(r"\bnpm_[A-Za-z0-9]{36}\b")),
    ("a PyPI token", re.compile(r"\bpypi-AgE[\w-]{50,}")),
    ("a SendGrid key", re.compile(r"\bSG\.[\w-]{22}\.[\w-]{43}")),
    ("an API key", re.compile(r"\bsk-(?:ant|proj)-[\w-]{20,}")),
    ("a Slipway token", re.compile(r"\bslp_[a-z0-9]{12}_[\w-]{43}")),
    ("a signed token", re.compile(r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}")),
    ("a private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----")),
)
_ADDRESS = re.compile(r"\w://[^/\s:@]*:([^/\s@]+)@")
_QUERY = re.compile(r"[?&;](?:password|passwd|pwd|secret|token|api_?key)=([^&;\s]+)", re.IGNORECASE)
# A file's line like `spring.datasource.password=…` or `"token": "…"`; no prose and no code.
_LINE = re.compile(
    r"[\s\"'{,-]*([A-Za-z_][\w.-]{0,127})[\"']?\s*[:=]\s*((?![\w.]+[(\[])\S+)\s*(?:#.*)?$"
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

_PASSWORDS = frozenset({"password", "passwd", "passphrase", "passwort", "pwd"})
_RANDOM = frozenset({"secret", "token", "key", "apikey", "credential", "credentials"})
# Keys by which something is found, or that everyone may know.
_OPEN_KEYS = frozenset(
    {"public", "partition", "sort", "primary", "foreign", "routing", "cache"}
    | {"publishable", "site", "topology"}
)
_PLACEHOLDER = re.compile(
    r"(?:please[-_ ]?)?(?:change|replace)[-_ ]?(?:me|it|this)\W*|your[-_ ].*|<.*>|\[.*\]"
    r"|example|placeholder|todo|tbd|dummy|secret|password|none|null|true|false|yes|no|on|off"
    r"|unset|empty|redacted|hidden|enabled|disabled|required|optional|str(?:ing)?|x+|[\W_]*",
    re.IGNORECASE | re.DOTALL,
)
_REFERENCE = re.compile(
    r"\$\(.*\)|\$?\{.*\}|\$[A-Z_][A-Z0-9_]*|%\w+%|[a-z0-9._-]+@[1-9][0-9]{0,8}"
    r"|(?:arn|vault|file|env|ref|op|awssm|secret):.*|[~.]{0,2}/[\w./-]*|[\w+.-]+://.*",
    re.DOTALL,
)
_SHORTEST_PASSWORD, _SHORTEST_RANDOM = 6, 12
_BITS = 3.0  # Shannon's, a character: words stay below it, random texts of this length do not


def kind_of(name: str, value: str) -> str:
    """What a value under a name looks like, in words; empty for what may stand in git."""
    for kind, shape in _SHAPES:
        if shape.search(value):
            return kind
    if any(not _harmless(each) for each in _ADDRESS.findall(value)):
        return "an address with a password"
    if any(not _harmless(each) for each in _QUERY.findall(value)):
        return "an address with a credential"
    if kind := _named(name, value):
        return kind
    pairs = (_LINE.match(line) for line in value.splitlines())
    found = (_named(pair[1], pair[2].strip("\"',}; \t")) for pair in pairs if pair)
    return next((kind for kind in found if kind), "")


def found_in(value: Any, at: str, name: str = "") -> Iterator[tuple[str, str]]:
    """Where a tree of maps and lists holds what looks like a secret, and what it looks like.

    A map of `name` and `value`, as containers list their variables, counts as one entry.
    """
    if isinstance(value, str):
        if kind := kind_of(name, value):
            yield at, kind
    elif isinstance(value, Mapping):
        pair = value.get("name") if isinstance(value.get("value"), str) else None
        for key, child in value.items():
            called = pair if key == "value" and isinstance(pair, str) else str(key)
            yield from found_in(child, f"{at}.{key}", called)
    elif isinstance(value, list):
        for number, child in enumerate(value):
            yield from found_in(child, f"{at}[{number}]", name)


def _named(name: str, value: str) -> str:
    """What a value is by its name's last word, where it is no placeholder and no reference."""
    words = [word.lower() for word in _WORD.findall(name)]
    if not words or "\n" in value or _harmless(value):
        return ""
    if words[-1] in _PASSWORDS and len(value) >= _SHORTEST_PASSWORD:
        return "a password"
    if words == ["key"]:  # the field of Kubernetes that names an entry or a label
        return ""
    if words[-1] in _RANDOM and not _OPEN_KEYS & set(words) and _random(value):
        return f"a {words[-1]}" if words[-1] != "apikey" else "an API key"
    return ""


def _harmless(value: str) -> bool:
    return bool(_PLACEHOLDER.fullmatch(value) or _REFERENCE.fullmatch(value))


def _random(value: str) -> bool:
    """Whether a text is no word or name: long, of two sorts of signs, with much in each."""
    if len(value) < _SHORTEST_RANDOM or " " in value:
        return False
    sorts = [re.search(r"[0-9]", value), re.search(r"[a-z]", value), re.search(r"[A-Z]", value)]
    counts = Counter(value).values()
    bits = -sum(n / len(value) * math.log2(n / len(value)) for n in counts)
    return sum(map(bool, sorts)) > 1 and bits >= _BITS
