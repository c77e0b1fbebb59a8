"""The gate `config`: no workload starts without the variables that its code needs.

Judged are the settings that the plan would bring, whatever brought them: a form, REST or a push.
"""

from __future__ import annotations

from collections.abc import Sequence

from idp.changes import people
from idp.changes.gates import Gate, GateResult, Outcome
from idp.changes.models import Change
from idp.changes.plans import Plan
from idp.common.errors import Invalid
from rbac.access import can
from rbac.actors import Actor
from schemas.checking import parse_stored
from schemas.formats.json import JsonSchema
from schemas.permissions import VIEW
from schemas.variables.judging import Judgement, judge, spoken, unusable
from schemas.variables.settings import Settings, declared_version, of_facts, parse_text

NAME, TITLE, WAIVE = "config", "Configuration", "gate.waive"
RULE = "every declared variable is there and of its type"
MAX_FACTS = 20


def check(change: Change, plan: Plan) -> GateResult:
    """Whether every workload finds the variables that its schema asks for."""
    if change.intent.get("delete"):
        return _pass("Nothing of it will run.")
    wanted = of_facts(plan.facts)
    if not wanted:
        return _pass("No workload declares a schema of its variables.")
    running = [one for one in wanted if not one.stopped]
    if not running:
        return _pass("It is stopped: nothing runs that would need its variables.")
    found = judged(people.actor_of_change(change), running)
    faults = [fault for one in found for fault in one.faults]
    if faults:
        return GateResult(
            NAME,
            TITLE,
            Outcome.REFUSE,
            spoken(faults),
            rule=RULE,
            fact=[fault.sentence for fault in faults[:MAX_FACTS]],
            lift=people.who_can(WAIVE, change, does=f"waive gate “{NAME}” for this change"),
        )
    return _pass(in_words(found))


def _pass(sentence: str) -> GateResult:
    return GateResult(NAME, TITLE, Outcome.PASS, sentence)


def in_words(found: Sequence[Judgement]) -> str:
    """What fits, and what could not be judged."""
    fits = [
        f"{one.settings.workload} has the variables of {one.settings.called}"
        for one in found
        if one.fine
    ]
    notes = [note for one in found for note in one.notes]
    return f"{'; '.join(fits)}. {' '.join(notes)}".strip()


def judged(actor: Actor, wanted: Sequence[Settings]) -> list[Judgement]:
    """Each workload's judgement, schemas read with the actor's eyes."""
    return [_judged(actor, one) for one in wanted]


def _judged(actor: Actor, settings: Settings) -> Judgement:
    try:
        parsed = _schema(actor, settings)
        if parsed is None:
            sentence = f"{settings.called} is not registered, or you may not see it."
            return unusable(settings, sentence, "Name a version that exists, under configSchema.")
        return judge(parsed, settings)
    except Invalid as error:
        return unusable(settings, f"{settings.called} cannot be used: {error.message}", error.fix)


def _schema(actor: Actor, settings: Settings) -> JsonSchema | None:
    if not settings.subject:
        return parse_text(settings.schema)
    row = declared_version(settings.subject, settings.version, "configSchema")
    if not can(actor, VIEW, row.subject):
        return None
    parsed = parse_stored(row.schema)
    return parsed if isinstance(parsed, JsonSchema) else None


GATE = Gate(NAME, TITLE, check)
