"""Reads of imports and exports: what an actor may see of a run, and what an archive holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from rbac.access import get_visible, require, visible
from rbac.actors import Actor
from schemas import listing, naming
from schemas import selectors as registry
from schemas.listing import Filters
from schemas.models import Context, SchemaReference, Subject, SubjectVersion
from schemas.permissions import CONFIGURE, VIEW
from schemas.transfer import archives
from schemas.transfer.judging import COLLIDES
from schemas.transfer.models import ImportRun, ImportVersion
from schemas.wire import bodies

Outcome = ImportVersion.Outcome
CHUNK = 500
SHOWN = 10


def runs(actor: Actor) -> QuerySet[ImportRun]:
    rows = ImportRun.objects.select_related("project__team", "project__scope", "actor")
    return visible(actor, CONFIGURE, rows)


def run(actor: Actor, pk: int) -> ImportRun:
    """A run, for whoever may import into its project; others who see the project get 403."""
    rows = ImportRun.objects.select_related(
        "project__team", "project__scope", "actor", "token__user"
    )
    found = get_visible(actor, VIEW, rows, pk=pk)
    require(actor, CONFIGURE, found.project.scope)
    return found


@dataclass(frozen=True)
class Summary:
    """What a run found and what came of it, in numbers; collisions by the ids that collide."""

    subjects: int
    versions: int
    outcomes: dict[str, int]
    deleted: int
    collisions: int
    colliding: list[int]

    @property
    def sentence(self) -> str:
        """As “412 subjects, 1,240 versions; 3 ids collide (7, 9, 12).” says it."""
        words = [f"{self.subjects:,} {_plural(self.subjects, 'subject')}"]
        words.append(f"{self.versions:,} {_plural(self.versions, 'version')}")
        text = ", ".join(words)
        if self.collisions:
            ids = ", ".join(map(str, self.colliding))
            more = ", …" if self.collisions > len(self.colliding) else ""
            verb = "id collides" if self.collisions == 1 else "ids collide"
            text += f"; {self.collisions:,} {verb} ({ids}{more})"
        return f"{text}."

    def of(self, outcome: str) -> int:
        return self.outcomes.get(outcome, 0)


def _plural(count: int, word: str) -> str:
    return word if count == 1 else f"{word}s"


def summary(row: ImportRun) -> Summary:
    versions = ImportVersion.objects.filter(run=row)
    counted = versions.values_list("outcome").annotate(Count("pk")).order_by()
    outcomes = dict(counted)
    collide = versions.filter(outcome=Outcome.REFUSED, reason__startswith=f"{COLLIDES} ")
    ids = collide.order_by("schema_id").values_list("schema_id", flat=True).distinct()
    return Summary(
        subjects=row.subjects.count(),
        versions=sum(outcomes.values()),
        outcomes=outcomes,
        deleted=versions.filter(deleted=True).count(),
        collisions=ids.count(),
        colliding=list(ids[:SHOWN]),
    )


def versions(
    actor: Actor, row: ImportRun, *, outcome: str = "", text: str = ""
) -> QuerySet[ImportVersion]:
    """A run's versions in subjects' order, those of projects that the actor may configure."""
    rows = ImportVersion.objects.filter(run=row).defer("text", "metadata", "rule_set")
    rows = rows.filter(subject__in=visible(actor, CONFIGURE, row.subjects.all()))
    if outcome in Outcome.values:
        rows = rows.filter(outcome=outcome)
    if text:
        rows = rows.filter(subject__source__icontains=text.replace("\0", "")[:255])
    return rows.select_related("subject__project")


def report(actor: Actor, row: ImportRun) -> Iterator[dict[str, Any]]:
    """Every version with what came of it, for files."""
    rows = versions(actor, row).order_by("subject__context", "subject__name", "number")
    for one in rows.iterator(chunk_size=CHUNK):
        yield {
            "source": one.subject.source,
            "subject": name_here(one),
            "project": one.subject.project.name,
            "version": one.number,
            "id": one.schema_id,
            "format": one.format,
            "deleted": one.deleted,
            "outcome": one.outcome,
            "reason": one.reason,
            "subject_problem": one.subject.problem,
        }


# -- exports --------------------------------------------------------------------------------------


def exported(
    actor: Actor, filters: Filters, *, deleted: bool = False, alone: bool = False
) -> Iterator[bytes]:
    """The bytes of an archive of what the filters leave, with what it refers to unless `alone`."""
    chosen = listing.subjects(actor, filters) if not deleted else _with_deleted(actor, filters)
    rows = SubjectVersion.objects.filter(subject__in=chosen.order_by().values("pk"))
    if not deleted:
        rows = rows.filter(deleted_at=None)
    pks = set(rows.values_list("pk", flat=True))
    if not alone:
        pks |= _referenced(actor, pks)
    ordered = _ordered(pks)
    head = {"exported_at": timezone.now().isoformat(timespec="seconds")}
    return archives.pack(_loaded(ordered), head, _settings(pks))


def _with_deleted(actor: Actor, filters: Filters) -> QuerySet[Subject]:
    rows = Subject.objects.filter(filters.condition, last_version__gt=0)
    return visible(actor, VIEW, rows)


def _referenced(actor: Actor, pks: set[int]) -> set[int]:
    """The versions that these refer to, to the bottom, as far as the actor sees them."""
    found: set[int] = set()
    level = pks
    while level:
        targets = {
            target
            for part in _parts(level)
            for target in SchemaReference.objects.filter(schema__versions__in=part).values_list(
                "target", flat=True
            )
        }
        level = targets - pks - found
        found |= level
    seen = visible(actor, VIEW, SubjectVersion.objects.all())
    rows = (seen.filter(pk__in=part).values_list("pk", flat=True) for part in _parts(found))
    return {pk for part in rows for pk in part}


def _parts(pks: Iterable[int]) -> Iterator[list[int]]:
    ordered = sorted(pks)
    for start in range(0, len(ordered), CHUNK):
        yield ordered[start : start + CHUNK]


def _ordered(pks: set[int]) -> list[int]:
    """The versions by context, subject and number."""
    keys: list[tuple[str, str, int, int]] = []
    for part in _parts(pks):
        rows = SubjectVersion.objects.filter(pk__in=part)
        keys += rows.values_list("subject__context__name", "subject__name", "number", "pk")
    return [key[-1] for key in sorted(keys)]


def _loaded(ordered: list[int]) -> Iterator[SubjectVersion]:
    for start in range(0, len(ordered), CHUNK):
        part = ordered[start : start + CHUNK]
        rows = SubjectVersion.objects.select_related("schema", "subject__context")
        found = rows.in_bulk(part)
        yield from (found[pk] for pk in part if pk in found)


def _settings(pks: set[int]) -> dict[str, Any]:
    """Settings of the subjects, their contexts and the registry, as registries write them."""
    subjects: dict[str, Any] = {}
    contexts: set[int] = set()
    for part in _parts(pks):
        rows = Subject.objects.filter(versions__in=part).distinct()
        for row in rows.select_related("context", "project", "owner"):
            subjects[str(row)] = {**_said(row), "project": row.project.name}
            contexts.add(row.context_id)
    rows_of_contexts = Context.objects.filter(pk__in=contexts).order_by("name")
    return {
        "registry": _said(registry.registry()),
        "contexts": {row.name: said for row in rows_of_contexts if (said := _said(row))},
        "subjects": subjects,
    }


def _said(row: Subject | Context) -> dict[str, Any]:
    return {**bodies.configuration(row), **({"mode": row.mode} if row.mode else {})}


def name_here(row: ImportVersion) -> str:
    """What the version's subject is called here, as registry clients write it."""
    return naming.qualified(row.subject.context, row.subject.name)


OPEN = Q(state__in=[ImportRun.State.READING, ImportRun.State.READY, ImportRun.State.IMPORTING])
