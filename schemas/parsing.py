"""Candidates as they are handed in, and parsed schemas kept in memory for the next comparison.

Between the services and `schemas.formats`: resolves references by rows, so that the engines see
texts alone.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from schemas import beside
from schemas.errors import InvalidCandidate
from schemas.formats import registry
from schemas.formats.base import Dependency, FormatName, Parsed
from schemas.models import SchemaReference, SubjectVersion

MAX_REFERENCES = 200  # of one schema, those of its references included
MAX_DEPENDENCY_TEXT = 4_000_000
KEPT = 1024  # texts whose parsed schemas are in memory
KEPT_TEXT = 200_000  # characters; larger ones are parsed again rather than kept


@dataclass(frozen=True)
class Reference:
    """What a candidate's text calls `name` is this version of this subject."""

    name: str
    subject: str
    version: int  # -1: the latest


@dataclass(frozen=True)
class Candidate:
    """A schema as somebody hands it in, to register, to look up or to check."""

    text: str
    format: FormatName = FormatName.AVRO
    references: tuple[Reference, ...] = ()
    metadata: Mapping[str, Any] | None = None
    rule_set: Mapping[str, Any] | None = None
    schema_id: int | None = None  # given by another registry: IMPORT only
    version: int | None = None


@dataclass(frozen=True)
class Target:
    """A reference that was found."""

    name: str
    subject: str
    version: SubjectVersion


@dataclass(frozen=True)
class Prepared:
    """A candidate that was understood, with its identity."""

    parsed: Parsed
    text: str
    targets: tuple[Target, ...]
    metadata: Mapping[str, Any] | None
    rule_set: Mapping[str, Any] | None
    content: str
    digest: str

    @property
    def format(self) -> FormatName:
        return self.parsed.format

    @property
    def guid(self) -> UUID:
        return UUID(bytes=bytes.fromhex(self.digest[:32]))

    @property
    def references(self) -> list[dict[str, Any]]:
        """As they are written to clients."""
        return [
            {"name": t.name, "subject": t.subject, "version": t.version.number}
            for t in self.targets
        ]


# -- parsed schemas in memory -----------------------------------------------------------------

_kept: OrderedDict[str, Parsed] = OrderedDict()
_lock = threading.Lock()


def parse(name: FormatName, text: str, dependencies: Sequence[Dependency] = ()) -> Parsed:
    """The parsed schema, perhaps from memory; raises what the format's engine raises."""
    key = _key(name, text, dependencies)
    with _lock:
        known = _kept.get(key)
        if known is not None:
            _kept.move_to_end(key)
            return known
    parsed = registry.get(name).parse(text, dependencies)
    if len(text) <= KEPT_TEXT:
        _remember(parsed, key, _key(name, parsed.text, dependencies))
    return parsed


def _key(name: FormatName, text: str, dependencies: Sequence[Dependency]) -> str:
    return _hash(name, text, *(part for d in dependencies for part in (d.name, d.text)))


def _remember(parsed: Parsed, *keys: str) -> None:
    """By the text that came and by the one that is stored: the next version is judged by that."""
    with _lock:
        for key in keys:
            _kept[key] = parsed
        while len(_kept) > KEPT:
            _kept.popitem(last=False)


def _hash(*parts: str) -> str:
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode(errors="surrogatepass")
        digest.update(b"%d:" % len(data))
        digest.update(data)
    return digest.hexdigest()


# -- identity -----------------------------------------------------------------------------------


