from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from rbac import audit
from rbac.models import (
    ApiToken,
    AuditRecord,
    Invitation,
    Membership,
    Project,
    Role,
    RoleBinding,
    ServiceAccount,
    Team,
    User,
)
from rbac.places import root
from rbac.services import create_service_account, invite
from tests.rbac.factories import Characters, actor, bind
from tests.rbac.test_tokens import make

MODELS = (
    User, Team, Project, Role, RoleBinding, ServiceAccount, ApiToken, Invitation, AuditRecord,
)  # fmt: skip


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def url(model: type, page: str, *args: object) -> str:
    return reverse(f"admin:rbac_{model._meta.model_name}_{page}", args=args)


def last(action: str) -> AuditRecord:
    return AuditRecord.objects.filter(action=action).order_by("at").last()


@pytest.fixture
def ground(people: Characters) -> Characters:
    create_service_account(actor(people.maintainer), project=people.project, name="ci")
    make(people.developer)
    invite(actor(people.administrator), email="x@example.org")
    audit.seal()
    return people


def test_the_door_is_the_products_own_sign_in(people: Characters) -> None:
    assert Client().get("/admin/")["Location"].startswith("/admin/login/")
    answer = Client().get("/admin/login/?next=/admin/rbac/team/")
    assert answer["Location"] == "/sign-in/?next=/admin/rbac/team/"
    assert browser(people.administrator).get("/admin/").status_code == 200
    assert browser(people.administrator).get("/admin/logout/")["Location"] == "/sign-out/"


def test_staff_and_superuser_flags_open_nothing(people: Characters) -> None:
    User.objects.filter(pk=people.stranger.pk).update(is_staff=True, is_superuser=True)
    answer = browser(people.stranger).get("/admin/", follow=True)
    assert answer.status_code == 403
    assert "None of your roles gives admin.view at everything." in answer.content.decode()


@pytest.mark.parametrize("model", MODELS)
def test_every_list_and_page_opens_for_an_administrator(ground: Characters, model: type) -> None:
    client = browser(ground.administrator)
    assert client.get(url(model, "changelist")).status_code == 200
    assert client.get(url(model, "changelist") + "?q=a").status_code in {200, 302}
    first = model.objects.first()
    assert client.get(url(model, "change", first.pk)).status_code == 200


@pytest.mark.parametrize("model", MODELS)
def test_every_page_is_closed_to_people_without_admin_view(ground: Characters, model: type) -> None:
    client = browser(ground.maintainer)
    assert client.get(url(model, "changelist")).status_code == 302
    assert client.get(url(model, "change", model.objects.first().pk)).status_code == 302


def test_admin_view_alone_shows_only_what_other_roles_give(people: Characters) -> None:
    door = Role.objects.create(name="door", permissions=["admin.view"])
    bind(door.name, root(), user=people.viewer)
    client = browser(people.viewer)
    assert client.get(url(Project, "changelist")).status_code == 200
    assert client.get(url(Project, "change", people.project.pk)).status_code == 200
    assert client.get(url(Project, "add")).status_code == 403
    answer = client.post(url(Project, "change", people.project.pk), {"title": "mine"})
    assert answer.status_code == 403
    assert client.get(url(ApiToken, "changelist")).status_code == 403
    assert client.get(url(AuditRecord, "changelist")).status_code == 403


def test_teams_are_made_changed_and_deleted_through_the_services(people: Characters) -> None:
    client = browser(people.administrator)
    empty = {"memberships-TOTAL_FORMS": 0, "memberships-INITIAL_FORMS": 0}
    one = {"memberships-TOTAL_FORMS": 1, "memberships-INITIAL_FORMS": 0,
           "memberships-0-user": people.stranger.pk}  # fmt: skip
    assert (
        client.post(url(Team, "add"), {"name": "payments", "title": "P", **one}).status_code == 302
    )
    team = Team.objects.get(name="payments")
    assert Membership.objects.get(team=team).user == people.stranger
    assert last("team.create").actor == people.administrator
    assert last("team.add-member").after == {"user": "sam.stranger", "lead": False}
    gone = {"memberships-TOTAL_FORMS": 1, "memberships-INITIAL_FORMS": 1,
            "memberships-0-id": team.memberships.get().pk, "memberships-0-team": team.pk,
            "memberships-0-DELETE": "on"}  # fmt: skip
    client.post(url(Team, "change", team.pk), {"title": "Pay", **gone})
    assert last("team.update").after == {"title": "Pay"}
    assert not team.memberships.exists()
    client.post(url(Team, "delete", team.pk), {"post": "yes"})
    assert not Team.objects.filter(name="payments").exists()
    assert last("team.delete").before["name"] == "payments"
    assert client.post(url(Team, "add"), {"name": "Bad Name", **empty}).status_code == 200
    assert not LogEntry.objects.exists()


