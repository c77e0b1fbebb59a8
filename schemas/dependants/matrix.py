"""Every reader against every writer that would be there together, and what it says in words.

Only pairs with something new in them are judged: what stands together already is nobody's change.
Used by the gate, by the question “may it go there?” and by impact.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from schemas import beside, checking, verdicts
from schemas.configuration import Place
from schemas.dependants.models import Role
from schemas.dependants.parties import Party
from schemas.formats.base import Difference, FormatName, Parsed, TooComplex
from schemas.models import Schema, Subject

MAX_PAIRS = 500  # of different schemas that one question may have judged
MAX_CELLS = 20_000  # of parties


@dataclass(frozen=True)
class Cell:
    """A reader and a writer; `differences` break the reader, none: they get on."""

    reader: Party
    writer: Party
    differences: tuple[Difference, ...] = ()

    @property
    def compatible(self) -> bool:
        return not self.differences

    @property
    def advice(self) -> str:
        """The first difference in words."""
        if not self.differences:
            return ""
        first = self.differences[0]
        return first.advice or f"{first.kind} at {first.reader_at or '/'}"

    @property
    def sentence(self) -> str:
        """Who is hurt by what; empty where nobody is."""
        if self.compatible:
            return ""
        if self.writer.subject.format in beside.FORMATS:
            server = f"{self.writer.subject}, {self.writer.held}, of {self.writer.holder}"
            return f"{self.reader.words} cannot go on calling {server}: {self.advice}"
        data = f"data of {self.writer.subject}, {self.writer.held},"
        source = f"from {self.writer.holder}"
        if self.writer.retained_until:
            source += f", which is kept until {self.writer.retained_until:%d %b %Y}"
        return f"{self.reader.words} cannot read {data} {source}: {self.advice}"


def cells(fresh: Sequence[Party], others: Sequence[Party]) -> list[Cell]:
    """A cell for each pair of reader and writer of a subject in which at least one is fresh.

    Parties whose version is unknown are left out. Raises `TooComplex` past the bounds.
    """
    pairs: list[tuple[Party, Party]] = []
    for group in _by_subject([*fresh, *others]).values():
        readers = [party for party in group if party.role is Role.CONSUMER]
        writers = [party for party in group if party.role is Role.PRODUCER]
        pairs += [(r, w) for r in readers for w in writers if r.fresh or w.fresh]
        if len(pairs) > MAX_CELLS:
            raise TooComplex(
                f"More than {MAX_CELLS} pairs of readers and writers are to be judged."
            )
    return judged(pairs)


def _by_subject(parties: Iterable[Party]) -> dict[int, list[Party]]:
    found: dict[int, list[Party]] = defaultdict(list)
    for party in parties:
        if party.version is not None:
            found[party.subject.pk].append(party)
    return found


def judged(
    pairs: Sequence[tuple[Party, Party]], at_hand: Mapping[str, Parsed] = MappingProxyType({})
) -> list[Cell]:
    """The cell of each (reader, writer), judged by the subject's policy through kept verdicts.

    `at_hand` holds parsed schemas by content, for what is not registered.
    """
    schemas = _Schemas(pairs, at_hand)
    found = schemas.judge()
    lenient = {
        pair[0].subject.pk: Place(pair[0].subject.context, pair[0].subject).lenient
        for pair in pairs
    }
    return [
        Cell(reader, writer, _breaking(found, reader, writer, lenient=lenient[reader.subject.pk]))
        for reader, writer in pairs
    ]


_Judged = dict[tuple[str, str], verdicts.Judgement]


def _breaking(
    found: _Judged, reader: Party, writer: Party, *, lenient: bool
) -> tuple[Difference, ...]:
    ours, theirs = _schema(reader), _schema(writer)
    if ours.content == theirs.content:
        return ()
    if ours.format != theirs.format:
        return (checking.type_changed(theirs.format, FormatName(ours.format)),)
    judgement = found[_pair(ours, theirs)]
    if judgement.compatible(lenient=lenient):
        return ()
    return tuple(d for d in judgement.breaking if not d.compatible(lenient=lenient))


def _schema(party: Party) -> Schema:
    if party.version is None:
        raise ValueError(f"{party.holder} holds no known version.")
    return party.version.schema


def _pair(ours: Schema, theirs: Schema) -> tuple[str, str]:
    """The pair as its engine judges it: of a service, the server's text against its client's."""
    calls = ours.format in beside.FORMATS
    return (theirs.content, ours.content) if calls else (ours.content, theirs.content)


class _Schemas:
    """The different schemas behind pairs of parties, and one judgement for each two of them."""

    def __init__(self, pairs: Sequence[tuple[Party, Party]], at_hand: Mapping[str, Parsed]) -> None:
        self._at_hand = at_hand
        self._known: dict[str, Schema] = {}
        self._pairs: dict[FormatName, dict[tuple[str, str], None]] = defaultdict(dict)
        for reader, writer in pairs:
            ours, theirs = _schema(reader), _schema(writer)
            self._known |= {ours.content: ours, theirs.content: theirs}
            if ours.content != theirs.content and ours.format == theirs.format:
                self._pairs[FormatName(ours.format)][_pair(ours, theirs)] = None
        if sum(map(len, self._pairs.values())) > MAX_PAIRS:
            raise TooComplex(f"More than {MAX_PAIRS} pairs of schemas are to be judged at once.")

    def judge(self) -> _Judged:
        found: _Judged = {}
        for name, pairs in self._pairs.items():
            found |= verdicts.all_of(name, pairs, self._parsed, table=True)
        return found

    def _parsed(self, content: str) -> Parsed:
        known = self._at_hand.get(content)
        return known if known is not None else checking.parse_stored(self._known[content])


def subjects_of(parties: Iterable[Party]) -> list[Subject]:
    """The subjects of some parties, each once."""
    return list({party.subject.pk: party.subject for party in parties}.values())
