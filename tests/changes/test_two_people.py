"""The second person is one: no program of the first, and nobody who asked or confirmed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from idp.changes import selectors, services
from idp.changes.models import Approval, ApprovalRule, Change, Waiver
from idp.common.errors import Forbidden
from rbac.actors import Actor
from rbac.services import create_service_account, create_token
from tests.changes.conftest import Propose
from tests.rbac.factories import Characters, bind
from tests.support.changes import run_until_settled

State = Change.State
pytestmark = pytest.mark.django_db


@pytest.fixture
def program(people: Characters, mia: Actor) -> Actor:
    """A service account that mia made, with her role."""
    account = create_service_account(mia, project=people.project, name="robot")
    bind("maintainer", people.scope, user=account.user)
    return Actor(account.user)


@pytest.fixture
def rule(people: Characters) -> ApprovalRule:
    return ApprovalRule.objects.create(name="two-eyes", scope=people.scope)


def test_a_program_is_no_second_person(
    propose: Propose, rule: ApprovalRule, mia: Actor, program: Actor
) -> None:
    change = run_until_settled(propose(actor=mia))
    for answer in (services.approve, services.reject):
        with pytest.raises(Forbidden, match="Only a person can approve or reject"):
            answer(program, change, change.plan_hash, "fine")
    assert not selectors.allowed(program, change).approve
    assert change not in selectors.inbox_changes(program)
    Approval.objects.create(
        change=change,
        plan_hash=change.plan_hash,
        approver=program.user,
        answer=Approval.Answer.APPROVE,
    )
    change = run_until_settled(change)
    assert change.state == State.WAITING
    assert change.reason == "0 of 1 approvals."


def test_who_made_the_token_is_no_second_person(
    propose: Propose, rule: ApprovalRule, people: Characters, mia: Actor, program: Actor
) -> None:
    """A person proposes through a service account, and answers as themselves."""
    ends = timezone.now() + timedelta(days=1)
    assert program.user is not None
    bind("applier", people.scope, user=program.user)
    token, _ = create_token(
        mia, user=program.user, name="ci", permissions=[], scope=None, expires_at=ends
    )
    change = run_until_settled(propose(actor=Actor(program.user, token)))
    assert change.state == State.WAITING
    assert change not in selectors.inbox_changes(mia)
    assert not selectors.allowed(mia, change).approve
    with pytest.raises(Forbidden, match="must come from someone else"):
        services.approve(mia, change, change.plan_hash, "fine")
    other = Actor(people.administrator)
    assert change in selectors.inbox_changes(other)
    services.approve(other, change, change.plan_hash, "fine")
    assert run_until_settled(change).state == State.SUCCEEDED


def test_nobody_is_named_who_may_not_be_the_second_person(
    propose: Propose, rule: ApprovalRule, people: Characters, mia: Actor, program: Actor
) -> None:
    services.freeze(Actor(people.administrator), people.scope, "release")
    change = run_until_settled(propose(interactive=True))
    services.confirm(mia, change, change.plan_hash)
    change = run_until_settled(change)
    lifts = {gate["gate"]: gate["lift"] for gate in change.gates}
    assert lifts["approval"].startswith("ada.admin can approve.")
    assert lifts["freeze"].endswith("ada.admin can waive it.")


def test_a_program_may_still_freeze(people: Characters, program: Actor) -> None:
    held = services.freeze(program, people.scope, "release")
    assert services.lift_freeze(program, held).lifted_by == program.user


def ask(actor: Actor, **given: Any) -> Waiver:
    ends_at = timezone.now() + timedelta(days=1)
    return services.ask_waiver(actor, gate="approval", reason="hotfix", ends_at=ends_at, **given)


def test_a_program_neither_asks_for_a_waiver_nor_grants_one(
    people: Characters, dana: Actor, program: Actor
) -> None:
    scope = people.tier("development")
    with pytest.raises(Forbidden, match="Only a person can ask for a waiver"):
        ask(program, scope=scope)
    waiver = ask(dana, scope=scope)
    assert waiver not in selectors.inbox_waivers(program)
    with pytest.raises(Forbidden, match="Only a person can grant a waiver"):
        services.grant_waiver(program, waiver)


@pytest.mark.parametrize("role", ["asked", "confirmed"])
def test_nobody_waives_the_gate_of_their_own_change(
    propose: Propose, rule: ApprovalRule, mia: Actor, dana: Actor, role: str
) -> None:
    change = run_until_settled(propose(actor=mia if role == "asked" else dana, interactive=True))
    services.confirm(dana if role == "asked" else mia, change, change.plan_hash)
    change = run_until_settled(change)
    waiver = ask(dana, scope=change.scope, change=change)
    assert waiver not in selectors.inbox_waivers(mia)
    with pytest.raises(Forbidden, match="someone else must grant its waiver"):
        services.grant_waiver(mia, waiver)
    assert run_until_settled(change).state == State.WAITING


def test_a_waiver_of_a_place_lets_past_only_the_changes_of_others(
    propose: Propose, people: Characters, rule: ApprovalRule, mia: Actor, dana: Actor
) -> None:
    waiver = ask(dana, scope=people.tier("development"))
    assert waiver in selectors.inbox_waivers(mia)
    services.grant_waiver(mia, waiver)
    own = run_until_settled(propose(actor=mia))
    assert own.state == State.WAITING
    services.cancel(mia, own)
    assert run_until_settled(propose(actor=dana, things=["other"])).state == State.SUCCEEDED
