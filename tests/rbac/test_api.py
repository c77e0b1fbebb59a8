from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.core.mail import EmailMessage
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks
from rest_framework.test import APIClient

from rbac import audit
from rbac.models import ApiToken, AuditRecord, Membership, Role, RoleBinding, Scope, Team, User
from rbac.services import create_token
from tests.rbac.factories import (
    PASSWORD,
    Characters,
    TeamFactory,
    actor,
    bind,
    make_project,
)


def api_of(
    user: User, *, permissions: tuple[str, ...] = (), scope: Scope | None = None
) -> APIClient:
    """A client with a token of this person."""
    _, text = create_token(
        actor(user),
        user=user,
        name="tests",
        permissions=permissions,
        scope=scope,
        expires_at=timezone.now() + timedelta(days=2),
    )
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client


def soon() -> str:
    return (timezone.now() + timedelta(days=1)).isoformat()


def test_me_says_who_asks_and_what_they_hold(people: Characters) -> None:
    found = api_of(people.developer).get("/api/v1/me/").json()
    assert (found["username"], found["token"], found["teams"]) == ("dana.dev", "tests", ["orders"])
    assert "role developer of team orders at orders/staging" in found["roles"]
    assert "project.view" in found["permissions"]
    assert "project.create" not in found["permissions"]


def test_me_changes_ones_own_profile(people: Characters) -> None:
    api = api_of(people.developer)
    assert api.patch("/api/v1/me/", {"first_name": "Dana"}).json()["first_name"] == "Dana"
    taken = api.patch("/api/v1/me/", {"email": "mate.dev@example.org", "password": PASSWORD})
    assert taken.status_code == 422
    assert taken.json()["errors"][0]["field"] == "email"


def test_a_narrowed_token_never_becomes_its_owner(people: Characters) -> None:
    """Neither by the address that a password reset goes to, nor by the owner's other tokens."""
    api_of(people.developer)
    whole = ApiToken.objects.get(user=people.developer)
    body = {"email": "thief@example.net", "password": PASSWORD}
    for narrow in (
        api_of(people.developer, permissions=("project.view",)),
        api_of(people.developer, scope=people.scope),
    ):
        refused = narrow.patch("/api/v1/me/", body)
        assert refused.status_code == 409
        assert "narrowed token" in refused.json()["detail"]
    reader = api_of(people.developer, permissions=("project.view",))
    assert reader.get("/api/v1/tokens/").status_code == 403
    assert reader.delete(f"/api/v1/tokens/{whole.pk}/").status_code == 403
    keeper = api_of(people.developer, permissions=("token.create",))
    assert keeper.get("/api/v1/tokens/").status_code == 200
    assert keeper.delete(f"/api/v1/tokens/{whole.pk}/").status_code == 409
    people.developer.refresh_from_db()
    assert people.developer.email == "dana.dev@example.org"
    whole.refresh_from_db()
    assert whole.revoked_at is None


