"""Approvals, freezes, waivers and conditions: what blocks, who lifts it, and that it then goes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from idp.changes import gates, services, waiting
from idp.changes.cli import print_plan
from idp.changes.gates import Clause, Gate, GateResult, Outcome, Reading
from idp.changes.models import ApprovalRule, Change, Freeze, Waiver
from idp.changes.plans import Risk
from idp.common.errors import (
    Clash,
    Forbidden,
    Invalid,
    NotVisible,
    PreconditionFailed,
    Refusal,
    StaleState,
)
from rbac.actors import Actor, system
from rbac.models import AuditRecord, RoleBinding
from tests.changes.conftest import Propose
from tests.changes.fake import World
from tests.rbac.factories import Characters, UserFactory, bind
from tests.support.changes import run_until_settled

State = Change.State
pytestmark = pytest.mark.django_db


@pytest.fixture
def rule(people: Characters) -> ApprovalRule:
    return ApprovalRule.objects.create(
        name="two-eyes", scope=people.scope, condition='tier == "development"', needed=1
    )


@pytest.fixture
def waiting_change(propose: Propose, rule: ApprovalRule, dana: Actor) -> Change:
    change = run_until_settled(propose(interactive=True))
    services.confirm(dana, change, change.plan_hash)
    change = run_until_settled(change)
    assert change.state == State.WAITING
    return change


def gate(change: Change, name: str) -> dict[str, object]:
    found: dict[str, object] = next(g for g in change.gates if g["gate"] == name)
    return found


def test_the_last_approval_lets_it_go_by_itself(
    waiting_change: Change, mia: Actor, world: World
) -> None:
    change = waiting_change
    assert change.awaits_approval
    assert change.reason == "0 of 1 approvals."
    assert gate(change, "approval")["rule"] == "two-eyes"
    assert "a new plan asks again" in str(gate(change, "approval")["lift"])
    services.approve(mia, change, change.plan_hash, "fine")
    change = run_until_settled(change)
    assert change.state == State.SUCCEEDED
    assert not change.awaits_approval
    assert gate(change, "approval")["sentence"] == "Approved by mia.maintainer."


def test_nobody_approves_what_they_asked_for(
    propose: Propose, rule: ApprovalRule, mia: Actor
) -> None:
    change = run_until_settled(propose(actor=mia))
    with pytest.raises(Forbidden, match="its approval must come from someone else"):
        services.approve(mia, change, change.plan_hash)
    assert run_until_settled(change).state == State.WAITING


def test_who_confirmed_does_not_approve(
    propose: Propose, rule: ApprovalRule, people: Characters, mia: Actor
) -> None:
    change = run_until_settled(propose(interactive=True))
    services.confirm(mia, change, change.plan_hash)
    change = run_until_settled(change)
    with pytest.raises(Forbidden, match="or confirmed it"):
        services.approve(mia, change, change.plan_hash)


def test_approving_needs_the_permission(
    waiting_change: Change, people: Characters, mia: Actor
) -> None:
    change = waiting_change
    with pytest.raises(Forbidden, match=r"change\.approve"):
        services.approve(Actor(people.mate), change, change.plan_hash)
    with pytest.raises(NotVisible):
        services.approve(Actor(people.stranger), change, change.plan_hash)
    with pytest.raises(Forbidden, match="Only a person can approve"):
        services.approve(system("expiry"), change, change.plan_hash)
    with pytest.raises(PreconditionFailed, match="not the one you read"):
        services.approve(mia, change, "0" * 64)


def test_n_different_people_are_needed(propose: Propose, people: Characters, mia: Actor) -> None:
    ApprovalRule.objects.create(name="four-eyes", scope=people.scope, needed=2)
    change = run_until_settled(propose())
    services.approve(mia, change, change.plan_hash)
    services.approve(mia, change, change.plan_hash)  # the same person counts once
    change = run_until_settled(change)
    assert change.reason == "1 of 2 approvals (mia.maintainer)."
    services.approve(Actor(people.administrator), change, change.plan_hash)
    assert run_until_settled(change).state == State.SUCCEEDED


def test_an_approver_who_lost_the_role_counts_no_more(
    propose: Propose, people: Characters, mia: Actor
) -> None:
    ApprovalRule.objects.create(name="four-eyes", scope=people.scope, needed=2)
    change = run_until_settled(propose())
    services.approve(mia, change, change.plan_hash)
    RoleBinding.objects.filter(user=people.maintainer, role__name="maintainer").delete()
    services.approve(Actor(people.administrator), change, change.plan_hash)
    change = run_until_settled(change)
    assert change.reason == "1 of 2 approvals (ada.admin)."


def test_a_new_plan_asks_again(
    waiting_change: Change, mia: Actor, dana: Actor, world: World
) -> None:
    change = waiting_change
    services.approve(mia, change, change.plan_hash)
    world.version = "2"
    change = run_until_settled(change)
    assert change.state == State.READY  # moved before the first effect
    services.confirm(dana, change, change.plan_hash)
    change = run_until_settled(change)
    assert (change.state, change.reason) == (State.WAITING, "0 of 1 approvals.")


def test_a_rejection_ends_it_with_the_reason(waiting_change: Change, mia: Actor) -> None:
    change = waiting_change
    with pytest.raises(Invalid, match="comment is empty"):
        services.reject(mia, change, change.plan_hash, "  ")
    change = services.reject(mia, change, change.plan_hash, "not on a Friday")
    assert change.state == State.REFUSED
    assert change.reason == "mia.maintainer rejected it: not on a Friday"
    assert AuditRecord.objects.filter(change_id=change.pk, action="change.reject").exists()
    with pytest.raises(StaleState, match="is refused; it cannot be approved now"):
        services.approve(mia, change, change.plan_hash)


def test_undecided_losses_cannot_be_approved(
    propose: Propose, world: World, rule: ApprovalRule, mia: Actor, dana: Actor
) -> None:
    world.loss = True
    change = run_until_settled(propose(interactive=True))
    with pytest.raises(Refusal, match="not chosen yet what becomes of the data"):
        services.approve(mia, change, change.plan_hash)
    assert not change.awaits_approval  # nobody is asked for what they cannot give
    choices = {f"memory/Thing//{name}": "retain" for name in "abc"}
    change = services.confirm(dana, change, change.plan_hash, choices)
    change = run_until_settled(change)
    assert change.awaits_approval
    services.approve(mia, change, change.plan_hash)
    assert run_until_settled(change).state == State.SUCCEEDED


@pytest.mark.parametrize(
    ("condition", "waits"),
    [
        ('risk == "loses data"', True),
        ("creates > 3", False),
        ("creates == 3 && deletes == 0 && updates == 0 && replaces == 0", True),
        ('project == "orders" && environment == ""', True),
        ('verb == "thing.apply" && origin == "page" && actor == "dana.dev"', True),
        ("hour >= 0 && hour < 24 && weekday >= 1 && weekday <= 7", True),
        ("seats > 2", True),
        ("false", False),
    ],
)
def test_conditions_read_facts(
    propose: Propose, world: World, people: Characters, condition: str, waits: bool
) -> None:
    world.risk, world.facts = Risk.DATA, {"seats": 3}
    ApprovalRule.objects.create(name="when", scope=people.scope, condition=condition)
    change = run_until_settled(propose())
    assert (change.state == State.WAITING) is waits


@pytest.mark.parametrize(
    ("condition", "says"), [("coverage > 80", "coverage"), ("creates", "not true or false")]
)
def test_what_cannot_be_judged_blocks_with_its_name(
    propose: Propose, people: Characters, condition: str, says: str
) -> None:
    ApprovalRule.objects.create(name="when", scope=people.scope, condition=condition)
    change = run_until_settled(propose())
    assert change.state == State.WAITING
    assert says in change.reason
    assert gate(change, "approval")["outcome"] == Outcome.REFUSE


def test_rules_are_checked_when_saved(people: Characters, mia: Actor) -> None:
    made = services.save_rule(mia, ApprovalRule(name="ok", scope=people.scope, needed=2))
    assert made.pk
    with pytest.raises(Clash, match="A rule “ok” exists"):
        services.save_rule(mia, ApprovalRule(name="ok", scope=people.scope))
    bad = ApprovalRule(name="bad", scope=people.scope, condition="covrage > 1")
    with pytest.raises(Invalid) as caught:
        services.save_rule(mia, bad)
    assert caught.value.errors[0].field == "condition"
    assert "covrage" in caught.value.message
    with pytest.raises(Invalid, match="1 to 10 people can be asked for"):
        services.save_rule(mia, ApprovalRule(name="bad", scope=people.scope, needed=0))
    with pytest.raises(Forbidden, match=r"gate\.manage"):
        services.save_rule(Actor(people.viewer), ApprovalRule(name="no", scope=people.scope))
    services.delete_rule(mia, made)
    records = AuditRecord.objects.filter(action="gate.manage", outcome="allowed").order_by("at")
    assert [bool(r.before) for r in records] == [False, True]


def test_a_freeze_holds_and_its_end_lets_go(
    propose: Propose, people: Characters, mia: Actor
) -> None:
    freeze = services.freeze(mia, people.scope, "release week")
    change = run_until_settled(propose())
    assert change.state == State.WAITING
    assert "orders is frozen until" in change.reason
    assert change.reason.endswith("by mia.maintainer: release week.")
    past = timezone.now() - timedelta(days=2)
    Freeze.objects.filter(pk=freeze.pk).update(
        starts_at=past, ends_at=timezone.now() - timedelta(seconds=1)
    )
    assert waiting.reevaluate() == [change.pk]
    assert waiting.reevaluate() == []  # the message is under way
    assert run_until_settled(change).state == State.SUCCEEDED


def test_lifting_a_freeze(propose: Propose, people: Characters, mia: Actor, dana: Actor) -> None:
    freeze = services.freeze(mia, people.scope, "release week")
    change = run_until_settled(propose())
    with pytest.raises(Forbidden, match=r"freeze\.manage"):
        services.lift_freeze(dana, freeze)
    services.lift_freeze(mia, freeze)
    with pytest.raises(StaleState, match="lifted or has ended already"):
        services.lift_freeze(mia, freeze)
    assert run_until_settled(change).state == State.SUCCEEDED


@pytest.mark.parametrize(("start", "end"), [(0, -1), (2, 1), (0, 100)])
def test_freezes_end_after_they_start(people: Characters, mia: Actor, start: int, end: int) -> None:
    now = timezone.now()
    with pytest.raises(Invalid, match="The end must lie after the start") as caught:
        services.freeze(
            mia, people.scope, "x", now + timedelta(days=start), now + timedelta(days=end)
        )
    assert caught.value.errors[0].field == "ends_at"


def test_a_freeze_starts_within_reach(people: Characters, mia: Actor) -> None:
    end_of_time = datetime.max.replace(tzinfo=UTC)
    with pytest.raises(Invalid, match="The start must lie within 400 days") as caught:
        services.freeze(mia, people.scope, "x", end_of_time)
    assert caught.value.errors[0].field == "starts_at"
    with pytest.raises(Invalid, match="The end must lie after the start"):
        services.freeze(mia, people.scope, "x", None, end_of_time)


@pytest.mark.parametrize(
    ("text", "says"),
    [("a\x00b", "reason holds a null character"), ("x" * 2001, "2001 characters are more than")],
)
def test_words_that_cannot_be_kept_are_refused(
    people: Characters, mia: Actor, text: str, says: str
) -> None:
    with pytest.raises(Invalid, match=says):
        services.freeze(mia, people.scope, text)


def tomorrow() -> object:
    return timezone.now() + timedelta(days=1)


def test_a_waiver_needs_a_second_person_and_lets_past(
    propose: Propose, people: Characters, mia: Actor, dana: Actor
) -> None:
    services.freeze(mia, people.scope, "release week")
    change = run_until_settled(propose())
    ask = {"scope": change.scope, "change": change, "gate": "freeze", "ends_at": tomorrow()}
    waiver = services.ask_waiver(mia, reason="hotfix", **ask)
    with pytest.raises(Forbidden, match="someone else must grant it"):
        services.grant_waiver(mia, waiver)
    assert run_until_settled(change).state == State.WAITING  # asked for is not granted
    services.grant_waiver(Actor(people.administrator), waiver)
    with pytest.raises(StaleState, match="granted, revoked or has ended already"):
        services.grant_waiver(Actor(people.administrator), waiver)
    change = run_until_settled(change)
    assert change.state == State.SUCCEEDED
    assert gate(change, "freeze")["waived_by"] == "ada.admin"
    assert "hotfix" in str(gate(change, "freeze")["sentence"])


@pytest.mark.parametrize("ends", ["revoked", "ended"])
def test_a_waiver_that_is_over_does_not_count(
    propose: Propose, people: Characters, mia: Actor, dana: Actor, ends: str
) -> None:
    services.freeze(mia, people.scope, "release week")
    waiver = services.ask_waiver(
        dana, scope=people.tier("development"), gate="freeze", reason="demo", ends_at=tomorrow()
    )
    services.grant_waiver(mia, waiver)
    if ends == "revoked":
        services.revoke_waiver(mia, waiver)
        with pytest.raises(StaleState, match="revoked already"):
            services.revoke_waiver(mia, waiver)
    else:
        Waiver.objects.filter(pk=waiver.pk).update(ends_at=timezone.now())
    assert run_until_settled(propose()).state == State.WAITING


def test_what_a_waiver_must_say(people: Characters, dana: Actor) -> None:
    ask = {"scope": people.tier("development"), "gate": "freeze", "reason": "x"}
    late = timezone.now() + timedelta(days=8)
    with pytest.raises(Invalid, match="lies ahead"):
        services.ask_waiver(dana, **ask, ends_at=late)
    with pytest.raises(Invalid, match="reason is empty"):
        services.ask_waiver(dana, **{**ask, "reason": " "}, ends_at=tomorrow())
    with pytest.raises(Invalid, match="“permission” is no gate that can be waived") as caught:
        services.ask_waiver(dana, **{**ask, "gate": "permission"}, ends_at=tomorrow())
    assert "freeze" in caught.value.errors[0].fix


def test_a_gate_of_an_upper_app_that_fails_blocks(
    propose: Propose, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check(change: Change, plan: object) -> GateResult:
        raise KeyError("budget")

    monkeypatch.setitem(gates._gates, "budget", Gate("budget", "Budget", check))
    change = run_until_settled(propose())
    assert change.state == State.WAITING
    assert change.reason == "It could not be judged (KeyError: 'budget')."


def test_registering_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="gate 'freeze' is registered twice"):
        gates.register(gates._gates["freeze"])
    with pytest.raises(ValueError, match="fact 'tier' is registered twice"):
        gates.register_fact("tier", lambda _change, _plan: "")


def test_what_nobody_confirms_expires(propose: Propose) -> None:
    change = run_until_settled(propose(interactive=True))
    assert waiting.expire() == []
    Change.objects.filter(pk=change.pk).update(confirm_until=timezone.now())
    assert waiting.expire() == [change.pk]
    change.refresh_from_db()
    assert change.state == State.EXPIRED
    assert change.reason == "Nobody confirmed it in time."


def test_what_is_confirmed_waits_however_long_and_then_goes(
    propose: Propose, people: Characters, mia: Actor, dana: Actor
) -> None:
    starts = timezone.now()
    services.freeze(mia, people.scope, "holidays", ends_at=starts + timedelta(days=10))
    change = run_until_settled(propose(interactive=True))
    services.confirm(dana, change, change.plan_hash)
    change = run_until_settled(change)
    assert (change.state, change.confirm_until) == (State.WAITING, None)
    with time_machine.travel(starts + timedelta(days=9), tick=False):
        assert waiting.expire() == []
        assert run_until_settled(change).state == State.WAITING
    with time_machine.travel(starts + timedelta(days=11), tick=False):
        assert waiting.expire() == []
        waiting.reevaluate()
        assert run_until_settled(change).state == State.SUCCEEDED


def test_a_rule_of_another_project_does_not_count(
    propose: Propose, people: Characters, make_elsewhere: Callable[[], None]
) -> None:
    make_elsewhere()
    assert run_until_settled(propose()).state == State.SUCCEEDED


@pytest.fixture
def make_elsewhere(people: Characters) -> Callable[[], None]:
    def make() -> None:
        ApprovalRule.objects.create(name="prod", scope=people.tier("production"))
        other = UserFactory(username="pat.platform")
        bind("viewer", people.scope, user=other)

    return make


def test_a_waiting_gate_names_who_can_lift_it(
    waiting_change: Change, people: Characters, dana: Actor
) -> None:
    lift = str(gate(waiting_change, "approval")["lift"])
    assert lift.startswith("ada.admin or mia.maintainer can approve.")
    RoleBinding.objects.filter(role__name__in=["maintainer", "administrator"]).delete()
    waiting.reevaluate()
    waiting_change.refresh_from_db()
    lift = str(gate(waiting_change, "approval")["lift"])
    assert lift.startswith("Nobody can approve it at present: change.approve is needed at ")


def test_a_gate_shows_each_clause_with_its_facts(
    propose: Propose,
    people: Characters,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    failed = Clause("green", "tests.failed == 0", Outcome.REFUSE, (Reading("tests.failed", 2),))
    unknown = Reading("coverage.line", unknown="No coverage was reported.")
    clauses = (failed, Clause("green", "coverage.line > 80", Outcome.WAIT, (unknown,), "Report."))
    answer = GateResult("proof", "Proof", Outcome.REFUSE, "2 do not hold.", clauses=clauses)
    own = {"proof": Gate("proof", "Proof", lambda _change, _plan: answer)}
    monkeypatch.setattr(gates, "_gates", gates._gates | own)
    change = run_until_settled(propose(interactive=True))
    kept = gate(change, "proof")["clauses"]
    assert kept == [one.to_json() for one in clauses]
    browser = Client()
    browser.force_login(people.developer)
    page = browser.get(f"/changes/{change.pk}/plan/").text
    print_plan({"change": change.pk, "gates": change.gates})
    said = capsys.readouterr().out
    for words in ("tests.failed == 0", "not known: No coverage was reported.", "Report."):
        assert words in page
        assert words in said