def prepare(
    candidate: Candidate, targets: Sequence[Target], *, normalize: bool = False
) -> Prepared:
    """The candidate with its identity; raises `InvalidSchema`, `TooComplex`, `InvalidCandidate`."""
    if targets and candidate.format in beside.FORMATS:
        raise InvalidCandidate(
            f"An {candidate.format} description refers to nothing outside itself.",
            fix="Put what it needs under its own components.",
        )
    dependencies = dependencies_of(targets)
    parsed = parse(candidate.format, candidate.text, dependencies)
    if normalize and parsed.normalised != parsed.text:
        parsed = parse(candidate.format, parsed.normalised, dependencies)
    require_storable(parsed.text, parsed.canonical)
    used = [(t.name, t.subject, t.version.number, t.version.schema.content) for t in targets]
    content = content_of(parsed, used)
    metadata, rules = candidate.metadata or None, candidate.rule_set or None
    return Prepared(
        parsed=parsed,
        text=parsed.text,
        targets=tuple(targets),
        metadata=metadata,
        rule_set=rules,
        content=content,
        digest=identity(content, metadata, rules),
    )


def content_of(parsed: Parsed, used: Iterable[tuple[str, str, int, str]]) -> str:
    """The hash of what readers meet: the canonical text, and what it calls by which name.

    `used` has, of each reference, its name, subject, version and the content that stands there.
    """
    parts = [str(part) for reference in used for part in reference]
    return _hash(parsed.format, parsed.canonical, *parts)


def identity(
    content: str, metadata: Mapping[str, Any] | None, rules: Mapping[str, Any] | None
) -> str:
    """The hash of a whole identity; the order of an object's members does not count."""
    return _hash(content, _stable(metadata), _stable(rules))


def _stable(value: Mapping[str, Any] | None) -> str:
    return json.dumps(value, sort_keys=True) if value else ""


def require_storable(*texts: str) -> None:
    """Refuse what no database column holds: NUL and halves of surrogate pairs."""
    for text in texts:
        if "\x00" in text or not _encodes(text):
            raise InvalidCandidate(
                "The schema holds a character that is no text (NUL or surrogate)."
            )


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


# -- references ---------------------------------------------------------------------------------


def targets_of(schema_ids: Iterable[int]) -> dict[int, list[Target]]:
    """What each schema refers to, in order, in one query."""
    found: dict[int, list[Target]] = {}
    rows = SchemaReference.objects.filter(schema__in=list(schema_ids)).select_related(
        "target__schema", "target__subject__context"
    )
    for row in rows.order_by("schema", "position"):
        target = Target(row.name, str(row.target.subject), row.target)
        found.setdefault(row.schema_id, []).append(target)
    return found


def dependencies_of(targets: Sequence[Target]) -> tuple[Dependency, ...]:
    """The texts of the targets and of what they refer to, each before those that use it.

    One query a level; raises `InvalidCandidate` past the bounds.
    """
    if not targets:
        return ()
    below: dict[int, list[Target]] = {}
    level = {target.version.schema_id for target in targets if target.version.schema.references}
    while level:
        below.update(targets_of(level))
        if sum(map(len, below.values())) > MAX_REFERENCES:
            raise InvalidCandidate(f"More than {MAX_REFERENCES} references, counted to the bottom.")
        level = {
            target.version.schema_id
            for schema in level
            for target in below.get(schema, [])
            if target.version.schema.references
        } - below.keys()
    ordered: dict[tuple[str, int], Dependency] = {}
    for target in targets:
        _append(target, below, ordered)
    if sum(len(dependency.text) for dependency in ordered.values()) > MAX_DEPENDENCY_TEXT:
        raise InvalidCandidate("The referenced schemas are too large together.")
    return tuple(ordered.values())


def _append(
    target: Target,
    below: Mapping[int, Sequence[Target]],
    ordered: dict[tuple[str, int], Dependency],
) -> None:
    """Add a target after what it needs; a stack of its own keeps a long chain off Python's.

    References point to what stood before, so there is no loop.
    """
    stack = [(target, False)]
    while stack:
        current, expanded = stack.pop()
        key = (current.name, current.version.schema_id)
        if key in ordered:
            continue
        if not expanded:
            stack.append((current, True))
            stack.extend((t, False) for t in reversed(below.get(current.version.schema_id, [])))
            continue
        ordered[key] = Dependency(
            current.name, current.version.schema.text, current.subject, current.version.number
        )
