"""The gate `schemas`: no change brings a version that readers beside it could not read.

What the plan's set would write or read is judged against everybody in the same tier. Owners of what
breaks may agree to just that break at their own place (`leave`); waivers count as at every gate.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from idp.changes import people
from idp.changes.gates import Gate, GateResult, Outcome
from idp.changes.models import Change, Waiver
from idp.changes.plans import Plan
from rbac.models import Scope
from schemas.dependants import leave, worlds
from schemas.dependants.matrix import Cell
from schemas.dependants.parties import Party
from schemas.dependants.sentences import missing_first, spoken
from schemas.dependants.sets import SchemaSet
from schemas.dependants.worlds import World

NAME, TITLE = leave.GATE, "Schemas"


def check(change: Change, plan: Plan) -> GateResult:
    """Whether everybody in the environment's tier can go on reading what they read."""
    wanted = SchemaSet.of_facts(plan.facts)
    if wanted is None or not wanted.entries or change.intent.get("delete"):
        return GateResult(NAME, TITLE, Outcome.PASS, "It writes and reads no registered schema.")
    world = worlds.look(people.actor_of_change(change), change.scope, wanted)
    given = leave.given_for((c for c in world.broken if c.reader.scope != change.scope), change)
    open_cells = [cell for cell in world.broken if leave.of_cell(given, cell) is None]
    if world.missing or open_cells:
        return _refused(change, world, open_cells)
    if given:
        return _agreed(world, given)
    count = len(world.cells)
    pairs = f"{count} new pair{'s' if count != 1 else ''} of reader and writer get on"
    said = f"{pairs if count else 'Nothing new to judge'}."
    return GateResult(NAME, TITLE, Outcome.PASS, " ".join([said, *world.notes]))


def _refused(change: Change, world: World, broken: Sequence[Cell]) -> GateResult:
    return GateResult(
        NAME,
        TITLE,
        Outcome.REFUSE,
        missing_first(world.missing, broken),
        rule="every reader beside it can read what is written",
        fact=[cell.sentence for cell in broken[:20]],
        lift=ways_out(broken, change),
        leave=leave.to_ask(broken, change),
    )


def _agreed(world: World, given: leave.Given) -> GateResult:
    names = ", ".join(sorted({name_of(waiver) for waiver in given.values()}))
    hurt = {cell.reader.environment for cell in world.broken if leave.of_cell(given, cell)}
    sentence = f"Agreed by {names} for {', '.join(sorted(hurt))}: {spoken(world.broken)}"
    return GateResult(NAME, TITLE, Outcome.PASS, sentence, waived_by=names)


def name_of(waiver: Waiver) -> str:
    """Who granted it."""
    return waiver.approver.username if waiver.approver else ""


def ways_out(broken: Sequence[Cell], change: Change | None = None) -> str:
    """The two ways out: another schema, or the owners' leave; empty where nothing is broken."""
    if not broken:
        return "Declare versions that are registered, that you see, and that may be used there."
    advice = broken[0].advice
    at = change.scope if change else None
    owners = [
        f"{leave.who_agrees(readers[0], change)} at {readers[0].environment}"
        for readers in _by_place(broken)
        if readers[0].scope != at
    ]
    second = "; ".join(owners[: leave.SHOWN_PEOPLE])
    if change is not None:
        own = people.who_can(leave.WAIVE, change, does=f"waive gate “{NAME}” for this change")
        second = f"{second}; or {own}" if second else own
    return f"Two ways out. Evolve it compatibly: {advice} Or have the owners agree: {second}"


def _by_place(broken: Iterable[Cell]) -> list[list[Party]]:
    found: dict[Scope | None, list[Party]] = {}
    for cell in broken:
        found.setdefault(cell.reader.scope, []).append(cell.reader)
    return list(found.values())


GATE = Gate(NAME, TITLE, check)
