"""The Jinja2 environment (settings `TEMPLATES`) in which the rows of long tables are rendered."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from jinja2 import Environment

from portal.templatetags import slipway


def environment(**options: Any) -> Environment:
    """Jinja2 with autoescape and the tags of `{% load slipway %}` as functions."""
    made = Environment(**{**options, "autoescape": True})  # noqa: S701  # it is on, in a mapping
    made.globals.update(
        url=reverse,
        icon=slipway.icon,
        status=slipway.status,
        status_icon=slipway.status_icon,
        pill=slipway.pill,
        ago=slipway.ago,
        tier=slipway.tier,
        person=slipway.person,
        avatar=slipway.avatar,
        copy=slipway.copy,
    )
    made.filters["tone"] = slipway.tone
    return made
