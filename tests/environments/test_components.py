"""Workloads belong to components: where each runs, on every page that names it."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from environments import placements, services
from environments.models import Environment
from gitops.models import Application, Cluster
from idp.changes.models import Change
from idp.common.errors import Invalid
from idp.common.host import component_columns
from portal.models import Component
from rbac.actors import Actor, system
from rbac.models import Role
from rbac.services.bindings import bind_role
from rbac.services.projects import create_project
from tests.environments.factories import IMAGE, bring, settle
from tests.rbac.factories import Characters

pytestmark = pytest.mark.django_db
NEW = "/environments/new/?blueprint=web-service@1.0.0"
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


def filled(**more: str) -> dict[str, str]:
    return {
        "project": "orders",
        "name": "demo",
        "tier": "development",
        "cluster": "local",
        "parameters.image": IMAGE,
        "parameters.port": "8080",
        "parameters.healthPath": "/healthz",
        "parameters.size": "small",
        "parameters.replicas": "1",
        "parameters.autoscaling.min": "1",
        "parameters.autoscaling.max": "4",
        "parameters.autoscaling.cpuPercent": "70",
        **more,
    }


def test_the_create_form_offers_components_and_keeps_the_choice(
    browser: Client, people: Characters, cluster: Cluster
) -> None:
    assert "component-web" not in page(browser, NEW), "nothing to choose from"
    component(people, "shop")
    assert 'name="component-web"' in page(browser, NEW)
    assert browser.post(NEW, filled(**{"component-web": "shop"})).status_code == 302
    settle(Actor(people.developer), Change.objects.get())
    environment = Environment.objects.get()
    workload = environment.workloads.select_related("component").get()
    assert workload.component is not None
    assert workload.component.name == "shop"


def test_a_component_of_another_project_is_refused_beside_its_field(
    browser: Client, dana: Actor, people: Characters, shop: Component
) -> None:
    other = create_project(system("test"), "stock", "Stock", people.project.team)
    bind_role(
        system("test"),
        role=Role.objects.get(name="developer"),
        scope=other.scope,
        user=people.developer,
        reason="test",
    )
    answer = browser.post(NEW, filled(project="stock", **{"component-web": "shop"}))
    assert answer.status_code == 422
    assert "shop belongs to project orders" in answer.content.decode()


def test_a_workload_gets_another_component_and_none_by_its_page(
    browser: Client, dana: Actor, people: Characters, shop: Component
) -> None:
    environment = bring(dana, people.project, workloads=ONE)
    component(people, "store")
    url = "/environments/orders/demo/component/"
    assert '<option value="shop" selected>' in page(browser, url)
    for chosen, wanted in (("store", "store"), ("", None)):
        answer = browser.post(url, {"workload": "web", "component": chosen})
        assert answer.status_code == 302, answer.content.decode()
        settle(dana, Change.objects.latest("id"))
        workload = environment.workloads.select_related("component").get()
        assert (workload.component and workload.component.name) == wanted


def test_a_component_that_is_not_there_is_named_with_the_nearest(
    dana: Actor, people: Characters, shop: Component
) -> None:
    environment = bring(dana, people.project)
    with pytest.raises(Invalid, match="has no component “shpo”") as caught:
        services.set_component(dana, environment, component="shpo")
    assert caught.value.errors[0].fix == "Did you mean “shop”?"


def test_rest_ties_a_workload_to_a_component(
    dana: Actor, people: Characters, shop: Component, client: Client
) -> None:
    bring(dana, people.project)
    client.force_login(people.developer)
    url = "/api/v1/environments/orders/demo/component/"
    body = json.dumps({"component": "shop", "confirm": False})
    answer = client.post(url, body, content_type="application/json")
    assert answer.status_code == 202, answer.content
    settle(dana, Change.objects.latest("id"))
    assert list(placements.of(dana, [shop])) == [shop.pk]
