"""A field for each input that a CI file declares; the engine judges what comes of it."""

from __future__ import annotations

import json
from typing import Any

from django import forms

from pipelines.engine.inputs import Input, as_text

_PLAIN = {"autocomplete": "off", "spellcheck": "false"}
DEFAULT = "Leave empty for its default."


def field_of(one: Input) -> forms.Field:
    """Text, number, check box, list or choice, with the default filled in."""
    shared: dict[str, Any] = {"label": one.name[:200], "required": one.required}
    known = not one.required and not one.rules
    if one.type == "boolean":
        shared["required"] = False
        return forms.BooleanField(
            **shared, initial=known and bool(one.default), help_text=one.description
        )
    text = _written(one) if known else ""
    if one.options:
        names = [as_text(option) for option in one.options]
        choices = [*([] if known else [("", "Choose…")]), *((name, name) for name in names)]
        return forms.ChoiceField(**shared, choices=choices, initial=text, help_text=one.description)
    return forms.CharField(
        **shared, initial=text, strip=False, widget=_widget(one, text), help_text=_help(one)
    )


def left_out(one: Input, value: Any) -> bool:
    """Whether nothing was written, so that the file's default holds."""
    if one.type == "boolean":
        return bool(one.rules) and not value
    return value == "" and (one.type != "string" or one.required or bool(one.rules))


def _written(one: Input) -> str:
    if one.type == "array":
        return json.dumps(list(one.default), ensure_ascii=False, default=str)
    return as_text(one.default)


def _widget(one: Input, text: str) -> forms.Widget:
    if "\n" in text:
        return forms.Textarea(attrs={"rows": 4, "class": "sw-mono", **_PLAIN})
    keys = {"inputmode": "decimal"} if one.type == "number" else {}
    return forms.TextInput(attrs={**_PLAIN, **keys})


def _help(one: Input) -> str:
    parts = [f"{one.description.rstrip('. ')}." if one.description.strip(". ") else ""]
    if one.type == "number":
        parts.append("A number.")
    if one.type == "array":
        parts.append('A list: ["one", "two"].')
    if one.regex:
        parts.append(f"Fits {one.regex if one.regex.startswith('/') else f'/{one.regex}/'}.")
    if one.rules:
        parts.append(f"What it takes depends on the others. {DEFAULT}")
    return " ".join(part for part in parts if part)
