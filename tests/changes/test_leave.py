"""Leave of others: a gate names who is hurt; they are asked, and agree to just that or say no."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from idp.changes import gates, gating, registrations, selectors, services
from idp.changes.gates import Gate, GateResult, Leave, Outcome
from idp.changes.models import Change, Waiver
from idp.changes.plans import Plan
from idp.common.errors import Clash, Forbidden, Invalid, NotVisible
from rbac.access import AccessForbidden
from rbac.actors import Actor
from rbac.models import AuditRecord, Project
from tests.changes.conftest import Propose
from tests.rbac.factories import Characters, bind, make_project, member_of
from tests.support.changes import run_until_settled

State = Change.State
pytestmark = pytest.mark.django_db
CAUSES = ("letters version 2 → reader", "letters version 2 → printer")


@pytest.fixture
def hurt(people: Characters) -> Project:
    """A project whose people see nothing of the one that the change is of."""
    return make_project("hurt")


@pytest.fixture
def olga(hurt: Project) -> Actor:
    user = member_of(hurt.team, "olga.owner")
    bind("maintainer", hurt.scope, user=user)
    return Actor(user)


@pytest.fixture(autouse=True)
def _gate(monkeypatch: pytest.MonkeyPatch, hurt: Project) -> None:
    """A gate that passes once both causes were agreed to."""

    def check(change: Change, _plan: Plan) -> GateResult:
        causes = [(hurt.scope.pk, about) for about in CAUSES]
        given = gating.leave_given("letters", causes, change)
        left = [about for scope, about in causes if (scope, about) not in given]
        if not left:
            return GateResult("letters", "Letters", Outcome.PASS, "All agreed.")
        leave = tuple(
            Leave(hurt.scope.pk, "hurt", about, f"{about} breaks.", "olga.owner", "/letters/")
            for about in left
        )
        return GateResult("letters", "Letters", Outcome.REFUSE, "It hurts.", leave=leave)

    monkeypatch.setitem(gates._gates, "letters", Gate("letters", "Letters", check))


@pytest.fixture
def refused(propose: Propose) -> Change:
    change = run_until_settled(propose())
    assert change.state == State.WAITING
    return change


def ask(actor: Actor, change: Change, **given: Any) -> list[Waiver]:
    ends_at = timezone.now() + timedelta(days=1)
    words = {"gate": "letters", "reason": "The reader is off.", "ends_at": ends_at, **given}
    return services.ask_leave(actor, change, **words)


def client(actor: Actor) -> Client:
    made = Client()
    assert actor.user is not None
    made.force_login(actor.user)
    return made


def plan_page(actor: Actor, change: Change) -> str:
    return client(actor).get(reverse("changes:plan", args=[change.pk])).content.decode()


def test_each_is_asked_at_their_place_and_the_gate_opens_when_all_agreed(
    refused: Change, dana: Actor, olga: Actor, hurt: Project
) -> None:
    asked = ask(dana, refused)
    assert [(w.about, w.scope, w.told, w.standing) for w in asked] == [
        (about, hurt.scope, f"{about} breaks.", "asked") for about in CAUSES
    ]
    assert list(selectors.inbox_waivers(olga)) == asked
    services.grant_waiver(olga, asked[0])
    change = run_until_settled(refused)
    assert change.state == State.WAITING
    assert [leave["about"] for leave in change.gates[-1]["leave"]] == [CAUSES[1]]
    services.grant_waiver(olga, asked[1])
    assert run_until_settled(change).state == State.SUCCEEDED
    told = AuditRecord.objects.filter(action__startswith="waiver.").order_by("at")
    assert [(row.action, row.actor_label, row.after["about"]) for row in told if row.after] == [
        *(("waiver.ask", "dana.dev", about) for about in CAUSES),
        *(("waiver.grant", "olga.owner", about) for about in CAUSES),
    ]


def test_leave_counts_for_its_cause_alone(
    refused: Change, dana: Actor, olga: Actor, people: Characters
) -> None:
    first, _ = ask(dana, refused)
    services.grant_waiver(olga, first)
    assert gating.leave_given("letters", [(first.scope_id, "letters version 3 → reader")]) == {}
    assert gating.leave_given("freeze", [(first.scope_id, first.about)]) == {}
    services.freeze(Actor(people.maintainer), people.scope, "release")
    row = Waiver.objects.create(
        scope=refused.scope,
        change=refused,
        gate="freeze",
        about="something",
        reason="x",
        author=first.author,
        approver=olga.user,
        approved_at=timezone.now(),
        ends_at=first.ends_at,
    )
    change = run_until_settled(refused)
    outcomes = {gate["gate"]: gate["outcome"] for gate in change.gates}
    assert outcomes["freeze"] == "wait", "leave for a cause waives no gate"
    assert row not in gating.active_waivers(change)


def test_it_ends_by_itself_and_by_being_revoked(
    refused: Change, dana: Actor, olga: Actor, hurt: Project
) -> None:
    first, second = ask(dana, refused)
    for waiver in (first, second):
        services.grant_waiver(olga, waiver)
    services.revoke_waiver(olga, first, "We need it after all.")
    Waiver.objects.filter(pk=second.pk).update(ends_at=timezone.now())
    change = run_until_settled(refused)
    assert change.state == State.WAITING
    assert [leave["about"] for leave in change.gates[-1]["leave"]] == list(CAUSES)
    assert [waiver.standing for waiver in reversed(selectors.leave_of(change))] == [
        "revoked",
        "ended",
    ]
    assert len(ask(dana, change)) == len(CAUSES), "what ended may be asked for again"


def test_declining_takes_a_reason_and_the_author_reads_it(
    refused: Change, dana: Actor, olga: Actor
) -> None:
    first, second = ask(dana, refused)
    with pytest.raises(Invalid, match="answer is empty"):
        services.revoke_waiver(olga, first)
    services.revoke_waiver(olga, first, "We read it every night.")
    assert first.standing == "declined"
    assert "We read it every night." in plan_page(dana, refused)
    record = AuditRecord.objects.get(action="waiver.decline")
    assert record.after is not None
    assert record.after["answer"] == "We read it every night."
    services.revoke_waiver(dana, second)
    assert second.standing == "withdrawn"
    with pytest.raises(Clash, match="granted, revoked or has ended"):
        services.grant_waiver(olga, second)


def test_nobody_is_asked_twice(refused: Change, dana: Actor, olga: Actor, hurt: Project) -> None:
    one = [(hurt.scope.pk, CAUSES[0])]
    (first,) = ask(dana, refused, about=one)
    with pytest.raises(Clash, match="They were asked already"):
        ask(dana, refused, about=one)
    services.grant_waiver(olga, first)
    (second,) = ask(dana, refused)
    assert second.about == CAUSES[1]


def test_who_asks_and_who_agrees(
    refused: Change, people: Characters, dana: Actor, olga: Actor, hurt: Project
) -> None:
    with pytest.raises(NotVisible):
        ask(Actor(people.stranger), refused)
    with pytest.raises(Invalid, match="names nobody"):
        ask(dana, refused, gate="freeze")
    with pytest.raises(Invalid, match="names nobody"):
        ask(dana, refused, about=[(people.scope.pk, CAUSES[0])])
    with pytest.raises(Invalid, match="lies ahead"):
        ask(dana, refused, ends_at=timezone.now() + timedelta(days=30))
    first, second = ask(dana, refused)
    with pytest.raises((AccessForbidden, NotVisible)):
        services.grant_waiver(
            Actor(people.maintainer), first
        )  # a maintainer, but not of the place that is hurt
    bind("maintainer", hurt.scope, user=dana.user)
    with pytest.raises(Forbidden, match="someone else must grant it"):
        services.grant_waiver(dana, first)
    lead = Actor(people.administrator)
    bind("maintainer", hurt.scope, user=lead.user)
    assert services.grant_waiver(lead, second).standing == "granted"


def test_the_asking_person_sees_their_own_wish_where_they_see_nothing(
    refused: Change, people: Characters, dana: Actor, olga: Actor
) -> None:
    first, _ = ask(dana, refused)
    assert selectors.waiver_get(dana, first.pk) == first
    with pytest.raises(NotVisible):
        selectors.waiver_get(Actor(people.stranger), first.pk)


def test_a_plan_that_is_read_says_at_once_that_they_agreed(
    propose: Propose, dana: Actor, olga: Actor
) -> None:
    change = run_until_settled(propose(interactive=True))
    assert change.state == State.READY
    for waiver in ask(dana, change):
        services.grant_waiver(olga, waiver)
    change.refresh_from_db()
    assert change.gates[-1]["outcome"] == "pass"


def test_a_change_that_has_ended_asks_nobody(refused: Change, dana: Actor) -> None:
    services.cancel(dana, refused)
    with pytest.raises(Clash, match="cannot be let past now"):
        ask(dana, refused)


def test_the_plan_page_asks_and_the_inbox_answers(
    refused: Change, dana: Actor, olga: Actor, hurt: Project
) -> None:
    text = plan_page(dana, refused)
    assert "Ask the owners" in text
    assert "letters version 2 → reader breaks." in text
    assert 'href="/letters/"' in text
    where = reverse("changes:ask-leave", args=[refused.pk])
    chosen = [f"{hurt.scope.pk}:{about}" for about in CAUSES]
    form = {"gate": "letters", "reason": "off", "days": "3", "about": chosen}
    answer = client(dana).post(where, form, follow=True).content.decode()
    assert "Asked for leave at hurt." in answer
    assert "Ask the owners" not in answer
    assert "Withdraw" in answer
    inbox = client(olga).get(reverse("changes:inbox")).content.decode()
    assert CAUSES[0] in inbox
    assert f"/changes/{refused.pk}/plan/" not in inbox, "olga does not see the change"
    first, second = Waiver.objects.order_by("pk")
    client(olga).post(reverse("changes:grant-waiver", args=[first.pk]))
    client(olga).post(reverse("changes:revoke-waiver", args=[second.pk]), {"answer": "No."})
    assert [w.standing for w in Waiver.objects.order_by("pk")] == ["granted", "declined"]
    assert client(dana).post(where, {"gate": "letters", "reason": "off"}).status_code == 302


def test_one_who_sees_the_plan_answers_there(
    refused: Change, dana: Actor, olga: Actor, people: Characters
) -> None:
    bind("viewer", people.scope, user=olga.user)
    first, _ = ask(dana, refused)
    assert "Agree" in plan_page(olga, refused)
    where = reverse("changes:grant-waiver", args=[first.pk])
    answer = client(olga).post(where, {"plan": "1"})
    assert answer["Location"] == reverse("changes:plan", args=[refused.pk])


def test_home_and_badge_tell_who_is_asked(refused: Change, dana: Actor, olga: Actor) -> None:
    assert registrations.waiting_panel(olga) is None
    asked = ask(dana, refused)
    panel = registrations.waiting_panel(olga)
    assert panel is not None
    assert panel["waivers"] == asked
    assert panel["headline"] == "2 waivers wait for you"
    assert registrations.badges(olga)["changes:inbox"] == "1"  # one change
    assert CAUSES[0] in client(olga).get("/").content.decode()


def test_by_rest(refused: Change, dana: Actor, olga: Actor, hurt: Project) -> None:
    api, theirs = APIClient(), APIClient()
    api.force_authenticate(dana.user)
    theirs.force_authenticate(olga.user)
    path = f"/api/v1/changes/{refused.pk}/leave/"
    offered = api.get(f"/api/v1/changes/{refused.pk}/").json()["gates"][-1]["leave"]
    assert [leave["about"] for leave in offered] == list(CAUSES)
    body = {"gate": "letters", "reason": "off", "ends_at": timezone.now() + timedelta(hours=2)}
    one = [{"scope": offered[0]["scope"], "about": CAUSES[0]}]
    made = api.post(path, {**body, "about": one})
    assert made.status_code == 201, made.json()
    assert [(w["about"], w["standing"]) for w in made.json()] == [(CAUSES[0], "asked")]
    assert len(api.post(path, body).json()) == 1
    assert api.post(path, body).status_code == 409
    assert theirs.post(path, body).status_code == 404
    found = theirs.get("/api/v1/inbox/").json()["waivers"]
    assert [w["told"] for w in found] == [f"{about} breaks." for about in CAUSES]
    number = found[0]["id"]
    refusal = theirs.post(f"/api/v1/waivers/{number}/revoke/")
    assert refusal.status_code == 422
    declined = theirs.post(f"/api/v1/waivers/{number}/revoke/", {"answer": "No."}).json()
    assert (declined["standing"], declined["revoked_by"]) == ("declined", "olga.owner")
    assert [w["answer"] for w in api.get(path).json()] == ["", "No."]
