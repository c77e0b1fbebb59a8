"""Contexts and subjects in the admin site: settings by the services, subjects to look at."""

from __future__ import annotations

import pytest
from django.test import Client

from rbac.actors import Actor
from rbac.models import AuditRecord
from schemas import selectors
from schemas.models import Context, Subject
from tests.rbac.factories import Characters
from tests.schemas.factories import record, register
from tests.schemas.pages import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def subject(people: Characters) -> Subject:
    return register(Actor(people.developer), "orders-value", record(("id", "long")))


@pytest.fixture
def ada(people: Characters, subject: Subject) -> Client:
    people.administrator.is_staff = True
    people.administrator.save()
    return signed_in(people.administrator)


def test_settings_of_a_context_go_through_the_services(ada: Client) -> None:
    row = Context.objects.get(name=".")
    page = f"/admin/schemas/context/{row.pk}/change/"
    assert "name" not in ada.get(page).context["adminform"].form.fields
    given = {"level": "FULL", "policy": "", "mode": "READONLY", "normalize": "true"}
    answer = ada.post(page, given)
    assert answer.status_code == 302, answer.content.decode()[:2000]
    row.refresh_from_db()
    assert (row.level, row.mode, row.normalize) == ("FULL", "READONLY", True)
    ada.post(page, {**given, "mode": ""})
    row.refresh_from_db()
    assert row.mode == ""
    assert AuditRecord.objects.filter(action="registry.configure").count() == 4


def test_a_wrong_level_is_refused_beside_its_field(ada: Client) -> None:
    row = selectors.registry()
    page = f"/admin/schemas/context/{row.pk}/change/"
    answer = ada.post(page, {"level": "SIDEWAYS", "policy": "", "mode": "", "normalize": "unknown"})
    assert answer.status_code == 200
    assert "level" in answer.context["adminform"].form.errors


def test_subjects_are_shown_and_not_changed(ada: Client, subject: Subject) -> None:
    page = ada.get("/admin/schemas/subject/").content.decode()
    assert "orders-value" in page
    one = f"/admin/schemas/subject/{subject.pk}/change/"
    assert ada.get(one).status_code == 200
    assert ada.post(one, {"name": "other"}).status_code == 403
    assert ada.get("/admin/schemas/subject/add/").status_code == 403
    subject.refresh_from_db()
    assert subject.name == "orders-value"


def test_who_may_not_configure_the_registry_sees_no_context(people: Characters) -> None:
    people.maintainer.is_staff = True
    people.maintainer.save()
    answer = signed_in(people.maintainer).get("/admin/schemas/context/")
    assert answer.status_code in {302, 403, 404}
