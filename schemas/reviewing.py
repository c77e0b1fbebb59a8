"""What pages and REST say of two schemas: every difference, who is hurt, and under which level.

Above `schemas.checking`, whose verdicts decide; here the harmless differences are shown as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from idp.common.errors import Invalid
from rbac.actors import Actor
from schemas import beside, checking, parsing, selectors
from schemas.checking import Objection
from schemas.configuration import DEFAULT_LEVEL, Place
from schemas.errors import ProjectUnclear, SchemaNotFound
from schemas.formats import registry
from schemas.formats.base import Difference, FormatName, Parsed
from schemas.formats.levels import Level, met
from schemas.models import Mode, SubjectVersion
from schemas.naming import SubjectName
from schemas.parsing import Candidate
from schemas.policies import checks, holding
from schemas.policies.judging import Failure
from schemas.services import check_candidate, look_up
from schemas.services.claiming import new_subject
from schemas.utf8 import plain, plain_errors
from schemas.words import side_of

MAX_DIFFERENCES = 200  # shown of one direction


# -- two versions -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Direction:
    """What readers of one schema meet in another's data; `asked` where the level looks at it."""

    reader: str
    writer: str
    forward: bool
    asked: bool
    differences: tuple[Difference, ...]
    lenient: bool
    calls: bool = False  # of a service's descriptions

    @property
    def title(self) -> str:
        """Who meets what; a service's clients are those of the text that was before."""
        if self.calls:
            return f"Clients of {self.writer} call {self.reader}"
        return f"Readers of {self.reader} meet data of {self.writer}"

    @property
    def breaking(self) -> tuple[Difference, ...]:
        return tuple(e for e in self.differences if not e.compatible(lenient=self.lenient))

    @property
    def harmless(self) -> tuple[Difference, ...]:
        return tuple(e for e in self.differences if e.compatible(lenient=self.lenient))

    @property
    def compatible(self) -> bool:
        return not self.breaking

    @property
    def rows(self) -> list[tuple[bool, Difference]]:
        """At most `MAX_DIFFERENCES`, each with whether it breaks somebody; those come first."""
        breaking, harmless = list(self.breaking), list(self.harmless)
        if self.calls:
            breaking.sort(key=_side)
            harmless.sort(key=_side)
        found = [(True, entry) for entry in breaking[:MAX_DIFFERENCES]]
        found += [(False, entry) for entry in harmless[:MAX_DIFFERENCES]]
        return found[:MAX_DIFFERENCES]

    @property
    def left_out(self) -> int:
        return max(0, len(self.differences) - MAX_DIFFERENCES)


def _side(entry: Difference) -> str:
    return side_of(entry.kind)


@dataclass(frozen=True)
class Comparison:
    """Two schemas, both ways; `compatible` says whether the new may follow the old."""

    level: Level
    directions: tuple[Direction, ...]

    @property
    def compatible(self) -> bool:
        return all(way.compatible for way in self.directions if way.asked)


@plain_errors()
def compare_parsed(
    old: Parsed, new: Parsed, level: Level, *, lenient: bool, names: tuple[str, str]
) -> Comparison:
    """Both directions between an old and a new schema of one format; raises `TooComplex`."""
    if old.format != new.format:
        raise Invalid(f"A {new.format} schema cannot be compared with a {old.format} schema.")
    language = registry.get(new.format)
    ways = []
    for forward in (False, True):
        reader, writer = (old, new) if forward else (new, old)
        reader_name, writer_name = names if forward else names[::-1]
        asked = level.forward if forward else level.backward
        found = tuple(map(_plain, language.differences(reader, writer)))
        calls = new.format in beside.FORMATS
        ways.append(Direction(reader_name, writer_name, forward, asked, found, lenient, calls))
    return Comparison(level, tuple(sorted(ways, key=lambda way: not way.asked)))


def _plain(entry: Difference) -> Difference:
    """Without halves of surrogates, which JSON may escape and no answer can carry."""
    names = ("reader_at", "writer_at", "old", "new", "advice")
    return replace(entry, **{name: plain(getattr(entry, name)) for name in names})


@plain_errors()
def compare_versions(place: Place, old: SubjectVersion, new: SubjectVersion) -> Comparison:
    """Two versions of a subject under what holds there; raises `TooComplex`."""
    return compare_parsed(
        checking.parse_stored(old.schema),
        checking.parse_stored(new.schema),
        place.level,
        lenient=place.lenient,
        names=(f"version {old.number}", f"version {new.number}"),
    )


@plain_errors()
def compare_texts(
    name: FormatName, old: str, new: str, level: Level, *, lenient: bool
) -> Comparison:
    """Two texts that belong to no subject; raises `InvalidSchema` and `TooComplex`."""
    parsed = [parsing.parse(name, text) for text in (old, new)]
    names = ("the earlier schema", "the new schema")
    return compare_parsed(parsed[0], parsed[1], level, lenient=lenient, names=names)


