"""Subjects that live beside the wire prefix: pages and REST keep them, Kafka clients never do.

They share names, ids and settings with the others, so that ownership, dependants and gates know
one kind of subject. The wire application wraps each of its calls in `on_the_wire`, under which the
selectors answer as if there were none.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.db.models import Q

from schemas.formats.base import FormatName

FORMATS = frozenset({FormatName.OPENAPI.value})
_wire: ContextVar[bool] = ContextVar("schemas_wire", default=False)


@contextmanager
def on_the_wire() -> Iterator[None]:
    """What is asked inside comes from a registry client."""
    before = _wire.set(True)
    try:
        yield
    finally:
        _wire.reset(before)


def hidden(format_name: str) -> bool:
    """Whether whoever asks at this moment may not know of subjects of a format."""
    return format_name in FORMATS and _wire.get()


def served(lookup: str = "format") -> Q:
    """Condition on rows that registry clients meet; `lookup` leads to the format."""
    return ~Q(**{f"{lookup}__in": sorted(FORMATS)})