def test_a_new_address_needs_the_password_and_the_old_one_is_told(
    people: Characters,
    mailoutbox: list[EmailMessage],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    api = api_of(people.developer)
    for password, rule in (("", "required"), ("a guess", "wrong")):
        wish = {"email": "new@example.org", **({"password": password} if password else {})}
        refused = api.patch("/api/v1/me/", wish)
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["rule"] == rule
    for _ in range(5):
        refused = api.patch("/api/v1/me/", {"email": "new@example.org", "password": "a guess"})
    assert refused.status_code == 429
    cache.clear()
    with django_capture_on_commit_callbacks(execute=True):
        done = api.patch("/api/v1/me/", {"email": "new@example.org", "password": PASSWORD})
    assert done.json()["email"] == "new@example.org"
    assert [mail.to for mail in mailoutbox] == [["dana.dev@example.org"]]
    assert "changed to new@example.org" in mailoutbox[0].body
    assert PASSWORD not in str(AuditRecord.objects.latest("at").after)


def test_basic_authentication_takes_the_token_as_password(people: Characters) -> None:
    _, text = create_token(
        actor(people.developer), user=people.developer, name="git", permissions=[], scope=None,
        expires_at=timezone.now() + timedelta(days=1),
    )  # fmt: skip
    pair = base64.b64encode(f"anything:{text}".encode()).decode()
    api = APIClient()
    api.credentials(HTTP_AUTHORIZATION=f"Basic {pair}")
    assert api.get("/api/v1/me/").status_code == 200


@pytest.mark.parametrize("header", ["Bearer slp_x", "Bearer ", "Basic !!!", "Basic YTpi", ""])
def test_a_bad_or_missing_token_is_401_with_a_challenge(people: Characters, header: str) -> None:
    api = APIClient()
    if header:
        api.credentials(HTTP_AUTHORIZATION=header)
    answer = api.get("/api/v1/me/")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == 'Bearer realm="slipway"'


def test_not_visible_is_404_and_not_allowed_is_403_with_the_reason(people: Characters) -> None:
    assert api_of(people.stranger).get("/api/v1/projects/orders/").status_code == 404
    assert api_of(people.stranger).get("/api/v1/projects/").json()["results"] == []
    refused = api_of(people.viewer).patch("/api/v1/projects/orders/", {"title": "x"})
    assert refused.status_code == 403
    assert refused.json()["detail"] == "The token tests does not carry project.manage." or (
        refused.json()["detail"] == "None of your roles gives project.manage at orders."
    )


def test_a_refusal_names_permission_place_steps_and_who_can_grant(people: Characters) -> None:
    told = api_of(people.viewer).patch("/api/v1/projects/orders/", {"title": "x"}).json()
    assert (told["permission"], told["place"]) == ("project.manage", "orders")
    assert isinstance(told["chain"], list)
    assert people.administrator.username in " ".join(told["granters"])


def test_a_lead_changes_the_own_team_and_others_are_refused_before_the_body_is_read(
    people: Characters,
) -> None:
    assert api_of(people.mate).patch("/api/v1/teams/orders/", {}).status_code == 403
    assert api_of(people.mate).post("/api/v1/teams/orders/members/", {}).status_code == 403
    Membership.objects.filter(user=people.mate).update(lead=True)
    assert api_of(people.mate).patch("/api/v1/teams/orders/", {}).status_code == 422
    assert api_of(people.mate).post("/api/v1/teams/orders/members/", {}).status_code == 422


def test_a_project_is_read_and_changed_with_its_etag(people: Characters) -> None:
    api = api_of(people.maintainer)
    first = api.get("/api/v1/projects/orders/")
    changed = api.patch(
        "/api/v1/projects/orders/", {"title": "Orders!"}, headers={"If-Match": first["ETag"]}
    )
    assert changed.json()["title"] == "Orders!"
    stale = api.patch(
        "/api/v1/projects/orders/", {"title": "lost"}, headers={"If-Match": first["ETag"]}
    )
    assert stale.status_code == 412


def test_an_administrator_makes_teams_members_and_projects(people: Characters) -> None:
    api = api_of(people.administrator)
    made = api.post("/api/v1/teams/", {"name": "payments", "title": "Payments"})
    assert (made.status_code, made["Location"]) == (201, "/api/v1/teams/payments/")
    assert api.post("/api/v1/teams/", {"name": "payments"}).status_code == 409
    bad = api.post("/api/v1/teams/", {"name": "Nope!"})
    assert bad.status_code == 422
    assert bad.json()["errors"][0]["field"] == "name"
    member = {"username": "sam.stranger", "lead": True}
    assert api.post("/api/v1/teams/payments/members/", member).status_code == 201
    assert api.get("/api/v1/teams/payments/members/").json()["results"] == [member]
    assert api.post("/api/v1/teams/payments/members/", {"username": "x"}).status_code == 422
    project = api.post("/api/v1/projects/", {"name": "ledger", "team": "payments"})
    assert project.status_code == 201
    assert api.delete("/api/v1/teams/payments/").status_code == 409
    assert api.delete("/api/v1/teams/payments/members/sam.stranger/").status_code == 204
    assert api.patch("/api/v1/teams/payments/", {"title": "P"}).json()["title"] == "P"
    assert api.delete("/api/v1/teams/elsewhere/").status_code == 204
    assert not Team.objects.filter(name="elsewhere").exists()


def test_lists_are_keyset_pages(people: Characters) -> None:
    api = api_of(people.developer)
    first = api.get("/api/v1/users/?page_size=3").json()
    assert len(first["results"]) == 3
    assert first["previous"] is None
    second = api.get(first["next"]).json()
    names = [row["username"] for row in first["results"] + second["results"]]
    assert names == sorted(names)
    assert len(set(names)) == 6


def test_roles_are_made_changed_and_deleted_and_builtin_ones_are_not(people: Characters) -> None:
    api = api_of(people.administrator)
    role = {"name": "reader", "permissions": ["project.view"]}
    assert api.post("/api/v1/roles/", role).status_code == 201
    more = {"permissions": ["audit.view", "project.view"]}
    assert api.patch("/api/v1/roles/reader/", more).json()["permissions"] == more["permissions"]
    unknown = api.patch("/api/v1/roles/reader/", {"permissions": ["rocket.launch"]})
    assert unknown.json()["detail"] == "There is no permission rocket.launch."
    assert api.delete("/api/v1/roles/viewer/").status_code == 409
    assert api.delete("/api/v1/roles/reader/").status_code == 204
    assert api_of(people.maintainer).post("/api/v1/roles/", role).status_code == 403
    names = [row["name"] for row in api.get("/api/v1/permissions/").json()]
    assert names == sorted(names)
    assert Role.objects.filter(builtin=True).count() == 7


def test_bindings_are_granted_listed_and_revoked(people: Characters) -> None:
    api = api_of(people.maintainer)
    wish = {
        "role": "developer",
        "scope": "orders/production",
        "user": "dana.dev",
        "ends_at": soon(),
    }
    made = api.post("/api/v1/role-bindings/", wish)
    assert made.status_code == 201
    assert made.json()["created_by"] == "mia.maintainer"
    listed = api.get("/api/v1/role-bindings/?scope=orders/production").json()["results"]
    assert {"ada.admin", "dana.dev"} <= {row["user"] for row in listed}
    assert api.post("/api/v1/role-bindings/", wish).status_code == 409
    both = api.post("/api/v1/role-bindings/", {**wish, "team": "orders"})
    assert both.json()["errors"][0]["rule"] == "one_subject"
    past = api.post("/api/v1/role-bindings/", {**wish, "ends_at": "2020-01-01T00:00:00Z"})
    assert past.json()["detail"] == "The end lies in the past."
    hidden = api.post("/api/v1/role-bindings/", {**wish, "scope": "payments"})
    assert hidden.json()["detail"] == "There is no scope “payments”."
    assert api.get(made["Location"]).json()["scope"] == "orders/production"
    assert api_of(people.stranger).delete(made["Location"]).status_code == 404
    assert api_of(people.viewer).delete(made["Location"]).status_code == 403
    assert api.delete(made["Location"]).status_code == 204
    assert not RoleBinding.objects.filter(user=people.developer).exists()


def test_the_last_administrator_cannot_be_revoked(people: Characters) -> None:
    binding = RoleBinding.objects.get(user=people.administrator)
    answer = api_of(people.administrator).delete(f"/api/v1/role-bindings/{binding.pk}/")
    assert answer.status_code == 409
    assert answer.json()["detail"] == "It is the last administrator of Slipway."


def test_tokens_beget_no_more_than_themselves(people: Characters) -> None:
    narrow = api_of(
        people.maintainer, permissions=("project.view", "token.create"), scope=people.scope
    )
    wish = {"name": "child", "expires_at": soon()}
    assert narrow.post("/api/v1/tokens/", wish).status_code == 409
    wide = {**wish, "permissions": ["project.manage"], "scope": "orders"}
    assert narrow.post("/api/v1/tokens/", wide).status_code == 409
    fitting = {**wish, "permissions": ["project.view"], "scope": "orders"}
    made = narrow.post("/api/v1/tokens/", fitting)
    assert made.status_code == 201
    assert made.json()["text"].startswith("slp_")
    assert made["Cache-Control"] == "no-store"
    listed = api_of(people.maintainer).get("/api/v1/tokens/").json()["results"]
    accounts = api_of(people.maintainer).get("/api/v1/service-accounts/").json()
    assert accounts["results"] == []
    assert "child" in {row["name"] for row in listed}
    assert all("text" not in row and "digest" not in row for row in listed)
    elsewhere = narrow.post("/api/v1/tokens/", {**fitting, "owner": "ada.admin"})
    assert elsewhere.status_code == 422


def test_a_revoked_token_fails_at_once(people: Characters) -> None:
    api = api_of(people.developer)
    assert api.get("/api/v1/me/").status_code == 200
    token = ApiToken.objects.get()
    assert api.delete(f"/api/v1/tokens/{token.pk}/").status_code == 204
    assert api.get("/api/v1/me/").status_code == 401


def test_decide_answers_for_oneself_and_with_access_view_for_others(people: Characters) -> None:
    api = api_of(people.developer)
    found = api.get("/api/v1/access/decide/?permission=project.manage&scope=orders").json()
    assert (found["allowed"], found["visible"]) == (False, True)
    assert found["granters"] == ["mia.maintainer", "ada.admin"]
    assert found["chain"][0].startswith("dana.dev by token tests wants project.manage")
    other = api.get("/api/v1/access/decide/?permission=project.view&scope=orders&user=vic.viewer")
    assert other.json()["allowed"] is True
    assert api.get("/api/v1/access/decide/").status_code == 422
    stranger = api_of(people.stranger)
    asked = "/api/v1/access/decide/?permission=project.view&user=vic.viewer"
    assert stranger.get(asked).status_code in {403, 404}


def test_asking_about_others_tells_nothing_of_places_that_one_does_not_see(
    people: Characters,
) -> None:
    secret = make_project("secret", TeamFactory(name="hidden"))
    bind("auditor", secret.scope, user=people.viewer)
    api = api_of(people.developer)
    for permission in ("project.view", "audit.verify"):  # held here; held anywhere
        asked = f"/api/v1/access/decide/?permission={permission}&scope=orders&user=vic.viewer"
        found = api.get(asked).json()
        assert found["allowed"] is True
        assert "secret" not in str(found)
        assert "role viewer at orders" in str(found["chain"])
        assert "1 more held elsewhere, which you may not see" in found["chain"]
        page = Client()
        page.force_login(people.developer)
        html = page.get(f"/access/why/?permission={permission}&scope=orders&user=vic.viewer")
        assert "at secret" not in html.content.decode()
        assert "1 more held elsewhere" in html.content.decode()
    assert found["reason"] == "A role held elsewhere gives audit.verify."
    asked = "/api/v1/access/decide/?permission=project.view&scope=orders&user=vic.viewer"
    whole = api_of(people.administrator).get(asked).json()["chain"]
    assert any("role auditor at secret" in line for line in whole)
    own = api_of(people.viewer).get(asked.partition("&user")[0]).json()["chain"]
    assert any("role auditor at secret" in line for line in own)


def test_service_accounts_hold_roles_and_act_by_token(people: Characters) -> None:
    api = api_of(people.maintainer)
    made = api.post("/api/v1/service-accounts/", {"project": "orders", "name": "ci"})
    assert made.json()["username"] == "orders.ci"
    bad = api.post("/api/v1/service-accounts/", {"project": "orders", "name": "C I"})
    assert bad.json()["errors"][0]["field"] == "name"
    wish = {"role": "deployer", "scope": "orders", "user": "orders.ci"}
    assert api.post("/api/v1/role-bindings/", wish).status_code == 201
    token = {"name": "ci", "owner": "orders.ci", "expires_at": soon()}
    text = api.post("/api/v1/tokens/", token).json()["text"]
    program = APIClient()
    program.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    assert program.get("/api/v1/me/").json()["username"] == "orders.ci"
    assert program.get("/api/v1/projects/orders/").status_code == 200
    assert api.delete("/api/v1/service-accounts/orders.ci/").status_code == 204
    assert program.get("/api/v1/me/").status_code == 401


def test_a_program_that_holds_more_than_oneself_gets_no_token_from_one(people: Characters) -> None:
    api = api_of(people.maintainer)
    api.post("/api/v1/service-accounts/", {"project": "orders", "name": "ci"})
    root = api_of(people.administrator)
    wish = {"role": "administrator", "scope": "everything", "user": "orders.ci"}
    assert root.post("/api/v1/role-bindings/", wish).status_code == 201
    answer = api.post("/api/v1/tokens/", {"name": "x", "owner": "orders.ci", "expires_at": soon()})
    assert answer.status_code == 409
    assert "holds more than you do there" in answer.json()["detail"]


def test_people_are_shut_out_by_rest(people: Characters) -> None:
    api = api_of(people.administrator)
    theirs = api_of(people.developer)
    shut = api.patch("/api/v1/users/dana.dev/", {"is_active": False})
    assert shut.json()["is_active"] is False
    assert theirs.get("/api/v1/me/").status_code == 401
    own = api.patch("/api/v1/users/ada.admin/", {"is_active": False})
    assert own.json()["detail"] == "You cannot deactivate yourself."
    assert (
        api_of(people.maintainer).patch("/api/v1/users/mate.dev/", {"is_active": False}).status_code
        == 403
    )


def test_invitations_by_rest(people: Characters) -> None:
    api = api_of(people.maintainer)
    made = api.post(
        "/api/v1/invitations/", {"email": "x@example.org", "role": "viewer", "scope": "orders"}
    )
    assert made.status_code == 201
    assert "/invitations/" in made.json()["link"]
    taken = api.post(
        "/api/v1/invitations/",
        {"email": "dana.dev@example.org", "role": "viewer", "scope": "orders"},
    )
    assert taken.status_code == 409
    assert (
        api_of(people.developer)
        .post("/api/v1/invitations/", {"email": "y@example.org"})
        .status_code
        == 403
    )


def test_the_audit_trail_by_rest(people: Characters) -> None:
    for number in range(5):
        audit.record(
            actor(people.developer), "environment.scale", target=people.project, change_id=number
        )
    api = api_of(people.auditor)
    page = api.get("/api/v1/audit/?action=environment.scale&page_size=2").json()
    assert [row["change_id"] for row in page["results"]] == [4, 3]
    assert api.get(page["next"]).json()["results"][0]["change_id"] == 2
    assert api.get("/api/v1/audit/?project=orders&actor=dana.dev&change=1").json()["results"]
    assert api.get("/api/v1/audit/?from=nonsense").json()["errors"][0]["field"] == "from"
    assert api.get("/api/v1/audit/?to=9999-12-31T23:59:59-10:00").status_code == 422
    lines = api.get("/api/v1/audit/export.jsonl?action=environment.scale").getvalue().splitlines()
    assert len([json.loads(line) for line in lines]) == 5
    found = api.post("/api/v1/audit/verify/").json()
    assert found["ok"] is True
    assert found["checked"] == AuditRecord.objects.exclude(sequence=None).count()
    assert api_of(people.developer).get("/api/v1/audit/").status_code == 403
