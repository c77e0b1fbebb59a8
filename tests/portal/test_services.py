from __future__ import annotations

from typing import Any

import pytest

from idp.common.errors import Clash, Forbidden, Invalid, NotVisible, PreconditionFailed, Refusal
from portal.models import Component
from portal.services import create_component, delete_component, facts, update_component
from rbac.actors import Actor
from rbac.models import AuditRecord
from tests.portal.factories import ComponentFactory
from tests.rbac.factories import Characters, make_project


def make(actor: Actor, people: Characters, **fields: Any) -> Component:
    given = {"name": "orders-api", "owner": people.project.team, **fields}
    return create_component(actor, project=people.project, **given)


def test_a_developer_of_the_team_adds_a_component(dana: Actor, people: Characters) -> None:
    component = make(dana, people, title="Orders", tags=["python"], provides_apis=["orders"])
    assert Component.objects.get() == component
    record = AuditRecord.objects.get(action="component.create")
    assert record.actor == people.developer
    assert record.after == facts(component)
    assert record.after["owner"] == "orders"


def test_a_viewer_may_not_add_and_is_told_why(people: Characters) -> None:
    with pytest.raises(Forbidden, match=r"component\.create"):
        make(Actor(user=people.viewer), people)
    assert not Component.objects.exists()


def test_a_stranger_does_not_learn_of_the_project(stranger: Actor, people: Characters) -> None:
    with pytest.raises(NotVisible):
        make(stranger, people)


def test_a_name_is_taken_once(dana: Actor, people: Characters) -> None:
    make(dana, people)
    with pytest.raises((Clash, Invalid), match="exists"):
        make(dana, people)


@pytest.mark.parametrize(
    ("fields", "where", "says"),
    [
        ({"name": "Orders"}, "name", "is not a name"),
        ({"name": "new"}, "name", "address of the catalog"),
        ({"name": "import"}, "name", "address of the catalog"),
        ({"type": "two words"}, "type", "is no type"),
        ({"type": ""}, "type", "is no type"),
        ({"lifecycle": "dead"}, "lifecycle", "is no lifecycle"),
        ({"tags": ["a b"]}, "tags.0", "is no name"),
        ({"tags": [3]}, "tags.0", "is no name"),
        ({"tags": "python"}, "tags", "has to be a list"),
        ({"provides_apis": ["x" * 64]}, "provides_apis.0", "is no name"),
        ({"consumes_apis": ["ok"] * 51}, "consumes_apis", "at most 50"),
        ({"links": [{"url": "javascript:alert(1)"}]}, "links.0.url", "is no web address"),
        ({"links": [{"url": "https://"}]}, "links.0.url", "is no web address"),
        ({"links": [{"url": "https://a b"}]}, "links.0.url", "is no web address"),
        ({"links": [{"url": "https://[bad"}]}, "links.0.url", "is no web address"),
        ({"links": ["https://a"]}, "links.0.url", "is no web address"),
        ({"links": {}}, "links", "has to be a list"),
        ({"description": "x" * 4001}, "description", "more than 4000"),
    ],
)
def test_each_wrong_field_is_named(
    dana: Actor, people: Characters, fields: dict[str, Any], where: str, says: str
) -> None:
    with pytest.raises(Invalid, match=says) as caught:
        make(dana, people, **fields)
    assert where in [error.field for error in caught.value.errors]
    assert not Component.objects.exists()


def test_all_wrong_fields_are_told_at_once(dana: Actor, people: Characters) -> None:
    with pytest.raises(Invalid) as caught:
        make(dana, people, tags=["a b"], lifecycle="dead")
    assert {error.field for error in caught.value.errors} == {"tags.0", "lifecycle"}


def test_an_unknown_field_is_a_mistake_in_the_code(dana: Actor, people: Characters) -> None:
    with pytest.raises(ValueError, match="has no colour"):
        make(dana, people, colour="red")


def test_changes_are_recorded_before_and_after(dana: Actor, people: Characters) -> None:
    component = make(dana, people)
    changed = update_component(dana, component, title="Orders", lifecycle="production")
    assert (changed.title, changed.lifecycle) == ("Orders", "production")
    record = AuditRecord.objects.get(action="component.edit")
    assert (record.before["title"], record.after["title"]) == ("", "Orders")


def test_a_change_of_what_one_has_not_seen_is_refused(dana: Actor, people: Characters) -> None:
    component = make(dana, people)
    seen = component.version
    update_component(dana, component, expected=seen, title="First")
    with pytest.raises(PreconditionFailed, match="Somebody changed orders-api"):
        update_component(dana, component, expected=seen, title="Second")
    component.refresh_from_db()
    assert component.title == "First"


def test_what_git_holds_is_not_changed_in_the_page(dana: Actor, people: Characters) -> None:
    component = ComponentFactory(
        project=people.project, source="git", source_location="orders.git:catalog-info.yaml"
    )
    with pytest.raises(Refusal, match=r"is read from orders\.git:catalog-info\.yaml"):
        update_component(dana, component, title="x")
    with pytest.raises(Refusal, match="would come back"):
        delete_component(dana, component)


def test_removing_is_recorded_with_what_it_was(dana: Actor, people: Characters) -> None:
    component = make(dana, people, title="Orders")
    delete_component(dana, component)
    assert not Component.objects.exists()
    assert AuditRecord.objects.get(action="component.delete").before["title"] == "Orders"


def test_a_viewer_may_neither_change_nor_remove(people: Characters, dana: Actor) -> None:
    component = make(dana, people)
    viewer = Actor(user=people.viewer)
    with pytest.raises(Forbidden, match=r"component\.edit"):
        update_component(viewer, component, title="x")
    with pytest.raises(Forbidden, match=r"component\.delete"):
        delete_component(viewer, component)


def test_another_projects_team_sees_nothing_of_it(
    dana: Actor, people: Characters, stranger: Actor
) -> None:
    make_project("payments")
    component = make(dana, people)
    with pytest.raises(NotVisible):
        update_component(stranger, component, title="x")
