"""What policies say to a version's use in a tier: for the gate, previews and the sweep."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from schemas.dependants.parties import Party
from schemas.models import SubjectVersion
from schemas.policies import checks, holding, judging
from schemas.policies.holding import Held
from schemas.policies.judging import Failure


def of_party(party: Party) -> tuple[list[str], list[str]]:
    """Why this use may not begin, and what its users should know; both empty for most."""
    if party.version is None:
        return [], []
    refused: list[str] = []
    noted: list[str] = []
    for held in holding.using(party.subject, party.tier):
        said = [f"{one.sentence} {one.fix}" for one in of_use(held, party.version, party.tier)]
        (refused if held.enforced else noted).extend(said)
    return refused, noted


def of_use(held: Held, version: SubjectVersion, tier: str) -> Iterable[Failure]:
    """What of one policy a version fails in a tier; `version.subject` is loaded."""
    subject = version.subject
    facts = replace(
        checks.facts_of(subject, [held], version.schema.format),
        fields=lambda: checks.tags_of(version, referenced=True).tagged,
    )
    if held.tier == tier:
        return judging.failures(held.name, held.rules, facts, tier=tier)
    return judging.kept_out(held.name, held.rules, facts, tier)
