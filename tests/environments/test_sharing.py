"""One environment shared with one person: by page, REST and admin, and what it then gives."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from rest_framework.test import APIClient

from environments.models import Environment, EnvironmentGrant
from idp.changes.models import Change
from idp.common.errors import Clash, Invalid, Refusal
from rbac import epoch, granters
from rbac.access import can, decide, held_anywhere, visible
from rbac.actors import Actor, system
from rbac.models import ApiToken, AuditRecord, Project, Role, Scope, User
from rbac.places import place_of
from rbac.services import share, unshare
from rbac.services.bindings import bind_role
from rbac.services.sharing import grantable_on
from tests.environments.factories import create, make_cluster, of
from tests.rbac.factories import Characters, make_characters

pytestmark = pytest.mark.django_db
SHARES = "/api/v1/environments/orders/demo/shares/"


@pytest.fixture
def demo(people: Characters, dana: Actor) -> Environment:
    return of(create(dana, people.project).scope)


@pytest.fixture
def mia(people: Characters) -> Actor:
    return Actor(people.maintainer)


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def api_of(user: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


def test_a_share_gives_what_it_says_there_and_nothing_elsewhere(
    people: Characters, demo: Environment, dana: Actor, mia: Actor
) -> None:
    sam = Actor(people.stranger)
    other = of(create(dana, people.project, name="other").scope)
    share(mia, permissions=["environment.scale"], user=people.stranger, obj=demo)
    assert {name for name in grantable_on(demo) if can(sam, name, demo)} == {
        "environment.view", "change.view", "environment.scale",
    }  # fmt: skip
    assert people.stranger.has_perm("environment.scale", demo)
    assert decide(sam, "environment.scale", demo).reason == (
        "share at orders/demo gives environment.scale."
    )
    assert list(visible(sam, "environment.view", Environment.objects.all())) == [demo]
    assert not can(sam, "environment.view", other)
    assert not can(sam, "project.view", people.project)
    assert set(visible(sam, "change.view", Change.objects.all())) == set(
        Change.objects.filter(scope=demo.scope)
    )
    assert people.stranger in granters.people_holding("environment.scale", place_of(demo))
    unshare(mia, user=people.stranger, obj=demo)
    assert not can(sam, "environment.view", demo)
    with pytest.raises(Clash, match=r"orders/demo is not shared with sam\.stranger"):
        unshare(mia, user=people.stranger, obj=demo)
    made, ended = AuditRecord.objects.filter(action__startswith="access.").order_by("at")
    assert (made.action, made.scope, made.before) == ("access.share", demo.scope, None)
    assert made.after["permissions"] == ["change.view", "environment.scale", "environment.view"]
    assert (ended.action, ended.before) == ("access.unshare", made.after)


def test_a_share_ends_by_itself_and_is_changed_as_a_whole(
    people: Characters, demo: Environment, mia: Actor
) -> None:
    sam, soon = Actor(people.stranger), timezone.now() + timedelta(hours=1)
    wish = {"user": people.stranger, "obj": demo}
    share(mia, permissions=["environment.restart"], **wish)
    share(mia, permissions=["environment.scale"], ends_at=soon, **wish)
    assert can(sam, "environment.scale", demo)
    assert not can(sam, "environment.restart", demo)
    EnvironmentGrant.objects.update(ends_at=timezone.now())
    epoch.bump()
    assert not can(sam, "environment.view", demo)
    assert not held_anywhere(sam, "environment.view")
    assert people.stranger not in granters.people_holding("environment.scale", place_of(demo))
    with pytest.raises(Invalid, match="The end lies in the past"):
        share(mia, permissions=[], ends_at=timezone.now(), **wish)


def test_nobody_shares_what_they_lack_or_what_means_nothing_there(
    people: Characters, demo: Environment, dana: Actor, mia: Actor
) -> None:
    assert "environment.create" not in grantable_on(demo)
    for name in ("environment.create", "project.manage", "no.such"):
        with pytest.raises(Invalid, match=rf"{name} cannot be given on one environment"):
            share(mia, permissions=[name], user=people.stranger, obj=demo)
    share(system("tests"), permissions=[], user=people.stranger, obj=demo)
    narrow = ApiToken(
        user=people.maintainer, name="ci", permissions=["access.grant", "access.view"],
        expires_at=timezone.now() + timedelta(days=1), prefix="a" * 12, digest="",
    )  # fmt: skip
    narrow.save()
    with pytest.raises(Refusal, match=r"What you share holds more than you do there"):
        share(Actor(people.maintainer, narrow), permissions=[], user=people.mate, obj=demo)
    people.mate.is_active = False
    with pytest.raises(Invalid, match=r"mate\.dev is deactivated"):
        share(mia, permissions=[], user=people.mate, obj=demo)


def test_the_access_tab_shares_shows_and_ends(people: Characters, demo: Environment) -> None:
    here = "/environments/orders/demo/"
    mia = client_of(people.maintainer)
    page = mia.get(f"{here}?tab=access").content.decode()
    assert "Share this environment with one person" in page
    wish = {"user": "sam.stranger", "permissions": ["environment.restart"], "reason": "helps out"}
    assert mia.post(f"{here}share/", wish)["Location"] == f"{here}?tab=access"
    sam = client_of(people.stranger)
    assert sam.get(here).status_code == 200
    assert sam.get(f"{here}share/").status_code == 404  # access.view did not come with it
    page = client_of(people.viewer).get(f"{here}?tab=access").content.decode()
    assert "sam.stranger" in page
    assert "change.view, environment.restart, environment.view" in page
    assert "Share this environment" not in page
    assert client_of(people.viewer).post(f"{here}share/", wish).status_code == 403
    wrong = mia.post(f"{here}share/", {"user": "nobody.here"})
    assert wrong.status_code == 422
    assert "There is no such person." in wrong.content.decode()
    assert mia.post(f"{here}shares/sam.stranger/end/", {"reason": "done"}).status_code == 302
    assert sam.get(here).status_code == 404
    assert mia.post(f"{here}shares/sam.stranger/end/").status_code == 404
    assert AuditRecord.objects.get(action="access.unshare").reason == "done"


def test_shares_by_rest(people: Characters, demo: Environment) -> None:
    mia, wish = api_of(people.maintainer), {"user": "sam.stranger"}
    made = mia.post(SHARES, {**wish, "permissions": ["environment.logs"]})
    assert made.status_code == 201
    assert made.json() == {
        "user": "sam.stranger",
        "permissions": ["change.view", "environment.logs", "environment.view"],
        "ends_at": None,
    }
    assert mia.get(SHARES).json() == {"results": [made.json()]}
    assert api_of(people.viewer).post(SHARES, wish).status_code == 403
    assert api_of(people.mate).get("/api/v1/environments/orders/absent/shares/").status_code == 404
    unknown = mia.post(SHARES, {"user": "nobody.here"})
    assert (unknown.status_code, unknown.json()["errors"][0]["field"]) == (422, "user")
    wrong = mia.post(SHARES, {**wish, "permissions": ["team.manage"]})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "permissions")
    assert mia.delete(f"{SHARES}sam.stranger/").status_code == 204
    assert mia.delete(f"{SHARES}sam.stranger/").status_code == 404


def test_shares_in_the_admin_site(people: Characters, demo: Environment) -> None:
    ada, url = client_of(people.administrator), "admin:environments_environmentgrant_"
    share(system("tests"), permissions=[], user=people.stranger, obj=demo)
    page = ada.get(reverse(f"{url}add")).content.decode()
    assert "environment.scale" in page
    assert "team.manage" not in page
    scale = EnvironmentGrant._meta.get_field("permission").related_model.objects.get(
        codename="environment.scale", content_type__model="environment"
    )
    form: dict[str, Any] = {
        "content_object": demo.pk, "user": people.stranger.pk, "permission": scale.pk,
        "ends_at_0": "2030-01-01", "ends_at_1": "00:00:00",
    }  # fmt: skip
    ada.post(reverse(f"{url}add"), form)
    rows = EnvironmentGrant.objects.filter(user=people.stranger)
    assert {row.permission.codename for row in rows} == {
        "environment.view", "change.view", "environment.scale",
    }  # fmt: skip
    assert {row.ends_at.year for row in rows} == {2030}
    scaling = rows.get(permission=scale)
    assert str(scaling) == "environment.scale for sam.stranger on orders/demo"
    ada.post(reverse(f"{url}change", args=[scaling.pk]), {"ends_at_0": "", "ends_at_1": ""})
    assert set(rows.values_list("ends_at", flat=True)) == {None}
    ada.post(reverse(f"{url}delete", args=[scaling.pk]), {"post": "yes"})
    assert rows.all().count() == 2
    ada.post(reverse(f"{url}delete", args=[rows.all()[0].pk]), {"post": "yes"})
    assert not rows.all().exists()
    mia = client_of(people.maintainer)
    assert mia.get(reverse(f"{url}changelist")).status_code == 302  # no admin.view


NAMES = ("environment.view", "environment.scale", "change.view", "environment.create")


class OneRule(TestCase):
    """`decide` and `visible` agree on every row, whatever is shared, ended or narrowed."""

    @classmethod
    def setUpTestData(cls) -> None:
        cls.people = make_characters()
        make_cluster()
        dana = Actor(cls.people.developer)
        cls.environments = [
            of(create(dana, cls.people.project, name=name).scope) for name in ("one", "two")
        ]

    @settings(
        max_examples=25,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(
        st.lists(
            st.tuples(
                st.integers(0, 1),
                st.sets(st.sampled_from(["environment.scale", "change.cancel"])),
                st.sampled_from([None, 1, -1]),
            ),
            max_size=2,
        ),
        st.none() | st.integers(0, 1),
    )
    def test_decide_is_visible(
        self, shares: list[tuple[int, set[str], int | None]], token_at: int | None
    ) -> None:
        user = self.people.stranger
        for at, names, hours in shares:
            obj = self.environments[at]
            share(system("tests"), permissions=sorted(names), user=user, obj=obj)
            end = timezone.now() + timedelta(hours=hours) if hours else None
            EnvironmentGrant.objects.filter(content_object=obj).update(ends_at=end)
        epoch.bump()
        actor = Actor(User.objects.get(pk=user.pk), self._token(user, token_at))
        models: tuple[type[Model], ...] = (Environment, Change, Scope, Project)
        for name in NAMES:
            for model in models:
                rows = model._default_manager.all()
                by_decision = {row.pk for row in rows if decide(actor, name, row).allowed}
                by_query = set(visible(actor, name, rows).values_list("pk", flat=True))
                assert by_query == by_decision, (name, model)
                assert not by_decision or held_anywhere(actor, name)

    def _token(self, user: User, at: int | None) -> ApiToken | None:
        if at is None:
            return None
        return ApiToken.objects.create(
            user=user,
            name="drawn",
            prefix="aaaaaaaaaaaa",
            digest="",
            scope=self.environments[at].scope,
            expires_at=timezone.now() + timedelta(days=1),
        )


def test_bindings_that_ended_say_so(people: Characters, demo: Environment, mia: Actor) -> None:
    binding = bind_role(
        system("test"),
        role=Role.objects.get(name="viewer"),
        scope=demo.scope,
        user=people.stranger,
        reason="test",
    )
    assert mia.user is not None
    url = "/environments/orders/demo/?tab=access"
    assert "ended" not in client_of(mia.user).get(url).content.decode().partition("Who else")[2]
    type(binding).objects.filter(pk=binding.pk).update(ends_at=timezone.now() - timedelta(days=3))
    page = client_of(mia.user).get(url).content.decode().partition("Who else")[2]
    assert "ended <relative-time" in page
    assert "ended <relative-time" in client_of(mia.user).get("/access/").content.decode()
