"""Scripts as lines; lists in lists, as !reference brings them, are flattened.

https://docs.gitlab.com/ci/yaml/#script
"""

from __future__ import annotations

from typing import Any

from pipelines.engine.source import Items
from pipelines.engine.values import forms
from pipelines.engine.values.forms import At

MAX_LINES = 20_000
_DEPTH = 10


def read_script(given: Any, at: At) -> tuple[str, ...]:
    lines: list[str] = []

    def add(value: Any, depth: int) -> None:
        if isinstance(value, str):
            lines.append(value)
        elif isinstance(value, Items) and depth <= _DEPTH:
            for one in value:
                add(one, depth + 1)
        else:
            raise at.wrong("takes a text or a list of texts", "Quote the line with “: ” in it.")
        if len(lines) > MAX_LINES:
            raise at.wrong(f"has more than {MAX_LINES} lines", "Put them into a file.")

    add(given, 0)
    return tuple(lines)


def read_hooks(given: Any, at: At) -> tuple[str, ...]:
    """The lines that run before the sources are fetched."""
    form = forms.form(given, at, {"pre_get_sources_script"})
    if not form.has("pre_get_sources_script"):
        return ()
    return read_script(form.given["pre_get_sources_script"], form.place("pre_get_sources_script"))
