from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from rbac import audit
from rbac.models import (
    ApiToken,
    AuditRecord,
    Membership,
    Project,
    Role,
    RoleBinding,
    ServiceAccount,
    SignIn,
    Team,
    User,
)
from rbac.services import invite
from rbac.services.sessions import GUESSES_PER_NAME
from tests.rbac.factories import PASSWORD, Characters, actor, bind


def signed_in(user: User) -> Client:
    client = Client()
    answer = client.post(
        "/sign-in/", {"username": user.username, "password": PASSWORD, "next": "/account/"}
    )
    assert answer.status_code == 302
    return client


def text_of(answer: object) -> str:
    return re.sub(r"\s+", " ", answer.content.decode())  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("came", "then"),
    [
        ("http://testserver/account/?tab=tokens#x", "/account/%3Ftab%3Dtokens"),
        ("https://evil.example.test/account/", "/"),
        ("http://testserver//evil.example.test/", "/"),
        ("", "/"),
    ],
)
def test_whoever_signs_in_after_a_form_goes_on_at_its_page(
    client: Client, came: str, then: str
) -> None:
    answer = client.post("/account/tokens/new/", {"name": "x"}, headers={"referer": came})
    assert answer["Location"] == f"/sign-in/?next={then}"


def test_signing_in_opens_a_session_and_goes_where_one_wanted(
    client: Client, people: Characters
) -> None:
    answer = client.get("/account/")
    assert answer["Location"] == "/sign-in/?next=/account/"
    client = signed_in(people.developer)
    assert "dana.dev" in text_of(client.get("/account/"))
    assert SignIn.objects.get(user=people.developer)
    assert AuditRecord.objects.filter(action="session.sign-in", outcome="allowed").exists()
    assert client.get("/sign-in/").status_code == 302


def test_a_wrong_password_is_refused_in_words_and_recorded(
    client: Client, people: Characters
) -> None:
    answer = client.post("/sign-in/", {"username": "dana.dev", "password": "guess"})
    assert answer.status_code == 422
    assert "That name and password do not belong together." in text_of(answer)
    row = AuditRecord.objects.get(action="session.sign-in")
    assert (row.outcome, row.target_label, row.reason) == ("denied", "dana.dev", "Wrong password.")


def test_a_name_that_does_not_exist_is_not_written_down(client: Client, people: Characters) -> None:
    client.post("/sign-in/", {"username": "my-password-by-mistake", "password": "x"})
    row = AuditRecord.objects.get(action="session.sign-in")
    assert (row.target_label, row.reason) == ("an unknown name", "Unknown name.")


def test_guessing_is_throttled_even_with_the_right_password(
    client: Client, people: Characters
) -> None:
    for _ in range(GUESSES_PER_NAME):
        client.post("/sign-in/", {"username": "dana.dev", "password": "guess"})
    answer = client.post("/sign-in/", {"username": "dana.dev", "password": PASSWORD})
    assert answer.status_code == 429
    assert "Too many attempts with a wrong password. Wait 15 minutes" in text_of(answer)
    other = client.post("/sign-in/", {"username": "mate.dev", "password": PASSWORD})
    assert other.status_code == 302


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "javascript:x"])
def test_sign_in_never_leads_to_another_host(
    client: Client, people: Characters, target: str
) -> None:
    answer = client.post(
        "/sign-in/", {"username": "dana.dev", "password": PASSWORD, "next": target}
    )
    assert answer["Location"] == "/"


def test_signing_out_ends_the_session(people: Characters) -> None:
    client = signed_in(people.developer)
    assert client.get("/sign-out/").status_code == 200
    client.post("/sign-out/")
    assert client.get("/account/").status_code == 302
    assert not SignIn.objects.exists()


