"""The schema set of an environment: which versions its workloads write and read.

`environment.yaml` renders one into a plan's facts; gate and recording read it from there. Sets also
come from REST, when somebody asks beforehand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.db.models import Q

from schemas import naming, selectors
from schemas.dependants.models import Role
from schemas.errors import InvalidSubject
from schemas.models import Subject, SubjectVersion
from schemas.naming import SubjectName

FACT = "schemas"  # its name among a plan's facts
LISTS: Mapping[str, Role] = {"produces": Role.PRODUCER, "consumes": Role.CONSUMER}
MAX_ENTRIES = 200  # of each list
MAX_DAYS = 3650
DEFAULT_DAYS = 7  # what a Kafka topic keeps unless told otherwise


@dataclass(frozen=True)
class Entry:
    """One version that a workload writes or reads; `retained_days` is how long its data stays."""

    subject: str
    version: int
    workload: str = ""
    component: str = ""
    revision: str = ""
    retained_days: int = DEFAULT_DAYS

    @property
    def name(self) -> SubjectName:
        return naming.parse(self.subject)


@dataclass(frozen=True)
class SchemaSet:
    produces: tuple[Entry, ...] = ()
    consumes: tuple[Entry, ...] = ()

    @property
    def entries(self) -> Sequence[tuple[Role, Entry]]:
        writing = [(Role.PRODUCER, entry) for entry in self.produces]
        return [*writing, *((Role.CONSUMER, entry) for entry in self.consumes)]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SchemaSet:
        """The set that `to_json` wrote."""
        return cls(**{name: tuple(Entry(**one) for one in data[name]) for name in LISTS})

    @classmethod
    def of_facts(cls, facts: Mapping[str, Any]) -> SchemaSet | None:
        """The set of a plan; None where the plan says nothing of schemas."""
        return cls.from_json(facts[FACT]) if FACT in facts else None


def by_name(names: Iterable[SubjectName]) -> dict[SubjectName, Subject]:
    """The subjects of these names, whoever asks, in one query."""
    wanted = Q(pk=None)
    for name in names:
        wanted |= Q(context__name=name.context, name=name.name)
    rows = selectors.with_places(Subject.objects.filter(wanted)).select_related("owner")
    return {SubjectName(row.context.name, row.name): row for row in rows}


def versions_of(
    pairs: Iterable[tuple[SubjectName, int]], *, deleted: bool = False
) -> dict[tuple[SubjectName, int], SubjectVersion]:
    """The versions that are registered, with subject and schema but without its text."""
    wanted = list(dict.fromkeys(pairs))
    subjects = by_name(name for name, _ in wanted)
    held = Q(pk=None)
    for name, number in wanted:
        if name in subjects:
            held |= Q(subject=subjects[name].pk, number=number)
    rows = SubjectVersion.objects.filter(held).select_related("schema").defer("schema__text")
    if not deleted:
        rows = rows.filter(deleted_at=None)
    by_pk = {row.pk: (name, row) for name, row in subjects.items()}
    found = {}
    for row in rows:
        name, row.subject = by_pk[row.subject_id]
        found[name, row.number] = row
    return found


def unregistered(entries: Sequence[Entry]) -> list[tuple[int, str, str]]:
    """Position, field and sentence of each entry whose subject or version does not exist."""
    names: dict[int, SubjectName] = {}
    found: list[tuple[int, str, str]] = []
    for at, entry in enumerate(entries):
        try:
            names[at] = entry.name
        except InvalidSubject as error:
            found.append((at, "subject", error.message))
    there = versions_of((name, entries[at].version) for at, name in names.items())
    subjects = by_name(names.values())
    for at, name in names.items():
        if name not in subjects or not subjects[name].last_version:
            found.append((at, "subject", f"There is no subject “{name}”."))
        elif (name, entries[at].version) not in there:
            number = entries[at].version
            found.append((at, "version", f"Subject {name} has no version {number}."))
    return found
