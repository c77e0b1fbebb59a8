"""The gate `schemas`: no change brings a version that readers beside it could not read.

What the plan's set would write or read is judged against everybody in the same tier. Owners of what
breaks may agree by a waiver of this gate at their own place; the kernel's waivers count as ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db.models import QuerySet
from django.utils import timezone

from idp.changes import people
from idp.changes.gates import Gate, GateResult, Outcome
from idp.changes.gating import at_or_above
from idp.changes.models import Change, Waiver
from idp.changes.plans import Plan
from rbac.granters import people_holding
from rbac.models import Scope
from rbac.places import place_of
from schemas.dependants import worlds
from schemas.dependants.matrix import Cell
from schemas.dependants.parties import Party
from schemas.dependants.sentences import missing_first, spoken
from schemas.dependants.sets import SchemaSet
from schemas.dependants.worlds import World

NAME, TITLE, WAIVE = "schemas", "Schemas", "gate.waive"
SHOWN_PEOPLE = 3


def check(change: Change, plan: Plan) -> GateResult:
    """Whether everybody in the environment's tier can go on reading what they read."""
    wanted = SchemaSet.of_facts(plan.facts)
    if wanted is None or not wanted.entries or change.intent.get("delete"):
        return GateResult(NAME, TITLE, Outcome.PASS, "It writes and reads no registered schema.")
    world = worlds.look(people.actor_of_change(change), change.scope, wanted)
    agreed = agreements(change.scope, world.broken, change)
    open_cells = [cell for cell in world.broken if cell.reader.scope not in agreed]
    if world.missing or open_cells:
        return _refused(change, world, open_cells)
    if agreed:
        return _agreed(world, agreed)
    count = len(world.cells)
    pairs = f"{count} new pair{'s' if count != 1 else ''} of reader and writer get on"
    return GateResult(NAME, TITLE, Outcome.PASS, f"{pairs if count else 'Nothing new to judge'}.")


def _refused(change: Change, world: World, broken: Sequence[Cell]) -> GateResult:
    return GateResult(
        NAME,
        TITLE,
        Outcome.REFUSE,
        missing_first(world.missing, broken),
        rule="every reader beside it can read what is written",
        fact=[cell.sentence for cell in broken[:20]],
        lift=ways_out(broken, change),
    )


def _agreed(world: World, agreed: dict[Scope, Waiver]) -> GateResult:
    names = sorted({_name(waiver) for waiver in agreed.values()})
    places = ", ".join(sorted(scope.label for scope in agreed))
    sentence = f"Agreed by {', '.join(names)} for {places}: {spoken(world.broken)}"
    return GateResult(NAME, TITLE, Outcome.PASS, sentence, waived_by=", ".join(names))


def _name(waiver: Waiver) -> str:
    return waiver.approver.username if waiver.approver else ""


def agreements(
    at: Scope | None, broken: Iterable[Cell], change: Change | None = None
) -> dict[Scope, Waiver]:
    """By place of a hurt reader, other than `at`, the waiver by which its owners agreed.

    One that was granted by who asked for the change lets others past, not this.
    """
    hurt = {cell.reader.scope for cell in broken if cell.reader.scope is not None} - {at}
    if not hurt:
        return {}
    rows = _granted().filter(scope__in={pk for scope in hurt for pk in scope.lineage})
    if change is not None:
        rows = rows.exclude(approver__in=people.asked(change))
    granted = {waiver.scope_id: waiver for waiver in rows.order_by("ends_at")}
    return {scope: granted[pk] for scope in hurt for pk in sorted(scope.lineage) if pk in granted}


def waived_at(scope: Scope) -> Waiver | None:
    """The waiver by which the gate lets every change of a place past."""
    return _granted().filter(at_or_above(scope)).order_by("ends_at").last()


def _granted() -> QuerySet[Waiver]:
    """Waivers of this gate in force that are bound to places, not to one change."""
    return Waiver.objects.filter(
        gate=NAME,
        change=None,
        revoked_at=None,
        approved_at__isnull=False,
        approver__service_account=None,
        ends_at__gt=timezone.now(),
    ).select_related("approver")


def ways_out(broken: Sequence[Cell], change: Change | None = None) -> str:
    """The two ways out: another schema, or the owners' leave; empty where nothing is broken."""
    if not broken:
        return "Register the version, or declare one that exists."
    advice = broken[0].advice
    at = change.scope if change else None
    owners = [
        f"{_who(readers[0], change)} at {readers[0].environment}"
        for readers in _by_place(broken)
        if readers[0].scope != at
    ]
    second = "; ".join(owners[:SHOWN_PEOPLE])
    if change is not None:
        own = people.who_can(WAIVE, change, does=f"waive gate “{NAME}” for this change")
        second = f"{second}; or {own}" if second else own
    return f"Two ways out. Evolve it compatibly: {advice} Or have the owners agree: {second}"


def _by_place(broken: Iterable[Cell]) -> list[list[Party]]:
    found: dict[Scope | None, list[Party]] = {}
    for cell in broken:
        found.setdefault(cell.reader.scope, []).append(cell.reader)
    return list(found.values())


def _who(reader: Party, change: Change | None) -> str:
    """Who may agree for a reader: people of its place who may waive there."""
    place = place_of(reader.scope) if reader.scope else None
    rows = people_holding(WAIVE, place) if place else None
    if rows is not None and change is not None:
        rows = rows.exclude(pk__in=people.asked(change))
    names = list(rows.values_list("username", flat=True)[:SHOWN_PEOPLE]) if rows is not None else []
    who = f"team {reader.owner}"
    return f"{who} ({' or '.join(names)} can waive gate “{NAME}”" + ")" if names else who


GATE = Gate(NAME, TITLE, check)
