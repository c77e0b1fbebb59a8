from __future__ import annotations

import io
from datetime import timedelta
from ipaddress import ip_network

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.db.models import F
from django.test import RequestFactory, override_settings
from django.utils import timezone
from guardian.shortcuts import get_objects_for_user as guardians

from idp.common.errors import Clash, Forbidden, Invalid, Refusal
from rbac import checks, objectgrants, permissions, registrations, sync
from rbac.access import can, get_objects_for_user, held_anywhere
from rbac.actors import system
from rbac.backends import ScopedBackend
from rbac.models import (
    AccessEpoch,
    AuditRecord,
    Membership,
    Project,
    ProjectGrant,
    Role,
    RoleBinding,
    Scope,
    Team,
    User,
)
from rbac.permissions import Permission, builtin_permissions, register_permissions, view_permission
from rbac.places import by_path, root, scope_of, within
from rbac.requests import actor_of, address_of
from rbac.scopes import environment_scope
from rbac.services import (
    accept_invitation,
    add_member,
    bind_role,
    create_administrator,
    create_project,
    create_role,
    create_service_account,
    create_team,
    deactivate_user,
    delete_role,
    delete_team,
    invite,
    remove_member,
    share,
    unbind_role,
    unshare,
    update_project,
    update_role,
)
from tests.rbac.factories import PASSWORD, Characters, UserFactory, actor, bind


def test_a_project_gets_its_scopes_and_its_team_gets_to_work(people: Characters) -> None:
    project = create_project(actor(people.administrator), "ledger", "Ledger", people.project.team)
    names = set(project.scope.children.values_list("name", flat=True))
    assert names == {"preview", "development", "staging", "production"}
    dana = actor(people.developer)
    assert can(dana, "project.view", by_path("ledger/production"))
    assert RoleBinding.objects.get(user=people.administrator, scope=project.scope).role.name == (
        "maintainer"
    )
    with pytest.raises(Clash, match="A project ledger exists already"):
        create_project(actor(people.administrator), "ledger", "", people.project.team)
    with pytest.raises(Invalid, match="is reserved"):
        create_project(actor(people.administrator), "admin", "", people.project.team)
    with pytest.raises(Forbidden, match=r"None of your roles gives project\.create at everything"):
        create_project(actor(people.stranger), "mine", "", people.project.team)


def test_scopes_are_found_by_path_and_label(people: Characters) -> None:
    environment = environment_scope(people.project, "development", "pr-7")
    assert environment.path == "orders/development/pr-7"
    assert environment.label == "orders/pr-7"
    assert by_path("orders/development/pr-7") == by_path("orders/pr-7") == environment
    assert by_path("orders/staging") == people.tier("staging")
    assert by_path("") == by_path("everything") == root()
    assert by_path("nowhere") is by_path("orders/nothing") is by_path("a/b/c/d") is None
    assert scope_of(people.project) == people.scope
    with pytest.raises(TypeError, match="str has no scope_lookup"):
        scope_of("orders")
    below = Scope.objects.filter(within(people.scope, "self"))
    assert below.count() == 6
    assert Scope.objects.filter(within(root(), "self")).count() == Scope.objects.count()


def test_leads_look_after_their_team_and_others_do_not(people: Characters) -> None:
    team = people.project.team
    lead = UserFactory(username="lea.lead")
    Membership.objects.create(team=team, user=lead, lead=True)
    add_member(actor(lead), team, people.stranger)
    remove_member(actor(lead), team, people.stranger)
    with pytest.raises(Clash, match="is no member of team orders"):
        remove_member(actor(lead), team, people.stranger)
    with pytest.raises(Forbidden):
        add_member(actor(lead), team, people.stranger, lead=True)
    with pytest.raises(Forbidden):
        add_member(actor(people.developer), team, people.stranger)
    people.stranger.is_active = False
    people.stranger.save()
    with pytest.raises(Invalid, match=r"sam\.stranger is deactivated"):
        add_member(actor(lead), team, people.stranger)