# -- a candidate --------------------------------------------------------------------------------


@dataclass(frozen=True)
class VersionVerdict:
    """What one earlier version says to a candidate; no objections: it gets on with it."""

    version: int
    objections: tuple[Objection, ...]

    @property
    def compatible(self) -> bool:
        return not self.objections


@dataclass(frozen=True)
class Review:
    """Whether a candidate would be taken: a verdict for each version that the level meets."""

    level: Level
    verdicts: tuple[VersionVerdict, ...]
    known_as: int = 0  # the version that already holds the candidate
    refused: tuple[Failure, ...] = ()  # by policies

    @property
    def taken(self) -> bool:
        """Whether registering would take it: versions and policies agree."""
        return self.compatible and not self.refused

    @property
    def compatible(self) -> bool:
        return all(verdict.compatible for verdict in self.verdicts)


@plain_errors()
def review_candidate(
    actor: Actor, name: SubjectName, candidate: Candidate, *, project: str = ""
) -> Review:
    """A candidate against its subject's earlier versions, newest first, and against policies.

    `project` names the home of a subject that is to come. Raises the engines' `InvalidSchema` and
    `TooComplex`, and `InvalidCandidate` for references.
    """
    report = check_candidate(actor, name, candidate)
    place = selectors.place(actor, name)
    if place.subject is None or not place.subject.latest:
        return Review(report.level, (), refused=_refused(actor, place, name, candidate, project))
    by_version: dict[int, list[Objection]] = {
        row.number: [] for row in _counted(actor, place, name, candidate)
    }
    for objection in report.objections:
        said = replace(objection, difference=_plain(objection.difference))
        by_version.setdefault(said.version, []).append(said)
    verdicts = [VersionVerdict(number, tuple(found)) for number, found in by_version.items()]
    known = _known_as(actor, name, candidate)
    refused = () if known else _refused(actor, place, name, candidate, project)
    return Review(report.level, tuple(verdicts), known, refused)


def _refused(
    actor: Actor, place: Place, name: SubjectName, candidate: Candidate, project: str
) -> tuple[Failure, ...]:
    """What policies refuse of a candidate, as registering would judge it.

    Of a subject to come whose project is not clear, or which is somebody else's, nothing is said.
    """
    subject = place.subject
    if subject is None:
        try:
            subject = new_subject(actor, place.context, name, project)
        except ProjectUnclear:
            return ()
    if place.mode == Mode.IMPORT or not holding.registering(subject):
        return ()
    targets = selectors.targets(actor, candidate, name.context)
    prepared = parsing.prepare(candidate, targets, normalize=place.normalize)
    return checks.judge_version(subject, prepared).refused


def _counted(
    actor: Actor, place: Place, name: SubjectName, candidate: Candidate
) -> Sequence[SubjectVersion]:
    """The versions that the level meets, newest first, as `checking.check` chooses them."""
    if place.subject is None:
        return []
    rows = list(selectors.versions(place.subject).select_related("schema").defer("schema__text"))
    if place.group:
        targets = selectors.targets(actor, candidate, name.context)
        prepared = parsing.prepare(candidate, targets, normalize=place.normalize)
        rows = checking.in_group(rows, prepared, place.group)
    return [row for _, row in met(place.level, rows)]


def _known_as(actor: Actor, name: SubjectName, candidate: Candidate) -> int:
    try:
        return look_up(actor, name, candidate).number
    except SchemaNotFound:
        return 0


# -- what holds, and who says so ----------------------------------------------------------------


@dataclass(frozen=True)
class Said:
    """A setting that holds for a subject; `by` says why: "by default", "set by context .dev"."""

    value: str
    by: str


def _said(place: Place, field: str, value: str) -> Said:
    labels = [
        f"set by {name}"
        for name in ("the registry", f"context {place.context.name}", "this subject")
    ]
    rows = list(place.rows)[::-1]  # the registry's first, so that labels fit without a subject too
    for row, label in list(zip(rows, labels, strict=False))[::-1]:
        if getattr(row, field):
            return Said(value, label)
    return Said(value, "by default")


def level_of(place: Place) -> Said:
    level, policy = place.policy_level
    if level:
        return Said(level, f"by policy {policy}")
    return _said(place, "level", str(place.level or DEFAULT_LEVEL))


def policy_of(place: Place) -> Said:
    return _said(place, "policy", "LENIENT" if place.lenient else "STRICT")


def mode_of(place: Place) -> Said:
    """The mode that holds; a place that is closed for all below is named, whoever is nearer."""
    said = _said(place, "mode", str(place.mode))
    if place.mode == Mode.READONLY_OVERRIDE and place.subject is not None:
        closed = place.subject.mode != Mode.READONLY_OVERRIDE
        return Said(said.value, f"set by {'a place above' if closed else 'this subject'}")
    return said
