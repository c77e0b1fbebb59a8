"""Registering schemas, looking them up, and asking beforehand whether they would be taken.

Compatibility is judged outside the transaction, since it may take seconds. Inside it, subject and
context are locked and the subject's revision compared with the one that was judged: whoever lost a
race is judged again, against the winner's version. Unique constraints stand behind the lock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from django.db import IntegrityError, connection, transaction
from django.db.models import Q

from rbac import audit
from rbac.access import can
from rbac.actors import Actor
from schemas import beside, checking, parsing, selectors
from schemas.checking import Report
from schemas.configuration import Place
from schemas.errors import (
    Busy,
    IdMismatch,
    Incompatible,
    InvalidCandidate,
    NotPermitted,
    SchemaNotFound,
    SubjectNotFound,
    VersionNotFound,
)
from schemas.models import Context, Mode, Schema, SchemaReference, Subject, SubjectVersion
from schemas.naming import SubjectName
from schemas.parsing import Candidate, Prepared
from schemas.permissions import REGISTER, VIEW
from schemas.policies import checks, sweeping
from schemas.services import statements
from schemas.services.claiming import new_subject, require_at

TRIES = 25  # races that one publisher loses before it is told to come again
CLOSED = frozenset({Mode.READONLY, Mode.READONLY_OVERRIDE, Mode.FORWARD})


class _Moved(Exception):
    """Somebody wrote to the subject between the judgement and the lock."""


@dataclass(frozen=True)
class _Lock:
    """What stands under the lock: the context's row, and the schema where it is known already."""

    context: Context
    next_id: int
    schema_id: int | None
    number: int | None


# -- registering --------------------------------------------------------------------------------


def register(
    actor: Actor,
    name: SubjectName,
    candidate: Candidate,
    *,
    normalize: bool = False,
    project: str = "",
) -> SubjectVersion:
    """The version that holds the candidate, made unless the subject has it already.

    `project` names the home of a new subject where the actor may publish in several. Raises
    `Incompatible`, `InvalidCandidate` and the engines' `InvalidSchema`, `NotPermitted` by mode or
    id, `ProjectUnclear`, `SubjectNotFound` where the subject is somebody else's, and `Busy`.
    """
    for _ in range(TRIES):
        place = _writable(actor, name, project)
        try:
            return _register(actor, place, name, candidate, normalize=normalize)
        except (_Moved, IntegrityError):
            continue
    raise Busy(f"Others keep publishing in '{name}'.", fix="Try again in a moment.")


def _register(
    actor: Actor, place: Place, name: SubjectName, candidate: Candidate, *, normalize: bool
) -> SubjectVersion:
    subject = _subject_of(place)
    _require_open(place, name, candidate)
    _require_kind(subject, candidate, name)
    targets = selectors.targets(actor, candidate, name.context)
    prepared = parsing.prepare(candidate, targets, normalize=normalize or place.normalize)
    importing = place.mode == Mode.IMPORT
    rows = [] if subject.is_new else _relevant(place, prepared.content)
    known = _match(rows, prepared, candidate)
    if known is not None:
        return _known(known, subject, candidate)
    living = [row for row in rows if row.deleted_at is None]
    final = prepared if importing else _with_settings(place, prepared, candidate, living)
    known = _match(rows, final, replace(candidate, metadata=final.metadata or {}))
    if known is not None:
        return _known(known, subject, candidate)
    if not importing:
        _require_compatible(place, final, living, name)
        if checks.require_version(subject, final):
            subject.state = Subject.State.DRAFT
    row = _insert(actor, place, final, candidate)
    sweeping.after_write(subject)
    return row


def _subject_of(place: Place) -> Subject:
    if place.subject is None:
        raise ValueError("A place without a subject takes no schema.")
    return place.subject


def _writable(actor: Actor, name: SubjectName, project: str) -> Place:
    """The subject, or an unsaved one in the actor's project; decided."""
    subject = selectors.find_subject(name)
    if subject is None:
        context = selectors.context(name.context) or selectors.make_context(name.context)
        return Place(context, new_subject(actor, context, name, project))
    if not can(actor, VIEW, subject):
        raise SubjectNotFound(name)
    require_at(actor, REGISTER, subject.keeper, name)
    return Place(subject.context, subject)


def _require_open(place: Place, name: SubjectName, candidate: Candidate) -> None:
    if place.mode in CLOSED:
        raise NotPermitted(f"Subject {name} is in read-only mode ({place.mode}).")
    if place.mode == Mode.IMPORT and candidate.schema_id is None:
        raise NotPermitted(f"Subject {name} is in import mode: a schema needs its id there.")
    if place.mode != Mode.IMPORT and candidate.schema_id is not None:
        raise NotPermitted(f"Subject {name} is not in import mode: leave out the id.")
    subject = _subject_of(place)
    if subject.state == Subject.State.RETIRED:
        raise NotPermitted(f"Subject {name} is retired and takes no new version.")


