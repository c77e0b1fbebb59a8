"""The pages of policies: list, page, editor with its preview, a subject's tab, asking for leave."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from idp.changes.models import Waiver
from rbac.actors import Actor
from rbac.models import User
from schemas.addresses import page_of
from schemas.policies.models import SchemaPolicy
from schemas.policies.sweeping import sweep
from tests.rbac.factories import Characters
from tests.schemas.factories import V1, register
from tests.schemas.policies.making import PII, enforce, make
from tests.schemas.policies.test_registering import tagged

pytestmark = pytest.mark.django_db
LIST = "/schemas/policies/"
ROWS = {"tag-TOTAL_FORMS": "1", "tag-INITIAL_FORMS": "0"}
GIVEN = {
    **ROWS,
    "name": "docs",
    "scope": "orders",
    "mode": "enforce",
    "require": ["docs"],
    "do": "save",
}


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def mia(people: Characters) -> Client:
    return signed_in(people.maintainer)


@pytest.fixture
def dana(people: Characters) -> Client:
    return signed_in(people.developer)


def text(answer: Any) -> str:
    return str(answer.content.decode())


def test_without_policies_the_list_says_what_they_are(mia: Client, dana: Client) -> None:
    assert "Make one" in text(mia.get(LIST))
    found = text(dana.get(LIST))
    assert "No policy yet" in found
    assert "Make one" not in found


def test_a_policy_that_refuses_is_previewed_before_it_is_saved(
    mia: Client, people: Characters
) -> None:
    register(Actor(people.developer), "orders-value", V1)
    first = mia.post(f"{LIST}new/", GIVEN)
    assert first.status_code == 200
    assert "1 of 1 subject would fail." in text(first)
    assert "Save again to let it refuse them." in text(first)
    assert not SchemaPolicy.objects.exists()
    seen = first.context["digest"]
    other = mia.post(f"{LIST}new/", {**GIVEN, "require": ["docs", "contact"], "seen": seen})
    assert other.status_code == 200, "what was previewed is not what is saved"
    saved = mia.post(f"{LIST}new/", {**GIVEN, "seen": seen})
    assert saved.status_code == 302
    row = SchemaPolicy.objects.get()
    assert (row.mode, row.rules) == ("enforce", {"require": ["docs"]})


def test_a_preview_writes_nothing(mia: Client, people: Characters) -> None:
    answer = mia.post(f"{LIST}new/", {**GIVEN, "do": "preview"})
    assert "It is about no subject that is there now." in text(answer)
    assert not SchemaPolicy.objects.exists()


def test_every_field_comes_back_to_the_editor(mia: Client, people: Characters) -> None:
    rules = {
        "default_level": "FULL",
        "formats": ["AVRO"],
        "subject_name": {"pattern": "^a", "example": "a"},
        "require": ["docs"],
        "required_tags": ["x"],
        "one_of_tags": ["y", "z"],
        "field_tags": [PII],
    }
    make(people, "docs", scope=people.project.scope, mode="warn", rules=rules)
    form = mia.get(f"{LIST}docs/edit/").context["form"]
    data: dict[str, Any] = {"tag-TOTAL_FORMS": "2", "tag-INITIAL_FORMS": "1", "do": "save"}
    for bound in (*form, *form.tagged.forms[0]):
        value = bound.value()
        if value not in (None, "", False):
            data[bound.html_name] = bound.field.prepare_value(value)
    answer = mia.post(f"{LIST}docs/edit/", {**data, "mode": "off"})
    assert answer.status_code == 302, answer.context["form"].errors
    row = SchemaPolicy.objects.get()
    assert (row.mode, row.rules) == ("off", rules)


def test_wrong_values_stand_beside_their_fields(mia: Client) -> None:
    wrong = {**GIVEN, "pattern": "(?=a)", "example": "a", "name": "No Name"}
    answer = mia.post(f"{LIST}new/", {**wrong, "do": "preview"})
    assert answer.status_code == 422
    assert "pattern" in answer.context["form"].errors
    answer = mia.post(f"{LIST}new/", {**GIVEN, "name": "No Name"})
    assert answer.status_code == 422
    assert "name" in answer.context["form"].errors
    answer = mia.post(f"{LIST}new/", {**ROWS, "name": "x", "scope": "orders", "mode": "warn"})
    assert "A policy has at least one rule." in text(answer)


def test_somebody_elses_change_is_not_overwritten(mia: Client, people: Characters) -> None:
    make(people, "docs", scope=people.project.scope, mode="off", rules={"require": ["docs"]})
    given = {**GIVEN, "mode": "warn", "revision": "7"}
    answer = mia.post(f"{LIST}docs/edit/", given)
    assert answer.status_code == 422
    assert "meanwhile" in text(answer)


def test_the_page_says_what_fails_and_deleting_what_is_lost(
    mia: Client, dana: Client, people: Characters
) -> None:
    subject = register(Actor(people.developer), "orders-value", V1)
    make(people, "docs", scope=people.project.scope, rules={"require": ["docs"]})
    sweep()
    found = text(dana.get(f"{LIST}docs/"))
    assert "orders-value has no docs" in found
    assert "Change…" not in found
    assert ">1</a>" in text(dana.get(LIST))
    assert dana.get(f"{LIST}docs/edit/").status_code == 403
    tab = text(dana.get(f"{page_of(subject)}?tab=policies"))
    assert "orders-value has no docs" in tab
    listed = text(dana.get("/schemas/?fails=docs"))
    assert "orders-value" in listed
    assert "fails policy" in listed
    asked = text(mia.get(f"{LIST}docs/delete/"))
    assert "1 subject that fails it now would no longer be listed" in asked
    assert mia.post(f"{LIST}docs/delete/").status_code == 302
    assert not SchemaPolicy.objects.exists()


def test_leave_is_asked_for_on_the_subjects_tab(dana: Client, people: Characters) -> None:
    enforce(people, "pii", field_tags=[PII])
    subject = register(Actor(people.developer), "orders-value", tagged("PII"))
    tab = text(dana.get(f"{page_of(subject)}?tab=policies"))
    path = f"{page_of(subject, 'tag-removal')}?path=Order.mail&amp;tag=PII"
    assert path in tab
    path = path.replace("&amp;", "&")
    assert "would be taken from" in text(dana.get(path))
    assert dana.post(path, {"reason": "", "ends_at": "2000-01-01T00:00"}).status_code == 422
    form = dana.get(path).context["form"]
    ends = form["ends_at"].value().strftime("%Y-%m-%dT%H:%M")
    assert dana.post(path, {"reason": "Hashed.", "ends_at": ends}).status_code == 302
    waiver = Waiver.objects.get()
    assert (waiver.gate, waiver.about) == ("field-tags", "orders-value: PII of Order.mail")
    inbox = text(signed_in(people.maintainer).get("/inbox/"))
    assert "would no longer be tagged PII" in inbox


def test_the_compare_page_says_what_policies_refuse(dana: Client, people: Characters) -> None:
    register(Actor(people.developer), "orders-value", tagged("PII"))
    enforce(people, "pii", field_tags=[PII])
    given = {"subject": "orders-value", "format": "AVRO", "candidate": tagged()}
    found = text(dana.post("/schemas/compare/verdict/", given))
    assert "It would be refused by policy." in found
    assert "would lose its tag PII" in found


def test_the_compare_page_judges_a_subject_that_is_to_come(
    dana: Client, people: Characters
) -> None:
    enforce(people, formats=["PROTOBUF"])
    given = {"subject": "new-value", "format": "AVRO", "candidate": tagged()}
    found = text(dana.post("/schemas/compare/verdict/", given))
    assert "new-value is AVRO; policy rules takes PROTOBUF." in found


class TestAdmin:
    def test_goes_by_the_services(self, people: Characters) -> None:
        admin = signed_in(people.administrator)
        User.objects.filter(pk=people.administrator.pk).update(is_staff=True)
        path = "/admin/schemas/schemapolicy/"
        scope = people.project.scope.pk
        given = {"name": "docs", "scope": scope, "mode": "warn", "rules": '{"require": ["luck"]}'}
        wrong = admin.post(f"{path}add/", given)
        assert wrong.status_code == 200
        assert "luck" in text(wrong)
        made = admin.post(f"{path}add/", {**given, "rules": '{"require": ["docs"]}'})
        assert made.status_code == 302, text(made)[:2000]
        row = SchemaPolicy.objects.get()
        assert row.changed_by == people.administrator
        changed = admin.post(
            f"{path}{row.pk}/change/", {"mode": "enforce", "rules": '{"require": ["docs"]}'}
        )
        assert changed.status_code == 302
        row.refresh_from_db()
        assert (row.mode, row.revision) == ("enforce", 2)
        assert admin.post(f"{path}{row.pk}/delete/", {"post": "yes"}).status_code == 302
        assert not SchemaPolicy.objects.exists()
