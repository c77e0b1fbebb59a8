"""A kind of change whose world is a dictionary, with crashes and failures on demand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from idp.changes.kinds import Observation, Seen, Step, StepContext
from idp.changes.models import Change
from idp.changes.plans import Action, FieldChange, Loss, Plan, Risk, Verb, digest


class Killed(BaseException):
    """What a SIGKILL looks like from inside: nothing is cleaned up."""


@dataclass
class World:
    """Things by name, how often each was made, and what goes wrong at which point."""

    things: dict[str, str] = field(default_factory=dict)
    made: Counter[str] = field(default_factory=Counter)
    ended: list[int] = field(default_factory=list)
    version: str = "1"
    risk: Risk = Risk.HARMLESS
    loss: bool = False
    facts: dict[str, Any] = field(default_factory=dict)
    seen: Observation = field(default_factory=lambda: Observation(Seen.HEALTHY))
    at: dict[str, Callable[[Change], None]] = field(default_factory=dict)

    def reach(self, point: str, change: Change) -> None:
        happens = self.at.get(point)
        if happens is not None:
            happens(change)

    def once(self, point: str, error: BaseException) -> None:
        """Raise `error` the first time that `point` is reached."""

        def happens(change: Change) -> None:
            del self.at[point]
            raise error

        self.at[point] = happens


class FakeKind:
    """Makes each name of `intent["things"]`, one step each."""

    name = "test.fake"

    def __init__(self) -> None:
        self.world = World()

    def plan(self, change: Change) -> Plan:
        self.world.reach("plan", change)
        actions = tuple(self._action(name) for name in change.intent["things"])
        return Plan(
            actions=actions,
            base=self.world.version,
            hash=digest([self.world.version, change.intent["things"]]),
            facts=dict(self.world.facts),
        )

    def _action(self, name: str) -> Action:
        return Action(
            verb=Verb.UNCHANGED if name in self.world.things else Verb.CREATE,
            target="memory",
            kind="Thing",
            name=name,
            risk=self.world.risk,
            fields=(FieldChange("spec.version", None, self.world.version),),
            loss=Loss(f"{name} would be gone") if self.world.loss else None,
        )

    def steps(self, change: Change, plan: Plan) -> Sequence[Step]:
        if plan.counts["unchanged"] == len(plan.actions):
            return []
        return [self._step(name) for name in change.intent["things"]]

    def _step(self, name: str) -> Step:
        def run(context: StepContext) -> dict[str, Any]:
            self.world.reach(f"before {name}", context.change)
            context.checkpoint()
            if self.world.things.get(name) != f"change {context.change.pk}":
                self.world.things[name] = f"change {context.change.pk}"
                self.world.made[name] += 1
            context.log(f"made {name}")
            self.world.reach(f"after {name}", context.change)
            return {"name": name}

        return Step(key=f"make:{name}", title=f"Make {name}", run=run)

    def observe(self, change: Change) -> Observation:
        self.world.reach("observe", change)
        return self.world.seen

    def ended(self, change: Change) -> None:
        self.world.reach("ended", change)
        self.world.ended.append(change.pk)
