"""The pages of changes: what each character sees, and what their forms do."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from idp.changes import events, registrations, runner, selectors, services
from idp.changes.models import ApprovalRule, Change, Freeze, Waiver
from idp.common.addresses import whole
from idp.common.errors import NotVisible
from rbac.access import AccessForbidden
from rbac.actors import Actor, system
from rbac.models import User
from rbac.places import root
from tests.changes.conftest import Propose
from tests.changes.fake import World
from tests.rbac.factories import Characters, UserFactory, bind
from tests.support.changes import run_until_settled

State = Change.State
pytestmark = pytest.mark.django_db


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def dana_client(people: Characters) -> Client:
    return signed_in(people.developer)


@pytest.fixture
def mia_client(people: Characters) -> Client:
    return signed_in(people.maintainer)


def page(client: Client, name: str, *args: object, status: int = 200, query: str = "") -> str:
    response = client.get(reverse(f"changes:{name}", args=args) + query)
    assert response.status_code == status, response.content[:2000]
    return response.content.decode()


def post(client: Client, name: str, *args: object, **data: str) -> str:
    """Post a form and follow to the page that answers; its text."""
    response = client.post(reverse(f"changes:{name}", args=args), data, follow=True)
    assert response.status_code in (200, 403, 404, 422)
    return response.content.decode()


def test_the_list_filters_and_says_why_something_waits(
    propose: Propose, people: Characters, dana_client: Client
) -> None:
    done = run_until_settled(propose(title="scale orders to 3"))
    services.freeze(Actor(people.maintainer), people.scope, "release week")
    waits = run_until_settled(propose(title="restart orders", things=["x"]))
    text = page(dana_client, "list")
    assert "scale orders to 3" in text
    assert "is frozen until" in text
    text = page(dana_client, "list", query="?state=waiting&project=orders&tier=development")
    assert f"/changes/{waits.pk}/" in text
    assert f'href="/changes/{done.pk}/"' not in text
    assert "Remove filter state waiting" in text
    assert "No change matches" in page(dana_client, "list", query="?q=nothing-like-it")
    assert "No change matches" in page(dana_client, "list", query="?state=bogus")


def test_an_empty_list_says_what_will_stand_there(dana_client: Client) -> None:
    assert "No change yet" in page(dana_client, "list")


def test_the_list_pages_by_key(propose: Propose, dana_client: Client) -> None:
    made = [propose(things=[], title=f"change {n:02}") for n in range(53)]
    text = page(dana_client, "list")
    assert "change 52" in text
    assert "change 02<" not in text
    query = f"?before={made[3].pk}"
    assert query in text
    text = page(dana_client, "list", query=query)
    assert "change 02<" in text
    assert f"?after={made[2].pk}" in text
    assert "change 52" in page(dana_client, "list", query=f"?after={made[2].pk}")
    assert "change 52" in page(dana_client, "list", query="?before=9" + "9" * 30)


def test_the_number_of_queries_of_the_list(
    propose: Propose, dana_client: Client, django_assert_max_num_queries: object
) -> None:
    for n in range(20):
        propose(things=[], title=f"change {n}")
    page(dana_client, "list")
    with django_assert_max_num_queries(16):  # type: ignore[operator]
        page(dana_client, "list")


def test_strangers_see_no_change(propose: Propose, people: Characters) -> None:
    change = propose()
    client = signed_in(people.stranger)
    assert "make things" not in page(client, "list")
    for name in ("detail", "plan", "log"):
        page(client, name, change.pk, status=404)


def test_planning_is_shown_until_the_plan_is_there(propose: Propose, dana_client: Client) -> None:
    change = propose(interactive=True)
    text = page(dana_client, "plan", change.pk)
    assert "Planning…" in text
    assert f'data-live-topic="change:{change.pk}"' in text
    run_until_settled(change)
    text = page(dana_client, "plan", change.pk)
    assert "Nothing is done before you confirm." in text
    assert "spec.version" in text
    assert "known after apply" not in text


def test_confirming_from_the_page(propose: Propose, dana_client: Client, world: World) -> None:
    change = run_until_settled(propose(interactive=True))
    text = post(dana_client, "confirm", change.pk, plan_hash="old")
    assert "is not the one you read" in text
    text = post(dana_client, "confirm", change.pk, plan_hash=change.plan_hash)
    assert "Change" in text
    assert run_until_settled(change).state == State.SUCCEEDED
    text = page(dana_client, "detail", change.pk)
    assert "3 done" in text
    assert "made a" in text


def test_losses_are_chosen_on_the_page(propose: Propose, dana_client: Client, world: World) -> None:
    world.loss = True
    change = run_until_settled(propose(interactive=True, things=["a"]))
    text = page(dana_client, "plan", change.pk)
    assert "a would be gone" in text
    assert 'name="choice:memory/Thing//a"' in text
    text = post(dana_client, "confirm", change.pk, plan_hash=change.plan_hash)
    assert "Nobody has chosen what becomes of Thing a." in text
    choice = {"choice:memory/Thing//a": "retain"}
    post(dana_client, "confirm", change.pk, plan_hash=change.plan_hash, **choice)
    assert run_until_settled(change).state == State.SUCCEEDED


def test_a_second_person_approves_on_the_link(
    propose: Propose, people: Characters, dana_client: Client, mia_client: Client
) -> None:
    ApprovalRule.objects.create(name="two-eyes", scope=people.scope)
    change = run_until_settled(propose())
    assert "make things" in page(mia_client, "inbox")
    assert "make things" not in page(dana_client, "inbox")
    waits = page(dana_client, "detail", change.pk)
    assert "0 of 1 approvals. ada.admin or mia.maintainer can approve." in waits
    assert f'data-copy="{whole(f"/changes/{change.pk}/")}"' in waits
    assert "Copy the link" not in page(mia_client, "detail", change.pk)
    text = page(mia_client, "plan", change.pk)
    assert "Approval waits" in text
    assert ">Approve</button>" in text
    assert ">Approve</button>" not in page(dana_client, "plan", change.pk)
    post(dana_client, "approve", change.pk, plan_hash=change.plan_hash)
    change.refresh_from_db()
    assert not change.approvals.exists()
    text = post(mia_client, "approve", change.pk, plan_hash=change.plan_hash, comment="ok")
    assert "Your approval is recorded." in text
    assert run_until_settled(change).state == State.SUCCEEDED
    assert "Nothing waits for you" in page(mia_client, "inbox")


def test_rejecting_needs_a_reason(propose: Propose, people: Characters, mia_client: Client) -> None:
    ApprovalRule.objects.create(name="two-eyes", scope=people.scope)
    change = run_until_settled(propose())
    assert "comment is empty" in post(mia_client, "reject", change.pk, plan_hash=change.plan_hash)
    post(mia_client, "reject", change.pk, plan_hash=change.plan_hash, comment="too late")
    assert "rejected it: too late" in page(mia_client, "detail", change.pk)


def test_cancelling_and_planning_again_from_the_page(propose: Propose, dana_client: Client) -> None:
    change = run_until_settled(propose(interactive=True))
    text = page(dana_client, "detail", change.pk)
    assert "Cancel this change?" in text
    assert "Nothing was done yet, so nothing stays." in text
    assert "Planning…" in post(dana_client, "replan", change.pk)
    post(dana_client, "cancel", change.pk)
    change.refresh_from_db()
    assert change.state == State.CANCELLED
    assert "has ended already: Cancelled" in post(dana_client, "cancel", change.pk)


def test_a_waiver_is_asked_on_the_plan_and_granted_in_the_inbox(
    propose: Propose, people: Characters, dana_client: Client, mia_client: Client
) -> None:
    services.freeze(Actor(people.administrator), people.scope, "release week")
    change = run_until_settled(propose())
    assert "Ask for a waiver" in page(dana_client, "plan", change.pk)
    text = post(dana_client, "ask-waiver", change.pk, gate="freeze", reason="hotfix", days="30")
    assert "At most 7 days." in text
    text = post(dana_client, "ask-waiver", change.pk, gate="freeze", reason="hotfix", days="7")
    assert "It counts once somebody else grants it." in text
    waiver = Waiver.objects.get()
    assert "hotfix" in page(mia_client, "inbox")
    post(mia_client, "grant-waiver", waiver.pk)
    assert run_until_settled(change).state == State.SUCCEEDED
    assert "granted, revoked or has ended" in post(mia_client, "grant-waiver", waiver.pk)
    post(mia_client, "revoke-waiver", waiver.pk)
    waiver.refresh_from_db()
    assert waiver.revoked_at


def test_freezing_and_lifting_on_the_page(
    people: Characters, dana_client: Client, mia_client: Client
) -> None:
    until = (timezone.now() + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M")
    text = post(mia_client, "freezes", scope="nowhere", reason="x", ends_at=until)
    assert "There is no scope “nowhere”" in text
    text = post(mia_client, "freezes", scope="orders", reason="", ends_at=until)
    assert "This field is required" in text
    text = post(mia_client, "freezes", scope="orders", reason="release week", ends_at=until)
    assert "In force" in text
    banners = registrations.freeze_banners(Actor(people.developer))
    assert [b.title for b in banners] == ["orders is frozen"]
    assert registrations.freeze_banners(Actor(people.stranger)) == []
    assert "the freeze of orders" not in page(dana_client, "freezes")
    freeze = Freeze.objects.get()
    assert post(dana_client, "lift-freeze", freeze.pk)
    freeze.refresh_from_db()
    assert freeze.lifted_at is None
    post(mia_client, "lift-freeze", freeze.pk)
    assert "lifted by mia.maintainer" in page(mia_client, "freezes")
    assert "lifted or has ended already" in post(mia_client, "lift-freeze", freeze.pk)


def test_a_lost_worker_is_a_row_of_the_steps(
    propose: Propose, dana_client: Client, world: World
) -> None:
    change = propose()
    runner.work(change.pk, renew=False)
    events.emit(change, "worker", {"lost": "worker-1", "by": "worker-2"})
    change.steps.filter(position=3).update(finished_at=None, state="running")
    text = page(dana_client, "detail", change.pk)
    assert "worker-1 stopped answering. worker-2 took over" in text
    assert "<rect" in text
    assert "style=" not in text


def test_the_log_is_found_in_and_downloaded(propose: Propose, dana_client: Client) -> None:
    change = run_until_settled(propose())
    text = page(dana_client, "detail", change.pk, query="?find=made+b")
    assert "made b" in text
    assert "made a" not in text
    assert re.search(r'id="change-log-count" data-live-topic="change:\d+"[^>]*>1 line ', text)
    assert "No line contains it." in page(dana_client, "detail", change.pk, query="?find=zzz")
    log = page(dana_client, "log", change.pk)
    assert [line.split(" ", 1)[1] for line in log.splitlines()] == [
        "slipway made a",
        "slipway made b",
        "slipway made c",
    ]


def test_what_holds_above_is_shown_below(people: Characters, dana_client: Client) -> None:
    dana, ada = Actor(people.developer), Actor(people.administrator)
    ends_at = timezone.now() + timedelta(days=1)
    freeze = services.freeze(ada, root(), "audit week", ends_at=ends_at)
    assert [b.title for b in registrations.freeze_banners(dana)] == ["everything is frozen"]
    assert "audit week" in page(dana_client, "freezes")
    with pytest.raises(AccessForbidden, match=r"freeze\.manage"):
        services.lift_freeze(dana, selectors.freeze_get(dana, freeze.pk))
    services.save_rule(ada, ApprovalRule(name="all", scope=root()))
    assert "all" in {rule.name for rule in selectors.rule_list(dana)}
    waiver = services.ask_waiver(ada, scope=root(), gate="freeze", reason="fix", ends_at=ends_at)
    assert selectors.waiver_get(dana, waiver.pk) == waiver
    with pytest.raises(NotVisible):
        selectors.waiver_get(Actor(UserFactory()), waiver.pk)


def test_what_slipway_asks_waits_for_those_who_may_do_it(
    propose: Propose, people: Characters, dana_client: Client
) -> None:
    change = run_until_settled(propose(actor=system("expiry"), interactive=True))
    assert change.state == State.READY
    dana, stranger = Actor(people.developer), Actor(people.stranger)
    assert registrations.badges(dana)["changes:inbox"] == "1"
    panel = registrations.waiting_panel(dana)
    assert panel
    assert panel["rows"] == [(change, True)]
    assert "Confirm" in page(dana_client, "inbox")
    bind("viewer", people.scope, user=people.stranger)
    assert list(selectors.inbox_changes(stranger)) == []
    services.confirm(dana, change, change.plan_hash)
    assert run_until_settled(change).state == State.SUCCEEDED
    assert registrations.badges(dana)["changes:inbox"] == ""


def test_what_the_shell_shows(propose: Propose, people: Characters) -> None:
    dana, mia = Actor(people.developer), Actor(people.maintainer)
    assert registrations.badges(dana) == {"changes:inbox": "", "changes:list": ""}
    assert registrations.waiting_panel(dana) is None
    assert registrations.activity_panel(Actor(people.stranger)) is None
    change = propose(interactive=True)
    assert registrations.badges(dana)["changes:list"] == "1 running"
    run_until_settled(change)
    assert registrations.badges(dana)["changes:inbox"] == "1"
    assert registrations.badges(mia)["changes:inbox"] == ""
    panel = registrations.waiting_panel(dana)
    assert panel
    assert panel["headline"] == "1 change waits for you"
    hits = registrations.find_changes(dana, "things", 5)
    assert [h.title for h in hits] == [f"Change {change.pk}: make things"]
    assert registrations.find_changes(dana, str(change.pk), 5) == hits
    assert registrations.find_changes(Actor(people.stranger), "things", 5) == []
