"""Reads of the registry; what the actor may not see does not exist for them.

Under the services, the wire API and pages. Versions are called as clients call them: a number,
`latest` or `-1`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from uuid import UUID

from django.db import connection
from django.db.models import F, Q, QuerySet

from idp.common.compiled import CompiledModels
from rbac.access import can, visible
from rbac.actors import Actor
from schemas import beside, naming
from schemas.configuration import Place
from schemas.errors import (
    InvalidCandidate,
    InvalidVersion,
    SchemaNotFound,
    SubjectNotFound,
    VersionNotFound,
)
from schemas.models import Context, Schema, Subject, SubjectVersion
from schemas.naming import SubjectName
from schemas.parsing import MAX_REFERENCES, Candidate, Target
from schemas.permissions import VIEW

MAX_NUMBER = 2**31 - 1
LATEST = -1


def version_number(text: str) -> int:
    """The number that a client wrote, `LATEST` for the latest; raises `InvalidVersion`."""
    if text in {"latest", "-1"}:
        return LATEST
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MAX_NUMBER))):
        raise InvalidVersion(text)
    number = int(text)
    if not 1 <= number <= MAX_NUMBER:
        raise InvalidVersion(text)
    return number


# -- contexts and subjects --------------------------------------------------------------------


def registry() -> Context:
    """The place above every context: the registry's own settings."""
    return Context.objects.get_or_create(name=naming.GLOBAL)[0]


def context(name: str) -> Context | None:
    """A context with the registry above it, in one query; the default one always exists."""
    found = Context.objects.select_related("parent").filter(name=name).first()
    if found is None and name == naming.DEFAULT:
        return make_context(name)
    return found


def make_context(name: str) -> Context:
    """The context, made where it does not exist yet."""
    found, _ = Context.objects.select_related("parent").get_or_create(
        name=name, defaults={"parent": registry()}
    )
    return found


def contexts(actor: Actor) -> list[str]:
    """The default context, and those in which the actor sees a subject that clients meet."""
    rows = visible(actor, VIEW, Subject.objects.filter(beside.served(), last_version__gt=0))
    return sorted({naming.DEFAULT, *rows.values_list("context__name", flat=True).distinct()})


def with_places(rows: QuerySet[Subject]) -> QuerySet[Subject]:
    """With everything that decisions and settings look at."""
    return rows.select_related("context__parent", "keeper__project_scope")


def find_subject(name: SubjectName) -> Subject | None:
    """The row, whoever asks: for services that decide themselves.

    Raises `SubjectNotFound` where a registry client names one that it does not meet.
    """
    found = _subject_query(connection.vendor).list(name.context, name.name)
    if found and beside.hidden(found[0].format):
        raise SubjectNotFound(name)
    return found[0] if found else None


@cache
def _subject_query(_vendor: str) -> CompiledModels[Subject]:
    context_name, name = "\x01context", "\x01name"
    rows = Subject.objects.filter(context__name=context_name, name=name)
    return CompiledModels(with_places(rows), [context_name, name])


def subject(actor: Actor, name: SubjectName, *, empty: bool = False) -> Subject:
    """A subject that the actor sees; one that never had a version only where `empty`."""
    found = find_subject(name)
    if found is None or not (empty or found.last_version):
        raise SubjectNotFound(name)
    if not can(actor, VIEW, found):
        raise SubjectNotFound(name)
    return found


def read_subject(actor: Actor, name: SubjectName) -> Subject:
    """As `subject`, for reading alone: one that only has an alias is what the alias names."""
    found = find_subject(name)
    if found is None or not can(actor, VIEW, found):
        raise SubjectNotFound(name)
    if found.alias and not found.last_version:
        return subject(actor, naming.parse(found.alias, name.context))
    if not found.last_version:
        raise SubjectNotFound(name)
    return found


def place(actor: Actor, name: SubjectName) -> Place:
    """Where settings of a name are asked: its row when it is visible, else its context."""
    found = find_subject(name) if name.name else None
    if found is not None and can(actor, VIEW, found):
        return Place(found.context, found)
    return Place(context(name.context) or Context(name=name.context, parent=registry()))


def subjects(
    actor: Actor,
    *,
    within: str = naming.WILDCARD,
    prefix: str = "",
    deleted: bool = False,
    deleted_only: bool = False,
) -> QuerySet[Subject]:
    """What clients meet by context and name: subjects with a version, or with deleted ones."""
    rows = Subject.objects.filter(beside.served()).select_related("context")
    rows = rows.order_by("context__name", "name")
    if within != naming.WILDCARD:
        rows = rows.filter(context__name=within)
    if prefix:
        rows = rows.filter(name__startswith=prefix)
    if deleted_only:
        rows = rows.filter(latest=0, last_version__gt=0)
    else:
        rows = rows.filter(last_version__gt=0) if deleted else rows.filter(latest__gt=0)
    return visible(actor, VIEW, rows)


# -- versions -----------------------------------------------------------------------------------


def versions(
    found: Subject, *, deleted: bool = False, deleted_only: bool = False
) -> QuerySet[SubjectVersion]:
    rows = found.versions.order_by("number")
    if deleted_only:
        return rows.exclude(deleted_at=None)
    return rows if deleted else rows.filter(deleted_at=None)


def version(found: Subject, number: int, *, deleted: bool = False) -> SubjectVersion:
    """One version with its schema; raises `VersionNotFound`."""
    rows = versions(found, deleted=deleted).select_related("schema")
    row = rows.last() if number == LATEST else rows.filter(number=number).first()
    if row is None:
        raise VersionNotFound("latest" if number == LATEST else number)
    row.subject = found
    return row