def test_nobody_grants_more_than_they_hold(people: Characters) -> None:
    with pytest.raises(Refusal, match="The role administrator holds more than you do there"):
        bind_role(
            actor(people.maintainer), role=Role.objects.get(name="administrator"),
            scope=people.scope, user=people.stranger,
        )  # fmt: skip
    with pytest.raises(Forbidden):
        bind_role(
            actor(people.developer), role=Role.objects.get(name="viewer"), scope=people.scope,
            user=people.stranger,
        )  # fmt: skip
    with pytest.raises(Forbidden):
        bind_role(
            actor(people.maintainer), role=Role.objects.get(name="viewer"), scope=root(),
            user=people.stranger,
        )  # fmt: skip
    higher = RoleBinding.objects.get(user=people.administrator)
    with pytest.raises(Forbidden):
        unbind_role(actor(people.maintainer), higher)


def test_a_role_is_bound_only_where_it_gives_something(people: Characters) -> None:
    owner = actor(people.administrator)
    create_role(owner, name="host", permissions=["user.manage", "team.manage"])
    with pytest.raises(Invalid, match="The role host gives nothing at orders"):
        bind_role(
            owner, role=Role.objects.get(name="host"), scope=people.scope, user=people.stranger
        )
    administrator = Role.objects.get(name="administrator")
    bind_role(owner, role=administrator, scope=people.scope, user=people.deployer)
    bind_role(  # who holds all that it gives there may pass it on
        actor(people.deployer), role=administrator, scope=people.scope, user=people.viewer
    )


def test_inviting_gives_only_what_the_inviter_may_give(people: Characters) -> None:
    with pytest.raises(Refusal, match="holds more than you do there"):
        invite(
            actor(people.maintainer), email="x@example.org",
            role=Role.objects.get(name="administrator"), scope=people.scope,
        )  # fmt: skip
    with pytest.raises(Invalid, match="A role needs a scope"):
        invite(actor(people.administrator), email="x@y.org", role=Role.objects.get(name="viewer"))
    with pytest.raises(Refusal, match="Only people invite people"):
        invite(system("tests"), email="x@example.org")


def test_a_name_that_differs_by_case_only_is_taken(people: Characters) -> None:
    _, link = invite(actor(people.administrator), email="x@example.org")
    text = link.rstrip("/").rpartition("/")[2]
    with pytest.raises(Clash, match=r"A person dana\.dev exists already"):
        accept_invitation(text, username="Dana.Dev", password="a-Long-one-9731")
    assert not User.objects.filter(username="Dana.Dev").exists()
    with pytest.raises(IntegrityError), transaction.atomic():  # at the same moment, too
        User.objects.create(username="Dana.Dev")


def test_sharing_one_project_is_one_more_source_and_answers_everywhere_the_same(
    people: Characters,
) -> None:
    stranger = people.stranger
    share(actor(people.maintainer), permissions=["project.view"], user=stranger, obj=people.project)
    assert can(actor(stranger), "project.view", people.project)
    assert can(actor(stranger), "project.view", people.scope)
    assert not can(actor(stranger), "project.manage", people.project)
    assert stranger.has_perm("project.view", people.project)
    rows = Project.objects.all()
    ours = get_objects_for_user(stranger, "project.view", rows)
    by_guardian = guardians(stranger, "rbac.project.view", rows, accept_global_perms=False)
    assert list(ours) == list(by_guardian) == [people.project]
    assert AuditRecord.objects.get(action="access.share").after["user"] == "sam.stranger"
    unshare(actor(people.maintainer), user=stranger, obj=people.project)
    assert not stranger.has_perm("project.view", people.project)
    assert not ProjectGrant.objects.exists()


def test_what_cannot_be_shared_is_refused(people: Characters) -> None:
    owner = actor(people.administrator)
    with pytest.raises(Invalid, match=r"audit\.view cannot be given on one project"):
        share(owner, permissions=["audit.view"], user=people.stranger, obj=people.project)
    with pytest.raises(Forbidden):
        share(
            actor(people.developer), permissions=[], user=people.stranger,
            obj=people.project,
        )  # fmt: skip
    assert ProjectGrant in objectgrants.tables()
    assert objectgrants.target_of(ProjectGrant) is Project


