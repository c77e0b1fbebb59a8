"""OpenAPI subjects: kept, compared and judged by pages and REST, and unknown on the wire."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from rbac.actors import Actor
from rbac.scopes import environment_scope
from schemas import services
from schemas.addresses import page_of
from schemas.dependants import recording
from schemas.dependants.sets import FACT, Entry, SchemaSet
from schemas.errors import Incompatible, InvalidCandidate
from schemas.formats.base import FormatName, TooComplex
from schemas.models import Subject
from schemas.naming import parse
from schemas.parsing import Candidate, Reference
from tests.rbac.factories import Characters
from tests.schemas.factories import V1, register
from tests.schemas.pages import html, posted, signed_in
from tests.schemas.test_api import Rest
from tests.schemas.wire import RECORD, Wire
from tests.support.console import Script, run

pytestmark = pytest.mark.django_db
NAME = "orders-api"
YAML = """\
openapi: 3.1.0
info: {title: Orders, version: 1.0.0}
paths:
  /orders/{id}:
    get:
      operationId: readOrder
      parameters:
        - {name: id, in: path, required: true, schema: {type: string}}
      responses:
        200:
          description: It is there.
          content:
            application/json:
              schema: {$ref: "#/components/schemas/Order"}
components:
  schemas:
    Order:
      type: object
      required: [id, amount]
      properties:
        id: {type: string}
        amount: {type: number}