def named_version(
    actor: Actor, name: SubjectName, number: int, *, deleted: bool = False
) -> SubjectVersion:
    """A version by names alone, in one query where it exists and is visible."""
    rows = SubjectVersion.objects.filter(
        subject__context__name=name.context, subject__name=name.name
    ).select_related("schema", "subject__context")
    if not deleted:
        rows = rows.filter(deleted_at=None)
    if number != LATEST:
        rows = rows.filter(number=number)
    row = visible(actor, VIEW, rows).order_by("-number").first()
    if row is None or beside.hidden(row.schema.format):
        found = read_subject(actor, name)
        if not found.latest and not deleted:
            raise SubjectNotFound(name)
        if SubjectName(found.context.name, found.name) != name:  # by an alias
            return version(found, number, deleted=deleted)
        raise VersionNotFound("latest" if number == LATEST else number)
    return row


def latest_with_metadata(
    actor: Actor, name: SubjectName, wanted: Mapping[str, str], *, deleted: bool = False
) -> SubjectVersion:
    """The newest version whose metadata has all these properties."""
    found = read_subject(actor, name)
    rows = versions(found, deleted=deleted).select_related("schema").defer("schema__text")
    for row in rows.order_by("-number"):
        properties = (row.schema.metadata or {}).get("properties") or {}
        if all(properties.get(key) == value for key, value in wanted.items()):
            row.subject = found
            return row
    raise VersionNotFound("latest")


def all_versions(
    actor: Actor,
    *,
    within: str = naming.WILDCARD,
    prefix: str = "",
    deleted: bool = False,
    latest_only: bool = False,
) -> QuerySet[SubjectVersion]:
    """Every version that clients meet and the actor sees, by context, subject and number."""
    rows = SubjectVersion.objects.filter(beside.served("schema__format"))
    rows = rows.select_related("schema", "subject__context")
    if within != naming.WILDCARD:
        rows = rows.filter(subject__context__name=within)
    if prefix:
        rows = rows.filter(subject__name__startswith=prefix)
    if not deleted:
        rows = rows.filter(deleted_at=None)
    if latest_only:
        rows = rows.filter(_newest(deleted=deleted))
    return visible(actor, VIEW, rows).order_by("subject__context__name", "subject__name", "number")


def _newest(*, deleted: bool) -> Q:
    field = "last_version" if deleted else "latest"
    return Q(number=F(f"subject__{field}"))


# -- schemas by id ------------------------------------------------------------------------------


def uses_of(actor: Actor, context_name: str, number: int) -> QuerySet[SubjectVersion]:
    """The visible versions, deleted ones too, that hold the schema with an id."""
    rows = SubjectVersion.objects.filter(
        beside.served("schema__format"), schema__context__name=context_name, schema__number=number
    ).select_related("schema", "subject__context")
    return visible(actor, VIEW, rows).order_by("subject__context__name", "subject__name", "number")


def schema(actor: Actor, context_name: str, number: int) -> Schema:
    """The schema with an id, for whoever sees a subject that holds it; one query."""
    found = schemas_by_id(actor, context_name, number).first()
    if found is None:
        raise SchemaNotFound(number)
    return found


def schemas_by_id(actor: Actor, context_name: str, number: int) -> QuerySet[Schema]:
    """At most one schema, once for each visible version that holds it."""
    seen = visible(actor, VIEW, SubjectVersion.objects.all())
    return Schema.objects.filter(
        beside.served(), context__name=context_name, number=number, versions__in=seen.values("pk")
    )


def schemas_by_guid(actor: Actor, guid: str) -> list[Schema]:
    """The schema in each context where the actor sees it, the default one first."""
    try:
        known = UUID(guid)
    except ValueError:
        raise SchemaNotFound(guid[:60]) from None
    rows = Schema.objects.filter(
        beside.served(), guid=known, versions__in=visible(actor, VIEW, SubjectVersion.objects.all())
    )
    found = list(rows.select_related("context").distinct().order_by("context__name"))
    if not found:
        raise SchemaNotFound(guid[:60])
    return found


def highest_id(context_name: str) -> int:
    known = Context.objects.filter(name=context_name).first()
    return known.next_id - 1 if known else 0


def referenced_by(row: SubjectVersion) -> list[int]:
    """Ids of the schemas, held by some living version, that refer to this version."""
    living = row.referenced_by.filter(
        schema__versions__deleted_at=None, schema__versions__number__gt=0
    )
    return sorted(living.values_list("schema__number", flat=True).distinct())


# -- references ---------------------------------------------------------------------------------


def targets(actor: Actor, candidate: Candidate, within: str) -> list[Target]:
    """What a candidate refers to, as rows that the actor sees; raises `InvalidCandidate`."""
    if len(candidate.references) > MAX_REFERENCES:
        raise InvalidCandidate(f"A schema has at most {MAX_REFERENCES} references.")
    if len({reference.name for reference in candidate.references}) < len(candidate.references):
        raise InvalidCandidate("Two references have the same name.")
    return [
        Target(reference.name, reference.subject, row)
        for reference, row in zip(
            candidate.references, _rows_of(actor, candidate, within), strict=True
        )
    ]


def _rows_of(actor: Actor, candidate: Candidate, within: str) -> Sequence[SubjectVersion]:
    found = []
    for reference in candidate.references:
        name = naming.parse(reference.subject, within)
        try:
            found.append(named_version(actor, name, reference.version))
        except (SubjectNotFound, VersionNotFound) as error:
            raise InvalidCandidate(
                f"No schema reference found for subject “{reference.subject[:255]}” and version"
                f" {reference.version}.",
                fix="Register it first, or name a version that exists.",
            ) from error
    return found
