"""`id_tokens` and `secrets`: who a job can prove to be, and what it is given in confidence.

https://docs.gitlab.com/ci/yaml/#id_tokens and https://docs.gitlab.com/ci/yaml/#secrets. Beside the
vendors of the reference `slipway` names a secret that Slipway keeps.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pipelines.engine.problems import nearest, short
from pipelines.engine.source import Map
from pipelines.engine.values import forms
from pipelines.engine.values.forms import At

VENDORS = frozenset(
    {
        "akeyless",
        "aws_secrets_manager",
        "azure_key_vault",
        "gcp_secret_manager",
        "gitlab_secrets_manager",
        "vault",
    }
)
OWN = "slipway"
MAX_TOKENS = 100
_NAME = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class IdToken:
    """A variable that holds a signed token for these audiences."""

    name: str
    aud: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Secret:
    """A variable with a secret's value, or with the path of a file that holds it.

    `vendor` is `slipway` for what Slipway keeps; others are known, and not asked.
    """

    variable: str
    vendor: str
    name: str = ""
    version: str = ""
    file: bool = True

    @property
    def runs(self) -> bool:
        return self.vendor == OWN


def _each(given: Any, at: At) -> list[tuple[str, Any, At]]:
    if not isinstance(given, Map) or len(given) > MAX_TOKENS:
        raise at.wrong(f"takes a map of at most {MAX_TOKENS} names", "Write NAME: …")
    found = []
    for name, value in given.items():
        if not _NAME.fullmatch(name):
            message = f"has “{short(name)}”, which is no name of a variable"
            raise at.wrong(message, "Use letters, digits and underscores.")
        found.append((name, value, At(at.owner, f"{at.key}:{name}", given.at(name))))
    return found


def read_id_tokens(given: Any, at: At) -> tuple[IdToken, ...]:
    return tuple(_token(name, value, place) for name, value, place in _each(given, at))


def _token(name: str, value: Any, at: At) -> IdToken:
    form = forms.form(value, at, {"aud"})
    if not form.has("aud"):
        raise at.wrong("has no aud", "Add aud: https://….")
    return IdToken(name, forms.one_or_more(form.given["aud"], form.place("aud")))


def read_secrets(given: Any, at: At) -> tuple[Secret, ...]:
    return tuple(_secret(name, value, place) for name, value, place in _each(given, at))


def _secret(variable: str, value: Any, at: At) -> Secret:
    form = forms.form(value, at, {*VENDORS, OWN, "file", "token"})
    vendors = [name for name in form.given if name in {*VENDORS, OWN} and form.has(name)]
    if len(vendors) != 1:
        raise at.wrong("names no one place to take it from", "Write slipway: NAME.")
    file = form.flag("file", default=True)
    if vendors[0] != OWN:
        return Secret(variable, vendors[0], file=file)
    own, place = form.given[OWN], form.place(OWN)
    if not isinstance(own, Map):
        return Secret(variable, OWN, forms.name(own, place), file=file)
    inner = forms.form(own, place, {"name", "version"})
    if not inner.text("name").strip():
        raise place.wrong("has no name", nearest("name", inner.given) or "Add name: ….")
    return Secret(variable, OWN, inner.text("name"), inner.text("version"), file)
