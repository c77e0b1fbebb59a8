"""What a list is narrowed to, as addresses say it: texts by name, empty for no narrowing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Self
from urllib.parse import urlencode

MAX_WORD = 255


def query(parts: Mapping[str, str]) -> str:
    """The query string of an address; empty without parts."""
    return f"?{urlencode(parts)}" if parts else ""


def pages(given: Mapping[str, str], *, earlier: str, later: str) -> dict[str, str]:
    """The addresses of the pages before and behind, as templates name them; empty for none."""
    return {
        "previous": query({**given, "before": earlier}) if earlier else "",
        "next": query({**given, "after": later}) if later else "",
    }


def chips(
    given: Mapping[str, str],
    path: str,
    labels: Mapping[str, str] = MappingProxyType({}),
    words: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
) -> list[dict[str, str]]:
    """What narrows the list at `path`, each with the address of the list without it.

    `labels` say a parameter in other words, `words` its values.
    """
    return [
        {
            "label": labels.get(name, "text" if name == "q" else name),
            "value": words.get(name, {}).get(value, value),
            "url": path + query({key: one for key, one in given.items() if key != name}),
        }
        for name, value in given.items()
    ]


@dataclass(frozen=True)
class Narrowing:
    """Base: each field of a subclass is a text with the default ""."""

    @classmethod
    def read(cls, query: Mapping[str, str]) -> Self:
        """The filters in a query string; other keys are left to others."""
        names = [entry.name for entry in fields(cls)]
        given = {name: str(query.get(name, "")).replace("\x00", "").strip() for name in names}
        return cls(**{name: value[:MAX_WORD] for name, value in given.items()})

    @property
    def given(self) -> dict[str, str]:
        """The query parameters that bring this list back."""
        pairs = ((entry.name, str(getattr(self, entry.name))) for entry in fields(self))
        return {name: value for name, value in pairs if value}
