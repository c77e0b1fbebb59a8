"""`decide` and `visible` are one rule: whatever is bound, they agree on every row."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from rbac import epoch
from rbac.access import decide, held_anywhere, visible
from rbac.actors import Actor, system
from rbac.models import (
    ApiToken,
    AuditRecord,
    Membership,
    Project,
    ProjectGrant,
    Role,
    RoleBinding,
    Scope,
    ServiceAccount,
    Team,
    User,
)
from rbac.places import root
from rbac.scopes import environment_scope
from rbac.services import share
from tests.rbac.factories import TeamFactory, UserFactory, make_project

# Each shape of entry: inherited, root only, held anywhere, everyone's.
NAMES = ["project.view", "access.view", "project.create", "audit.verify", "team.view"]
MODELS = (Scope, Project, ServiceAccount, AuditRecord, Team)
SHARES = ("", "open", "ends", "ended")
PLACES = 11  # root, two projects with four tiers each; one environment more in each project


@st.composite
def bindings(draw: st.DrawFn) -> tuple[int, list[str], bool, int | None]:
    """(index of the scope, permissions, by team, hours until it ends or None)."""
    return (
        draw(st.integers(0, PLACES + 1)),
        draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True)),
        draw(st.booleans()),
        draw(st.sampled_from([None, None, 1, -1])),
    )


tokens = st.none() | st.tuples(
    st.lists(st.sampled_from(NAMES), max_size=3, unique=True),
    st.none() | st.integers(0, PLACES + 1),
)


class OneRule(TestCase):
    """Hypothesis rolls each example back; the ground is laid once."""

    @classmethod
    def setUpTestData(cls) -> None:
        cls.team = TeamFactory()
        cls.user = UserFactory()
        Membership.objects.create(team=cls.team, user=cls.user)
        other = TeamFactory(name="others")
        cls.projects = [make_project(name, other) for name in ("one", "two")]
        for project in cls.projects:
            environment_scope(project, "development", "env")
            account = UserFactory(username=f"{project.name}.ci")
            ServiceAccount.objects.create(user=account, project=project)
        cls.scopes = list(Scope.objects.order_by("id"))

    @settings(
        max_examples=60,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(st.lists(bindings(), max_size=5), tokens, st.booleans(), st.sampled_from(SHARES))
    def test_decide_is_visible(
        self,
        given_bindings: list[tuple[int, list[str], bool, int | None]],
        token: tuple[list[str], int | None] | None,
        active: bool,
        shared: str,
    ) -> None:
        now = timezone.now()
        for number, (place, names, by_team, hours) in enumerate(given_bindings):
            role = Role.objects.create(name=f"role-{number}", permissions=names)
            RoleBinding.objects.create(
                role=role,
                scope=self.scopes[place % len(self.scopes)],
                user=None if by_team else self.user,
                team=self.team if by_team else None,
                ends_at=now + timedelta(hours=hours) if hours else None,
            )
        if shared:
            share(
                system("tests"), permissions=["project.view"], user=self.user, obj=self.projects[1]
            )
            if shared != "open":
                end = now + timedelta(hours=1 if shared == "ends" else -1)
                ProjectGrant.objects.update(ends_at=end)
        User.objects.filter(pk=self.user.pk).update(is_active=active)
        epoch.bump()
        person = User.objects.get(pk=self.user.pk)
        actor = Actor(user=person, token=self._token(person, token))
        for name in NAMES:
            for model in MODELS:
                rows = model._default_manager.all()
                by_decision = {row.pk for row in rows if decide(actor, name, row).allowed}
                by_query = set(visible(actor, name, rows).values_list("pk", flat=True))
                assert by_query == by_decision, (name, model)
                assert not by_decision or held_anywhere(actor, name)

    def _token(self, owner: User, drawn: tuple[list[str], int | None] | None) -> ApiToken | None:
        if drawn is None:
            return None
        names, place = drawn
        return ApiToken.objects.create(
            user=owner,
            name="drawn",
            prefix="aaaaaaaaaaaa",
            digest="",
            permissions=names,
            scope=None if place is None else self.scopes[place % len(self.scopes)],
            expires_at=timezone.now() + timedelta(days=1),
        )


@pytest.mark.django_db
def test_the_ground_has_every_kind_of_place() -> None:
    project = make_project("one", TeamFactory())
    environment_scope(project, "development", "env")
    assert set(Scope.objects.values_list("kind", flat=True)) == set(Scope.Kind.values)
    assert root().kind == Scope.Kind.EVERYTHING
