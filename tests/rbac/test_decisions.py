from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from idp.common.errors import Forbidden, NotVisible
from rbac import actors, objectgrants
from rbac.access import (
    can,
    decide,
    get_objects_for_user,
    get_visible,
    held_anywhere,
    reaching,
    require,
    visible,
    visible_by,
)
from rbac.actors import NOBODY, Actor
from rbac.models import ApiToken, AuditRecord, Membership, Project, RoleBinding, Scope, Team
from rbac.places import root
from rbac.scopes import environment_scope
from tests.rbac.factories import Characters, UserFactory, actor, bind, make_project


def test_a_binding_is_inherited_downwards_and_not_upwards(people: Characters) -> None:
    environment = environment_scope(people.project, "development", "pr-7")
    developer = actor(people.developer)
    assert can(developer, "project.view", environment)
    assert can(developer, "access.view", people.tier("production"))
    bind("maintainer", environment, user=people.developer)
    assert can(developer, "access.grant", environment)
    assert not can(developer, "access.grant", people.tier("development"))
    assert not can(developer, "access.grant", people.scope)


def test_a_binding_of_one_project_says_nothing_about_another(people: Characters) -> None:
    other = make_project("payments", Team.objects.get(name="elsewhere"))
    assert not can(actor(people.maintainer), "project.view", other)
    assert can(actor(people.administrator), "project.manage", other)


def test_a_binding_that_ended_gives_nothing(people: Characters) -> None:
    bind(
        "maintainer",
        people.scope,
        user=people.stranger,
        ends_at=timezone.now() - timedelta(seconds=1),
    )
    assert not can(actor(people.stranger), "project.view", people.project)
    assert not visible(actor(people.stranger), "project.view", Project.objects.all()).exists()
    decision = decide(actor(people.stranger), "project.manage", people.project)
    assert any("ended at" in line for line in decision.chain)


def test_a_revoke_and_a_departure_hold_at_once(people: Characters) -> None:
    developer = actor(people.developer)
    assert can(developer, "project.view", people.project)
    Membership.objects.filter(user=people.developer).get().delete()
    assert not can(developer, "project.view", people.project)
    maintainer = actor(people.maintainer)
    assert can(maintainer, "project.manage", people.project)
    RoleBinding.objects.get(user=people.maintainer).delete()
    assert not can(maintainer, "project.manage", people.project)


def test_an_inactive_person_holds_nothing(people: Characters) -> None:
    people.administrator.is_active = False
    people.administrator.save()
    assert not can(actor(people.administrator), "project.view", people.project)
    assert not can(actor(people.administrator), "team.view", None)
    assert "deactivated" in decide(actor(people.administrator), "team.view", None).reason


def test_the_unknown_is_refused(people: Characters) -> None:
    administrator = actor(people.administrator)
    assert not can(administrator, "rocket.launch", people.project)
    assert (
        decide(administrator, "rocket.launch", None).reason
        == "There is no permission rocket.launch."
    )
    assert not can(administrator, "project.view", Membership())
    assert not can(administrator, "project.view", "orders")
    assert not can(NOBODY, "project.view", people.project)
    assert not can(NOBODY, "team.view", None)
    assert decide(NOBODY, "team.view", None).reason == "Nobody is signed in."
    assert not visible(administrator, "rocket.launch", Project.objects.all()).exists()


def test_slipway_itself_may_do_everything_known(people: Characters) -> None:
    assert can(actors.system("expiry"), "project.manage", people.project)
    assert not can(actors.system("expiry"), "rocket.launch", people.project)
    assert visible(actors.system("expiry"), "project.view", Project.objects.all()).count() == 1


def test_the_superuser_flag_means_nothing(people: Characters) -> None:
    people.stranger.is_superuser = people.stranger.is_staff = True
    people.stranger.save()
    assert not people.stranger.has_perm("project.view", people.project)
    assert not people.stranger.has_module_perms("rbac")


def test_has_perm_answers_as_decide_does(people: Characters) -> None:
    assert people.developer.has_perm("project.view", people.project)
    assert people.developer.has_perm("rbac.project.view", people.project)
    assert people.developer.has_perm("rbac.view_project", people.project)
    assert not people.developer.has_perm("rbac.change_project", people.project)
    assert people.maintainer.has_perm("rbac.change_project", people.project)
    assert "project.view" in people.developer.get_all_permissions(people.project)


def test_require_says_404_to_those_who_may_not_see_and_403_to_those_who_may(
    people: Characters,
) -> None:
    with pytest.raises(NotVisible, match="nothing here"):
        require(actor(people.stranger), "project.manage", people.project)
    with pytest.raises(Forbidden) as refused:
        require(actor(people.developer), "project.manage", people.project)
    assert refused.value.message == "None of your roles gives project.manage at orders."
    assert refused.value.fix == "Ask mia.maintainer or ada.admin, who can grant it."
    assert refused.value.granters == ("mia.maintainer", "ada.admin")
    assert refused.value.chain[0] == "dana.dev wants project.manage at orders"
    assert "role viewer of team orders at orders: does not give it" in refused.value.chain


