"""Whose leave would let a break past: the owners of each reader that is hurt, at its own place.

The cause is (subject, written version → reader); leave for it counts for nothing else. The kernel's
waivers carry it (`Waiver.about`); read by the gate and by the question “may it go there?”.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import urlencode

from idp.changes import gating, people
from idp.changes.gates import Leave
from idp.changes.gating import at_or_above
from idp.changes.models import MAX_ABOUT, Change, Waiver
from rbac import granters
from rbac.models import Scope
from rbac.places import place_of
from schemas.addresses import page_of
from schemas.dependants.matrix import Cell
from schemas.dependants.parties import Party

GATE, WAIVE = "schemas", "gate.waive"
SHOWN_PEOPLE = 3
MAX_CAUSES = 100  # that one refusal asks leave for

Cause = tuple[int, str]  # the reader's place, and the words for what hurts it there
Given = Mapping[Cause, Waiver]


def cause_of(cell: Cell) -> Cause | None:
    """What its reader's owners would agree to; None for a reader without a place."""
    if cell.reader.scope is None:
        return None
    about = f"{cell.writer.subject} {cell.writer.held} → {cell.reader.holder}"
    return cell.reader.scope.pk, about[:MAX_ABOUT]


def given_for(cells: Iterable[Cell], change: Change | None = None) -> Given:
    """The leave in force for broken cells; none by who asked for the change."""
    causes = {cause for cell in cells if (cause := cause_of(cell)) is not None}
    return gating.leave_given(GATE, causes, change)


def of_cell(given: Given, cell: Cell) -> Waiver | None:
    """By whose leave a broken pair counts for nothing."""
    cause = cause_of(cell)
    return given.get(cause) if cause is not None else None


def waived_at(scope: Scope) -> Waiver | None:
    """The waiver by which the gate lets every change of a place past."""
    rows = gating.in_force(gate=GATE, about="", change=None).filter(at_or_above(scope))
    return rows.order_by("ends_at").last()


def to_ask(broken: Sequence[Cell], change: Change) -> tuple[Leave, ...]:
    """Whom to ask for what, each cause once; readers at the change's own place are its own."""
    found: dict[Cause, Leave] = {}
    who: dict[Scope, str] = {}
    for cell in broken:
        cause, reader = cause_of(cell), cell.reader
        if cause is None or reader.scope is None or reader.scope == change.scope or cause in found:
            continue
        if len(found) == MAX_CAUSES:
            break
        if reader.scope not in who:
            who[reader.scope] = who_agrees(reader, change)
        found[cause] = Leave(
            scope=cause[0],
            place=reader.environment,
            about=cause[1],
            sentence=cell.sentence,
            who=who[reader.scope],
            url=_differences(cell),
        )
    return tuple(found.values())


def who_agrees(reader: Party, change: Change | None) -> str:
    """Who may agree for a reader, in words, its own people rather than those of everything."""
    place = place_of(reader.scope) if reader.scope else None
    team = f"team {reader.owner}"
    if place is None:
        return team
    far = granters.holders(WAIVE, place)
    rows = granters.people_holding(WAIVE, place)
    if change is not None:
        rows = rows.exclude(pk__in=people.asked(change))
    found = sorted((far[pk], name) for pk, name in rows.values_list("pk", "username"))
    nearest = [name for distant, name in found if distant == found[0][0]]
    names = nearest[:SHOWN_PEOPLE]
    return f"{team} ({' or '.join(names)})" if names else team


def _differences(cell: Cell) -> str:
    """The page that shows what the written version changed for the reader."""
    query = {"tab": "differences", "from": cell.reader.number, "to": cell.writer.number}
    return f"{page_of(cell.writer.subject)}?{urlencode(query)}"
