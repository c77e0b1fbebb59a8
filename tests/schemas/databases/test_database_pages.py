"""The pages of databases: what they show, their empty states, their forms and who may use them."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest
from django.test import Client

from idp.common.errors import TemporaryBackendError
from rbac.actors import Actor
from rbac.models import AuditRecord
from schemas.databases import declaring
from schemas.databases.models import Database, DatabaseInstance
from schemas.relational.model import Column, Model, Table
from tests.rbac.factories import Characters
from tests.schemas.databases import factories
from tests.schemas.databases.conftest import signed_in


@pytest.fixture
def full(people: Characters, mia: Actor) -> Database:
    return factories.make_database(mia, people.project, "full")


def html(client: Client, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, answer.content[:3000]
    return answer.content.decode()


def words(text: str) -> str:
    main = text[text.index("<main") : text.index("</main>")]
    return " ".join(re.sub(r"<[^>]*>", " ", main).split())


def test_the_list_tells_the_worst_state(people: Characters, full: Database) -> None:
    text = words(html(signed_in(people.viewer), "/databases/?q=FULL"))
    assert "orders/full Drifted staging, production version 2 orders-api team orders" in text
    assert "No match" in html(signed_in(people.viewer), "/databases/?q=absent")


def test_empty_states(people: Characters, database: Database) -> None:
    viewer, one = signed_in(people.viewer), f"/databases/{database.pk}/"
    assert "It lives nowhere yet" in html(viewer, one)
    assert "Nothing to show yet" in html(viewer, f"{one}?tab=schema")
    assert "Nothing to compare yet" in html(viewer, f"{one}?tab=differences")
    assert "Nothing declared yet" in html(viewer, f"{one}?tab=versions")
    assert "You can’t list databases" in html(signed_in(people.stranger), "/databases/")
    html(signed_in(people.stranger), one, 404)
    database.delete()
    assert "No database yet" in html(viewer, "/databases/")


def test_where_it_lives_tells_the_drift_in_words(people: Characters, full: Database) -> None:
    text = html(signed_in(people.deployer), f"/databases/{full.pk}/")
    said = words(text)
    assert "staging Drifted Read it now in staging" in said
    assert "db.example.org:5432/orders as reader" in said
    assert "sesame" not in text
    assert "1 difference from what is declared" in said
    assert "Index by_note of customers ( USING btree (note) ) exists there" in said
    assert "production In step" in said
    assert "should be version 2 (the newest)" in said


def test_a_failed_look_is_told_beside_what_is_known(
    people: Characters, full: Database, mia: Actor
) -> None:
    failure = TemporaryBackendError("The database did not answer within 30 s.", fix="Try again.")
    factories.live(mia, full, "development", failure)
    said = words(html(signed_in(people.viewer), f"/databases/{full.pk}/"))
    assert "The last look" in said
    assert "The database did not answer within 30 s. Try again." in said
    assert "Read it now" not in said  # a viewer may not


@pytest.mark.parametrize("of", ["", "1", "staging"])
def test_the_diagram_has_the_same_in_words(people: Characters, full: Database, of: str) -> None:
    text = html(signed_in(people.viewer), f"/databases/{full.pk}/?tab=schema&of={of}")
    assert 'class="er-box"' in text
    assert "Each row of orders refers to one or no row of customers" in text
    assert "state text DEFAULT" in words(text)


def test_markup_in_names_is_text(people: Characters, full: Database, mia: Actor) -> None:
    evil = "<script>alert(1)</script>"
    column = Column(evil, evil, default=evil, comment=evil)
    model = Model(tables=(Table("public", evil, (column,), comment=evil),))
    factories.declare_model(mia, full, model, f"-- {evil}")
    factories.live(mia, full, "development", factories.SHOP)
    viewer = signed_in(people.viewer)
    for tab in ("", "schema", "differences", "versions"):
        assert "<script>alert" not in html(viewer, f"/databases/{full.pk}/?tab={tab}")


def test_two_sides_are_compared(people: Characters, full: Database) -> None:
    viewer, one = signed_in(people.viewer), f"/databases/{full.pk}/?tab=differences"
    said = words(html(viewer, one))  # two places are compared where there are two
    assert "between what is in staging and what is in production" in said
    said = words(html(viewer, f"{one}&from=1&to=2"))
    assert "View open_orders is declared in version 2" in said
    assert "No difference" in html(viewer, f"{one}&from=2&to=production")
    assert "lives in no environment" in html(viewer, f"{one}&from=2&to=absent")
    assert "has no version 99" in html(viewer, f"{one}&from=99&to=1")
    assert "has no version" in html(viewer, f"{one}&from=99999999999999&to=1")


def test_what_differs_is_drawn_with_the_words(people: Characters, full: Database) -> None:
    page = html(signed_in(people.viewer), f"/databases/{full.pk}/?tab=differences")
    assert page.count('class="er-box"') == 2, "customers, and orders which is tied to it"
    assert '<g class="er-table is-changed"><title>customers: changed</title>' in page
    said = words(page)
    assert "1 more table is not drawn" in said
    assert said.index("What differs, drawn") < said.index("In words") < said.index("by_note")


@pytest.mark.parametrize(
    ("query", "kind", "begins"),
    [
        ("of=2&as=sql", "text/plain; charset=utf-8", "CREATE TABLE customers"),
        ("of=staging&as=json", "application/json", '{"form":1'),
        ("of=2&as=svg", "image/svg+xml", '<svg class="er"'),
        ("from=staging&to=production&as=json", "application/json", '{\n  "old": "in staging"'),
        ("from=staging&to=2&as=svg", "image/svg+xml", '<svg class="er"'),
        ("from=2&to=2&as=svg", "image/svg+xml", '<svg class="er"'),
    ],
)
def test_schemas_and_comparisons_are_files(
    query: str, kind: str, begins: str, people: Characters, full: Database
) -> None:
    answer = signed_in(people.viewer).get(f"/databases/{full.pk}/download/?{query}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, kind)
    name = answer.headers["Content-Disposition"]
    assert re.fullmatch(r'attachment; filename="orders-full-[\w-]+\.(sql|json|svg)"', name)
    text = answer.content.decode()
    assert text.startswith(begins)
    if kind == "image/svg+xml":
        assert ET.fromstring(text).tag.endswith("svg")  # noqa: S314  # our own output
        assert "<style>" in text


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("of=staging&as=sql", 422),
        ("of=2&as=exe", 422),
        ("of=2", 422),
        ("of=absent&as=json", 404),
        ("as=json", 404),
        ("from=1&to=2&as=sql", 422),
    ],
)
def test_what_is_no_file_is_refused(
    query: str, status: int, people: Characters, full: Database
) -> None:
    path = f"/databases/{full.pk}/download/?{query}"
    assert signed_in(people.viewer).get(path).status_code == status
    assert signed_in(people.stranger).get(path).status_code == 404


def test_versions_show_their_sql(people: Characters, full: Database) -> None:
    viewer, one = signed_in(people.viewer), f"/databases/{full.pk}/?tab=versions"
    said = words(html(viewer, one))
    assert "SQL of version 2" in said
    assert "1 statement about roles and rights was not run" in said
    assert "SQL of version 1" in html(viewer, f"{one}&version=1")
    html(viewer, f"{one}&version=7", 404)


def test_a_database_is_registered_and_declared_by_pages(people: Characters) -> None:
    maintainer = signed_in(people.maintainer)
    html(maintainer, "/databases/new/")
    html(signed_in(people.viewer), "/databases/new/", 403)
    answer = maintainer.post(
        "/databases/new/", {"project": "orders", "name": "Wrong Name", "on_drift": "warn"}
    )
    assert answer.status_code == 422
    given = {"project": "orders", "name": "main", "on_drift": "warn"}
    answer = maintainer.post("/databases/new/", given)
    row = Database.objects.get()
    assert answer.headers["Location"] == f"/databases/{row.pk}/"
    one = f"/databases/{row.pk}/"
    html(maintainer, f"{one}declare/")
    assert maintainer.post(f"{one}declare/", {"sql": ""}).status_code == 422
    answer = maintainer.post(f"{one}declare/", {"sql": "CREATE TABEL x ()", "base": "0"})
    page = answer.headers["Location"]
    assert "It waits for its turn." in html(maintainer, page)
    declaring.work(row.declarations.get().pk)
    said = words(html(maintainer, page))
    assert "It was refused; nothing is declared." in said
    assert "line 1" in said
    assert "refused" in words(html(maintainer, f"{one}?tab=versions")).lower()
    html(maintainer, f"{one}places/new/")
    answer = maintainer.post(
        f"{one}places/new/",
        {"environment": "staging", "url": factories.URL, "expected": "0", "active": "on"},
    )
    assert answer.status_code == 302, answer.content.decode()
    place = DatabaseInstance.objects.get()
    edit = f"{one}places/{place.pk}/edit/"
    assert "sesame" not in html(maintainer, edit)
    maintainer.post(edit, {"url": "", "expected": "0", "ignoring": "audit.*\nlog", "active": "on"})
    place.refresh_from_db()
    assert (place.ignoring, place.url) == (["audit.*", "log"], factories.URL)
    maintainer.post(edit, {"url": "", "expected": "0", "ignoring": "a*b*c*d*e", "active": ""})
    place.refresh_from_db()
    assert place.active
    maintainer.post(f"{one}places/{place.pk}/look/")
    assert AuditRecord.objects.filter(action="database.snapshot").exists()
    assert signed_in(people.viewer).post(f"{one}places/{place.pk}/look/").status_code == 403
    assert maintainer.post(f"{one}places/{place.pk}/delete/", {"name": "x"}).status_code == 422
    maintainer.post(f"{one}places/{place.pk}/delete/", {"name": "staging"})
    assert not DatabaseInstance.objects.exists()
    maintainer.post(f"{one}edit/", {"component": "orders-api", "on_drift": "refuse"})
    row.refresh_from_db()
    assert (row.component, row.on_drift) == ("orders-api", "refuse")
    maintainer.post(f"{one}delete/", {"name": "orders/main"})
    assert not Database.objects.exists()


def test_the_home_page_alarms_once_for_each_place(people: Characters, full: Database) -> None:
    text = words(html(signed_in(people.viewer), "/"))
    assert text.count("orders/full in staging: 1 difference") == 1
    assert "in production:" not in text
    assert "Databases that drifted" not in html(signed_in(people.stranger), "/")


def test_search_finds_it(people: Characters, full: Database) -> None:
    assert "orders/full" in html(signed_in(people.viewer), "/search/?q=full")
