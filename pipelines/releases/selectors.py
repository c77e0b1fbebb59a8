"""Reads of releases; each takes the actor who asks."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q, QuerySet

from idp.common import keyset
from idp.common.narrowing import Narrowing
from pipelines.permissions import VIEW
from pipelines.releases.models import Release
from rbac.access import get_visible, visible
from rbac.actors import Actor

PAGE_SIZE = 20


@dataclass(frozen=True)
class Filters(Narrowing):
    """What the list is narrowed to; empty text does not narrow."""

    q: str = ""
    project: str = ""

    @property
    def condition(self) -> Q:
        found = Q(project__name=self.project) if self.project else Q()
        return found & (Q(tag__icontains=self.q) | Q(name__icontains=self.q)) if self.q else found


def releases(actor: Actor, filters: Filters = Filters()) -> QuerySet[Release]:
    """Those of the projects whose pipelines the actor sees, unordered."""
    rows = Release.objects.filter(filters.condition).select_related("project__scope", "pipeline")
    return visible(actor, VIEW, rows).defer("pipeline__given", "pipeline__problems")


def release(actor: Actor, pk: int) -> Release:
    """One; raises `NotVisible`."""
    return get_visible(actor, VIEW, releases(actor), pk=pk)


def part(rows: QuerySet[Release], *, before: str = "", after: str = "") -> keyset.Part[Release]:
    """A page, newest first; a cursor that is not ours counts for none."""
    return keyset.part(rows, ("-pk",), size=PAGE_SIZE, before=before, after=after)
