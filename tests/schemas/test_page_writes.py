from __future__ import annotations

import json

import pytest
from django.test import Client

from rbac.actors import Actor
from rbac.models import User
from schemas import naming, services
from schemas.addresses import page_of
from schemas.formats.base import FormatName
from schemas.models import Subject
from schemas.parsing import Reference
from tests.rbac.factories import Characters, make_project
from tests.schemas.factories import BROKEN, V1, V2, record, register
from tests.schemas.pages import html, posted, signed_in


@pytest.fixture
def dana(people: Characters) -> Actor:
    return Actor(people.developer)


@pytest.fixture
def orders(dana: Actor) -> Subject:
    return register(dana, "orders-value", V1, V2)


@pytest.fixture
def as_dana(people: Characters) -> Client:
    return signed_in(people.developer)


# -- changing it --------------------------------------------------------------------------------


def test_a_subject_is_described(as_dana: Client, orders: Subject) -> None:
    path = page_of(orders, "edit")
    data = {
        "owner": "orders",
        "component": "orders-api",
        "tags": "a\nb",
        "docs": "x",
        "contact": "y",
    }
    assert posted(as_dana, path, 302, **data) == page_of(orders)
    orders.refresh_from_db()
    assert (orders.component, orders.tags, orders.docs) == ("orders-api", ["a", "b"], "x")
    assert "words of 60 letters" in posted(as_dana, path, 422, **{**data, "tags": "t" * 61})
    assert "valid choice" in posted(as_dana, path, 422, **{**data, "owner": "absent"})


def test_a_subject_moves_through_its_life(as_dana: Client, orders: Subject) -> None:
    path = page_of(orders, "lifecycle")
    assert "Ends on" not in html(as_dana, path)
    assert "valid choice" in posted(as_dana, path, 422, state="retired")
    posted(as_dana, path, 302, state="deprecated")
    assert "A sunset needs its date." in posted(as_dana, path, 422, state="sunset")
    posted(as_dana, path, 302, state="sunset", sunset_on="2030-01-31")
    assert "ends on" in html(as_dana, page_of(orders))
    text = html(as_dana, page_of(orders))
    assert "?to=retired" in text
    assert "?to=draft" not in text


def test_settings_are_made_and_taken_back(people: Characters, orders: Subject) -> None:
    client, path = signed_in(people.maintainer), page_of(orders, "settings")
    given = {"level": "FULL", "mode": "READONLY", "policy": "LENIENT", "normalize": "true"}
    posted(client, path, 302, **given)
    text = html(client, page_of(orders))
    assert text.count("set by this subject") == 3
    posted(client, path, 302, level="", mode="", policy="", normalize="")
    assert html(client, page_of(orders)).count("by default") == 3
    orders.refresh_from_db()
    assert (orders.level, orders.mode, orders.normalize) == ("", "", None)


def test_deleting_says_what_is_lost_and_asks_for_the_name(
    people: Characters, dana: Actor, orders: Subject
) -> None:
    client, path = signed_in(people.maintainer), page_of(orders, "delete")
    name = naming.parse("orders-value")
    services.set_settings(Actor(people.maintainer), name, {"level": "NONE"})
    signed_in(people.viewer).get(path)
    text = html(signed_in(people.developer), path)
    assert "2 versions (1, 2) would be deleted." in text
    assert "Its own settings are cleared: level." in text
    developer = signed_in(people.developer)
    assert "That is not orders-value." in posted(developer, path, 422, confirm_name="orders")
    assert posted(developer, path, 302, confirm_name="orders-value") == page_of(orders)
    assert "Every version is deleted." in html(developer, page_of(orders))
    html(developer, path, 403)
    assert "would be deleted for good" in html(client, path)
    assert posted(client, path, 302, confirm_name="orders-value") == "/schemas/"
    assert not Subject.objects.filter(name="orders-value").exists()


def test_one_version_is_deleted_and_a_used_one_is_not(
    as_dana: Client, dana: Actor, orders: Subject
) -> None:
    used = json.dumps(
        {"type": "record", "name": "Basket", "fields": [{"name": "o", "type": "Order"}]}
    )
    register(dana, "baskets", used, references=(Reference("Order", "orders-value", 2),))
    path = page_of(orders, "delete")
    text = html(as_dana, f"{path}?version=2")
    assert "while these refer to it:</b> baskets" in text
    assert "references exist" in posted(
        as_dana, f"{path}?version=2", 422, confirm_name="orders-value"
    )
    posted(as_dana, f"{path}?version=1", 302, confirm_name="orders-value")
    assert list(orders.versions.filter(deleted_at=None).values_list("number", flat=True)) == [2]