def test_a_deactivated_person_is_out_at_the_next_request(people: Characters) -> None:
    client = signed_in(people.developer)
    admin = signed_in(people.administrator)
    assert admin.post("/access/people/dana.dev/active/", {"active": "no"}).status_code == 302
    assert client.get("/account/").status_code == 302
    people.developer.refresh_from_db()
    assert not people.developer.is_active
    row = AuditRecord.objects.get(action="user.deactivate")
    assert row.after == {"active": False, "tokens_revoked": 0, "sessions_ended": 1}
    admin.post("/access/people/dana.dev/active/", {"active": "yes"})
    signed_in(people.developer)


def test_an_invitation_makes_an_account_with_team_and_role_once(
    client: Client,
    people: Characters,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        _, link = invite(
            actor(people.administrator),
            email="new@example.org",
            team=people.project.team,
            role=Role.objects.get(name="deployer"),
            scope=people.scope,
        )
    assert link in mail.outbox[0].body
    assert "ada.admin invites you to Slipway, team orders." in mail.outbox[0].body
    path = link.partition("//")[2].partition("/")[2]
    assert "new@example.org" in text_of(client.get(f"/{path}"))
    weak = client.post(f"/{path}", {"username": "new.person", "password": "12345"})
    assert weak.status_code == 422
    assert "too short" in text_of(weak)
    answer = client.post(f"/{path}", {"username": "new.person", "password": PASSWORD})
    assert answer.status_code == 302
    user = User.objects.get(username="new.person")
    assert user.email == "new@example.org"
    assert Membership.objects.filter(user=user, team=people.project.team).exists()
    assert RoleBinding.objects.get(user=user).role.name == "deployer"
    assert client.get("/account/").status_code == 200
    again = Client().get(f"/{path}")
    assert again.status_code == 404
    assert "used, over or unknown" in text_of(again)


def test_an_invitation_ends_by_itself(client: Client, people: Characters) -> None:
    row, link = invite(actor(people.administrator), email="late@example.org")
    type(row).objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert client.get("/" + link.partition("//")[2].partition("/")[2]).status_code == 404


def test_a_forgotten_password_is_reset_by_mail_and_ends_all_sessions(
    client: Client, people: Characters
) -> None:
    old = signed_in(people.developer)
    answer = client.post("/password-reset/", {"email": "dana.dev@example.org"})
    assert answer["Location"] == "/password-reset/sent/"
    assert client.get("/password-reset/sent/").status_code == 200
    link = re.search(r"https?://\S+(/password-reset/\S+)", mail.outbox[0].body)[1]
    form = client.get(link, follow=True)
    assert "Choose a new password" in text_of(form)
    address = form.redirect_chain[-1][0]
    new = "another fine sentence"
    answer = client.post(address, {"new_password1": new, "new_password2": new})
    assert answer["Location"] == "/sign-in/"
    assert old.get("/account/").status_code == 302
    assert client.post("/sign-in/", {"username": "dana.dev", "password": new}).status_code == 302
    assert "already, or is over" in text_of(Client().get(link, follow=True))


def test_an_unknown_address_gets_the_same_answer_and_no_mail(
    client: Client, people: Characters
) -> None:
    answer = client.post("/password-reset/", {"email": "nobody@example.org"})
    assert answer["Location"] == "/password-reset/sent/"
    assert mail.outbox == []


def test_a_token_is_shown_once_and_revoked_by_its_owner(people: Characters) -> None:
    client = signed_in(people.developer)
    answer = client.post(
        "/account/tokens/new/",
        {"name": "laptop", "days": "30", "permissions": ["project.manage"], "scope": "orders"},
    )
    assert answer.status_code == 201
    assert answer["Cache-Control"] == "no-store"
    text = re.search(r"slp_[a-z0-9]{12}_[\w-]{43}", answer.content.decode())[0]
    token = ApiToken.objects.get()
    assert token.permissions == ["project.manage", "project.view"]
    assert (token.scope, token.user) == (people.scope, people.developer)
    page = text_of(client.get("/account/"))
    assert f"slp_{token.prefix}" in page
    assert text not in page
    mate = signed_in(people.mate)
    assert mate.post(f"/account/tokens/{token.pk}/revoke/").status_code == 404
    assert client.post(f"/account/tokens/{token.pk}/revoke/").status_code == 302
    token.refresh_from_db()
    assert token.revoked_at is not None


def test_a_bad_scope_of_a_token_stands_beside_its_field(people: Characters) -> None:
    client = signed_in(people.developer)
    answer = client.post("/account/tokens/new/", {"name": "x", "days": "7", "scope": "secret"})
    assert answer.status_code == 422
    assert "There is no scope “secret”." in text_of(answer)


def test_a_session_is_ended_from_another(people: Characters) -> None:
    one, two = signed_in(people.developer), signed_in(people.developer)
    page = text_of(one.get("/account/"))
    assert page.count("/end/") == 1
    row = SignIn.objects.get(session_key=two.session.session_key)
    assert signed_in(people.mate).post(f"/account/sessions/{row.pk}/end/").status_code == 404
    assert one.post(f"/account/sessions/{row.pk}/end/").status_code == 302
    assert two.get("/account/").status_code == 302
    assert not Session.objects.filter(session_key=row.session_key).exists()


def test_the_profile_is_changed_and_audited(people: Characters) -> None:
    client = signed_in(people.developer)
    taken = client.post("/account/", {"email": "mate.dev@example.org", "password": PASSWORD})
    assert taken.status_code == 422
    assert "Another person has this address." in text_of(taken)
    alone = client.post("/account/", {"email": "dana@example.org"})
    assert "A new address needs your password." in text_of(alone)
    wish = {"first_name": "Dana", "email": "dana@example.org", "password": PASSWORD}
    client.post("/account/", wish)
    people.developer.refresh_from_db()
    assert (people.developer.first_name, people.developer.email) == ("Dana", "dana@example.org")


@pytest.mark.parametrize("tab", ["bindings", "people", "teams", "projects", "roles", "programs"])
@pytest.mark.parametrize("who", ["administrator", "developer", "stranger"])
def test_each_tab_of_access_shows_to_everybody_what_they_may_see(
    people: Characters, tab: str, who: str
) -> None:
    client = signed_in(getattr(people, who))
    answer = client.get(f"/access/?tab={tab}")
    assert answer.status_code == 200
    if tab in {"bindings", "projects"}:
        seen = "?scope=orders" in text_of(answer) or "developer" in text_of(answer)
        assert seen == (who != "stranger")


def test_who_can_do_what_at_a_scope_counts_what_comes_from_above(people: Characters) -> None:
    client = signed_in(people.maintainer)
    page = text_of(client.get("/access/?scope=orders/staging"))
    assert "mia.maintainer" in page
    assert "ada.admin" in page
    assert "/access/bindings/" in page
    hidden = text_of(signed_in(people.stranger).get("/access/?scope=orders"))
    assert "There is no scope “orders”." in hidden


def test_a_maintainer_grants_and_revokes_in_the_page(people: Characters) -> None:
    client = signed_in(people.maintainer)
    form = {
        "subject": "sam.stranger",
        "role": "viewer",
        "scope": "orders/staging",
        "reason": "help",
    }
    assert client.get("/access/grant/?scope=orders").status_code == 200
    assert client.post("/access/grant/", form).status_code == 302
    binding = RoleBinding.objects.get(user=people.stranger)
    assert (binding.scope, binding.reason) == (people.tier("staging"), "help")
    double = client.post("/access/grant/", form)
    assert "holds the role viewer at orders/staging already" in text_of(double)
    more = client.post("/access/grant/", {**form, "role": "administrator"})
    assert "holds more than you do there" in text_of(more)
    unknown = client.post("/access/grant/", {**form, "subject": "team:nobody"})
    assert "There is no such person or team." in text_of(unknown)
    assert (
        client.post(f"/access/bindings/{binding.pk}/revoke/", {"reason": "done"}).status_code == 302
    )
    row = AuditRecord.objects.get(action="access.revoke")
    assert (row.reason, row.before["user"]) == ("done", "sam.stranger")


def test_why_explains_oneself_and_others(people: Characters) -> None:
    client = signed_in(people.developer)
    page = text_of(client.get("/access/why/?permission=project.manage&scope=orders"))
    assert "No. None of your roles gives project.manage at orders." in page
    assert "mia.maintainer" in page
    other = signed_in(people.maintainer)
    page = text_of(other.get("/access/why/?permission=project.view&scope=orders&user=dana.dev"))
    assert "Yes. role viewer of team orders at orders gives project.view." in page
    assert client.get("/access/why/?permission=x.y&scope=nowhere").status_code == 422
    assert client.get("/access/why/").status_code == 200


def test_an_administrator_makes_teams_projects_and_roles(people: Characters) -> None:
    client = signed_in(people.administrator)
    assert client.post("/access/teams/new/", {"name": "payments"}).status_code == 302
    assert client.post("/access/teams/payments/", {"username": "sam.stranger"}).status_code == 302
    assert "sam.stranger" in text_of(client.get("/access/teams/payments/"))
    bad = client.post("/access/teams/new/", {"name": "Not a label"})
    assert bad.status_code == 422
    assert "is not a name" in text_of(bad)
    assert client.post("/access/teams/new/", {"name": "payments"}).status_code == 422
    project = {"name": "ledger", "title": "Ledger", "team": "payments"}
    assert client.post("/access/projects/new/", project).status_code == 302
    assert Project.objects.get(name="ledger").scope.children.count() == 4
    role = {"name": "reader", "permissions": ["project.view", "audit.view"]}
    assert client.post("/access/roles/new/", role).status_code == 302
    changed = client.post("/access/roles/reader/", {"permissions": ["project.view"]})
    assert changed.status_code == 302
    assert Role.objects.get(name="reader").permissions == ["project.view"]
    builtin = client.post("/access/roles/viewer/", {"permissions": ["project.view"]})
    assert "built in" in text_of(builtin)
    assert client.post("/access/roles/reader/delete/").status_code == 302
    client.post("/access/teams/payments/members/sam.stranger/remove/")
    assert not Membership.objects.filter(team__name="payments").exists()
    assert Team.objects.filter(name="elsewhere").exists()
    assert client.post("/access/teams/elsewhere/delete/").status_code == 302
    assert not Team.objects.filter(name="elsewhere").exists()


def test_a_service_account_gets_a_token_and_goes(people: Characters) -> None:
    client = signed_in(people.maintainer)
    form = {"project": "orders", "name": "ci", "description": "Deploys"}
    assert client.post("/access/service-accounts/new/", form).status_code == 302
    account = ServiceAccount.objects.get()
    assert account.user.username == "orders.ci"
    made = client.post("/account/tokens/new/?for=orders.ci", {"name": "ci", "days": "7"})
    assert made.status_code == 201, made.context["form"].errors
    assert ApiToken.objects.get().user == account.user
    assert "orders.ci" in text_of(client.get("/access/?tab=programs"))
    assert client.post("/access/service-accounts/orders.ci/delete/").status_code == 302
    assert ApiToken.objects.get().revoked_at is not None
    assert not User.objects.get(username="orders.ci").is_active


def test_inviting_in_the_page_hands_over_the_link(people: Characters) -> None:
    client = signed_in(people.maintainer)
    form = {"email": "x@example.org", "role": "viewer", "scope": "orders"}
    assert "/invitations/" in text_of(client.post("/access/invite/", form))
    more = client.post("/access/invite/", {**form, "email": "y@example.org", "role": "auditor"})
    assert more.status_code == 422


ANYWHERE = ["rbac:audit", "rbac:grant", "rbac:invite", "rbac:team-new", "rbac:project-new"]


@pytest.mark.parametrize("name", ANYWHERE)
def test_people_who_hold_it_nowhere_get_403_with_the_way_out(people: Characters, name: str) -> None:
    answer = signed_in(people.stranger).get(reverse(name))
    assert answer.status_code == 403
    assert "None of your roles gives" in text_of(answer)
    assert "ada.admin" in text_of(answer)
    assert AuditRecord.objects.filter(outcome="denied", actor=people.stranger).exists()


def test_the_audit_page_filters_pages_and_names_bad_filters(people: Characters) -> None:
    for number in range(60):
        audit.record(
            actor(people.developer), "environment.scale", target=people.project,
            before={"replicas": number}, after={"replicas": number + 1}, change_id=number,
        )  # fmt: skip
    client = signed_in(people.auditor)
    page = client.get("/audit/?action=environment.*&actor=dana.dev&scope=orders")
    assert len(page.context["rows"]) == 50
    assert [chip["value"] for chip in page.context["chips"]] == [
        "dana.dev",
        "environment.*",
        "orders",
    ]
    older = client.get(page.context["next"])
    assert len(older.context["rows"]) == 10
    seen = {row.pk for row in [*page.context["rows"], *older.context["rows"]]}
    assert len(seen) == 60
    assert len(client.get("/audit/?change=7").context["rows"]) == 1
    assert len(client.get("/audit/?to=2020-01-01").context["rows"]) == 0
    assert client.get("/audit/?from=2020-01-01T00:00:00Z&target=ord&outcome=allowed").context[
        "rows"
    ]
    bad = client.get("/audit/?from=yesterday")
    assert bad.status_code == 422
    assert "“yesterday” is no date." in text_of(bad)
    assert "is no outcome" in text_of(client.get("/audit/?outcome=maybe"))
    assert "is no change’s number" in text_of(client.get("/audit/?change=x")).replace("&#x27;", "’")
    assert client.get("/audit/?after=garbage").status_code == 200


def test_people_read_the_audit_of_their_own_projects_only(people: Characters) -> None:
    audit.record(actor(people.developer), "environment.scale", target=people.project)
    rows = signed_in(people.maintainer).get("/audit/").context["rows"]
    assert rows
    assert {row.scope for row in rows} == {people.scope}


def test_the_export_is_exactly_what_is_filtered(people: Characters) -> None:
    audit.record(actor(people.developer), "environment.scale", target="=cmd|' /C calc'!A0")
    audit.record(actor(people.developer), "environment.stop", target=people.project)
    audit.seal()
    client = signed_in(people.auditor)
    answer = client.get("/audit/export.jsonl?action=environment.*")
    lines = [json.loads(line) for line in answer.getvalue().decode().splitlines()]
    assert [line["action"] for line in lines] == ["environment.stop", "environment.scale"]
    assert all(len(line["hash"]) == 64 for line in lines)
    table = client.get("/audit/export.csv?action=environment.*").getvalue().decode().splitlines()
    assert table[0].startswith("sequence,at,actor_label,action")
    assert len(table) == 3
    assert "'=cmd" in table[2]
    assert client.get("/audit/export.xlsx").status_code == 422
    made = AuditRecord.objects.filter(action="audit.export")
    assert made.count() == 2
    assert signed_in(people.developer).get("/audit/export.csv").status_code == 403


def test_verifying_in_the_page_shows_the_state_of_the_chain(people: Characters) -> None:
    client = signed_in(people.auditor)
    assert "Nothing is sealed yet" in text_of(client.get("/audit/"))
    answer = client.post("/audit/verify/", follow=True)
    assert "The chain holds:" in text_of(answer)
    assert "Chain verified to record" in text_of(answer)
    assert signed_in(people.developer).post("/audit/verify/").status_code == 403


def test_a_role_that_ended_is_not_shown_as_held(people: Characters) -> None:
    dana = signed_in(people.developer)
    later = timezone.now() + timedelta(hours=1)
    bind("auditor", people.project.scope, user=people.developer, ends_at=later)
    held = "auditor on orders"
    assert held in dana.get("/account/").content.decode()
    assert held in dana.get("/access/roles/new/").content.decode()  # a refusal: "What you hold"
    with time_machine.travel(later + timedelta(seconds=1)):
        for path in ("/account/", "/access/roles/new/"):
            page = dana.get(path).content.decode()
            assert held not in page
            assert '<span class="sw-strong">auditor</span>' not in page
