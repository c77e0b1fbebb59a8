"""What would stand together if a schema set went to a place: its parties, others, and the matrix.

One judgement for the gate of a change and for the question “may it go there?”.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from django.utils import timezone

from idp.changes.models import Change
from portal.models import Component
from rbac.access import can
from rbac.actors import Actor
from rbac.models import Scope
from schemas.dependants import life, matrix, parties
from schemas.dependants.matrix import Cell
from schemas.dependants.models import Role
from schemas.dependants.parties import Party
from schemas.dependants.sets import Entry, SchemaSet, versions_of
from schemas.models import SubjectVersion
from schemas.permissions import VIEW
from schemas.policies import placing

MAX_ARRIVING = 50  # changes under way beside this one that are looked at


@dataclass(frozen=True)
class World:
    """The judgement: entries that nobody can bring there, and every judged pair.

    `missing` has a sentence for each entry that cannot come, `notes` what its users should know.
    """

    scope: Scope
    missing: tuple[str, ...] = ()
    cells: tuple[Cell, ...] = ()
    own: tuple[Party, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def broken(self) -> tuple[Cell, ...]:
        return tuple(cell for cell in self.cells if not cell.compatible)

    @property
    def fine(self) -> bool:
        return not self.missing and not self.broken


def holder_of(entry: Entry, scope: Scope) -> str:
    """What a party is called: its component, else its workload, else its environment."""
    return entry.component or entry.workload or scope.name


def look(actor: Actor, scope: Scope, wanted: SchemaSet, *, only: str = "") -> World:
    """Judge a set at a place. It replaces what stands there now: all of it, or one holder's.

    Raises `TooComplex` past the bounds of time and number.
    """
    found = versions_of((entry.name, entry.version) for _, entry in wanted.entries)
    visible = {
        row.subject_id: can(actor, VIEW, row.subject) for row in dict.fromkeys(found.values())
    }
    owners = _owners(wanted, scope)
    own: list[Party] = []
    missing: list[str] = []
    for role, entry in wanted.entries:
        row = found.get((entry.name, entry.version))
        if row is None or not visible[row.subject_id]:
            missing.append(_missing(role, entry, scope))
        else:
            own.append(_party(role, entry, row, scope, owners))
    there = parties.around(parties.sharing(scope), matrix.subjects_of(own))
    there += _arriving(scope, {party.subject.pk for party in own})
    mine = [party for party in there if _replaced(party, scope, only)]
    others = [party for party in there if not _replaced(party, scope, only)]
    known = {_key(party) for party in mine if party.known == parties.DECLARED and not party.kept}
    own = [replace(party, fresh=_key(party) not in known) for party in own]
    begun = {key[:3] for key in known}
    missing += [
        why for party in own if _key(party)[:3] not in begun and (why := life.forbidden(party))
    ]
    others += _left_behind(mine, own)
    notes = dict.fromkeys(text for party in own if (text := life.note(party)))
    for party in own:
        refused, noted = placing.of_party(party) if party.fresh else ([], [])
        missing += refused
        notes.update(dict.fromkeys(noted))
    return World(scope, tuple(missing), tuple(matrix.cells(own, others)), tuple(own), tuple(notes))


def _arriving(scope: Scope, subjects: Collection[int]) -> list[Party]:
    """What other changes bring to the same data at this moment: judged as if it were there."""
    rows = Change.objects.filter(
        parties.sharing(scope), state__in=[Change.State.APPLYING, Change.State.OBSERVING]
    ).exclude(scope=scope.pk)
    rows = rows.select_related("scope__tier_scope", "scope__project_scope__project__team")
    found = []
    for change in rows.only("scope", "plan").order_by("pk")[:MAX_ARRIVING]:
        wanted = SchemaSet.of_facts((change.plan or {}).get("facts", {})) or SchemaSet()
        there = versions_of((entry.name, entry.version) for _, entry in wanted.entries)
        owners = _owners(wanted, change.scope)
        for role, entry in wanted.entries:
            row = there.get((entry.name, entry.version))
            if row is not None and row.subject_id in subjects:
                party = _party(role, entry, row, change.scope, owners)
                found.append(replace(party, known=parties.ARRIVING))
    return found


def _missing(role: Role, entry: Entry, scope: Scope) -> str:
    verb = "writes" if role is Role.PRODUCER else "reads"
    return (
        f"{holder_of(entry, scope)} {verb} {entry.subject} version {entry.version},"
        " which is not registered or which you may not see."
    )


def _party(
    role: Role, entry: Entry, row: SubjectVersion, scope: Scope, owners: Mapping[str, str]
) -> Party:
    holder = holder_of(entry, scope)
    owner = owners.get(holder) or parties.team_of(scope)
    return Party(role, row.subject, row, holder, owner, scope, parties.ASKED)


def _owners(wanted: SchemaSet, scope: Scope) -> dict[str, str]:
    """The team of each component of the place's project that the set names."""
    names = {entry.component for _, entry in wanted.entries if entry.component}
    rows = Component.objects.filter(name__in=names, project__scope=home_of(scope), removed_at=None)
    return dict(rows.values_list("name", "owner__name")) if names else {}


def home_of(scope: Scope) -> int:
    """The id of the scope of the place's project."""
    return scope.project_scope_id or scope.pk


def _replaced(party: Party, scope: Scope, only: str) -> bool:
    """Whether the set takes the party's place."""
    at = party.scope
    here = at is not None and scope.pk in {at.pk, at.tier_scope_id}
    return here and (not only or party.holder == only)


def _key(party: Party) -> tuple[Role, str, int, int | None]:
    return (party.role, party.holder, party.subject.pk, party.number)


def _left_behind(mine: Sequence[Party], own: Sequence[Party]) -> list[Party]:
    """What stays of the parties that go: data that was written, and check-ins of other holders."""
    written = {(party.subject.pk, party.number) for party in own if party.role is Role.PRODUCER}
    declared = {(party.role, party.holder, party.subject.pk) for party in own}
    found = []
    for party in mine:
        if party.known == parties.CHECK_IN:
            if (party.role, party.holder, party.subject.pk) not in declared:
                found.append(party)
        elif party.role is Role.PRODUCER and (party.subject.pk, party.number) not in written:
            until = party.retained_until or timezone.now() + timedelta(days=party.retention_days)
            if until > timezone.now():
                found.append(replace(party, retained_until=until))
    return found
