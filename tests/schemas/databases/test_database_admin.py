"""Databases and their places in the admin site: by the services, and without any password."""

from __future__ import annotations

import pytest
from django.test import Client

from rbac.models import AuditRecord
from schemas.databases.models import Database, DatabaseInstance
from tests.rbac.factories import Characters
from tests.schemas.databases.conftest import signed_in
from tests.schemas.databases.factories import URL

ADD = "/admin/schemas/database/add/"
PLACES = "/admin/schemas/databaseinstance/"
PLACE = {"environment": "staging", "expected_version": "0", "ignoring": "", "active": "on"}


@pytest.fixture
def ada(people: Characters) -> Client:
    return signed_in(people.administrator)


def test_a_database_is_registered_changed_and_forgotten(ada: Client, people: Characters) -> None:
    given = {"project": people.project.pk, "name": "Wrong Name", "on_drift": "warn"}
    assert ada.post(ADD, given).status_code == 200
    assert not Database.objects.exists()
    answer = ada.post(ADD, {**given, "name": "main"})
    assert answer.status_code == 302, answer.content.decode()
    row = Database.objects.get()
    assert row.keeper.name == "development"
    assert "already exists" in ada.post(ADD, {**given, "name": "main"}).content.decode()
    page = f"/admin/schemas/database/{row.pk}/"
    ada.post(f"{page}change/", {"component": "orders-api", "on_drift": "refuse"})
    row.refresh_from_db()
    assert (row.name, row.component, row.on_drift) == ("main", "orders-api", "refuse")
    ada.post(f"{page}delete/", {"post": "yes"})
    assert not Database.objects.exists()
    said = AuditRecord.objects.filter(action="database.manage", outcome="allowed")
    assert said.count() == 3


def test_a_place_is_registered_and_its_password_never_shown(
    ada: Client, database: Database
) -> None:
    given = {**PLACE, "database": database.pk, "url": URL}
    answer = ada.post(f"{PLACES}add/", given)
    assert answer.status_code == 302, answer.content.decode()
    row = DatabaseInstance.objects.get()
    assert (row.url, row.place, row.active) == (URL, "staging", True)
    page = f"{PLACES}{row.pk}/change/"
    for shown in (PLACES, page, f"{PLACES}{row.pk}/delete/"):
        text = ada.get(shown).content.decode()
        assert "sesame" not in text
    assert "db.example.org:5432/orders as reader" in ada.get(page).content.decode()
    changed = {"url": "", "expected_version": "0", "ignoring": "audit.*\nlog", "active": "on"}
    assert ada.post(page, changed).status_code == 302
    row.refresh_from_db()
    assert (row.url, row.ignoring) == (URL, ["audit.*", "log"])
    ada.post(f"{PLACES}{row.pk}/delete/", {"post": "yes"})
    assert not DatabaseInstance.objects.exists()
    assert "sesame" not in str(list(AuditRecord.objects.values_list("before", "after")))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"url": ""}, "names no single PostgreSQL host"),
        ({"url": "postgresql://u@169.254.169.254/db"}, "reads no database at"),
        ({"environment": "nowhere"}, "has no environment or tier"),
        ({"expected_version": "7"}, "has no version 7"),
        ({"ignoring": "a*b*c*d*e"}, "At most 50 paths"),
    ],
)
def test_what_the_services_refuse_stands_in_the_form(
    change: dict[str, str], said: str, ada: Client, database: Database
) -> None:
    given = {**PLACE, "database": str(database.pk), "url": URL, **change}
    answer = ada.post(f"{PLACES}add/", given)
    assert answer.status_code == 200
    assert said in answer.content.decode()
    assert not DatabaseInstance.objects.exists()


def test_who_may_not(people: Characters, database: Database) -> None:
    for who in (people.maintainer, people.developer, people.stranger):
        client = signed_in(who)
        assert client.get(PLACES).status_code in {302, 403}
        assert client.post(ADD, {}).status_code in {302, 403}
