"""Lists of subjects as pages and REST show them: columns of several tables, page by page.

Above `schemas.listing`, whose filters hold here too. A query is compiled once for each person and
form of filters, with marks in the place of what was typed: building it, and the models of all its
tables, costs several times what the database needs to answer it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, NamedTuple, Self

from django.db.models import F, FilteredRelation, Q
from rest_framework.exceptions import NotFound

from idp.common.compiled import CompiledValues
from idp.common.narrowing import MAX_WORD
from idp.common.pagination import KeysetPagination
from rbac.actors import Actor
from rbac.standing_queries import StandingQuery
from schemas import listing, naming
from schemas.addresses import page_at
from schemas.listing import ANY, ORDER, PAGE_SIZE, Filters
from schemas.words import look_at

_MARKS = {
    "q": "\x01q",
    "type": "\x01TYPE",
    "project": "\x01project",
    "lifecycle": "\x01lifecycle",
    "owner": "\x01owner",
    "context": "\x01context",
    "component": "\x01component",
}
_NUMBER, _NAME = 2**53 - 1, "\x01name"
_DIGITS = 19  # of a number that a column holds


class Row(NamedTuple):
    """What a page shows of a subject: of its newest version, too, unless all are deleted."""

    pk: int
    context_id: int
    context: str
    name: str
    format: str
    latest: int
    last_version: int
    state: str
    sunset_on: date | None
    owner: str
    project: str
    component: str
    created_at: datetime
    author: str | None
    registered_at: datetime | None

    @property
    def url(self) -> str:
        return page_at(self.pk, self.name)

    @property
    def look(self) -> str:
        return look_at(self.state, self.latest)


_SHOWN = (
    "pk", "context_id", "context__name", "name", "format", "latest", "last_version", "state",
    "sunset_on", "owner__name", "project__name", "component", "created_at",
    "newest__created_by__username", "newest__created_at",
)  # fmt: skip


class Listed(NamedTuple):
    """What REST says of a subject in a list."""

    id: int
    context: str
    name: str
    format: str
    latest: int
    state: str
    sunset_on: date | None
    owner: str
    project: str
    component: str
    contact: str
    tags: list[str]
    created_at: datetime
    deleted_at: datetime | None

    @property
    def subject(self) -> str:
        """Its name as registry clients write it."""
        return naming.qualified(self.context, self.name)


_LISTED = (
    "pk", "context__name", "name", "format", "latest", "state", "sunset_on", "owner__name",
    "project__name", "component", "contact", "tags", "created_at", "deleted_at",
)  # fmt: skip


def _marked(filters: Filters) -> Filters:
    """The form of filters: what is typed gives way to marks, and what has few values stays."""
    marks = {name: mark for name, mark in _MARKS.items() if getattr(filters, name)}
    return replace(filters, deleted="1" if filters.deleted == "1" else "", **marks)


def _query(
    standing: StandingQuery[CompiledValues], actor: Actor, filters: Filters, *form: Any
) -> CompiledValues:
    """The actor's query for such filters; not kept where their form holds a word that is typed."""
    marked = _marked(filters)
    typed = marked.name or marked.fails not in ("", ANY)
    return (standing.anew if typed else standing.of)(actor, marked, *form)


# -- pages --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Part:
    """A page of a list, with the cursors of the pages before and after it ("" for none)."""

    rows: list[Row]
    earlier: str = ""
    later: str = ""


def part(actor: Actor, filters: Filters, *, before: str = "", after: str = "") -> Part:
    """A page by context and name; a cursor that is not ours counts for none."""
    start, end = _cursor(after), _cursor(before)
    side = "lt" if end else "gt" if start else ""
    query = _query(_pages, actor, filters, side)
    found = [Row(*row) for row in query.rows(*filters.values, *(end or start or ()))]
    more, found = len(found) > PAGE_SIZE, found[:PAGE_SIZE]
    if end:
        found.reverse()
        return Part(found, _mark(found, 0) if more else "", _mark(found, -1))
    return Part(found, _mark(found, 0) if start else "", _mark(found, -1) if more else "")


def _page_rows(actor: Actor, form: Filters, side: str) -> CompiledValues:
    newest = FilteredRelation("versions", condition=Q(versions__number=F("latest")))
    rows = listing.subjects(actor, form).annotate(newest=newest)
    marks: list[object] = [*form.values]
    if side:
        rows = rows.filter(_beyond((_NUMBER, _NAME), side))
        marks += [_NUMBER, _NAME]
    order = [f"-{key}" for key in ORDER] if side == "lt" else ORDER
    return CompiledValues(rows.order_by(*order).values_list(*_SHOWN)[: PAGE_SIZE + 1], marks)


_pages = StandingQuery(_page_rows)


def _mark(rows: list[Row], at: int) -> str:
    return f"{rows[at].context_id}~{rows[at].name}" if rows else ""


def _cursor(text: str) -> tuple[int, str] | None:
    number, tilde, name = text.replace("\x00", "").partition("~")
    if not tilde or not (number.isascii() and number.isdecimal() and len(number) <= 9):  # noqa: PLR2004  # fits 32 bits
        return None
    return int(number), name[:MAX_WORD]


def _beyond(cursor: tuple[int, str], side: str) -> Q:
    context, name = cursor
    return Q(**{f"context_id__{side}": context}) | Q(context_id=context, **{f"name__{side}": name})


# -- REST ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Newest:
    """The list by number, as much of a queryset as DRF's cursor paging asks for."""

    actor: Actor
    filters: Filters
    order: tuple[str, ...] = ("-id",)
    position: tuple[str, int] | None = None  # the side of a number

    def order_by(self, *order: str) -> Self:
        return replace(self, order=order)

    def filter(self, **beyond: str) -> Self:
        """From a number on, `id__lt` or `id__gt`; raises `NotFound` for what is none."""
        ((lookup, text),) = beyond.items()
        number = text.removeprefix("-")
        if not (number.isascii() and number.isdecimal() and len(number) < _DIGITS):
            raise NotFound(KeysetPagination.invalid_cursor_message)
        return replace(self, position=(lookup, int(text)))

    def __getitem__(self, wanted: slice) -> Sequence[Listed]:
        lookup, number = self.position or ("", 0)
        span = (wanted.start, wanted.stop)
        query = _query(_newest, self.actor, self.filters, self.order, lookup, span)
        values = (*self.filters.values, *([number] if lookup else []))
        return [Listed(*row) for row in query.rows(*values)]


def _newest_rows(
    actor: Actor, form: Filters, order: tuple[str, ...], lookup: str, span: tuple[int, int]
) -> CompiledValues:
    rows = listing.subjects(actor, form).order_by(*order)
    marks: list[object] = [*form.values]
    if lookup:
        rows = rows.filter(**{lookup: _NUMBER})
        marks.append(_NUMBER)
    return CompiledValues(rows.values_list(*_LISTED)[slice(*span)], marks)


_newest = StandingQuery(_newest_rows)
