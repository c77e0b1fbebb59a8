"""The wire API by the requests of its servers: routes, numbers, names, headers."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from schemas import verdicts
from tests.rbac.factories import Characters
from tests.schemas.wire import Said, Wire, avro, token_of

SCENARIOS = Path("/work/shared/vectors/schemas/registry-api-scenarios.json")
ONE = avro(("id", "int"))
TWO = avro(("id", "int"), ("note", "string", ""))
BROKEN = avro(("id", "int"), ("amount", "double"))


class TestLife:
    def test_of_a_subject(self, wire: Wire) -> None:
        first = wire.register("orders", ONE)
        assert first.status == 200, first.body
        assert first.json["id"] == 1
        assert wire.register("orders", ONE).json == first.json
        assert wire.register("orders", TWO).json["version"] == 2
        refused = wire.register("orders", BROKEN)
        assert (refused.status, refused.code) == (409, 40901)
        assert set(refused.json) == {"error_code", "message"}
        assert "amount" in refused.json["message"]
        assert "version 2" in refused.json["message"]
        assert wire("GET", "/subjects/orders/versions").json == [1, 2]
        assert wire("DELETE", "/subjects/orders").json == [1, 2]
        assert wire("DELETE", "/subjects/orders?permanent=true").json == [1, 2]
        assert wire("GET", "/subjects/orders/versions").code == 40401

    def test_a_setting_gives_the_older_number(self, wire: Wire, settings: Settings) -> None:
        settings.SCHEMAS_INCOMPATIBLE_CODE = 409
        wire.register("orders", ONE)
        assert wire.register("orders", BROKEN).code == 409

    def test_the_form_of_a_version(self, wire: Wire) -> None:
        wire.register("orders", ONE)
        version = wire("GET", "/subjects/orders/versions/latest").json
        assert set(version) == {"subject", "version", "id", "guid", "schema"}
        assert json.loads(version["schema"]) == json.loads(ONE)
        found = wire("GET", "/schemas/ids/1")
        assert set(found.json) == {"schema", "guid"}
        assert found.headers["Content-Type"] == "application/vnd.schemaregistry.v1+json"
        assert "immutable" in found.headers["Cache-Control"]
        again = wire("GET", "/schemas/ids/1", headers={"if-none-match": found.headers["ETag"]})
        assert (again.status, again.body) == (304, b"")
        assert json.loads(wire("GET", "/schemas/ids/1/schema").body) == json.loads(ONE)
        assert json.loads(wire("GET", "/subjects/orders/versions/1/schema").body)

    def test_types_other_than_avro_are_named(self, wire: Wire) -> None:
        wire.register("j", '{"type": "object"}', schemaType="JSON")
        wire.register("p", 'syntax = "proto3"; message M { string a = 1; }', schemaType="PROTOBUF")
        assert wire("GET", "/subjects/j/versions/1").json["schemaType"] == "JSON"
        assert wire("GET", "/schemas/ids/2").json["schemaType"] == "PROTOBUF"
        assert "message M" in wire("GET", "/schemas/ids/2").json["schema"]
        serialized = wire("GET", "/schemas/ids/2?format=serialized").json["schema"]
        assert b"M" in base64.b64decode(serialized)
        sent = {"schema": serialized, "schemaType": "PROTOBUF"}
        assert wire("POST", "/subjects/p/versions", sent).json["id"] == 2

    def test_one_id_under_several_subjects(self, wire: Wire) -> None:
        for name in ("a", "b", "c"):
            assert wire.register(name, ONE).json["id"] == 1
        guid = wire("GET", "/subjects/a/versions/1").json["guid"]
        assert wire("GET", "/schemas/ids/1/subjects").json == ["a", "b", "c"]
        assert wire("GET", "/schemas/ids/1/versions").json[1] == {"subject": "b", "version": 1}
        assert wire("GET", "/schemas/ids/1/subjects?offset=1&limit=1").json == ["b"]
        assert wire("GET", "/schemas/ids/1/subjects?subject=c").json == ["c"]
        wire("DELETE", "/subjects/a")
        assert wire("GET", "/schemas/ids/1/subjects").json == ["b", "c"]
        assert wire("GET", "/schemas/ids/1/subjects?deleted=True").json == ["a", "b", "c"]
        assert wire("GET", f"/schemas/guids/{guid}").json["guid"] == guid
        assert wire("GET", f"/schemas/guids/{guid}/ids").json == [{"context": ".", "id": 1}]
        assert wire("GET", "/schemas/guids/nonsense").code == 40403

    def test_lookup(self, wire: Wire) -> None:
        assert wire("POST", "/subjects/orders", {"schema": ONE}).code == 40401
        wire.register("orders", ONE)
        spaced = json.dumps(json.loads(ONE), indent=3)
        found = wire("POST", "/subjects/orders?normalize=False&deleted=False", {"schema": spaced})
        assert (found.json["id"], found.json["version"]) == (1, 1)
        assert wire("POST", "/subjects/orders", {"schema": TWO}).code == 40403
        wire("DELETE", "/subjects/orders")
        assert wire("POST", "/subjects/orders", {"schema": ONE}).code == 40401
        assert wire("POST", "/subjects/orders?deleted=true", {"schema": ONE}).json["version"] == 1

    def test_metadata_and_rules_are_identity(self, wire: Wire) -> None:
        plain = wire.register("orders", ONE).json
        team = {"properties": {"team": "a"}}
        told = wire.register("orders", ONE, metadata=team).json
        assert (plain["id"], told["id"], told["version"]) == (1, 2, 2)
        rules = {"domainRules": [{"name": "r", "kind": "CONDITION", "type": "CEL", "expr": "1"}]}
        ruled = wire.register("orders", ONE, metadata=team, ruleSet=rules).json
        assert ruled["version"] == 3
        found = wire("GET", "/subjects/orders/metadata?key=team&value=a").json
        assert (found["version"], found["ruleSet"], found["metadata"]) == (3, rules, team)
        assert wire("GET", "/subjects/orders/metadata?key=team&value=b").code == 40402
        assert wire.register("orders", TWO).json["version"] == 4
        assert wire("GET", "/subjects/orders/versions/4").json["metadata"] == team

    def test_normalize(self, wire: Wire) -> None:
        full = {**json.loads(ONE), "namespace": "n"}
        named = {**json.loads(ONE), "name": "n.Order"}
        first = wire.register("orders", json.dumps(full))
        path = "/subjects/orders/versions?normalize=true"
        wire("PUT", "/config/orders", {"compatibility": "NONE"})
        other = wire("POST", path, {"schema": json.dumps(named)})
        assert other.status == 200
        again = wire("POST", path, {"schema": json.dumps(full)})
        assert again.json["id"] == other.json["id"] or again.json["id"] == first.json["id"]


class TestReferences:
    USER = avro(("name", "string"), name="User")
    USES = avro(("id", "int"), ("user", "User"))

    def sent(self, **more: Any) -> dict[str, Any]:
        reference = {"name": "User", "subject": "users", "version": 1, **more}
        return {"schema": self.USES, "references": [reference]}

    def test_they_are_resolved_and_listed(self, wire: Wire) -> None:
        wire.register("users", self.USER)
        made = wire("POST", "/subjects/orders/versions", self.sent())
        assert made.status == 200, made.body
        version = wire("GET", "/subjects/orders/versions/1").json
        assert version["references"] == [{"name": "User", "subject": "users", "version": 1}]
        assert wire("GET", "/subjects/users/versions/1/referencedby").json == [made.json["id"]]
        assert wire("POST", "/subjects/orders", self.sent()).json["id"] == made.json["id"]

    def test_what_is_missing_is_named(self, wire: Wire) -> None:
        refused = wire("POST", "/subjects/orders/versions", self.sent())
        assert (refused.status, refused.code) == (422, 42201)
        assert "users" in refused.json["message"]

    def test_what_is_used_cannot_be_deleted(self, wire: Wire) -> None:
        wire.register("users", self.USER)
        wire("POST", "/subjects/orders/versions", self.sent(version=-1))
        for path in ("/subjects/users", "/subjects/users/versions/1"):
            refused = wire("DELETE", path)
            assert (refused.status, refused.code) == (422, 42206)
        wire("DELETE", "/subjects/orders")
        assert wire("DELETE", "/subjects/users").json == [1]
        assert wire("DELETE", "/subjects/users?permanent=true").code == 42206
        wire("DELETE", "/subjects/orders?permanent=true")
        assert wire("DELETE", "/subjects/users?permanent=true").json == [1]

    def test_of_references(self, wire: Wire) -> None:
        wire.register("users", self.USER)
        group = avro(("lead", "User"), name="Group")
        user = {"name": "User", "subject": "users", "version": 1}
        wire.register("groups", group, references=[user])
        company = avro(("board", "Group"), name="Company")
        held = {"name": "Group", "subject": "groups", "version": 1}
        assert wire.register("companies", company, references=[held]).status == 200
        wider = avro(("board", "Group"), ("town", "string", ""), name="Company")
        assert wire.register("companies", wider, references=[held]).json["version"] == 2


class TestDeleting:
    def test_numbers_of_what_is_not_there(self, wire: Wire) -> None:
        assert wire("DELETE", "/subjects/none").code == 40401
        assert wire("DELETE", "/subjects/none/versions/1").code == 40401
        wire.register("orders", ONE)
        assert wire("DELETE", "/subjects/orders?permanent=true").code == 40405
        assert wire("DELETE", "/subjects/orders/versions/1?permanent=true").code == 40407
        assert wire("DELETE", "/subjects/orders/versions/9").code == 40402
        wire("DELETE", "/subjects/orders")
        assert wire("DELETE", "/subjects/orders").code == 40404
        assert wire("DELETE", "/subjects/orders/versions/1").code == 40406

    def test_a_version_of_several(self, wire: Wire) -> None:
        wire.register("orders", ONE)
        wire.register("orders", TWO)
        assert wire("DELETE", "/subjects/orders/versions/latest").json == 2
        assert wire("GET", "/subjects/orders/versions/2").code == 40402
        assert wire("GET", "/subjects/orders/versions/2?deleted=true").json["version"] == 2
        assert wire("GET", "/subjects/orders/versions").json == [1]
        assert wire("GET", "/subjects/orders/versions?deleted=true").json == [1, 2]
        assert wire("GET", "/subjects/orders/versions?deleted_only=True").json == [2]
        assert wire("GET", "/schemas/ids/2").status == 200, "readers still hold its id"
        assert wire.register("orders", TWO).json == {**wire.register("orders", TWO).json, "id": 2}
        assert wire("GET", "/subjects/orders/versions").json == [1, 3]
        assert wire("DELETE", "/subjects/orders/versions/2?permanent=true").json == 2
        assert wire("GET", "/subjects/orders/versions?deleted=true").json == [1, 3]

    def test_an_id_is_never_given_again(self, wire: Wire) -> None:
        wire.register("orders", ONE)
        wire("DELETE", "/subjects/orders")
        wire("DELETE", "/subjects/orders?permanent=true")
        assert wire("GET", "/schemas/ids/1").code == 40403
        again = wire.register("orders", TWO).json
        assert (again["id"], again["version"]) == (2, 1)

    def test_lists_leave_out_what_is_deleted(self, wire: Wire) -> None:
        for name in ("a1", "a2", "b1"):
            wire.register(name, ONE)
        wire("DELETE", "/subjects/a1")
        assert wire("GET", "/subjects").json == ["a2", "b1"]
        assert wire("GET", "/subjects?deleted=true").json == ["a1", "a2", "b1"]
        assert wire("GET", "/subjects?deletedOnly=true&deleted=true").json == ["a1"]
        assert wire("GET", "/subjects?subjectPrefix=a").json == ["a2"]
        assert wire("GET", "/subjects?offset=1&limit=1").json == ["b1"]
        assert wire("GET", "/subjects?offset=0&limit=-1").json == ["a2", "b1"]
        listed = wire("GET", "/schemas?deleted=true&latestOnly=true").json
        assert [row["subject"] for row in listed] == ["a1", "a2", "b1"]
        assert listed[0]["deleted"] is True


class TestSettings:
    def test_levels_fall_through(self, wire: Wire) -> None:
        assert wire("GET", "/config").json == {"compatibilityLevel": "BACKWARD"}
        assert wire("GET", "/config/orders").code == 40408
        found = wire("GET", "/config/orders?defaultToGlobal=true")
        assert found.json == {"compatibilityLevel": "BACKWARD"}
        assert wire("PUT", "/config", {"compatibility": "full"}).json == {"compatibility": "FULL"}
        assert wire("GET", "/config").json == {"compatibilityLevel": "FULL"}
        assert wire("PUT", "/config/orders", {"compatibility": "NONE"}).status == 200
        assert wire("GET", "/config/orders").json == {"compatibilityLevel": "NONE"}
        assert wire("GET", "/subjects/orders/versions").code == 40401
        assert wire("GET", "/subjects").json == []
        wire.register("orders", ONE)
        assert wire.register("orders", BROKEN).status == 200
        assert wire("DELETE", "/config/orders").json == {"compatibilityLevel": "NONE"}
        assert wire("DELETE", "/config/orders").code == 40401
        assert wire("DELETE", "/config").json == {"compatibilityLevel": "FULL"}
        assert wire("PUT", "/config", {"compatibility": "SOMETIMES"}).code == 42203
        assert wire("GET", "/config").json == {"compatibilityLevel": "BACKWARD"}

    def test_a_context_has_its_own(self, wire: Wire) -> None:
        wire("PUT", "/config/:.test:", {"compatibility": "NONE"})
        assert wire("GET", "/config/:.test:").json == {"compatibilityLevel": "NONE"}
        assert wire("GET", "/contexts/.test/config").json == {"compatibilityLevel": "NONE"}
        wire.register(":.test:orders", ONE)
        assert wire.register(":.test:orders", BROKEN).status == 200
        wire.register("orders", ONE)
        assert wire.register("orders", BROKEN).status == 409

    def test_others_than_the_level(self, wire: Wire) -> None:
        body = {
            "compatibility": "BACKWARD",
            "compatibilityGroup": "major",
            "defaultMetadata": {"properties": {"team": "a"}},
            "overrideMetadata": {"properties": {"tier": "gold"}},
        }
        assert wire("PUT", "/config/orders", body).json == body
        expected = {**body, "compatibilityLevel": body["compatibility"]}
        del expected["compatibility"]
        assert wire("GET", "/config/orders").json == expected
        one = wire.register("orders", ONE, metadata={"properties": {"major": "1", "tier": "iron"}})
        assert one.status == 200
        found = wire("GET", "/subjects/orders/versions/1").json["metadata"]["properties"]
        assert found == {"major": "1", "team": "a", "tier": "gold"}
        broken = {"metadata": {"properties": {"major": "2"}}}
        assert wire.register("orders", BROKEN, **broken).status == 200, "another group"
        assert (
            wire.register("orders", BROKEN, metadata={"properties": {"major": "1"}}).status == 409
        )

    def test_modes(self, wire: Wire) -> None:
        assert wire("GET", "/mode").json == {"mode": "READWRITE"}
        assert wire("GET", "/mode/orders").code == 40409
        assert wire("PUT", "/mode/orders", {"mode": "READONLY"}).json == {"mode": "READONLY"}
        assert wire.register("orders", ONE).code == 42205
        assert wire("DELETE", "/mode/orders").json == {"mode": "READONLY"}
        assert wire.register("orders", ONE).status == 200
        assert wire("PUT", "/mode", {"mode": "nothing"}).code == 42204
        assert wire("PUT", "/mode", {"mode": "READONLY_OVERRIDE"}).status == 200
        wire("PUT", "/mode/orders", {"mode": "READWRITE"})
        assert wire.register("orders", TWO).code == 42205
        assert wire("DELETE", "/subjects/orders").code == 42205
        found = wire("GET", "/mode/other?defaultToGlobal=true")
        assert found.json == {"mode": "READONLY_OVERRIDE"}
        wire("DELETE", "/mode")
        assert wire.register("orders", TWO).status == 200

    def test_import_keeps_ids(self, wire: Wire) -> None:
        assert wire.register("orders", ONE, id=70).code == 42205, "not in import mode"
        wire("PUT", "/mode/orders", {"mode": "IMPORT"})
        assert wire.register("orders", ONE).code == 42205, "an import needs the id"
        assert wire.register("orders", TWO, id=71, version=5).json["version"] == 5
        assert wire.register("orders", ONE, id=70, version=2).json["id"] == 70
        assert wire("GET", "/subjects/orders/versions").json == [2, 5]
        assert wire.register("orders", ONE, id=72, version=2).code == 42207
        assert wire.register("orders", BROKEN, id=70, version=6).code == 42205, "id taken"
        assert wire.register("orders", BROKEN, id=73, version=5).code == 42205, "version taken"
        assert wire.register("other", BROKEN).json["id"] == 72, "the counter stands behind"
        assert wire("PUT", "/mode/other", {"mode": "IMPORT"}).code == 42205
        assert wire("PUT", "/mode/other?force=True", {"mode": "IMPORT"}).status == 200

    def test_versions_that_are_given_follow(self, wire: Wire) -> None:
        assert wire.register("orders", ONE, version=3).code == 42201
        assert wire.register("orders", ONE, version=1).status == 200
        assert wire.register("orders", TWO, version=-1).json["version"] == 2


class TestCompatibility:
    PATH = "/compatibility/subjects/orders/versions"

    def test_of_one_version_and_all(self, wire: Wire) -> None:
        assert wire("POST", self.PATH, {"schema": ONE}).json == {"is_compatible": True}
        assert wire("POST", f"{self.PATH}/1", {"schema": ONE}).code == 40402
        wire.register("orders", ONE)
        wire.register("orders", TWO)
        for version in ("/latest", "/-1", "/1", ""):
            said = wire("POST", f"{self.PATH}{version}?verbose=True", {"schema": BROKEN}).json
            assert said["is_compatible"] is False
            assert "amount" in said["messages"][0]
            assert said["messages"][-1] == "{compatibility: 'BACKWARD'}"
        said = wire("POST", f"{self.PATH}/latest?verbose=true", {"schema": ONE}).json
        assert said == {"is_compatible": True, "messages": []}
        assert wire("POST", f"{self.PATH}/latest", {"schema": "{"}).code == 42201
        assert wire("POST", f"{self.PATH}/zero", {"schema": ONE}).code == 42202
        assert wire("POST", f"{self.PATH}/99", {"schema": ONE}).code == 40402

    def test_both_directions(self, wire: Wire) -> None:
        wire.register("orders", ONE)
        wire("PUT", "/config/orders", {"compatibility": "FORWARD"})
        assert wire("POST", self.PATH, {"schema": BROKEN}).json["is_compatible"] is True
        wire("PUT", "/config/orders", {"compatibility": "FULL"})
        assert wire("POST", self.PATH, {"schema": BROKEN}).json["is_compatible"] is False

    def test_transitive_over_fifty(
        self, wire: Wire, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        verdicts.forget_memory()  # of tests before, whose table is gone
        wire("PUT", "/config/orders", {"compatibility": "BACKWARD_TRANSITIVE"})
        for number in range(50):
            fields = [("id", "int"), *[(f"f{n}", "string", "") for n in range(number)]]
            assert wire.register("orders", avro(*fields)).status == 200
        candidate = {"schema": avro(("id", "int"), ("new", "string", ""))}
        assert wire("POST", self.PATH, candidate).json["is_compatible"] is True
        verdicts.forget_memory()
        with django_assert_max_num_queries(4):
            assert wire("POST", self.PATH, candidate).json["is_compatible"] is True


class TestNames:
    @pytest.mark.parametrize(
        ("sent", "name"),
        [
            ("a%2Fb", "a/b"),
            ("a%252Fb", "a%2Fb"),
            ("%C3%A4", "ä"),
            ("a%20b", "a b"),
            ("a+b", "a+b"),
            ("google%2Fprotobuf%2Fany.proto", "google/protobuf/any.proto"),
            ("a/b/c", "a/b/c"),
            ("versions", "versions"),
            ("a%3Fb%23c", "a?b#c"),
        ],
    )
    def test_are_decoded_once(self, wire: Wire, sent: str, name: str) -> None:
        assert wire.register(sent, ONE).status == 200
        assert wire("GET", "/subjects").json == [name]
        assert wire("GET", f"/subjects/{sent}/versions").json == [1]
        assert wire("GET", f"/subjects/{sent}/versions/latest/schema").status == 200
        assert wire("PUT", f"/config/{sent}", {"compatibility": "NONE"}).status == 200
        assert wire("DELETE", f"/subjects/{sent}").json == [1]

    @pytest.mark.parametrize("sent", ["__GLOBAL", "__EMPTY", "a%00b", "%0A", "x" * 256, ":.c c:x"])
    def test_that_are_none(self, wire: Wire, sent: str) -> None:
        assert wire.register(sent, ONE).code == 42208

    def test_contexts_have_ids_of_their_own(self, wire: Wire) -> None:
        wire.register("orders", ONE)
        wire.register("orders", TWO)
        other = wire.register(":.test:orders", TWO).json
        assert other["id"] == 1
        assert other["guid"] == wire("GET", "/schemas/ids/2").json["guid"]
        assert wire("GET", "/contexts").json == [".", ".test"]
        assert wire("GET", "/subjects").json == ["orders", ":.test:orders"]
        assert wire("GET", "/contexts/.test/subjects").json == [":.test:orders"]
        assert wire("GET", "/contexts/.test/subjects/orders/versions").json == [1]
        assert wire("GET", "/contexts/.test/schemas/ids/2").code == 40403
        assert wire("GET", "/schemas/ids/1?subject=:.test:orders").json["guid"] == other["guid"]
        assert wire("GET", "/subjects?subjectPrefix=:.test:").json == [":.test:orders"]
        assert wire("GET", "/subjects?subjectPrefix=:*:ord").json == ["orders", ":.test:orders"]
        ids = wire("GET", f"/schemas/guids/{other['guid']}/ids").json
        assert ids == [{"context": ".", "id": 2}, {"context": ".test", "id": 1}]


class TestHttp:
    def test_associations_are_answered_before_anything_is_asked(self, db: None) -> None:
        said = Wire("")("GET", "/associations/resources/-/topic?resourceType=topic")
        assert (said.status, said.code) == (404, 404)
        assert set(said.json) == {"error_code", "message"}

    def test_without_a_token(self, db: None) -> None:
        said = Wire("")("GET", "/subjects")
        assert (said.status, said.code) == (401, 401)
        assert said.headers["WWW-Authenticate"].startswith("Basic")
        assert Wire("slp_nonsense")("GET", "/subjects").status == 401

    def test_bearer(self, wire: Wire) -> None:
        bearer = Wire("", headers={"authorization": f"Bearer {wire.token}"})
        assert bearer("GET", "/subjects").json == []

    @pytest.mark.parametrize(
        ("accept", "kind"),
        [
            ("", "application/vnd.schemaregistry.v1+json"),
            ("*/*", "application/vnd.schemaregistry.v1+json"),
            ("application/json", "application/json"),
            ("application/json, */*;q=0.5", "application/json"),
            (
                "application/vnd.schemaregistry.v1+json, application/json",
                "application/vnd.schemaregistry.v1+json",
            ),
        ],
    )
    def test_media_types(self, wire: Wire, accept: str, kind: str) -> None:
        assert wire("GET", "/", headers={"accept": accept}).headers["Content-Type"] == kind

    def test_media_types_that_we_do_not_speak(self, wire: Wire) -> None:
        assert wire("GET", "/", headers={"accept": "text/html"}).status == 406
        form = {"content-type": "application/x-www-form-urlencoded"}
        assert wire("POST", "/subjects/a", {"schema": ONE}, form).status == 415

    def test_paths_and_methods_that_are_none(self, wire: Wire) -> None:
        assert (wire("GET", "/nothing").status, wire("GET", "/nothing").code) == (404, 404)
        said = wire("PATCH", "/subjects/a/versions", {})
        assert (said.status, said.headers["Allow"]) == (405, "GET, POST")
        assert wire("GET", "/schemas/ids/x").status == 404
        assert wire("GET", "/schemas/ids/99999999999999999999").status == 404
        assert wire("GET", f"/{'a/' * 200}").status == 404
        assert wire("HEAD", "/subjects").body == b""

    def test_versions_that_are_none(self, wire: Wire) -> None:
        wire.register("orders", ONE)
        for version in ("0", "-2", "abc", "2147483648", "1.0", "9" * 400, "²"):
            assert wire("GET", f"/subjects/orders/versions/{version}").code == 42202, version
        assert wire("GET", "/subjects/none/versions/1").code == 40401


class TestThroughDjango:
    """Where no adapter stands in front, a view says the same words."""

    def test_a_view_answers(self, wire: Wire, client: Client) -> None:
        headers = {"Authorization": f"Bearer {wire.token}"}
        kind = "application/json"
        made = client.post(
            "/registry/subjects/orders/versions", {"schema": ONE}, kind, headers=headers
        )
        assert made.json()["id"] == 1
        assert client.get("/registry/subjects", headers=headers).json() == ["orders"]
        assert client.get("/registry", headers=headers).json() == {}
        assert client.get("/registry/subjects").json()["error_code"] == 401
        large = client.post("/registry/subjects/a", "x" * 3_000_000, kind, headers=headers)
        assert (large.status_code, large.json()["error_code"]) == (413, 413)

    def test_asgi_keeps_its_own_prefix(self, people: Characters, async_client: AsyncClient) -> None:
        headers = {"Authorization": f"Bearer {token_of(people.viewer)}"}
        found = async_to_sync(async_client.get)("/registry", headers=headers)
        assert found.json() == {}


def fits(value: Any, expected: Any) -> bool:
    if isinstance(expected, dict):
        return isinstance(value, dict) and all(
            key in value and fits(value[key], item) for key, item in expected.items()
        )
    return bool(value == expected)


def judge(said: Said, expect: dict[str, Any]) -> list[str]:
    """What of a scenario's expectations an answer misses."""
    statuses = expect["status"] if isinstance(expect["status"], list) else [expect["status"]]
    codes = expect.get("error_code", [])
    wrong = [f"{said.status} is none of {statuses}"] if said.status not in statuses else []
    if codes and said.code not in (codes if isinstance(codes, list) else [codes]):
        wrong.append(f"{said.code} is none of {codes}")
    if "json_equals" in expect and said.json != expect["json_equals"]:
        wrong.append(f"it is not {expect['json_equals']}")
    if "json_contains" in expect and not fits(said.json, expect["json_contains"]):
        wrong.append(f"it does not hold {expect['json_contains']}")
    wrong += [
        f"{one} is missing" for one in expect.get("json_list_has", []) if one not in said.json
    ]
    wrong += [f"{one} is there" for one in expect.get("json_list_lacks", []) if one in said.json]
    return wrong


def filled(value: Any, captured: dict[str, Any]) -> Any:
    if isinstance(value, str):
        for name, item in captured.items():
            if value == f"{{{name}}}":
                return item
            value = value.replace(f"{{{name}}}", str(item))
        return value
    if isinstance(value, dict):
        return {key: filled(item, captured) for key, item in value.items()}
    return [filled(item, captured) for item in value] if isinstance(value, list) else value


CASES = json.loads(SCENARIOS.read_text())["cases"] if SCENARIOS.exists() else []


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_scenario(wire: Wire, case: dict[str, Any]) -> None:
    captured: dict[str, Any] = {}
    for step in case["steps"]:
        said = wire(
            step["method"],
            filled(step["path"], captured),
            filled(step.get("body"), captured),
            step.get("headers"),
        )
        wrong = judge(said, filled(step["expect"], captured))
        assert not wrong, f"{step['method']} {step['path']}: {wrong}: {said.body[:300]!r}"
        for name, member in step.get("capture", {}).items():
            captured[name] = said.json[member]