@pytest.mark.parametrize("action", ["edit", "lifecycle", "settings", "delete"])
def test_who_may_not_is_told_what_is_missing(
    people: Characters, orders: Subject, action: str
) -> None:
    viewer = signed_in(people.viewer)
    assert "subject." in html(viewer, page_of(orders, action), 403)
    assert viewer.post(page_of(orders, action), {"confirm_name": "orders-value"}).status_code == 403
    assert f"{page_of(orders, action)}" not in html(viewer, page_of(orders))


# -- comparing ----------------------------------------------------------------------------------


HALF = '{"type": "object", "required": ["\\ud800"], "properties": {"\\ud800": {"type": "string"}}}'


def verdict(client: Client, **data: str) -> str:
    given = {"subject": "orders-value", "format": "AVRO", **data}
    return posted(client, "/schemas/compare/verdict/", 200, **given)


def test_a_candidate_is_judged_against_each_version_that_counts(
    as_dana: Client, people: Characters, orders: Subject
) -> None:
    text = verdict(as_dana, candidate=BROKEN)
    assert "It would be refused." in text
    assert "<code>customer</code>" in text
    assert 'id="v-2"' in text
    assert 'id="v-1"' not in text
    maintainer = Actor(people.maintainer)
    level = {"level": "BACKWARD_TRANSITIVE"}
    services.set_settings(maintainer, naming.parse("orders-value"), level)
    assert 'id="v-1"' in verdict(as_dana, candidate=BROKEN)
    assert "It is version 1 already." in verdict(as_dana, candidate=V1)
    assert "<html" not in text


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"candidate": "{"}, "not valid"),
        ({"candidate": ""}, "No verdict yet"),
        ({"candidate": V1, "subject": ""}, "Half of it is there"),
        ({"candidate": V1, "subject": "brand-new"}, "It would begin a new subject."),
        ({"candidate": V1, "subject": "\x00"}, "Null characters"),
        ({"candidate": "[" * 100_000}, "valid"),
        ({"candidate": V1, "references": "just-one"}, "A line is a name"),
        ({"candidate": V1, "references": "a b x"}, "version id"),
        ({"candidate": V1, "references": "a absent 1"}, "No schema reference found"),
        ({"candidate": V1, "format": "XML"}, "valid choice"),
        ({"candidate": '{"type": "\\ud800"}'}, "half of a surrogate pair"),
        ({"candidate": HALF, "format": "JSON", "subject": "halves"}, "urrogate pair"),
    ],
)
def test_what_cannot_be_judged_is_said(
    as_dana: Client, dana: Actor, orders: Subject, data: dict[str, str], said: str
) -> None:
    if data.get("subject") == "halves":
        register(dana, "halves", '{"type": "object"}', format=FormatName.JSON)
    given = {"subject": "orders-value", "format": "AVRO", **data}
    assert said in posted(as_dana, "/schemas/compare/", 200, **given)


def test_two_texts_are_compared(as_dana: Client, orders: Subject) -> None:
    given = {"subject": "", "candidate": BROKEN, "earlier": V1, "level": "FORWARD"}
    text = verdict(as_dana, **given)
    assert "The new schema can follow the earlier one." in text
    text = verdict(as_dana, **{**given, "level": "BACKWARD"})
    assert "The new schema cannot follow the earlier one." in text


def test_what_was_compared_is_registered(as_dana: Client, orders: Subject) -> None:
    path = "/schemas/compare/register/"
    third = record(("id", "long"), ("amount", "double"), ("note", "string", ""))
    given = {"subject": "orders-value", "format": "AVRO", "candidate": third}
    assert posted(as_dana, path, 302, **given) == page_of(orders)
    orders.refresh_from_db()
    assert orders.latest == 3
    text = posted(as_dana, path, 422, **{**given, "candidate": BROKEN})
    assert "It was not registered." in text
    assert "Name the subject" in posted(as_dana, path, 422, **{**given, "subject": ""})
    assert "/schemas/" in posted(as_dana, path, 302, **{**given, "subject": "new/one"})


def test_a_viewer_compares_but_does_not_register(people: Characters, orders: Subject) -> None:
    viewer = signed_in(people.viewer)
    text = verdict(viewer, candidate=V1)
    assert "Register it" not in text
    given = {"subject": "orders-value", "format": "AVRO", "candidate": V1}
    assert viewer.post("/schemas/compare/register/", given).status_code == 403
    assert signed_in(people.stranger).get("/schemas/compare/").status_code == 403


def test_a_hidden_subject_is_not_judged(people: Characters, dana: Actor, orders: Subject) -> None:
    """Somebody of another project learns no more than that the name may be new."""
    other = people.stranger
    register(Actor(people.administrator), "theirs", V1, project=_project_of(other))
    text = verdict(signed_in(other), candidate=BROKEN)
    assert "amount" not in text.split("verdict")[1]
    assert "It would begin a new subject." in text


def _project_of(user: User) -> str:
    return make_project("elsewhere", user.teams.get()).name
