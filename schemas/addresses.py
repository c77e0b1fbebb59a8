"""Addresses of pages about a subject: `/schemas/42-orders-value/`.

The number finds the row, the words after it are for people: a subject's name may hold `/`, `%` or
any other character, and servers disagree on what they do to those in a path.
"""

from __future__ import annotations

from functools import lru_cache

from django.urls import get_urlconf, reverse
from django.utils.text import slugify

from schemas.models import Subject

MAX_WORDS = 60
KEPT = 4096  # addresses of rows that were shown lately


class SubjectConverter:
    """The number of a subject, with or without words; the words are not looked at."""

    regex = r"[1-9][0-9]{0,8}(?:-[a-z0-9_-]*)?"

    def to_python(self, value: str) -> int:
        return int(value.partition("-")[0])

    def to_url(self, value: object) -> str:
        return _said(value.pk, value.name) if isinstance(value, Subject) else str(value)


def page_of(subject: Subject, action: str = "") -> str:
    """The path of a subject's page, or of one of its actions, as `edit`."""
    return reverse(f"schemas:{action or 'subject'}", args=[subject])


def page_at(pk: int, name: str) -> str:
    """As `page_of`, where a list has no models."""
    return _page_at(pk, name, get_urlconf())


@lru_cache(maxsize=KEPT)
def _page_at(pk: int, name: str, _urlconf: str | None) -> str:
    return reverse("schemas:subject", args=[_said(pk, name)])


def _said(pk: int, name: str) -> str:
    words = slugify(name)[:MAX_WORDS].strip("-")
    return f"{pk}-{words}" if words else str(pk)


def api_of(subject: Subject) -> str:
    return api_at(subject.pk)


def api_at(pk: int) -> str:
    return _api_at(pk, get_urlconf())


@lru_cache(maxsize=KEPT)
def _api_at(pk: int, _urlconf: str | None) -> str:
    return reverse("subject", args=[pk])
