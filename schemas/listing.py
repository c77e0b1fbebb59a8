"""Lists of subjects as people narrow them: one filter for pages, exports, search and REST.

Between the selectors and `schemas.views` and `schemas.api`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery, Value

from idp.common.compiled import Compiled, compile_rows
from idp.common.errors import NotVisible
from idp.common.narrowing import Narrowing
from rbac.access import visible
from rbac.actors import Actor
from rbac.models import Project, Team
from rbac.standing_queries import StandingQuery
from schemas import naming, selectors
from schemas.models import Context, Subject, SubjectVersion
from schemas.permissions import VIEW
from schemas.policies.models import PolicyFailure

PAGE_SIZE = 25
MAX_WRITTEN = 10_000  # subjects in one export
ANY = "1"  # no policy is called so
ORDER = ("context_id", "name")
COLUMNS = (
    "subject", "format", "latest_version", "lifecycle", "sunset_on", "owner", "project",
    "component", "contact", "tags", "created_at",
)  # fmt: skip


@dataclass(frozen=True)
class Filters(Narrowing):
    """What a list of subjects is narrowed to; empty text does not narrow."""

    q: str = ""
    name: str = ""  # exactly, as clients write it: `orders-value`, `:.ctx:orders-value`
    type: str = ""  # the format; `format` in an address asks REST for another rendering
    project: str = ""
    lifecycle: str = ""
    owner: str = ""
    context: str = ""
    component: str = ""
    fails: str = ""  # a policy's name, or "1" for any
    deleted: str = ""  # "1": only those whose versions are all deleted

    @property
    def _exact(self) -> dict[str, str]:
        found = {
            "format": self.type.upper(),
            "project__name": self.project,
            "state": self.lifecycle.lower(),
            "owner__name": self.owner,
            "context__name": self.context,
            "component": self.component,
        }
        return {lookup: value for lookup, value in found.items() if value}

    @property
    def values(self) -> list[str]:
        """As the database meets them, in one order for all filters of one form (`schemas.rows`)."""
        pattern = [f"%{connection.ops.prep_for_like_query(self.q)}%"] if self.q else []
        return [*self._exact.values(), *pattern]

    @property
    def condition(self) -> Q:
        found = Q(**self._exact)
        if self.q:
            # Most subjects name no component, and folding an empty text costs as much as another.
            component = ~Q(component="") & Q(component__icontains=self.q)
            found &= Q(name__icontains=self.q) | component
        if self.fails:
            rows = PolicyFailure.objects.order_by()
            named = rows if self.fails == ANY else rows.filter(policy__name=self.fails)
            found &= Q(pk__in=named.values("subject"))
        if self.name:
            wanted = naming.split(self.name)
            found &= Q(context__name=wanted.context, name=wanted.name)
        return found


def subjects(actor: Actor, filters: Filters) -> QuerySet[Subject]:
    """The subjects that the actor sees and the filters leave, unordered, with what rows show."""
    living = Q(latest=0, last_version__gt=0) if filters.deleted == "1" else Q(latest__gt=0)
    rows = Subject.objects.filter(living & filters.condition)
    return visible(actor, VIEW, rows).select_related("context", "project", "owner")


def subject(actor: Actor, pk: int) -> Subject:
    """One subject by its number, deleted ones too; raises `NotVisible`."""
    rows = selectors.with_places(Subject.objects.filter(last_version__gt=0))
    seen = visible(actor, VIEW, rows.select_related("owner", "project"))
    found = seen.filter(pk=pk).first()
    if found is None:
        raise NotVisible("There is nothing here, or you may not see it.")
    return found


@dataclass(frozen=True)
class Facets:
    """The values that a list can be narrowed to, of what the actor sees."""

    projects: tuple[str, ...]
    owners: tuple[str, ...]
    contexts: tuple[str, ...]


def facets(actor: Actor) -> Facets:
    """The names of which a subject is seen, in one query."""
    found: dict[str, list[str]] = {}
    for kind, name in _facets.of(actor).rows():
        found.setdefault(kind, []).append(name)
    return Facets(*(tuple(sorted(found.get(kind, ()))) for kind in ("project", "owner", "context")))


def _facet_rows(actor: Actor) -> Compiled:
    """A look into an index for each name: reading every subject costs several times more."""
    seen = visible(actor, VIEW, Subject.objects.filter(last_version__gt=0)).order_by()

    def named(rows: QuerySet[Any], kind: str) -> QuerySet[Any, Any]:
        found: QuerySet[Any, Any] = rows.order_by().annotate(kind=Value(kind))
        return found.values_list("kind", "name")

    projects = Project.objects.filter(Exists(seen.filter(project=OuterRef("pk"))))
    owners = Team.objects.filter(Exists(seen.filter(owner=OuterRef("pk"))))
    # Few contexts hold most subjects: without the order of the index, PostgreSQL joins them all.
    first = seen.filter(context=OuterRef("pk")).order_by("name").values("pk")[:1]
    contexts = Context.objects.alias(first=Subquery(first)).filter(first__isnull=False)
    return compile_rows(
        named(projects, "project").union(named(owners, "owner"), named(contexts, "context")), []
    )


_facets = StandingQuery(_facet_rows)


def exported(row: Subject) -> dict[str, Any]:
    """A subject as the exports say it, by `COLUMNS`."""
    return {
        "subject": str(row),
        "format": row.format,
        "latest_version": row.latest,
        "lifecycle": row.state,
        "sunset_on": row.sunset_on.isoformat() if row.sunset_on else "",
        "owner": row.owner.name,
        "project": row.project.name,
        "component": row.component,
        "contact": row.contact,
        "tags": row.tags,
        "created_at": row.created_at.isoformat(),
    }


def latest_versions(rows: QuerySet[Subject]) -> Iterator[tuple[Subject, SubjectVersion]]:
    """Each subject with its latest version and text, a few at a time."""
    pks = list(rows.order_by(*ORDER).values_list("pk", flat=True)[:MAX_WRITTEN])
    for start in range(0, len(pks), PAGE_SIZE):
        found = SubjectVersion.objects.filter(
            subject__in=pks[start : start + PAGE_SIZE], number=F("subject__latest")
        ).select_related("schema", "subject__context", "subject__owner")
        for version in found.order_by(*(f"subject__{key}" for key in ORDER)):
            yield version.subject, version
