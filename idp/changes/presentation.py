"""What pages show of a change: phases, steps with their bars, the log, and sentences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from idp.changes import leases
from idp.changes.gates import Outcome
from idp.changes.models import Change, ChangeEvent, ChangeStep, Waiver
from idp.changes.plans import RISKS, Action, Plan, Risk, Verb

BAR = 240  # width of the waterfall's view box
MIN_BAR = 3
State = Change.State

# How a state looks in the pages' vocabulary, where its own name means something else there.
LOOKS = {State.READY: "confirming"}
_HEADINGS = {
    Risk.DATA: "Loses data",
    Risk.ACCESS: "Changes access",
    Risk.RUNTIME: "Changes what runs",
    Risk.HARMLESS: "New and harmless",
}


def look(change: Change) -> str:
    return LOOKS.get(State(change.state), str(change.state))


def duration(seconds: float) -> str:
    """A length of time with its unit: 0.4 s, 56 s, 1 min 22 s, 3 h 5 min."""
    if seconds < 10:  # noqa: PLR2004 - one decimal matters below ten seconds
        return f"{max(seconds, 0):.1f} s"
    whole = round(seconds)
    if whole < 60:  # noqa: PLR2004 - seconds of a minute
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:  # noqa: PLR2004 - minutes of an hour
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def _between(start: datetime | None, end: datetime | None) -> str:
    if start is None:
        return ""
    return duration(((end or timezone.now()) - start).total_seconds())


@dataclass(frozen=True)
class Phase:
    title: str
    detail: str
    look: str
    current: bool


def phases(change: Change) -> list[Phase]:
    """The five phases of a change; the one where it ended badly carries the end's look."""
    ended = change.finished_at
    rows = [
        ("Planned", change.created_at, change.planned_at, {State.PLANNING}),
        ("Gates passed", change.planned_at, change.started_at, {State.READY, State.WAITING}),
        ("Applied", change.started_at, change.applied_at, {State.APPLYING}),
        ("Healthy", change.applied_at, None, {State.OBSERVING}),
    ]
    names = {
        State.PLANNING: "Planning",
        State.READY: "To confirm",
        State.WAITING: "Waiting",
        State.APPLYING: "Applying",
        State.OBSERVING: "Watching health",
    }
    found: list[Phase] = []
    broken = False
    for title, start, end, states in rows:
        if change.state in states:
            name = names[State(change.state)]
            found.append(Phase(name, _between(start, None), look(change), current=True))
        elif end is not None or (change.state == State.SUCCEEDED and start is not None):
            found.append(Phase(title, _between(start, end or ended), "done", current=False))
        elif ended and not broken and change.state != State.SUCCEEDED:
            broken = True
            label = change.get_state_display()
            found.append(Phase(label, _between(start, ended), look(change), current=True))
        else:
            found.append(Phase(title, "", "pending", current=False))
    if change.state == State.SUCCEEDED:
        whole = _between(change.created_at, ended)
        return [*found, Phase("Done", whole, "done", current=True)]
    return [*found, Phase("Done", "", "pending", current=False)]


@dataclass(frozen=True)
class StepRow:
    """One line of the step table: a step with its bar, or (`lost`) a worker that was lost."""

    step: ChangeStep | None
    x: int = 0
    width: int = 0
    took: str = ""
    lost: str = ""


def step_rows(change: Change, steps: Sequence[ChangeStep]) -> list[StepRow]:
    """The steps in order with their bars, and where a worker was lost between them."""
    begun = [s.started_at for s in steps if s.started_at]
    first = min(begun, default=change.started_at or change.created_at)
    last = change.applied_at or change.finished_at or timezone.now()
    whole = max((last - first).total_seconds(), 0.001)
    lost = list(change.events.filter(kind="worker").order_by("number"))
    rows: list[StepRow] = []
    for step in steps:
        while lost and (step.finished_at is None or step.finished_at >= lost[0].at):
            rows.append(StepRow(None, lost=_lost(lost.pop(0))))
        rows.append(_bar(step, first, whole, last))
    return rows


def _bar(step: ChangeStep, first: datetime, whole: float, last: datetime) -> StepRow:
    if step.started_at is None:
        return StepRow(step)
    end = step.finished_at or last
    x = round(BAR * (step.started_at - first).total_seconds() / whole)
    width = round(BAR * (end - step.started_at).total_seconds() / whole)
    width = max(min(width, BAR), MIN_BAR)
    return StepRow(step, max(0, min(x, BAR - width)), width, _between(step.started_at, end))


def _lost(event: ChangeEvent) -> str:
    lost, by = event.data.get("lost", "a worker"), event.data.get("by", "another")
    if lost == by:
        return f"{lost} stopped, started again and went on where it had been."
    return f"{lost} stopped answering. {by} took over and went on where it had been."