def _require_kind(subject: Subject, candidate: Candidate, name: SubjectName) -> None:
    """Keep what registry clients meet and what they do not in subjects of their own."""
    kinds = {subject.format in beside.FORMATS, candidate.format in beside.FORMATS}
    if subject.format and len(kinds) > 1:
        raise InvalidCandidate(
            f"Subject {name} holds {subject.format} and takes no {candidate.format}.",
            fix="Publish it as a subject of another name.",
        )


def _relevant(place: Place, content: str) -> list[SubjectVersion]:
    """What the judgement needs of the subject's versions, oldest first, in one query.

    Those with the same content, and the latest one; all living ones where the level or a group asks
    for more, then without their texts.
    """
    subject = _subject_of(place)
    if place.level.transitive or place.group:
        rows = subject.versions.select_related("schema").order_by("number").defer("schema__text")
        return list(rows.filter(Q(deleted_at=None) | Q(schema__content=content)))
    return statements.relevant(connection.vendor).list(subject.pk, subject.latest, content)


def _match(
    rows: Sequence[SubjectVersion], prepared: Prepared, candidate: Candidate
) -> SubjectVersion | None:
    """The newest living version that is the candidate.

    A candidate that says nothing of metadata and rules is any version with its content.
    """
    living = [row for row in reversed(rows) if row.deleted_at is None]
    same = [row for row in living if row.schema.digest == prepared.digest]
    if not same and candidate.metadata is None and candidate.rule_set is None:
        same = [row for row in living if row.schema.content == prepared.content]
    return same[0] if same else None


def _known(row: SubjectVersion, subject: Subject, candidate: Candidate) -> SubjectVersion:
    if candidate.schema_id is not None and candidate.schema_id != row.schema.number:
        raise IdMismatch(row.schema.number, candidate.schema_id)
    row.subject = subject
    return row


def _with_settings(
    place: Place, prepared: Prepared, candidate: Candidate, living: Sequence[SubjectVersion]
) -> Prepared:
    """The candidate with what the settings add, and what the version before it says of itself."""
    latest = living[-1].schema if living else None
    metadata, rules = candidate.metadata, candidate.rule_set
    if metadata is None and latest is not None:
        metadata = latest.metadata
    if rules is None and latest is not None:
        rules = latest.rule_set
    metadata, rules = place.metadata(metadata), place.rules(rules)
    return replace(
        prepared,
        metadata=metadata,
        rule_set=rules,
        digest=parsing.identity(prepared.content, metadata, rules),
    )


def _require_compatible(
    place: Place, prepared: Prepared, living: Sequence[SubjectVersion], name: SubjectName
) -> None:
    report = checking.check(
        prepared, living, place.level, lenient=place.lenient, group=place.group, keep=False
    )
    if not report.compatible:
        raise refusal(name, report)


def refusal(name: SubjectName, report: Report) -> Incompatible:
    """The refusal that says who would break: at most three sentences, the rest counted."""
    sentences = [entry.sentence for entry in report.objections]
    more = f" (and {len(sentences) - 3} more)" if len(sentences) > 3 else ""  # noqa: PLR2004  # as the docstring says
    return Incompatible(
        f'Schema being registered is incompatible with an earlier schema for subject "{name}",'
        f" compatibility {report.level}: {'; '.join(sentences[:3])}{more}",
        fix=report.objections[0].difference.advice,
    )


# -- inside the transaction -----------------------------------------------------------------------


@transaction.atomic
def _insert(actor: Actor, place: Place, prepared: Prepared, candidate: Candidate) -> SubjectVersion:
    subject = _subject_of(place)
    number = _next_version(subject, candidate)
    stands = {
        "last_version": max(subject.last_version, number),
        "latest": max(subject.latest, number),
        "format": subject.format or str(prepared.format),
        **({} if subject.last_version else {"state": subject.state}),
    }
    made = subject.is_new
    if made:
        _set(subject, stands)
    lock = _lock(subject, prepared)
    schema = _schema(lock, prepared, candidate)
    row = SubjectVersion(
        subject=subject,
        number=number,
        schema=schema,
        created_by=actor.user,
        created_label=actor.label[:200],
    )
    after = {"version": number, "id": schema.number, "format": str(prepared.format)}
    beside = [audit.statement(actor, REGISTER, target=subject, scope=subject.scope, after=after)]
    if not made:
        standing = statements.standing(connection.vendor, tuple(stands))
        beside.append(standing.filled(subject.pk, *stands.values()))
    statements.inserting(connection.vendor, SubjectVersion).insert(row, *beside)
    _set(subject, stands)
    return row