def test_a_service_refusal_is_a_message_and_nothing_is_saved(people: Characters) -> None:
    client = browser(people.administrator)
    wish = {"role": Role.objects.get(name="viewer").pk, "scope": people.scope.pk}
    answer = client.post(url(RoleBinding, "add"), {**wish, "reason": "x"}, follow=True)
    assert RoleBinding.objects.filter(reason="x").count() == 0
    assert "Name either a person or a team." in answer.content.decode() or (
        answer.context["adminform"].form.errors
    )


def test_bindings_are_granted_changed_and_revoked_with_before_and_after(people: Characters) -> None:
    client = browser(people.administrator)
    wish = {
        "role": Role.objects.get(name="viewer").pk,
        "scope": people.scope.pk,
        "user": people.stranger.pk,
        "reason": "look",
    }
    assert client.post(url(RoleBinding, "add"), wish).status_code == 302
    binding = RoleBinding.objects.get(user=people.stranger)
    assert (binding.created_by, last("access.grant").reason) == (people.administrator, "look")
    client.post(url(RoleBinding, "change", binding.pk), {"reason": "look longer"})
    changed = last("access.grant")
    assert (changed.before, changed.after) == ({"reason": "look"}, {"reason": "look longer"})
    client.post(url(RoleBinding, "delete", binding.pk), {"post": "yes"})
    assert last("access.revoke").before["user"] == "sam.stranger"
    assert not RoleBinding.objects.filter(pk=binding.pk).exists()


def test_the_last_administrator_gets_no_end(people: Characters) -> None:
    binding = RoleBinding.objects.get(role__name="administrator")
    page = browser(people.administrator).post(
        url(RoleBinding, "change", binding.pk),
        {"ends_at_0": "2030-01-01", "ends_at_1": "00:00:00", "reason": ""},
        follow=True,
    )
    assert "the last administrator of Slipway" in page.content.decode()
    binding.refresh_from_db()
    assert binding.ends_at is None


def test_roles_are_edited_by_checkboxes_and_builtin_ones_are_not(people: Characters) -> None:
    client = browser(people.administrator)
    client.post(url(Role, "add"), {"name": "reader", "permissions": ["project.view"]})
    role = Role.objects.get(name="reader")
    page = client.get(url(Role, "change", role.pk)).content.decode()
    assert 'value="audit.view"' in page
    client.post(url(Role, "change", role.pk), {"permissions": ["audit.view", "project.view"]})
    role.refresh_from_db()
    assert role.permissions == ["audit.view", "project.view"]
    assert last("role.update").before["permissions"] == ["project.view"]
    builtin = Role.objects.get(name="viewer")
    answer = client.post(url(Role, "change", builtin.pk), {"permissions": ["audit.view"]})
    assert answer.status_code == 403
    client.post(url(Role, "delete", role.pk), {"post": "yes"})
    assert not Role.objects.filter(name="reader").exists()


def test_projects_are_made_with_their_scopes(people: Characters) -> None:
    client = browser(people.administrator)
    client.post(
        url(Project, "add"), {"name": "ledger", "title": "L", "team": people.project.team.pk}
    )
    project = Project.objects.get(name="ledger")
    assert project.scope.children.count() == 4
    client.post(url(Project, "change", project.pk), {"title": "Ledger", "team": project.team.pk})
    assert last("project.update").after["title"] == "Ledger"
    assert client.get(url(Project, "delete", project.pk)).status_code == 403


def test_shutting_somebody_out_in_the_admin_ends_their_tokens(people: Characters) -> None:
    token, _ = make(people.developer)
    client = browser(people.administrator)
    client.post(url(User, "change", people.developer.pk), {"first_name": "Dana", "email": ""})
    people.developer.refresh_from_db()
    token.refresh_from_db()
    assert (people.developer.is_active, people.developer.first_name) == (False, "Dana")
    assert token.revoked_at is not None
    assert last("user.deactivate").target_label == "dana.dev"
    assert last("user.update").after["first_name"] == "Dana"


def test_tokens_show_no_digest_and_deleting_revokes(people: Characters) -> None:
    token, _ = make(people.developer)
    client = browser(people.administrator)
    page = client.get(url(ApiToken, "change", token.pk)).content.decode()
    assert token.digest not in page
    client.post(url(ApiToken, "delete", token.pk), {"post": "yes"})
    token.refresh_from_db()
    assert token.revoked_at is not None


def test_an_invitation_is_withdrawn_and_a_service_account_removed(ground: Characters) -> None:
    client = browser(ground.administrator)
    client.post(url(Invitation, "delete", Invitation.objects.get().pk), {"post": "yes"})
    assert last("user.withdraw-invitation").before["digest"] == "(not shown)"
    client.post(url(ServiceAccount, "delete", ServiceAccount.objects.get().pk), {"post": "yes"})
    assert not User.objects.get(username="orders.ci").is_active


def test_the_audit_trail_is_read_only_even_here(ground: Characters) -> None:
    client = browser(ground.administrator)
    row = AuditRecord.objects.first()
    assert client.get(url(AuditRecord, "add")).status_code == 403
    assert client.post(url(AuditRecord, "change", row.pk), {"reason": "x"}).status_code == 403
    assert client.post(url(AuditRecord, "delete", row.pk), {"post": "yes"}).status_code == 403