def counted(steps: Iterable[ChangeStep]) -> str:
    """“5 done, 1 running, 3 to come”."""
    words = {"done": "done", "running": "running", "failed": "failed", "skipped": "skipped"}
    totals: dict[str, int] = {}
    for step in steps:
        word = words.get(step.state, "to come")
        totals[word] = totals.get(word, 0) + 1
    order = ("done", "running", "failed", "skipped", "to come")
    return ", ".join(f"{totals[word]} {word}" for word in order if word in totals)


@dataclass(frozen=True)
class Held:
    """Who works on the change now, and for how long without another sign of life."""

    worker: str
    token: int
    until: datetime | None
    attempts: int


def stops(change: Change) -> list[dict[str, Any]]:
    """The gates in a change's way: while it waits, and where confirming it would be for nothing."""
    if change.state == Change.State.WAITING:
        return [gate for gate in change.gates if gate["outcome"] != Outcome.PASS]
    if change.state == Change.State.READY and not change.reason:
        return [gate for gate in change.gates if gate["outcome"] == Outcome.REFUSE]
    return []


def held(change: Change) -> Held | None:
    if not change.lease_holder:
        return None
    return Held(
        leases.shown(change.lease_holder),
        change.lease_token,
        change.lease_until,
        change.attempts,
    )


def if_cancelled(change: Change, done: int, total: int) -> str:
    """What cancelling now would leave behind, in a sentence; empty when there is nothing left."""
    if change.state in (State.PLANNING, State.READY, State.WAITING):
        return "Nothing was done yet, so nothing stays."
    if change.state == State.APPLYING:
        left = f"Steps 1 to {done} of {total} stay as they are" if done else "Nothing stays so far"
        return (
            f"It stops after the running step. {left}; to undo them, propose the change that"
            " leads back."
        )
    if change.state == State.OBSERVING:
        return "Everything is applied and stays; only the watching stops."
    return ""


@dataclass(frozen=True)
class Group:
    """The actions of one risk."""

    risk: Risk
    title: str
    actions: tuple[Action, ...]

    @property
    def open(self) -> bool:
        return self.risk is not Risk.HARMLESS


def groups(plan: Plan) -> list[Group]:
    """What would be done, worst risk first; empty groups are left out."""
    found = []
    for risk in RISKS:
        actions = tuple(a for a in plan.effective if a.risk is risk)
        if actions:
            deletes = risk is Risk.HARMLESS and any(a.verb is not Verb.CREATE for a in actions)
            found.append(Group(risk, "Harmless" if deletes else _HEADINGS[risk], actions))
    return found


def gate_summary(change: Change, *, passing: bool = True) -> str:
    """“5 pass, 1 refuses, 2 wait”; without `passing` only what is in the way."""
    outcomes = [gate["outcome"] for gate in change.gates]
    words = {"pass": ("passes", "pass"), "refuse": ("refuses", "refuse"), "wait": ("waits", "wait")}
    said = []
    for outcome, (one, many) in words.items():
        count = outcomes.count(outcome)
        if count and (passing or outcome != "pass"):
            said.append(f"{count} {one if count == 1 else many}")
    return ", ".join(said)


@dataclass(frozen=True)
class LeaveRow:
    """Somebody whose leave a gate would take, and what became of asking them.

    `offered`: the gate asks for it still.
    """

    gate: str
    scope: int
    place: str
    about: str
    sentence: str
    who: str
    url: str
    asked: Waiver | None
    offered: bool = True
    may_answer: bool = False

    @property
    def key(self) -> str:
        return f"{self.scope}:{self.about}"

    @property
    def standing(self) -> str:
        return self.asked.standing if self.asked else "open"

    @property
    def word(self) -> str:
        return "not asked" if self.standing == "open" else self.standing

    @property
    def may_ask(self) -> bool:
        return self.offered and self.standing not in {"asked", "granted"}


def leave_rows(
    change: Change, asked: Sequence[Waiver], answerable: Iterable[Waiver]
) -> list[LeaveRow]:
    """What gates would take leave for, with the newest wish for it; then what else was asked."""
    newest = {(w.gate, w.scope_id, w.about): w for w in reversed(asked)}
    mine = {waiver.pk for waiver in answerable} if newest else set()
    rows = []
    for gate in change.gates:
        for leave in gate.get("leave", ()):
            waiver = newest.pop((gate["gate"], leave["scope"], leave["about"]), None)
            answers = waiver is not None and waiver.pk in mine
            rows.append(LeaveRow(gate["gate"], **leave, asked=waiver, may_answer=answers))
    for w in newest.values():
        at = w.scope
        rows.append(
            LeaveRow(w.gate, at.pk, at.label, w.about, w.told, "", w.url, asked=w, offered=False)
        )
    return rows