def _set(subject: Subject, values: Mapping[str, object]) -> None:
    for field, value in values.items():
        setattr(subject, field, value)
    subject.deleted_at = None


def _lock(subject: Subject, prepared: Prepared) -> _Lock:
    """Lock the subject, made here when it is new, and its context; raises `_Moved`."""
    if subject.is_new:
        subject.save(force_insert=True)
    values = (subject.pk, subject.revision, prepared.digest)
    row = statements.locking(connection.vendor).row(*values)
    if row is None:
        raise _Moved
    return _Lock(subject.context, *row)


def _next_version(subject: Subject, candidate: Candidate) -> int:
    following = subject.last_version + 1
    if candidate.version is None:
        return following
    if candidate.schema_id is None and candidate.version != following:
        raise InvalidCandidate(
            f"Version {candidate.version} is not one more than the last one,"
            f" {subject.last_version}."
        )
    if not 1 <= candidate.version <= selectors.MAX_NUMBER:
        raise InvalidCandidate(f"{candidate.version} is no version.")
    if candidate.version <= subject.last_version:
        _require_free(subject, candidate.version)
    return candidate.version


def _require_free(subject: Subject, number: int) -> None:
    if subject.versions.filter(number=number).exists():
        raise NotPermitted(f"Version {number} of subject {subject} holds another schema already.")


def _schema(lock: _Lock, prepared: Prepared, candidate: Candidate) -> Schema:
    """The schema's row: the one with this identity, or a new one with the next or the given id."""
    wanted = candidate.schema_id
    if lock.schema_id is not None and lock.number is not None:
        if wanted is not None and wanted != lock.number:
            raise IdMismatch(lock.number, wanted)
        return _row(lock, prepared, lock.number, pk=lock.schema_id)
    if wanted is not None and lock.context.schemas.filter(number=wanted).exists():
        raise NotPermitted(f"Id {wanted} belongs to another schema in context {lock.context}.")
    number = lock.next_id if wanted is None else wanted
    following = max(lock.next_id, number + 1)
    counted = statements.counting(connection.vendor).filled(lock.context.pk, following)
    schema = _row(lock, prepared, number)
    statements.inserting(connection.vendor, Schema).insert(schema, counted)
    if prepared.targets:
        SchemaReference.objects.bulk_create(
            SchemaReference(schema=schema, position=at, name=target.name, target=target.version)
            for at, target in enumerate(prepared.targets)
        )
    return schema


def _row(lock: _Lock, prepared: Prepared, number: int, pk: int | None = None) -> Schema:
    return Schema(
        pk=pk,
        context=lock.context,
        number=number,
        guid=prepared.guid,
        format=prepared.format,
        text=prepared.text,
        content=prepared.content,
        digest=prepared.digest,
        references=prepared.references,
        metadata=prepared.metadata,
        rule_set=prepared.rule_set,
    )


# -- asking beforehand ----------------------------------------------------------------------------


def look_up(
    actor: Actor,
    name: SubjectName,
    candidate: Candidate,
    *,
    normalize: bool = False,
    deleted: bool = False,
) -> SubjectVersion:
    """The version of a subject that holds the candidate; raises `SchemaNotFound`."""
    subject = selectors.subject(actor, name)
    if not subject.latest and not deleted:
        raise SubjectNotFound(name)
    place = Place(subject.context, subject)
    targets = selectors.targets(actor, candidate, name.context)
    prepared = parsing.prepare(candidate, targets, normalize=normalize or place.normalize)
    rows = selectors.versions(subject, deleted=deleted).select_related("schema")
    same = list(rows.filter(schema__content=prepared.content))
    if candidate.metadata is not None or candidate.rule_set is not None:
        same = [row for row in same if row.schema.digest == prepared.digest]
    if not same:
        raise SchemaNotFound
    same[-1].subject = subject
    return same[-1]


def check_candidate(
    actor: Actor,
    name: SubjectName,
    candidate: Candidate,
    *,
    version: int | None = None,
    normalize: bool = False,
) -> Report:
    """Whether the candidate would be taken: against one version, or against all that count.

    `version` None: those that the subject's level asks for. A subject without versions takes all.
    """
    place = selectors.place(actor, name)
    targets = selectors.targets(actor, candidate, name.context)
    prepared = parsing.prepare(candidate, targets, normalize=normalize or place.normalize)
    if place.subject is None or not place.subject.latest:
        if version is not None and version != selectors.LATEST:
            raise VersionNotFound(version)
        return Report(place.level, ())
    if version is not None:
        earlier = [selectors.version(place.subject, version)]
    else:
        rows = selectors.versions(place.subject).select_related("schema").defer("schema__text")
        earlier = list(rows)
    return checking.check(prepared, earlier, place.level, lenient=place.lenient, group=place.group)
