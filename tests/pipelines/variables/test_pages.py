"""The pages of variables: who may, what is shown, what is refused where, and no secret in any."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from idp.common.keyset import Part
from pipelines.variables import selectors, services
from pipelines.variables.models import Variable
from rbac.actors import Actor
from rbac.models import AuditRecord, User
from tests.rbac.factories import Characters, bind, make_characters, make_project

LIST = "/pipelines/variables/"
NEW = f"{LIST}new/"
SECRET = "s3cr3t-t0ken"
PLAIN = "https://shop.example.org"
BODY = {"project": "orders", "name": "TOKEN", "value": SECRET, "environment": "*", "expand": "on"}


@pytest.fixture
def people(db: None) -> Characters:
    return make_characters()


def made(people: Characters, **fields: Any) -> Variable:
    given = {"name": "TOKEN", "value": SECRET, **fields}
    return services.create(Actor(people.maintainer), people.project, **given)


def client(user: User) -> Client:
    found = Client()
    found.force_login(user)
    return found


def text(answer: Any) -> str:
    return str(answer.content.decode())


class TestTheList:
    def test_without_any_it_says_what_one_is_for(self, people: Characters) -> None:
        page = text(client(people.maintainer).get(LIST))
        assert "A variable gives jobs what does not belong into the repository" in page
        assert f'href="{NEW}"' in page

    def test_who_manages_nowhere_reads_who_can_grant_it(self, people: Characters) -> None:
        made(people)
        for user in (people.developer, people.viewer, people.stranger):
            page = text(client(user).get(LIST))
            assert "You can’t list CI variables" in page
            assert "pipeline.manage" in page
            assert "TOKEN" not in page

    def test_each_says_what_it_is_and_none_its_value(self, people: Characters) -> None:
        made(people, masked=True, environment="production", protected=True)
        made(people, name="KEY", hidden=True, is_file=True)
        made(people, name="SHOP", value=PLAIN, description="Where the shop is")
        page = text(client(people.maintainer).get(LIST))
        for word in ("masked", "hidden", "protected", "plain", "File", "production", "Where the"):
            assert word in page
        assert "by mia.maintainer" in page
        assert page.count("never shown") == 2
        assert SECRET not in page
        assert PLAIN not in page

    def test_it_is_narrowed_by_project_and_text(self, people: Characters) -> None:
        other = make_project("payments")
        bind("maintainer", other.scope, user=people.maintainer)
        Variable.objects.create(project=other, name="OTHER", value="x")
        made(people, description="Registry of images")
        mia = client(people.maintainer)
        assert "OTHER" in text(mia.get(LIST))
        narrowed = text(mia.get(f"{LIST}?project=orders"))
        assert "TOKEN" in narrowed
        assert "OTHER" not in narrowed
        assert "OTHER" not in text(mia.get(f"{LIST}?q=registry"))
        assert "No match" in text(mia.get(f"{LIST}?q=absent"))
        assert "TOKEN" not in text(mia.get(f"{LIST}?project=payments"))

    def test_foreign_projects_are_not_in_it(self, people: Characters) -> None:
        Variable.objects.create(project=make_project("payments"), name="FOREIGN", value="x")
        page = text(client(people.maintainer).get(LIST))
        assert "FOREIGN" not in page
        assert "payments" not in page

    def test_it_goes_on_and_back_page_by_page(
        self, people: Characters, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(selectors, "PAGE_SIZE", 2)
        for name, place in (("A", "*"), ("B", "*"), ("B", "dev"), ("C", "*"), ("D", "*")):
            made(people, name=name, environment=place)
        actor = Actor(people.maintainer)

        def names(part: Part[Variable]) -> list[str]:
            return [f"{row.name}{row.environment}" for row in part.rows]

        none = selectors.Filters()
        first = selectors.part(actor, none)
        second = selectors.part(actor, none, after=first.later)
        last = selectors.part(actor, none, after=second.later)
        assert [names(one) for one in (first, second, last)] == [
            ["A*", "B*"],
            ["Bdev", "C*"],
            ["D*"],
        ]
        assert (first.earlier, last.later) == ("", "")
        back = selectors.part(actor, none, before=last.earlier)
        assert names(back) == ["Bdev", "C*"]
        assert names(selectors.part(actor, none, before=back.earlier)) == ["A*", "B*"]
        for cursor in ("x", "9" * 30, "²"):
            assert names(selectors.part(actor, none, after=cursor)) == ["A*", "B*"]
        page = text(client(people.maintainer).get(f"{LIST}?q=D&project=orders"))
        assert 'rel="next"' not in page


class TestAValue:
    def test_a_plain_one_is_shown_when_it_is_asked_for(self, people: Characters) -> None:
        one = f"{LIST}{made(people, value=PLAIN).pk}/"
        mia = client(people.maintainer)
        assert PLAIN not in text(mia.get(one))
        shown = mia.get(f"{one}?value=shown")
        assert PLAIN in text(shown)
        assert shown["Cache-Control"] == "no-store"

    @pytest.mark.parametrize("flag", ["masked", "hidden"])
    def test_a_secret_is_in_no_page_whoever_asks(self, people: Characters, flag: str) -> None:
        row = made(people, **{flag: True})
        made(people, environment="production", **{flag: True})
        one = f"{LIST}{row.pk}/"
        for user in (people.maintainer, people.administrator):
            for path in (LIST, one, f"{one}edit/", f"{one}delete/", "/pipelines/"):
                for query in ("", "?value=shown"):
                    answer = client(user).get(path + query)
                    assert answer.status_code == 200
                    assert SECRET not in text(answer)

    def test_who_does_not_manage_gets_no_page_of_it(self, people: Characters) -> None:
        one = f"{LIST}{made(people, value=PLAIN).pk}/"
        for user, status in ((people.developer, 403), (people.viewer, 403), (people.stranger, 404)):
            for path in (one, f"{one}?value=shown", f"{one}edit/", f"{one}delete/"):
                answer = client(user).get(path)
                assert answer.status_code == status
                assert PLAIN not in text(answer)
            for path in (f"{one}edit/", f"{one}delete/"):
                assert client(user).post(path, {"value": "x"}).status_code == status
        assert Variable.objects.get().value == PLAIN


class TestANewOne:
    def test_it_is_made_as_typed_and_audited_without_its_value(self, people: Characters) -> None:
        body = {**BODY, "value": " line\r\nend\r\n", "masked": "on", "environment": "review/*"}
        answer = client(people.maintainer).post(NEW, body)
        row = Variable.objects.get()
        assert (answer.status_code, answer["Location"]) == (302, f"{LIST}{row.pk}/")
        assert (row.value, row.environment, row.masked) == (" line\nend\n", "review/*", True)
        assert (row.expand, row.is_file, row.changed_by) == (True, False, "mia.maintainer")
        told = AuditRecord.objects.get(action="variable.create")
        assert "line" not in str(told.after)

    @pytest.mark.parametrize(
        ("more", "field", "says"),
        [
            ({"name": "A-B"}, "name", "“A-B” is no name of a variable."),
            ({"environment": "pro;d"}, "environment", "That is no name of an environment."),
            ({"masked": "on", "value": "short"}, "masked", "fewer than 8 characters"),
            ({"value": "x" * 100_001}, "value", "has no more than 100000 characters"),
            ({"description": "x" * 256}, "description", "has no more than 255 characters"),
            ({"name": "N" * 256}, "name", "has no more than 255 characters"),
            ({"name": "HERE"}, "name", "orders has HERE for * already."),
        ],
    )
    def test_a_refusal_stands_beside_its_field_as_rest_says_it(
        self, people: Characters, more: dict[str, str], field: str, says: str
    ) -> None:
        made(people, name="HERE")
        mia = client(people.maintainer)
        answer = mia.post(NEW, {**BODY, **more})
        assert answer.status_code == 422
        shown = text(answer)
        assert f'id="id_{field}-error"' in shown
        assert says in shown
        body = {key: value for key, value in {**BODY, **more}.items() if key != "project"}
        flags = {key: value == "on" for key, value in body.items() if value == "on"}
        url = "/api/v1/projects/orders/variables/"
        rest = mia.post(url, {**body, **flags}, content_type="application/json").json()
        assert [one["field"] for one in rest["errors"]] == [field]
        assert says in str(rest)
        assert Variable.objects.count() == 1

    def test_a_refused_secret_does_not_come_back(self, people: Characters) -> None:
        mia = client(people.maintainer)
        for flag in ("masked", "hidden"):
            answer = mia.post(NEW, {**BODY, "name": "A-B", flag: "on"})
            assert answer.status_code == 422
            assert SECRET not in text(answer)
            assert "type it again" in text(answer)
        assert PLAIN in text(mia.post(NEW, {**BODY, "name": "A-B", "value": PLAIN}))

    def test_only_of_a_project_that_one_manages(self, people: Characters) -> None:
        make_project("payments")
        answer = client(people.maintainer).post(NEW, {**BODY, "project": "payments"})
        assert answer.status_code == 422
        assert client(people.developer).get(NEW).status_code == 403
        assert client(people.developer).post(NEW, BODY).status_code == 403
        assert not Variable.objects.exists()


class TestAChange:
    def test_an_empty_value_keeps_a_secret(self, people: Characters) -> None:
        row = made(people, masked=True)
        page = text(client(people.maintainer).get(f"{LIST}{row.pk}/edit/"))
        assert "Leave empty to keep it." in page
        body = {"value": "", "masked": "on", "protected": "on", "shown": "1"}
        answer = client(people.maintainer).post(f"{LIST}{row.pk}/edit/", body)
        assert answer.status_code == 302
        row.refresh_from_db()
        assert (row.value, row.protected, row.expand) == (SECRET, True, False)
        told = AuditRecord.objects.get(action="variable.update")
        assert (told.before["protected"], told.after["protected"]) == (False, True)
        assert SECRET not in str((told.before, told.after))

    def test_a_plain_one_can_be_edited_with_its_value(self, people: Characters) -> None:
        row = made(people, value=PLAIN)
        edit, mia = f"{LIST}{row.pk}/edit/", client(people.maintainer)
        assert PLAIN not in text(mia.get(edit))
        shown = text(mia.get(f"{edit}?value=shown"))
        assert PLAIN in shown
        assert 'name="shown" value="1"' in shown
        mia.post(edit, {"value": ""})
        assert Variable.objects.get().value == PLAIN
        mia.post(edit, {"value": "", "shown": "1"})
        assert Variable.objects.get().value == ""

    def test_a_hidden_one_stays_hidden_and_takes_a_new_value(self, people: Characters) -> None:
        row = made(people, hidden=True)
        answer = client(people.maintainer).post(f"{LIST}{row.pk}/edit/", {"value": "an0ther-one"})
        assert answer.status_code == 302
        row.refresh_from_db()
        assert (row.value, row.hidden, row.masked) == ("an0ther-one", True, True)

    def test_a_refused_value_of_a_secret_does_not_come_back(self, people: Characters) -> None:
        row = made(people, masked=True)
        body = {"value": "n3w-but-t00-long", "description": "x" * 256}
        answer = client(people.maintainer).post(f"{LIST}{row.pk}/edit/", body)
        assert answer.status_code == 422
        assert "n3w-but" not in text(answer)
        assert 'id="id_description-error"' in text(answer)
        assert Variable.objects.get().value == SECRET


def test_a_deletion_says_what_is_lost_and_what_stays(people: Characters) -> None:
    row, other = made(people, environment="production"), made(people)
    delete, mia = f"{LIST}{row.pk}/delete/", client(people.maintainer)
    page = text(mia.get(delete))
    assert "The value of TOKEN of orders for production is gone" in page
    assert f'href="{LIST}{other.pk}/"' in page
    assert Variable.objects.count() == 2
    answer = mia.post(delete)
    assert answer["Location"] == f"{LIST}?project=orders"
    assert Variable.objects.get() == other
    assert AuditRecord.objects.filter(action="variable.delete").count() == 1


def test_links_lead_there_for_who_manages(people: Characters) -> None:
    for user, there in ((people.maintainer, True), (people.viewer, False)):
        page = text(client(user).get("/pipelines/?project=orders"))
        assert (f'href="{LIST}?project=orders"' in page) is there
        assert (f'href="{LIST}"' in page) is there  # the navigation
