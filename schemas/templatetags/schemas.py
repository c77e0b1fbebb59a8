"""Words of the registry's pages: `{% load schemas %}`."""

from __future__ import annotations

import json
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from schemas import words

register = template.Library()
MAX_BRIEF = 120
register.filter("kind_in_words", words.kind_in_words)
register.filter("side_of", words.side_of)
register.filter("without_side", words.without_side)


@register.filter
def brief(value: Any) -> SafeString:
    """An old or new value in one line."""
    if value is None:
        return format_html("{}", "nothing")
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    cut = text if len(text) <= MAX_BRIEF else f"{text[:MAX_BRIEF]}…"
    return format_html("<code>{}</code>", cut)


@register.filter
def ticks(sentence: str) -> SafeString:
    """A sentence whose names stand between backticks, those as code."""
    parts = sentence.split("`")
    if len(parts) % 2 == 0:  # a name that holds a backtick itself
        return format_html("{}", sentence)
    return format_html_join(
        "",
        "{}",
        (
            (format_html("<code>{}</code>", part) if at % 2 else part,)
            for at, part in enumerate(parts)
        ),
    )


@register.filter
def pairs(values: Any) -> str:
    """The members of an audit record's side in one line."""
    if not isinstance(values, dict):
        return "" if values is None else str(values)[:MAX_BRIEF]
    return ", ".join(f"{key} {_plain(item)}"[:MAX_BRIEF] for key, item in values.items())


def _plain(value: Any) -> str:
    if value in ("", None, []):
        return "empty"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
