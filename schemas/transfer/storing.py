"""What a source says, checked and written as rows of an import: one subject at a time.

Between the readers of registries and archives and `schemas.transfer.judging`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import transaction

from idp.common.errors import Invalid
from rbac.models import Project
from schemas import beside, parsing
from schemas.configuration import EMPTY
from schemas.errors import InvalidCandidate
from schemas.formats.base import MAX_TEXT, FormatName
from schemas.formats.levels import Level
from schemas.models import Mode, Policy
from schemas.parsing import Candidate
from schemas.transfer import mapping
from schemas.transfer.models import ImportRun, ImportSubject, ImportVersion
from schemas.wire import bodies

MAX_SUBJECTS = 20_000
MAX_VERSIONS = 50_000
MAX_CHARACTERS = 200_000_000  # of all texts together
# Modes that a subject keeps; IMPORT and FORWARD say how it is fed over there.
KEPT_MODES = frozenset({Mode.READWRITE, Mode.READONLY, Mode.READONLY_OVERRIDE})


@dataclass
class Found:
    """A version as the source has it."""

    number: int
    candidate: Candidate
    guid: str = ""
    deleted: bool = False


@dataclass
class Arrival:
    """A subject as the source has it; `problems` say in words what of it was left."""

    source: str
    versions: Sequence[Found]
    settings: Mapping[str, Any]
    problems: Sequence[str] = ()


@dataclass
class Budget:
    """How much a run may still hold."""

    subjects: int = MAX_SUBJECTS
    versions: int = MAX_VERSIONS
    characters: int = MAX_CHARACTERS

    def spend(self, *, subjects: int = 0, versions: int = 0, characters: int = 0) -> None:
        """Raises `Invalid` once it is used up."""
        self.subjects -= subjects
        self.versions -= versions
        self.characters -= characters
        if min(self.subjects, self.versions, self.characters) < 0:
            raise Invalid(
                f"It holds more than an import takes: {MAX_SUBJECTS} subjects, {MAX_VERSIONS}"
                f" versions, {MAX_CHARACTERS} characters.",
                fix="Import it in parts, by the start of the subjects’ names.",
            )


@dataclass
class Projects:
    """The projects that a run's rules name, by name."""

    run: ImportRun
    _known: dict[str, Project] = field(default_factory=dict)

    def of(self, source: str) -> Project:
        rules = mapping.rules_of(self.run.rules)
        name = mapping.project_of(source, rules, self.run.project.name)
        if name not in self._known:
            self._known[name] = Project.objects.get(name=name)
        return self._known[name]


def version_of(body: Mapping[str, Any], *, deleted: bool = False) -> Found:
    """A version as registries write it; raises `InvalidCandidate` or `InvalidRules`.

    Metadata and rules that are not there count as none, not as those of the version before.
    """
    candidate = _candidate(body)
    if candidate.schema_id is None or candidate.version is None:
        raise InvalidCandidate("A version has the number of its schema and its own.")
    if len(candidate.text) > MAX_TEXT:
        raise InvalidCandidate(f"The schema has more than {MAX_TEXT} characters.")
    parsing.require_storable(candidate.text)
    _require_plain({key: value for key, value in body.items() if key != "schema"})
    guid = body.get("guid")
    return Found(
        number=candidate.version,
        candidate=candidate,
        guid=guid[:64] if isinstance(guid, str) and guid.isascii() else "",
        deleted=deleted or body.get("deleted") is True,
    )


def _require_plain(value: object) -> None:
    """Refuse what PostgreSQL's JSON and text hold in no place: NUL and halves of characters."""
    text = json.dumps(value, ensure_ascii=False)
    if "\\u0000" in text:
        raise InvalidCandidate("It holds a character that is no text (NUL).")
    parsing.require_storable(text)


def _candidate(body: Mapping[str, Any]) -> Candidate:
    """As registries write it; formats that live beside the wire come in archives alone."""
    name = body.get("schemaType")
    if name not in beside.FORMATS:
        return bodies.candidate(body)
    return replace(bodies.candidate({**body, "schemaType": "JSON"}), format=FormatName(name))


def settings_of(body: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Fields of a place's row, and words about what of it is not taken."""
    _require_plain(body)
    found, notes = bodies.settings(body), []
    mode = str(body.get("mode") or "").upper()[:40]
    if mode in KEPT_MODES:
        found["mode"] = mode
    elif mode:
        notes.append(f"mode {mode}")
    if found.get("level", "") not in {"", *Level}:
        notes.append(f"compatibility {found.pop('level')}")
    if found.get("policy", "") not in {"", *Policy.values}:
        notes.append(f"policy {found.pop('policy')}")
    return {key: value for key, value in found.items() if value != EMPTY.get(key)}, notes


@transaction.atomic
def store(run: ImportRun, projects: Projects, arrival: Arrival) -> None:
    """Write a subject with its versions; raises `InvalidSubject` for a name that none has here."""
    name = mapping.target_of(arrival.source, run.into)
    subject = ImportSubject.objects.create(
        run=run,
        source=arrival.source,
        context=name.context,
        name=name.name,
        project=projects.of(arrival.source),
        settings=dict(arrival.settings),
        problem=" ".join(arrival.problems)[:4000],
    )
    rows = [_row(run, subject, one) for one in arrival.versions]
    ImportVersion.objects.bulk_create(rows, batch_size=200)


def _row(run: ImportRun, subject: ImportSubject, one: Found) -> ImportVersion:
    candidate = mapping.moved(one.candidate, subject.source, run.into)
    return ImportVersion(
        run=run,
        subject=subject,
        number=one.number,
        schema_id=candidate.schema_id or 0,  # `version_of` took none without
        guid=one.guid,
        format=candidate.format,
        text=candidate.text,
        references=[vars(reference) for reference in candidate.references],
        metadata=candidate.metadata or None,
        rule_set=candidate.rule_set or None,
        deleted=one.deleted,
    )
