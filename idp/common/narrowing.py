"""What a list is narrowed to, as addresses say it: texts by name, empty for no narrowing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Self

MAX_WORD = 255


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
