"""Whether a candidate gets on with earlier versions of its subject, and who would be hurt.

Called by the services and by the wire API's compatibility routes; writes nothing but verdicts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from schemas import beside, parsing, verdicts
from schemas.formats.base import Dependency, Difference, FormatName, Parsed
from schemas.formats.levels import Level, met
from schemas.models import Schema, SubjectVersion
from schemas.parsing import Prepared

LARGE = 10_000  # characters; from here on reading a verdict is cheaper than judging again
_TYPE_CHANGED = "SCHEMA_TYPE_CHANGED"


@dataclass(frozen=True)
class Objection:
    """One difference that breaks somebody.

    `forward` False: readers of the candidate meet data of `version`; True: readers of `version`
    meet the candidate's data.
    """

    version: int
    forward: bool
    difference: Difference
    calls: bool = False  # of a service's description: clients call, nobody reads what is kept

    @property
    def sentence(self) -> str:
        """Who is hurt, with the version they are on."""
        if self.calls and self.forward:
            who = f"Clients written for the new version call version {self.version}"
        elif self.calls:
            who = f"Clients written for version {self.version} call the new version"
        elif self.forward:
            who = f"Readers still on version {self.version} meet data of the new version"
        else:
            who = f"Readers of the new version meet data of version {self.version}"
        return f"{who}: {self.difference.advice or self.difference.kind}"


@dataclass(frozen=True)
class Report:
    level: Level
    objections: tuple[Objection, ...]

    @property
    def compatible(self) -> bool:
        return not self.objections

    @property
    def messages(self) -> list[str]:
        """What `verbose` shows: each difference in the form that the registry's tools read."""
        lines = [
            f"{{errorType:'{entry.difference.kind}', description:'{entry.sentence}',"
            f" additionalInfo:'{entry.difference.reader_at}'}}"
            for entry in self.objections
        ]
        versions = sorted({entry.version for entry in self.objections})
        lines += [f"{{oldSchemaVersion: {version}}}" for version in versions]
        return [*lines, f"{{compatibility: '{self.level}'}}"] if lines else []


def in_group(
    versions: Sequence[SubjectVersion], candidate: Prepared, group: str
) -> list[SubjectVersion]:
    """The versions that count: all, or those with the candidate's value of the property `group`."""
    if not group:
        return list(versions)
    wanted = property_of(candidate.metadata, group)
    return [row for row in versions if property_of(row.schema.metadata, group) == wanted]


def property_of(metadata: object, name: str) -> str:
    properties = metadata.get("properties") if isinstance(metadata, dict) else None
    return str(properties.get(name, "")) if isinstance(properties, dict) else ""


def check(
    candidate: Prepared,
    earlier: Sequence[SubjectVersion],
    level: Level,
    *,
    lenient: bool,
    group: str = "",
    keep: bool = True,
) -> Report:
    """Judge the candidate against earlier versions (oldest first) at a level.

    `keep` False: a small pair's verdict is not looked up in, or written to, the table.
    """
    counted = [version for _, version in met(level, in_group(earlier, candidate, group))]
    objections = tuple(_objections(candidate, counted, level, lenient=lenient, keep=keep))
    return Report(level, objections)


def _objections(
    candidate: Prepared,
    versions: Sequence[SubjectVersion],
    level: Level,
    *,
    lenient: bool,
    keep: bool,
) -> Iterator[Objection]:
    same = [row for row in versions if row.schema.format == candidate.format]
    directions = [way for way in (False, True) if (level.forward if way else level.backward)]
    pairs = {
        (row.number, way): _pair(candidate.content, row.schema.content, forward=way)
        for row in same
        for way in directions
    }
    calls = candidate.format in beside.FORMATS
    table = keep or len(pairs) > 2 or len(candidate.text) > LARGE  # noqa: PLR2004  # FULL: two
    judged = verdicts.all_of(
        candidate.format, pairs.values(), _Texts(candidate, same).parsed, table=table
    )
    for row in versions:
        if row.schema.format != candidate.format:
            yield Objection(row.number, False, type_changed(row.schema.format, candidate.format))
            continue
        for way in directions:
            judgement = judged[pairs[row.number, way]]
            if not judgement.compatible(lenient=lenient):
                for difference in judgement.breaking:
                    if not difference.compatible(lenient=lenient):
                        yield Objection(row.number, way, difference, calls)


def _pair(candidate: str, earlier: str, *, forward: bool) -> tuple[str, str]:
    return (earlier, candidate) if forward else (candidate, earlier)


def type_changed(old: str, new: FormatName) -> Difference:
    """The one difference between schemas of two formats."""
    advice = f"A {new} reader cannot read {old} data: publish it as a subject of its own."
    return Difference(_TYPE_CHANGED, "", "", old, str(new), advice=advice)


class _Texts:
    """The parsed schemas behind contents; a version's text is read only when an engine asks."""

    def __init__(self, candidate: Prepared, versions: Sequence[SubjectVersion]) -> None:
        self._schemas = {row.schema.content: row.schema for row in versions}
        self._candidate = candidate
        self._last: tuple[str, Parsed] | None = None

    def parsed(self, content: str) -> Parsed:
        if content == self._candidate.content:
            return self._candidate.parsed
        if self._last is None or self._last[0] != content:
            self._last = content, parse_stored(self._schemas[content])
        return self._last[1]


def parse_stored(schema: Schema) -> Parsed:
    """A registered schema, parsed with what it refers to."""
    return parse_with(schema, stored_dependencies(schema))


def parse_with(schema: Schema, dependencies: Sequence[Dependency]) -> Parsed:
    """A registered schema whose dependencies were read already."""
    return parsing.parse(FormatName(schema.format), schema.text, dependencies)


def stored_dependencies(schema: Schema) -> tuple[Dependency, ...]:
    """What a registered schema refers to, each before those that use it."""
    targets = parsing.targets_of([schema.pk]).get(schema.pk, []) if schema.references else []
    return parsing.dependencies_of(targets)
