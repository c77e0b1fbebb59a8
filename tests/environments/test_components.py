"""Workloads belong to components: where each runs, on every page that names it."""

from __future__ import annotations

import pytest
from django.test import Client

from environments import placements
from environments.models import Environment
from gitops.models import Application
from idp.common.host import component_columns
from portal.models import Component
from rbac.actors import Actor
from tests.environments.factories import bring
from tests.rbac.factories import Characters

pytestmark = pytest.mark.django_db
ONE = {"web": {"component": "shop"}}


@pytest.fixture
def shop(people: Characters) -> Component:
    return component(people, "shop")


@pytest.fixture
def browser(client: Client, people: Characters) -> Client:
    client.force_login(people.developer)
    return client


def component(people: Characters, name: str) -> Component:
    return Component.objects.create(name=name, project=people.project, owner=people.project.team)


def page(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_component_says_where_it_runs(
    browser: Client, dana: Actor, people: Characters, shop: Component
) -> None:
    assert "It runs nowhere" in page(browser, "/catalog/shop/?tab=environments")
    bring(dana, people.project, workloads=ONE)
    tab = page(browser, "/catalog/shop/?tab=environments")
    assert 'href="/environments/orders/demo/"' in tab
    assert "1.4.2" in tab
    assert "?tab=environments" in page(browser, "/catalog/shop/")
    row = page(browser, "/catalog/").partition("<tbody>")[2]
    assert 'href="/environments/orders/demo/"' in row
    assert "1.4.2" in row


def test_home_shows_ones_components_by_tier_once_they_run(
    browser: Client, dana: Actor, people: Characters, shop: Component
) -> None:
    before = page(browser, "/")
    assert "Where my components run" not in before
    assert "My components" in before, "what covers nothing hides nothing"
    bring(dana, people.project, workloads=ONE)
    after = page(browser, "/")
    assert "My components</h2>" not in after
    panel = after.partition("Where my components run")[2].partition("</section>")[0]
    assert 'href="/catalog/shop/"' in panel
    assert panel.count('href="/environments/orders/demo/"') == 1
    assert "1.4.2" in panel


def test_two_workloads_of_one_component_are_one_place(
    dana: Actor, people: Characters, shop: Component
) -> None:
    environment = bring(dana, people.project, workloads=ONE)
    environment.workloads.create(name="worker", image="registry.test/shop:2", component=shop)
    (found,) = placements.of(dana, [shop])[shop.pk]
    assert [workload.name for workload in found.workloads] == ["web", "worker"]
    assert found.versions == ["1.4.2", "2"]


def test_places_are_those_that_the_person_sees_and_that_live(
    dana: Actor, people: Characters, shop: Component
) -> None:
    bring(dana, people.project, workloads=ONE)
    assert placements.of(Actor(people.stranger), [shop]) == {}
    Environment.objects.update(state="deleted")
    assert placements.of(dana, [shop]) == {}


def test_components_that_are_broken_somewhere_come_first(
    dana: Actor, people: Characters, shop: Component
) -> None:
    environment = bring(dana, people.project, workloads=ONE)
    column = component_columns.get("environments")
    assert column is not None
    assert column.worst is not None
    assert column.worst(dana, [shop]) == {shop.pk: 0}
    Application.objects.filter(pk=environment.application_id).update(health="Degraded")
    assert column.worst(dana, [shop]) == {shop.pk: 1}
