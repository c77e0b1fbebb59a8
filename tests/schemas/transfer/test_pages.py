"""The pages of imports and the export, and imports in the admin site."""

from __future__ import annotations

import io
import zipfile

import pytest
from django.test import Client

from rbac.actors import Actor
from schemas.models import Subject
from schemas.transfer import services
from schemas.transfer.models import ImportRun
from tests.rbac.factories import Characters
from tests.schemas.databases.test_database_pages import html, words
from tests.schemas.factories import V1, register
from tests.schemas.transfer.conftest import Other, carried, signed_in
from tests.schemas.transfer.factories import make_import, packed


@pytest.fixture
def client(people: Characters) -> Client:
    return signed_in(people.maintainer)


@pytest.fixture
def run(people: Characters, mia: Actor) -> ImportRun:
    register(mia, "orders-value", V1)
    return make_import(mia, people.project)


def page(run: ImportRun, query: str = "") -> str:
    return f"/schemas/imports/{run.pk}/{query}"


def test_empty_states(people: Characters, client: Client) -> None:
    assert "No import yet" in html(client, "/schemas/imports/")
    assert "You can’t import schemas" in html(signed_in(people.viewer), "/schemas/imports/")
    html(signed_in(people.viewer), "/schemas/imports/new/", 403)


@pytest.mark.loopback
def test_an_import_from_a_registry_begins_with_a_form(client: Client, other: Other) -> None:
    given = {
        "registry": "ftp://x", "project": "orders", "with_settings": "on", "rules": "nonsense",
    }  # fmt: skip
    wrong = client.post("/schemas/imports/new/", given)
    assert wrong.status_code == 422
    assert "is no rule" in wrong.content.decode()
    wrong = client.post("/schemas/imports/new/", {**given, "rules": ""})
    assert "It is no web address" in wrong.content.decode()
    body = {**given, "registry": other.url, "rules": "", "start": "orders-", "secret": "sesame"}
    made = client.post("/schemas/imports/new/", body)
    run = ImportRun.objects.get()
    assert made["Location"] == page(run)
    assert (run.prefix, run.secret, run.user_name) == ("orders-", "sesame", "")
    text = html(client, page(run))
    assert "sesame" not in text
    assert "Reading." in words(text)
    carried(run)
    assert "Nothing was found" in html(client, page(run))


def test_an_archive_is_sent_by_form(client: Client) -> None:
    file = packed(("new-value", 1, 5, V1))
    file.name = "<b>new</b>.zip"
    given = {"project": "orders", "file": file, "deleted": "on"}
    client.post("/schemas/imports/new/?from=archive", given)
    run = carried(ImportRun.objects.get())
    said = html(client, page(run))
    assert "1 subject, 1 version. 1 would come" in words(said)
    assert "<b>new" not in said
    file = io.BytesIO(b"no zip")
    file.name = "x.zip"
    wrong = client.post("/schemas/imports/new/?from=archive", {"project": "orders", "file": file})
    assert wrong.status_code == 422
    assert "no archive that can be read" in wrong.content.decode()


def test_what_would_come_and_what_cannot_stand_on_the_page(client: Client, run: ImportRun) -> None:
    said = words(html(client, page(run)))
    assert "2 subjects, 3 versions; 1 id collides (1). 1 would come, 2 cannot be imported" in said
    assert "Import 1 version" in said
    assert "Id 1: it belongs to another schema here." in said
    only = words(html(client, page(run, "?outcome=refused&q=stock")))
    assert "stock-value" in only
    assert "returns-value" not in only
    assert "No match" in html(client, page(run, "?q=absent"))
    html(client, page(run, "?page=nonsense&outcome=x"))


def test_it_is_confirmed_and_forgotten_by_buttons(client: Client, run: ImportRun) -> None:
    client.post(page(run, "confirm/"))
    assert "0 came" not in words(html(client, page(carried(run))))
    said = words(html(client, page(run)))
    assert "3 of 3 versions are through. 1 came" in said
    again = client.post(page(run, "confirm/"), follow=True)
    assert "cannot become importing" in again.content.decode()
    assert Subject.objects.filter(name="returns-value").exists()
    client.post(page(run, "forget/"))
    assert not ImportRun.objects.exists()
    assert Subject.objects.filter(name="returns-value").exists()


def test_the_report_is_a_download(client: Client, run: ImportRun) -> None:
    answer = client.get(page(run, "?export=csv"))
    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    assert "returns-value,returns-value,orders,2,1,AVRO,False,refused,Id 1:" in text
    assert "attachment" in answer["Content-Disposition"]


def test_others_see_no_import(people: Characters, run: ImportRun) -> None:
    html(signed_in(people.stranger), page(run), 404)
    html(signed_in(people.developer), page(run), 403)
    assert signed_in(people.developer).post(page(run, "cancel/")).status_code == 403
    assert f"Import {run.pk}" not in html(signed_in(people.developer), "/schemas/imports/")


def test_the_lists_subjects_are_exported_from_its_menu(
    people: Characters, client: Client, run: ImportRun
) -> None:
    assert "/schemas/export/?q=orders" in html(client, "/schemas/?q=orders")
    answer = client.get("/schemas/export/?q=orders")
    body = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    assert len(zipfile.ZipFile(io.BytesIO(body)).namelist()) == 2


@pytest.mark.loopback
def test_the_admin_site_shows_imports_without_secrets(
    people: Characters, mia: Actor, other: Other
) -> None:
    run = services.import_registry(mia, people.project, registry=other.url, secret="sesame-open")
    ada = signed_in(people.administrator)
    assert str(run) in html(ada, "/admin/schemas/importrun/")
    shown = html(ada, f"/admin/schemas/importrun/{run.pk}/change/")
    assert other.url in shown
    assert "sesame" not in shown
    carried(run)
    ada.post(f"/admin/schemas/importrun/{run.pk}/delete/", {"post": "yes"})
    assert not ImportRun.objects.exists()