def test_custom_roles_change_for_everybody_at_once(people: Characters) -> None:
    owner = actor(people.administrator)
    role = create_role(owner, name="reader", permissions=["project.view"])
    bind(role.name, people.scope, user=people.stranger)
    assert can(actor(people.stranger), "project.view", people.project)
    update_role(owner, role, permissions=["audit.view"])
    assert not can(actor(people.stranger), "project.view", people.project)
    with pytest.raises(Refusal, match="is bound 1 times"):
        delete_role(owner, role)
    with pytest.raises(Invalid, match="A role without permissions gives nothing"):
        create_role(owner, name="empty", permissions=[])
    with pytest.raises(Clash, match="A role reader exists already"):
        create_role(owner, name="reader", permissions=["project.view"])
    with pytest.raises(Refusal, match="is built in"):
        update_role(owner, Role.objects.get(name="viewer"), permissions=["audit.view"])


def test_a_team_that_owns_a_project_stays(people: Characters) -> None:
    owner = actor(people.administrator)
    with pytest.raises(Refusal, match="Team orders owns orders"):
        delete_team(owner, people.project.team)
    other = create_team(owner, name="other")
    update_project(owner, people.project, team=other)
    delete_team(owner, Team.objects.get(name="orders"))
    assert not can(actor(people.developer), "project.view", people.project)


def test_the_last_administrator_stays_whatever_way_is_tried(people: Characters) -> None:
    """By binding, team, membership or person; programs, guests and those shut out do not count."""
    slipway, ada = system("tests"), people.administrator
    binding = RoleBinding.objects.get(role__name="administrator").pk
    robot = create_service_account(slipway, project=people.project, name="ci").user
    bind("administrator", root(), user=robot)
    guest = bind(
        "administrator", root(), user=people.qa, ends_at=timezone.now() + timedelta(days=1)
    )
    for act in (
        lambda: unbind_role(slipway, RoleBinding.objects.get(pk=binding)),
        lambda: deactivate_user(slipway, ada),
    ):
        with pytest.raises(Refusal, match="the last administrator of Slipway"):
            act()
    ada.refresh_from_db()
    assert ada.is_active
    assert can(actor(ada), "admin.view", None)
    unbind_role(slipway, guest)

    team = create_team(slipway, name="platform")
    bind("administrator", root(), team=team)
    add_member(slipway, team, people.mate)
    unbind_role(slipway, RoleBinding.objects.get(pk=binding))
    for act in (
        lambda: delete_team(slipway, Team.objects.get(pk=team.pk)),
        lambda: remove_member(slipway, team, people.mate),
        lambda: deactivate_user(slipway, people.mate),
    ):
        with pytest.raises(Refusal, match="the last administrator of Slipway"):
            act()
    add_member(slipway, team, people.developer)
    deactivate_user(slipway, people.mate)


def test_deactivating_oneself_is_refused(people: Characters) -> None:
    with pytest.raises(Refusal, match="You cannot deactivate yourself"):
        deactivate_user(actor(people.administrator), people.administrator)


