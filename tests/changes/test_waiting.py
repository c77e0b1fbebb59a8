"""Waiting changes are all looked at, however many wait, and none holds up another."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from idp.changes import endings, gating, services, waiting
from idp.changes.gates import GateResult
from idp.changes.models import ApprovalRule, Change, Freeze
from idp.changes.plans import Plan
from rbac.actors import Actor
from rbac.scopes import environment_scope
from tests.changes.conftest import Propose
from tests.rbac.factories import Characters
from tests.support.changes import run_until_settled

State = Change.State
pytestmark = pytest.mark.django_db


@pytest.fixture
def waiting_three(propose: Propose, people: Characters, mia: Actor) -> list[Change]:
    """Three changes that three freezes hold, each at a place of its own."""
    changes = []
    for name in ("one", "two", "three"):
        scope = environment_scope(people.project, "development", name)
        services.freeze(mia, scope, f"freeze of {name}")
        changes.append(run_until_settled(propose(scope=scope, things=[name])))
    assert {change.state for change in changes} == {State.WAITING}
    Change.objects.update(resend_at=None, looked_at=None)
    return changes


def lift(mia: Actor, change: Change) -> None:
    services.lift_freeze(mia, Freeze.objects.get(scope=change.scope))


def test_every_change_has_its_turn(waiting_three: list[Change], mia: Actor) -> None:
    last = waiting_three[-1]
    lift(mia, last)
    assert [waiting.reevaluate(limit=1) for _ in range(3)] == [[], [], [last.pk]]


def test_what_awaits_approval_holds_up_nothing_else(
    propose: Propose, waiting_three: list[Change], people: Characters, mia: Actor
) -> None:
    ApprovalRule.objects.create(name="two-eyes", scope=people.tier("staging"))
    for n in range(3):
        scope = environment_scope(people.project, "staging", f"held-{n}")
        run_until_settled(propose(scope=scope, things=[str(n)]))
    Change.objects.update(looked_at=None)
    lift(mia, waiting_three[0])
    assert waiting.reevaluate(limit=1, awaiting=1) == [waiting_three[0].pk]
    assert Change.objects.exclude(looked_at=None).count() == 2


def test_what_fails_for_one_change_stops_no_other(
    waiting_three: list[Change], mia: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _, last = waiting_three
    lift(mia, last)
    ask = gating.evaluate

    def evaluate(change: Change, plan: Plan) -> tuple[GateResult, ...]:
        if change.pk == first.pk:
            raise RuntimeError("no answer")
        return ask(change, plan)

    monkeypatch.setattr(gating, "evaluate", evaluate)
    assert waiting.reevaluate() == [last.pk]


def test_an_end_that_fails_stops_no_other(
    propose: Propose, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (run_until_settled(propose(interactive=True, things=[n])) for n in "ab")
    Change.objects.update(confirm_until=timezone.now() - timedelta(seconds=1))
    end = endings.end

    def fails(change: Change, state: Change.State, *, reason: str = "") -> None:
        if change.pk == first.pk:
            raise RuntimeError("no end")
        end(change, state, reason=reason)

    monkeypatch.setattr(endings, "end", fails)
    assert waiting.expire() == [second.pk]


def test_looking_again_at_what_still_waits_reads_little_and_writes_once(
    waiting_three: list[Change],
) -> None:
    waiting.reevaluate()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        waiting.reevaluate()
    told = [query["sql"] for query in queries]
    assert len([sql for sql in told if sql.startswith(("UPDATE", "INSERT"))]) == 1
    assert len(told) <= 3 + 10 * len(waiting_three)