def test_the_chain_tells_a_grant_that_does_not_reach(people: Characters) -> None:
    decision = decide(actor(people.developer), "access.view", root())
    assert "role viewer of team orders at orders: gives it, but not here" in decision.chain
    assert decision.chain[-1] == "No: None of your roles gives access.view at everything."


def test_a_denial_is_recorded_with_its_reason(people: Characters) -> None:
    with pytest.raises(Forbidden):
        require(actor(people.developer), "project.manage", people.project)
    row = AuditRecord.objects.get(outcome="denied")
    assert (row.action, row.actor, row.scope) == ("project.manage", people.developer, people.scope)
    assert row.reason == "None of your roles gives project.manage at orders."


def test_catalogue_permissions_hold_where_they_are_held_at_all(people: Characters) -> None:
    assert can(actor(people.stranger), "team.view", people.project.team)
    assert visible(actor(people.stranger), "team.view", Team.objects.all()).count() == 2
    assert held_anywhere(actor(people.auditor), "audit.verify")
    assert not held_anywhere(actor(people.stranger), "audit.view")


def test_get_visible_and_get_objects_for_user_follow_the_rule(people: Characters) -> None:
    found = get_visible(actor(people.viewer), "project.view", Project.objects.all(), name="orders")
    assert found == people.project
    with pytest.raises(NotVisible):
        get_visible(actor(people.stranger), "project.view", Project.objects.all(), name="orders")
    assert list(get_objects_for_user(people.viewer, "project.view", Project.objects.all())) == [
        found
    ]


def test_decide_after_loading_needs_no_query(
    people: Characters, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    scope = Scope.objects.select_related("project_scope").get(pk=people.tier("staging").pk)
    developer = actor(people.developer)
    assert can(developer, "project.view", scope)
    with django_assert_num_queries(0):
        for _ in range(100):
            assert can(developer, "project.view", scope)
        refused = decide(developer, "project.manage", scope)
        assert not refused.allowed
        assert "orders/staging" in refused.reason
        assert refused.chain


def test_one_query_loads_a_person_beside_the_epoch_and_each_table_of_grants(
    people: Characters, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    tables = len(objectgrants.tables())  # projects, environments
    with django_assert_num_queries(2 + tables):  # epoch with standing, bindings, object grants
        assert can(Actor(user=people.viewer), "project.view", people.project)


def test_rows_may_name_their_own_permission(people: Characters) -> None:
    for verb, tier in (("environment.scale", "staging"), ("environment.scale", "production"),
                       ("environment.view", "production"), ("no.such", "staging")):  # fmt: skip
        scope = people.tier(tier)
        AuditRecord.objects.create(action=verb, scope=scope, actor_label="x", outcome="allowed")
    rows = AuditRecord.objects.filter(actor_label="x")

    def seen(actor: Actor) -> set[tuple[str, str]]:
        found = visible_by(actor, "action", rows)
        assert set(found) == {row for row in rows if can(actor, row.action, row)}
        return {(row.action, row.scope.name) for row in found}

    both = {("environment.scale", "staging"), ("environment.view", "production")}
    assert seen(Actor(people.developer)) == both
    assert seen(Actor(people.administrator)) == both | {("environment.scale", "production")}
    assert seen(Actor(people.stranger)) == seen(NOBODY) == set()


def test_what_is_bound_above_reaches_down_to_where_one_may_see(people: Characters) -> None:
    other = make_project("ledger")
    bind("viewer", people.tier("production"), user=people.stranger)
    stranger = Actor(people.stranger)
    for scope in (people.tier("production"), people.tier("staging"), people.scope, other.scope):
        bind("qa", scope, user=people.auditor)
    bind("qa", root(), user=people.auditor)
    rows = RoleBinding.objects.filter(role__name="qa", user=people.auditor)

    def seen(actor: Actor) -> set[str]:
        return {row.scope.label for row in reaching(actor, "environment.view", rows)}

    assert seen(stranger) == {"orders/production", "orders", "everything"}
    assert seen(Actor(UserFactory())) == set()
    token = ApiToken.objects.create(
        user=people.administrator,
        name="narrow",
        prefix="abcdefghijkl",
        scope=people.tier("staging"),
        expires_at=timezone.now() + timedelta(days=1),
    )
    narrow = Actor(people.administrator, token)
    assert seen(narrow) == {"orders/staging", "orders", "everything"}
    assert len(seen(Actor(people.administrator))) == 5


def test_what_is_bound_where_it_means_nothing_gives_nothing(people: Characters) -> None:
    """An administrator of one project opens no admin site and makes no projects."""
    bind("administrator", people.scope, user=people.stranger)
    local = Actor(people.stranger)
    assert can(local, "project.manage", people.project)
    for name in ("admin.view", "user.manage", "project.create"):
        assert not held_anywhere(local, name)
        assert not can(local, name, people.project)
    assert held_anywhere(Actor(people.administrator), "admin.view")
    assert "does not give it" in decide(local, "admin.view", None).chain[-2]
