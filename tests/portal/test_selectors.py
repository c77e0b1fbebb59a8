from __future__ import annotations

import pytest
from pytest_django import DjangoAssertNumQueries

from idp.common.errors import NotVisible
from portal.selectors import (
    Filters,
    apis_consumed,
    apis_provided,
    component_get,
    component_list,
    components_of_teams,
    facets,
    kept_projects,
)
from rbac.actors import Actor
from tests.portal.factories import ComponentFactory
from tests.rbac.factories import Characters, TeamFactory, make_project


@pytest.fixture
def catalog(people: Characters) -> None:
    orders, payments = people.project, make_project("payments")
    ComponentFactory(
        name="orders-api", project=orders, provides_apis=["orders"], lifecycle="production"
    )
    ComponentFactory(
        name="orders-web",
        title="Shop window",
        project=orders,
        type="website",
        consumes_apis=["orders", "payments"],
    )
    ComponentFactory(name="payments-api", project=payments, consumes_apis=["orders"])
    ComponentFactory(name="gone", project=orders, removed_at="2026-01-01T00:00:00Z")


def names(actor: Actor, **filters: str) -> list[str]:
    return [row.name for row in component_list(actor=actor, filters=Filters(**filters))]


def test_one_sees_ones_projects_only(catalog: None, dana: Actor, stranger: Actor) -> None:
    assert names(dana) == ["orders-api", "orders-web"]
    assert names(stranger) == []


def test_an_administrator_sees_all(catalog: None, people: Characters) -> None:
    assert names(Actor(user=people.administrator)) == ["orders-api", "orders-web", "payments-api"]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"q": "api"}, ["orders-api"]),
        ({"q": "window"}, ["orders-web"]),
        ({"type": "website"}, ["orders-web"]),
        ({"lifecycle": "production"}, ["orders-api"]),
        ({"owner": "orders"}, ["orders-api", "orders-web"]),
        ({"owner": "payments"}, []),
        ({"project": "payments"}, []),
        ({"q": "api", "type": "website"}, []),
        ({"q": "%"}, []),
    ],
)
def test_filters_narrow(
    catalog: None, dana: Actor, filters: dict[str, str], expected: list[str]
) -> None:
    assert names(dana, **filters) == expected


def test_what_left_git_has_its_own_list(catalog: None, dana: Actor) -> None:
    rows = component_list(actor=dana, filters=Filters(removed=True))
    assert [row.name for row in rows] == ["gone"]


def test_a_list_takes_one_query(
    catalog: None, dana: Actor, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    names(dana)
    with django_assert_num_queries(1):
        assert [row.owner.name for row in component_list(actor=dana)] == ["orders", "orders"]


def test_get_hides_what_one_may_not_see(catalog: None, dana: Actor, stranger: Actor) -> None:
    assert component_get(actor=dana, name="orders-api").name == "orders-api"
    for actor, name in ((stranger, "orders-api"), (dana, "payments-api"), (dana, "absent")):
        with pytest.raises(NotVisible, match="nothing here, or you may not see it"):
            component_get(actor=actor, name=name)


def test_relations_name_visible_ends_only(catalog: None, dana: Actor, people: Characters) -> None:
    api = component_get(actor=dana, name="orders-api")
    (use,) = apis_provided(actor=dana, component=api)
    assert [other.name for other in use.others] == ["orders-web"]
    (all_uses,) = apis_provided(actor=Actor(user=people.administrator), component=api)
    assert [other.name for other in all_uses.others] == ["orders-web", "payments-api"]


def test_an_api_that_nobody_provides_is_still_named(catalog: None, dana: Actor) -> None:
    web = component_get(actor=dana, name="orders-web")
    uses = apis_consumed(actor=dana, component=web)
    assert {use.name: [c.name for c in use.others] for use in uses} == {
        "orders": ["orders-api"],
        "payments": [],
    }


def test_an_api_name_is_not_taken_for_a_part_of_another(people: Characters, dana: Actor) -> None:
    ComponentFactory(name="a", project=people.project, provides_apis=["orders"])
    ComponentFactory(name="b", project=people.project, consumes_apis=["orders-v2"])
    (use,) = apis_provided(actor=dana, component=component_get(actor=dana, name="a"))
    assert use.others == ()


def test_mine_are_those_of_my_teams(catalog: None, people: Characters, dana: Actor) -> None:
    ComponentFactory(name="foreign", project=people.project, owner=TeamFactory())
    mine = components_of_teams(actor=dana, limit=10)
    assert [row.name for row in mine] == ["orders-api", "orders-web"]
    assert components_of_teams(actor=Actor(user=None), limit=10) == []


def test_facets_are_of_what_one_sees(catalog: None, dana: Actor) -> None:
    found = facets(actor=dana)
    assert (found.owners, found.projects) == (("orders",), ("orders",))
    assert found.types == ("service", "website")


def test_a_developer_below_production_keeps_the_projects_catalog(
    people: Characters, dana: Actor, stranger: Actor
) -> None:
    make_project("payments")
    assert [project.name for project in kept_projects(actor=dana)] == ["orders"]
    assert list(kept_projects(actor=Actor(user=people.viewer))) == []
    assert list(kept_projects(actor=stranger)) == []


def test_filters_know_the_same_list_without_one() -> None:
    filters = Filters(q="a", owner="b", removed=True)
    assert filters.parameters == {"q": "a", "owner": "b", "removed": "1"}
    assert filters.without("owner") == {"q": "a", "removed": "1"}