def test_the_first_administrator_is_made_by_command(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLIPWAY_ADMINISTRATOR_PASSWORD", PASSWORD)
    out = io.StringIO()
    call_command("create_administrator", username="root.admin", email="r@example.org", stdout=out)
    assert out.getvalue() == "root.admin is an administrator of everything.\n"
    user = authenticate(username="root.admin", password=PASSWORD)
    assert can(actor(user), "admin.view", None)
    with pytest.raises(CommandError, match=r"A person root\.admin exists already"):
        call_command("create_administrator", username="root.admin")
    monkeypatch.setenv("SLIPWAY_ADMINISTRATOR_PASSWORD", "123")
    with pytest.raises(CommandError, match="too short"):
        call_command("create_administrator", username="other.admin")
    monkeypatch.delenv("SLIPWAY_ADMINISTRATOR_PASSWORD")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(CommandError, match="Set SLIPWAY_ADMINISTRATOR_PASSWORD"):
        call_command("create_administrator", username="other.admin")
    assert create_administrator(username="second", email="", password=PASSWORD).pk


def test_built_in_roles_follow_the_registered_tables(db: None) -> None:
    Role.objects.filter(name="viewer").update(permissions=["rocket.launch"])
    sync.sync()
    assert Role.objects.get(name="viewer").permissions == builtin_permissions("viewer")
    assert set(builtin_permissions("viewer")) < set(builtin_permissions("developer"))
    assert set(builtin_permissions("developer")) < set(builtin_permissions("maintainer"))
    assert "admin.view" not in builtin_permissions("maintainer")
    every = [entry.name for entry in permissions.all_permissions()]
    assert builtin_permissions("administrator") == every


def test_a_table_of_permissions_is_checked_when_it_is_registered() -> None:
    with pytest.raises(ValueError, match=r"“launch” is not of the form noun\.verb"):
        register_permissions("tests", [Permission("launch", "Launch")])
    with pytest.raises(ValueError, match="is registered by rbac too"):
        register_permissions("tests", [Permission("project.view", "See")])
    with pytest.raises(ValueError, match="names unknown roles"):
        register_permissions("tests", [Permission("rocket.launch", "Launch", ("pilot",))])
    assert permissions.get("rocket.launch") is None


def test_what_makes_an_object_visible() -> None:
    assert view_permission("project.manage") == "project.view"
    assert view_permission("user.invite") == "user.view"
    assert view_permission("admin.open") == "project.view"


def test_another_authentication_backend_is_an_error() -> None:
    assert checks.check_backend() == []
    assert checks.check_views_of_permissions() == []
    with override_settings(AUTHENTICATION_BACKENDS=["django.contrib.auth.backends.ModelBackend"]):
        assert [error.id for error in checks.check_backend()] == ["rbac.E001"]


@pytest.mark.parametrize(
    ("trusted", "remote", "forwarded", "expected"),
    [
        ([], "192.0.2.1", "198.51.100.7", "192.0.2.1"),
        (["192.0.2.1"], "192.0.2.1", "203.0.113.9, 198.51.100.7", "198.51.100.7"),
        (["192.0.2.0/24"], "192.0.2.1", "203.0.113.9, 198.51.100.7, 192.0.2.5", "198.51.100.7"),
        (["192.0.2.0/24"], "192.0.2.1", "192.0.2.9", "192.0.2.9"),
        (["192.0.2.0/24"], "192.0.2.1", "", "192.0.2.1"),
        (["::1"], "::1", "2001:db8::7", "2001:db8::7"),
        (["192.0.2.1"], "192.0.2.1", "nonsense", None),
        ([], "", "", None),
    ],
)
def test_the_callers_address_is_believed_from_trusted_proxies_only(
    trusted: list[str], remote: str, forwarded: str, expected: str | None
) -> None:
    request = RequestFactory().get("/", REMOTE_ADDR=remote, HTTP_X_FORWARDED_FOR=forwarded)
    with override_settings(TRUSTED_PROXIES=[ip_network(word) for word in trusted]):
        assert address_of(request) == expected


def test_a_request_without_a_person_is_nobodys(people: Characters) -> None:
    request = RequestFactory().get("/")
    request.user = None
    assert actor_of(request).label == "nobody"
    request.user = people.developer
    assert actor_of(request).user == people.developer


def test_search_finds_people_teams_and_the_projects_that_one_sees(people: Characters) -> None:
    dana, sam = actor(people.developer), actor(people.stranger)
    assert [hit.title for hit in registrations.find_people(dana, "dana", 5)] == ["dana.dev"]
    assert [hit.title for hit in registrations.find_teams(sam, "ord", 5)] == ["orders"]
    assert [hit.title for hit in registrations.find_projects(dana, "ord", 5)] == ["orders"]
    assert registrations.find_projects(sam, "ord", 5) == []


def test_a_grant_of_another_process_shows_at_the_next_request(people: Characters) -> None:
    """The epoch is read with the session's person; what this process cached is then void."""
    backend = ScopedBackend()
    before = backend.get_user(people.stranger.pk)
    assert not held_anywhere(actor(before), "project.view")
    # As another process does it: rows without this process's receivers, the epoch raised by SQL.
    role = Role.objects.get(name="viewer")
    RoleBinding.objects.bulk_create([RoleBinding(role=role, scope=people.scope, user=before)])
    assert not held_anywhere(actor(before), "project.view")
    AccessEpoch.objects.update(number=F("number") + 12345)
    after = backend.get_user(people.stranger.pk)
    assert held_anywhere(actor(after), "project.view")
