"""The gate `migrations`: the databases of the place have the versions that a bundle needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from idp.changes import gates, people
from idp.changes.gates import Gate, GateResult, Outcome
from idp.changes.models import Change
from idp.changes.plans import Plan
from pipelines.deploys.gates import bundle_of
from schemas.databases.models import DatabaseInstance
from schemas.databases.selectors import instances_at

NAME, TITLE = "migrations", "Migrations"
RULE = "a database was seen to have the version that a bundle needs"


def check(change: Change, _plan: Plan) -> GateResult:
    bundle = bundle_of(change)
    needed: Mapping[str, int] = bundle.content["migrations"] if bundle else {}
    if not needed:
        return GateResult(NAME, TITLE, Outcome.PASS, "It needs no migration.")
    missing = list(_missing(needed, list(instances_at(change.scope))))
    if not missing:
        named = ", ".join(f"{name} version {number}" for name, number in sorted(needed.items()))
        return GateResult(NAME, TITLE, Outcome.PASS, f"There: {named}.", RULE)
    return GateResult(
        NAME,
        TITLE,
        Outcome.WAIT,
        " ".join(missing),
        RULE,
        missing,
        "Run the migrations there; it goes on when the database was looked at again. "
        + people.who_can("gate.waive", change, does="waive it"),
    )


def _missing(needed: Mapping[str, int], there: Iterable[DatabaseInstance]) -> Iterable[str]:
    """What lacks, a sentence each; what nobody knows of lacks too."""
    known = {str(one.database): one for one in there}
    for name, number in sorted(needed.items()):
        one = known.get(name)
        if one is None:
            yield f"It needs {name} version {number}, and nobody said where {name} lives here."
        elif one.reached < number:
            seen = f"version {one.reached}" if one.reached else "none of its versions"
            yield f"It needs {name} version {number}; {one} was seen to have {seen}."


def register() -> None:
    gates.register(Gate(NAME, TITLE, check))
