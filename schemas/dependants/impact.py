"""What a candidate would do to those who use its subject, before anything is registered.

Each consumer is asked whether it could read the candidate's data, each producer whether readers of
the candidate could read its data; whose version nobody knows is named without a verdict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Q

from rbac.actors import Actor
from schemas import beside, parsing, selectors
from schemas.configuration import Place
from schemas.dependants import matrix, parties
from schemas.dependants.matrix import Cell
from schemas.dependants.models import Role
from schemas.dependants.parties import Party
from schemas.formats.base import Parsed
from schemas.models import Schema, Subject, SubjectVersion
from schemas.naming import SubjectName
from schemas.parsing import Candidate
from schemas.traffic import selectors as traffic

CANDIDATE = "the candidate"


@dataclass(frozen=True)
class Effect:
    """What one party would meet; `compatible` None where its version is unknown."""

    party: Party
    compatible: bool | None
    sentence: str


@dataclass(frozen=True)
class Impact:
    subject: Subject
    effects: tuple[Effect, ...]

    @property
    def hurt(self) -> tuple[Effect, ...]:
        return tuple(effect for effect in self.effects if effect.compatible is False)

    @property
    def compatible(self) -> bool:
        return not self.hurt

    @property
    def sentence(self) -> str:
        """The whole in one sentence."""
        if not self.effects:
            return f"Nobody is known to use {self.subject}."
        unknown = sum(effect.compatible is None for effect in self.effects)
        note = f" Of {unknown} the version is not known." if unknown else ""
        count = len(self.hurt)
        if not count:
            return f"It breaks nobody who is known to use {self.subject}.{note}"
        return f"It would break {count} of {len(self.effects)} who use {self.subject}.{note}"


def impact_of(actor: Actor, name: SubjectName, candidate: Candidate) -> Impact:
    """The effects by environment; raises `SubjectNotFound` and what the engines raise."""
    subject = selectors.subject(actor, name)
    place = Place(subject.context, subject)
    targets = selectors.targets(actor, candidate, name.context)
    prepared = parsing.prepare(candidate, targets, normalize=place.normalize)
    schema = Schema(content=prepared.content, format=prepared.format, text=prepared.text)
    made = SubjectVersion(number=0, subject=subject, schema=schema)
    return _effects(actor, subject, made, {prepared.content: prepared.parsed})


def standing_of(actor: Actor, subject: Subject) -> Impact:
    """Who uses a subject that the actor sees, and how each gets on with its latest version."""
    latest = selectors.version(subject, selectors.LATEST)
    return _effects(actor, subject, latest, {})


def _effects(
    actor: Actor, subject: Subject, made: SubjectVersion, parsed: Mapping[str, Parsed]
) -> Impact:
    there = parties.around(Q(), [subject])
    named = {(party.role, party.holder) for party in there}
    catalogued = parties.catalogued([subject])
    there += [party for party in catalogued if (party.role, party.holder) not in named]
    there = traffic.beside(actor, subject, there)
    known = [party for party in there if party.version is not None]
    unknown = [party for party in there if party.version is None]
    cells = _cells(subject, made, known, parsed)
    what = f"version {made.number}" if made.number else CANDIDATE
    effects = [_effect(party, cell, what) for party, cell in zip(known, cells, strict=True)]
    effects += [_unknown(party) for party in unknown]
    return Impact(subject, tuple(sorted(effects, key=_order)))


def _cells(
    subject: Subject,
    made: SubjectVersion,
    known: Sequence[Party],
    parsed: Mapping[str, Parsed],
) -> list[Cell]:
    """For each party the pair of it and the version, whichever of them reads."""
    reader, writer = (
        Party(role, subject, made, CANDIDATE, subject.owner.name, None, parties.ASKED, fresh=True)
        for role in (Role.CONSUMER, Role.PRODUCER)
    )
    pairs = [(party, writer) if party.role is Role.CONSUMER else (reader, party) for party in known]
    return matrix.judged(pairs, parsed)


def _effect(party: Party, cell: Cell, what: str) -> Effect:
    if cell.compatible:
        return Effect(party, compatible=True, sentence="")
    calls = party.subject.format in beside.FORMATS
    if party.role is Role.CONSUMER:
        way = f"go on calling {what}" if calls else f"read what {what} writes"
        sentence = f"{party.words} could not {way}: {cell.advice}"
    elif calls:
        sentence = f"Clients of {what} could not call {party.words}: {cell.advice}"
    else:
        sentence = f"Readers of {what} could not read data of {party.words}: {cell.advice}"
    return Effect(party, compatible=False, sentence=sentence)


def _unknown(party: Party) -> Effect:
    if party.known == parties.TRAFFIC:
        return Effect(party, compatible=None, sentence=traffic.sentence(party))
    verb = "writes" if party.role is Role.PRODUCER else "reads"
    where = f" in {party.environment}" if party.environment else ""
    sentence = (
        f"{party.holder} of team {party.owner} {verb} it{where}, nobody knows with which version."
    )
    return Effect(party, compatible=None, sentence=sentence)


def _order(effect: Effect) -> tuple[bool, str, str, str]:
    party = effect.party
    return (effect.compatible is not False, party.tier, party.environment, party.holder)
