"""Addresses of pages about a subject: `/schemas/42-orders-value/`.

The number finds the row, the words after it are for people: a subject's name may hold `/`, `%` or
any other character, and servers disagree on what they do to those in a path.
"""

from __future__ import annotations

from django.urls import reverse
from django.utils.text import slugify

from schemas.models import Subject

MAX_WORDS = 60


class SubjectConverter:
    """The number of a subject, with or without words; the words are not looked at."""

    regex = r"[1-9][0-9]{0,8}(?:-[a-z0-9_-]*)?"

    def to_python(self, value: str) -> int:
        return int(value.partition("-")[0])

    def to_url(self, value: object) -> str:
        if not isinstance(value, Subject):
            return str(value)
        words = slugify(value.name)[:MAX_WORDS].strip("-")
        return f"{value.pk}-{words}" if words else str(value.pk)


def page_of(subject: Subject, action: str = "") -> str:
    """The path of a subject's page, or of one of its actions, as `edit`."""
    return reverse(f"schemas:{action or 'subject'}", args=[subject])


def api_of(subject: Subject) -> str:
    return reverse("subject", args=[subject.pk])
