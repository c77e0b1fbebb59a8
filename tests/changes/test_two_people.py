"""The second person is one: no program of the first, and nobody who asked or confirmed."""

from __future__ import annotations

import pytest

from idp.changes import selectors, services
from idp.changes.models import Approval, ApprovalRule, Change
from idp.common.errors import Forbidden
from rbac.actors import Actor
from rbac.services import create_service_account
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


def test_a_program_may_still_freeze(people: Characters, program: Actor) -> None:
    held = services.freeze(program, people.scope, "release")
    assert services.lift_freeze(program, held).lifted_by == program.user
