"""The dry run: what each version that was found would become here, and why not.

Called by the worker once everything is read; writes nothing but outcomes. Versions are taken in the
order of their references, parsed with what they refer to, and given the identity that registering
would give them, so that an id that belongs to another schema here is named before anything is
written.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from idp.common.errors import SlipwayError
from rbac.access import can
from rbac.actors import Actor
from schemas import naming, parsing, selectors
from schemas.errors import InvalidCandidate, RegistryError
from schemas.formats.base import Dependency, FormatName
from schemas.models import Schema, Subject, SubjectVersion
from schemas.naming import SubjectName
from schemas.parsing import MAX_REFERENCES, Target
from schemas.permissions import CONFIGURE, REGISTER
from schemas.transfer.models import ImportRun, ImportSubject, ImportVersion
from schemas.transfer.running import Step

Outcome = ImportVersion.Outcome
CHUNK = 200
Key = tuple[str, str, int]  # context, name and number


@dataclass(frozen=True)
class Meaning:
    """What a version is once it is understood: its content, and the texts it is parsed with."""

    content: str
    texts: tuple[Dependency, ...]


@dataclass
class Judgement:
    """The versions of a run, in order, with what was found out so far."""

    run: ImportRun
    actor: Actor
    order: list[ImportVersion]
    circular: list[ImportVersion]
    meanings: dict[Key, Meaning] = field(default_factory=dict)


class _Refused(Exception):
    """The version would not be taken; the message says why."""


def judge(step: Step, run: ImportRun, actor: Actor) -> None:
    """Give every version its position, identity and outcome."""
    rows = list(_light(run))
    order, circular = _sorted(rows)
    judgement = Judgement(run, actor, order, circular)
    for number, row in enumerate([*order, *circular]):
        row.position = number
    for row in circular:
        row.outcome, row.reason = Outcome.REFUSED, "It refers to itself in a circle."
    for part in _chunks(order):
        _understand(judgement, part)
        step.breathe()
    _meet(judgement)
    fields = ["position", "outcome", "reason", "digest"]
    for part in _chunks([*order, *circular]):
        ImportVersion.objects.bulk_update(part, fields)


def _light(run: ImportRun) -> Iterable[ImportVersion]:
    rows = ImportVersion.objects.filter(run=run).select_related("subject__project__scope")
    return rows.defer("text").order_by("subject__context", "subject__name", "number")


def _chunks(rows: Sequence[ImportVersion]) -> Iterator[list[ImportVersion]]:
    for start in range(0, len(rows), CHUNK):
        yield list(rows[start : start + CHUNK])


def key_of(row: ImportVersion) -> Key:
    return (row.subject.context, row.subject.name, row.number)


# -- order ----------------------------------------------------------------------------------------


def _sorted(rows: Sequence[ImportVersion]) -> tuple[list[ImportVersion], list[ImportVersion]]:
    """Each version behind what it refers to, by name and number otherwise; and those in circles."""
    by_key = {key_of(row): row for row in rows}
    waiting: dict[Key, set[Key]] = {}
    used_by: dict[Key, list[Key]] = {}
    for key, row in by_key.items():
        needs = {one for one in _targets(row) if one in by_key}
        waiting[key] = needs
        for one in needs:
            used_by.setdefault(one, []).append(key)
    ready = [key for key, needs in waiting.items() if not needs]
    heapq.heapify(ready)
    found = []
    while ready:
        key = heapq.heappop(ready)
        found.append(by_key[key])
        for user in used_by.get(key, []):
            waiting[user].discard(key)
            if not waiting[user]:
                heapq.heappush(ready, user)
    placed = {key_of(row) for row in found}
    return found, [row for key, row in by_key.items() if key not in placed]


def _targets(row: ImportVersion) -> list[Key]:
    """The keys of what a version refers to; a name that is none refers to nothing."""
    found = []
    for reference in row.references:
        try:
            name = naming.parse(reference["subject"], row.subject.context)
        except RegistryError:
            continue
        found.append((name.context, name.name, reference["version"]))
    return found


# -- each by itself -------------------------------------------------------------------------------


def _understand(judgement: Judgement, rows: Sequence[ImportVersion]) -> None:
    """Parse a few versions and compute their identities; those that fail are refused."""
    texts = dict(
        ImportVersion.objects.filter(pk__in=[row.pk for row in rows]).values_list("pk", "text")
    )
    for row in rows:
        row.outcome, row.reason, row.digest = Outcome.READY, "", ""
        try:
            _one(judgement, row, texts[row.pk])
        except _Refused as refusal:
            row.outcome, row.reason = Outcome.REFUSED, str(refusal)
        except SlipwayError as error:
            row.outcome, row.reason = Outcome.REFUSED, f"{error.message} {error.fix}".strip()[:2000]


def _one(judgement: Judgement, row: ImportVersion, text: str) -> None:
    used, texts = [], {}
    for reference in row.references:
        name = naming.parse(reference["subject"], row.subject.context)
        meaning = _meaning(judgement, name, reference)
        called = (reference["name"], reference["subject"], reference["version"])
        used.append((*called, meaning.content))
        for one in meaning.texts:
            # The last one is the referenced text itself, which this one calls by a name of its own.
            as_name = reference["name"] if one is meaning.texts[-1] else one.name
            texts[as_name, one.text] = replace(one, name=as_name)
    if len(texts) > MAX_REFERENCES:
        raise InvalidCandidate(f"More than {MAX_REFERENCES} references, counted to the bottom.")
    parsed = parsing.parse(FormatName(row.format), text, tuple(texts.values()))
    parsing.require_storable(parsed.text, parsed.canonical)
    content = parsing.content_of(parsed, used)
    row.digest = parsing.identity(content, row.metadata, row.rule_set)
    itself = Dependency("", parsed.text, str(row.subject), row.number)
    judgement.meanings[key_of(row)] = Meaning(content, (*texts.values(), itself))


def _meaning(judgement: Judgement, name: SubjectName, reference: Mapping[str, object]) -> Meaning:
    """What a reference leads to: a version that comes with this run, or one that is here."""
    number = int(str(reference["version"]))
    known = judgement.meanings.get((name.context, name.name, number))
    if known is not None:
        return known
    try:
        row = selectors.named_version(judgement.actor, name, number)
    except RegistryError:
        raise _Refused(
            f"It refers to {name} version {number}, which is neither here nor comes with it."
        ) from None
    texts = parsing.dependencies_of([Target(str(reference["name"]), str(name), row)])
    return Meaning(row.schema.content, texts)


# -- what is here already -------------------------------------------------------------------------


@dataclass
class _Here:
    """Of one context: identities by id, ids by identity; what comes is added as it is judged."""

    by_id: dict[int, str]
    by_digest: dict[str, int]


def _meet(judgement: Judgement) -> None:
    """Compare with the subjects, versions and ids that are here, and with those before it."""
    homes = _homes(judgement)
    here = {name: _here(judgement, name) for name in {r.subject.context for r in judgement.order}}
    held = _held(judgement)
    refused: set[Key] = {key_of(row) for row in judgement.circular}
    for row in judgement.order:
        if row.outcome == Outcome.READY:
            problem = homes.get(row.subject_id, "") or _reference(row, refused)
            versions = held.get((row.subject.context, row.subject.name), {})
            _settle(row, problem, versions, here[row.subject.context])
        if row.outcome == Outcome.REFUSED:
            refused.add(key_of(row))


def _reference(row: ImportVersion, refused: set[Key]) -> str:
    for context, name, number in _targets(row):
        if (context, name, number) in refused:
            called = naming.qualified(context, name)
            return f"It refers to {called} version {number}, which cannot be imported."
    return ""


def _settle(row: ImportVersion, problem: str, versions: Mapping[int, _Held], here: _Here) -> None:
    """The outcome of one version that was understood."""
    same = next((v for v in versions.values() if v.living and v.digest == row.digest), None)
    at, owner = versions.get(row.number), here.by_id.get(row.schema_id)
    known = here.by_digest.get(row.digest)
    if problem:
        row.outcome, row.reason = Outcome.REFUSED, problem
    elif at is not None and at.digest != row.digest:
        row.outcome = Outcome.REFUSED
        row.reason = f"Version {row.number} is another schema here."
    elif known is not None and known != row.schema_id:
        row.outcome = Outcome.REFUSED
        row.reason = f"{COLLIDES} {row.schema_id}: the same schema has id {known} here."
    elif owner is not None and owner != row.digest:
        row.outcome = Outcome.REFUSED
        row.reason = f"{COLLIDES} {row.schema_id}: it belongs to another schema here."
    elif at is not None or same is not None:
        row.outcome = Outcome.THERE
        row.reason = "" if at is not None or same is None else f"As version {same.number}."
    else:
        here.by_id[row.schema_id], here.by_digest[row.digest] = row.digest, row.schema_id


COLLIDES = "Id"  # how the reason of a collision begins


@dataclass(frozen=True)
class _Held:
    number: int
    digest: str
    living: bool


def _homes(judgement: Judgement) -> dict[int, str]:
    """Why a subject cannot be written, by its row; what exists already stays in its project."""
    found = {}
    subjects = ImportSubject.objects.filter(run=judgement.run)
    for row in subjects.select_related("project__scope"):
        there = selectors.find_subject(SubjectName(row.context, row.name))
        if there is not None:
            problem = _closed(judgement.actor, there)
            if not problem and there.project_id != row.project_id:
                row.project = there.project
                row.save(update_fields=["project"])
        else:
            allowed = can(judgement.actor, CONFIGURE, row.project.scope)
            problem = "" if allowed else f"It needs {CONFIGURE} in project {row.project.name}."
        if problem:
            found[row.pk] = problem
    return found


def _closed(actor: Actor, subject: Subject) -> str:
    if not (can(actor, REGISTER, subject.keeper) and can(actor, CONFIGURE, subject.scope)):
        return (
            "A subject of this name exists, in a project where you may not import; it needs"
            f" {REGISTER} and {CONFIGURE} there."
        )
    retired = subject.state == Subject.State.RETIRED
    return "The subject is retired here and takes no new version." if retired else ""


def _here(judgement: Judgement, context: str) -> _Here:
    rows = [row for row in judgement.order if row.subject.context == context]
    found = _Here({}, {})
    known = Schema.objects.filter(context__name=context)
    for part in _chunks(rows):
        numbers = known.filter(number__in=[row.schema_id for row in part])
        found.by_id.update(numbers.values_list("number", "digest"))
        digests = known.filter(digest__in=[row.digest for row in part if row.digest])
        found.by_digest.update(digests.values_list("digest", "number"))
    return found


def _held(judgement: Judgement) -> dict[tuple[str, str], dict[int, _Held]]:
    """The versions that are here of every subject that comes, by number."""
    found: dict[tuple[str, str], dict[int, _Held]] = {}
    names = sorted({(row.subject.context, row.subject.name) for row in judgement.order})
    for start in range(0, len(names), CHUNK):
        part = names[start : start + CHUNK]
        rows = SubjectVersion.objects.filter(
            subject__context__name__in={context for context, _ in part},
            subject__name__in={name for _, name in part},
        )
        columns = ("subject__context__name", "subject__name", "number", "schema__digest")
        for context, name, number, digest, gone in rows.values_list(*columns, "deleted_at"):
            held = _Held(number, digest, gone is None)
            found.setdefault((context, name), {})[number] = held
    return found