"""
GENTLE = f"{YAML}        note: {{type: string}}\n"
BROKEN = YAML.replace("required: [id, amount]", "required: [id]")
STRICTER = YAML.replace(
    "required: true, schema: {type: string}}",
    "required: true, schema: {type: string}}\n"
    "        - {name: X-Tenant, in: header, required: true, schema: {type: string}}",
)
BOMB = "b0: &b0 [1]\n" + "".join(
    f"b{n}: &b{n} [{', '.join([f'*b{n - 1}'] * 10)}]\n" for n in range(1, 10)
)
OPENAPI = FormatName.OPENAPI


@pytest.fixture
def actor(people: Characters) -> Actor:
    return Actor(people.developer)


@pytest.fixture
def dana(people: Characters) -> Rest:
    return Rest(people.developer)


@pytest.fixture
def api(actor: Actor) -> Subject:
    return register(actor, NAME, YAML, format=OPENAPI)


class TestRegistering:
    def test_yaml_is_kept_as_it_was_written(self, dana: Rest) -> None:
        body = {"subject": NAME, "schema": YAML, "format": "OPENAPI"}
        made = dana.post("/api/v1/subjects/", body, 201)
        assert (made["version"], made["format"], made["schema"]) == (1, "OPENAPI", YAML)
        again = dana.post("/api/v1/subjects/", {**body, "schema": f"# same\n{YAML}"}, 201)
        assert again["version"] == 1

    def test_the_next_version_takes_the_subjects_format(self, dana: Rest, api: Subject) -> None:
        made = dana.post(f"/api/v1/subjects/{api.pk}/versions/", {"schema": GENTLE}, 201)
        assert made["version"] == 2
        refused = dana.post(f"/api/v1/subjects/{api.pk}/versions/", {"schema": BROKEN}, 409)
        assert "Clients written for version 2 call the new version" in refused["detail"]

    def test_who_may_not_publish_is_told(self, people: Characters, api: Subject) -> None:
        body = {"schema": GENTLE}
        url = f"/api/v1/subjects/{api.pk}/versions/"
        assert Rest(people.viewer).post(url, body, 403)["status"] == 403
        assert Rest(people.stranger).post(url, body, 404)["status"] == 404
        new = {"subject": "x", "schema": YAML, "format": "OPENAPI"}
        assert Rest(people.viewer).post("/api/v1/subjects/", new, 403)["status"] == 403

    @pytest.mark.parametrize("formats", [(OPENAPI, FormatName.AVRO), (FormatName.AVRO, OPENAPI)])
    def test_no_subject_holds_both_kinds(
        self, actor: Actor, formats: tuple[FormatName, FormatName]
    ) -> None:
        texts = {OPENAPI: YAML, FormatName.AVRO: V1}
        subject = register(actor, "mixed", texts[formats[0]], format=formats[0])
        Subject.objects.filter(pk=subject.pk).update(level="NONE")
        with pytest.raises(InvalidCandidate, match="takes no"):
            register(actor, "mixed", texts[formats[1]], format=formats[1])

    def test_a_description_stands_alone(self, actor: Actor, api: Subject) -> None:
        used = (Reference("orders.yaml", NAME, 1),)
        with pytest.raises(InvalidCandidate, match="refers to nothing outside itself"):
            services.register(actor, parse("other-api"), Candidate(YAML, OPENAPI, used))

    def test_breaking_clients_is_refused_with_who_is_hurt(self, actor: Actor, api: Subject) -> None:
        with pytest.raises(Incompatible) as caught:
            register(actor, NAME, STRICTER, format=OPENAPI)
        assert "Clients written for version 1 call the new version" in str(caught.value)
        assert "X-Tenant" in str(caught.value)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "openapi: 2.0.0",
            "swagger: '2.0'",
            YAML.replace("#/components/schemas/Order", "#/components/schemas/Nobody"),
            YAML.replace("#/components/schemas/Order", "https://example.com/order.yaml"),
            YAML.replace("#/components/schemas/Order", "file:///etc/passwd"),
            YAML.replace("#/components/schemas/Order", "../private.yaml"),
            YAML.replace("title: Orders", "title: &a [*a]"),
            f"{YAML}x-a: !!python/object/apply:os.system ['true']\n",
            "a: " + "[" * 5000,
            "x" * 1_000_001,
            BOMB,
            "paths: \x00",
        ],
    )  # fmt: skip
    def test_hostile_texts_leave_nothing_behind(self, dana: Rest, text: str) -> None:
        body = {"subject": NAME, "schema": text, "format": "OPENAPI"}
        found = dana.post("/api/v1/subjects/", body, 422)
        assert found["status"] == 422
        assert not Subject.objects.exists()


class TestWire:
    def test_no_list_knows_it(self, wire: Wire, api: Subject, actor: Actor) -> None:
        register(actor, "orders-value", V1)
        for path in ("/subjects", "/subjects?deleted=true", "/subjects?subjectPrefix=orders"):
            assert wire("GET", path).json == ["orders-value"]
        found = wire("GET", "/schemas").json
        assert [row["subject"] for row in found] == ["orders-value"]
        assert wire("GET", "/schemas/types").json == ["JSON", "PROTOBUF", "AVRO"]

    def test_no_context_is_there_for_it_alone(self, wire: Wire, actor: Actor) -> None:
        register(actor, ":.web:site-api", YAML, format=OPENAPI)
        assert wire("GET", "/contexts").json == ["."]

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", f"/subjects/{NAME}/versions"),
            ("GET", f"/subjects/{NAME}/versions/1"),
            ("GET", f"/subjects/{NAME}/versions/latest"),
            ("GET", f"/subjects/{NAME}/versions/1/schema"),
            ("GET", f"/subjects/{NAME}/versions/1/referencedby"),
            ("GET", f"/subjects/{NAME}/metadata"),
            ("GET", f"/config/{NAME}"),
            ("GET", f"/mode/{NAME}"),
            ("PUT", f"/config/{NAME}"),
            ("PUT", f"/mode/{NAME}"),
            ("DELETE", f"/config/{NAME}"),
            ("DELETE", f"/subjects/{NAME}"),
            ("DELETE", f"/subjects/{NAME}/versions/1"),
            ("DELETE", f"/subjects/{NAME}?permanent=true"),
            ("POST", f"/subjects/{NAME}"),
            ("POST", f"/subjects/{NAME}/versions"),
            ("POST", f"/compatibility/subjects/{NAME}/versions"),
            ("POST", f"/compatibility/subjects/{NAME}/versions/1"),
        ],
    )
    def test_every_way_to_it_is_40401(
        self, wire: Wire, api: Subject, method: str, path: str
    ) -> None:
        body = {"schema": json.dumps(RECORD), "compatibility": "NONE", "mode": "READWRITE"}
        answer = wire(method, path, None if method in {"GET", "DELETE"} else body)
        assert (answer.status, answer.code) == (404, 40401), answer.body
        api.refresh_from_db()
        assert (api.latest, api.level, api.mode) == (1, "", "")

    def test_its_id_and_guid_are_nobodys(self, wire: Wire, api: Subject) -> None:
        schema = api.versions.get().schema
        for path in (
            f"/schemas/ids/{schema.number}",
            f"/schemas/ids/{schema.number}?format=",
            f"/schemas/ids/{schema.number}/schema",
            f"/schemas/ids/{schema.number}/versions",
            f"/schemas/ids/{schema.number}/subjects",
            f"/schemas/guids/{schema.guid}",
            f"/schemas/guids/{schema.guid}/ids",
        ):
            answer = wire("GET", path)
            assert (answer.status, answer.code) == (404, 40403), path

    def test_nothing_refers_to_it(self, wire: Wire, api: Subject) -> None:
        body = {
            "schema": json.dumps(RECORD),
            "references": [{"name": "x", "subject": NAME, "version": 1}],
        }
        assert wire("POST", "/subjects/a/versions", body).status == 422

    def test_it_cannot_be_made_there(self, wire: Wire) -> None:
        body = {"schema": YAML, "schemaType": "OPENAPI"}
        assert wire("POST", "/subjects/new/versions", body).status == 422
        assert not Subject.objects.exists()


class TestJudging:
    def test_a_candidate_by_rest(self, dana: Rest, api: Subject) -> None:
        url = f"/api/v1/subjects/{api.pk}/check/"
        found = dana.post(url, {"schema": BROKEN, "format": "OPENAPI"})
        assert found["compatible"] is False
        (verdict,) = found["verdicts"]
        assert verdict["objections"][0]["sentence"].startswith("Clients written for version 1")

    def test_differences_tell_request_from_response(
        self, dana: Rest, actor: Actor, api: Subject
    ) -> None:
        Subject.objects.filter(pk=api.pk).update(level="NONE")
        register(actor, NAME, STRICTER.replace("[id, amount]", "[id]"), format=OPENAPI)
        found = dana.get(f"/api/v1/subjects/{api.pk}/differences/")
        way = next(one for one in found["directions"] if one["reader"] == "version 2")
        sides = {one["side"]: one["breaks"] for one in way["differences"] if one["breaks"]}
        assert sides == {"request": True, "response": True}

    def test_two_texts(self, dana: Rest) -> None:
        body = {"old": YAML, "new": GENTLE, "format": "OPENAPI"}
        assert dana.post("/api/v1/subjects/compare/", body)["compatible"] is True

    def test_impact_names_the_clients_that_break(
        self, dana: Rest, actor: Actor, api: Subject, people: Characters
    ) -> None:
        scope = environment_scope(people.project, "staging", "stage")
        entry = Entry(NAME, 1, "web", "shop-web", "1.0")
        made = SchemaSet(consumes=(entry,), produces=())
        recording.record(scope, None, {FACT: made.to_json()})
        body = {"subject": NAME, "schema": BROKEN, "format": "OPENAPI"}
        found = dana.post("/api/v1/schemas/impact/", body)
        (effect,) = found["effects"]
        assert effect["compatible"] is False
        assert "could not go on calling the candidate" in effect["sentence"]
        gentle = dana.post("/api/v1/schemas/impact/", {**body, "schema": GENTLE})
        assert gentle["compatible"] is True

    def test_a_comparison_past_its_bounds_says_so(
        self, dana: Rest, api: Subject, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def endless(*_: Any) -> Any:
            raise TooComplex("Judging takes longer than 2 s of processor time.")

        monkeypatch.setattr("schemas.formats.openapi.language.compare", endless)
        url = f"/api/v1/subjects/{api.pk}/check/"
        other = YAML.replace("amount", "never_judged_before")
        found = dana.post(url, {"schema": other, "format": "OPENAPI"}, 422)
        assert found["code"] == "too_complex"


class TestPages:
    def test_the_subject_shows_its_text_and_no_records(
        self, people: Characters, api: Subject
    ) -> None:
        text = html(signed_in(people.developer), page_of(api))
        assert "operationId: readOrder" in text
        assert "OPENAPI" in text
        assert "?tab=data" not in text
        assert "Compare a candidate" in text

    def test_differences_in_words(self, people: Characters, actor: Actor, api: Subject) -> None:
        Subject.objects.filter(pk=api.pk).update(level="NONE")
        register(actor, NAME, BROKEN, format=OPENAPI)
        text = html(signed_in(people.developer), f"{page_of(api)}?tab=differences")
        assert "Clients of version 1 call version 2" in text
        assert ">response:</span> Property became optional" in text

    def test_the_compare_page_judges_and_registers(self, people: Characters, api: Subject) -> None:
        browser = signed_in(people.developer)
        page = html(browser, f"/schemas/compare/?subject={NAME}")
        assert '<option value="OPENAPI" selected>' in page
        given = {"subject": NAME, "format": "OPENAPI", "candidate": BROKEN}
        assert "It would be refused." in posted(browser, "/schemas/compare/verdict/", 200, **given)
        given["candidate"] = GENTLE
        assert posted(browser, "/schemas/compare/register/", 302, **given) == page_of(api)

    def test_a_wrong_text_is_told_by_its_place(self, people: Characters) -> None:
        given = {"format": "OPENAPI", "candidate": YAML.replace("in: path", "in: nowhere"),
                 "subject": "new-api"}  # fmt: skip
        page = posted(signed_in(people.developer), "/schemas/compare/", 200, **given)
        assert "/paths/~1orders~1{id}/get/parameters/0" in page


class TestCommand:
    def test_a_yaml_file_is_a_description(self, tmp_path: Any) -> None:
        file = tmp_path / "orders.yaml"
        file.write_text(YAML)
        script = Script({"POST subjects/": {"version": 2, "schema_id": 7}})
        result = run(script, "schemas", "register", NAME, str(file), "--project", "orders")
        assert result.exit_code == 0, result.output
        assert result.stdout == f"{NAME} version 2, id 7\n"
        body = {"subject": NAME, "schema": YAML, "format": "OPENAPI", "project": "orders"}
        assert script.body() == {**body, "references": []}


def test_clients_go_on_while_others_are_hidden(wire: Wire, api: Subject, client: Client) -> None:
    """What hides them ends with the call, whatever it answered."""
    assert wire("GET", f"/subjects/{NAME}/versions").code == 40401
    assert wire("POST", "/subjects/x/versions", {"schema": "{"}).status == 422
    assert (
        services.look_up(Actor(api.created_by), parse(NAME), Candidate(YAML, OPENAPI)).number == 1
    )
