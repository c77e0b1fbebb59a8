"""`config-check` by REST and `slipway schemas check-config`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from rbac.actors import Actor
from schemas.formats.base import FormatName
from tests.rbac.factories import Characters
from tests.schemas.dependants.test_rest import client_of
from tests.schemas.factories import V1, register
from tests.schemas.variables.world import NAME, schema
from tests.support.console import Script, problem, run

URL = "/api/v1/schemas/config-check/"
SECRET = "hunter2-hunter2"


@pytest.fixture
def api(people: Characters) -> APIClient:
    actor = Actor(people.developer)
    register(actor, NAME, json.dumps(schema("PORT")), format=FormatName.JSON)
    register(actor, "orders-value", V1)
    return client_of(people.developer)


@pytest.mark.django_db
class TestRest:
    def ask(self, api: APIClient, status: int = 200, query: str = "", **body: Any) -> Any:
        answer = api.post(f"{URL}{query}", body)
        assert answer.status_code == status, answer.content
        return answer.json()

    def test_a_fault_has_its_variable_rule_and_way_out(self, api: APIClient) -> None:
        found = self.ask(api, workload="web", subject=NAME, variables={"PORT": "eighty"})
        assert found == {
            "valid": False,
            "schema": f"{NAME} version 1",
            "faults": [
                {
                    "workload": "web",
                    "variable": "PORT",
                    "rule": "type",
                    "sentence": "web: variable PORT is `eighty`, the schema wants an integer",
                    "fix": "Set it in environment.yaml, workloads.web.variables.PORT.",
                }
            ],
            "notes": [],
        }

    def test_secrets_are_named_and_nothing_more(self, api: APIClient) -> None:
        assert self.ask(api, subject=NAME, version=1, secrets=["PORT"])["valid"]

    def test_a_schema_of_ones_own(self, api: APIClient) -> None:
        text = json.dumps({"required": ["A"]})
        assert not self.ask(api, schema=text)["valid"]
        assert self.ask(api, schema=text, variables={"A": ""})["valid"]

    def test_a_no_may_be_answered_with_409(self, api: APIClient) -> None:
        found = self.ask(api, 409, "?fail=1", subject=NAME)
        assert "PORT is missing" in found["detail"]

    def test_a_marked_value_is_not_repeated(self, api: APIClient) -> None:
        own = json.dumps({"properties": {"K": {"type": "integer", "writeOnly": True}}})
        found = self.ask(api, schema=own, variables={"K": SECRET})
        assert not found["valid"]
        assert SECRET not in json.dumps(found)

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            ({}, 422),
            ({"subject": NAME, "schema": "{}"}, 422),
            ({"subject": "nobody"}, 404),
            ({"subject": NAME, "version": 9}, 404),
            ({"subject": "orders-value"}, 422),
            ({"subject": ":.bad context:x"}, 422),
            ({"schema": "{"}, 422),
            ({"schema": '{"$ref": "file:///etc/passwd"}'}, 422),
            ({"schema": "x" * 64_001}, 422),
            ({"schema": "[" * 60_000}, 422),
            ({"subject": NAME, "variables": {f"A{n}": "" for n in range(501)}}, 422),
            ({"subject": NAME, "variables": {"A": "x" * 20_001}}, 422),
            ({"subject": NAME, "variables": {"A": {"b": 1}}}, 422),
            ({"subject": NAME, "secrets": ["A B"]}, 422),
            ({"subject": NAME, "colour": "red"}, 422),
        ],
    )
    def test_what_is_wrong_is_refused(self, api: APIClient, body: Any, status: int) -> None:
        found = self.ask(api, status, **body)
        assert found["status"] == status

    def test_what_one_may_not_see_does_not_exist(self, api: APIClient, people: Characters) -> None:
        answer = client_of(people.stranger).post(URL, {"subject": NAME})
        assert answer.status_code in {403, 404}
        assert APIClient().post(URL, {"subject": NAME}).status_code == 401


CHECK = "POST schemas/config-check/"
YES = {"valid": True, "schema": "web-config version 2", "faults": [], "notes": []}
FAULT = {"workload": "web", "variable": "PORT", "rule": "type",
         "sentence": "web: variable PORT is `x\x1b[31m`", "fix": "Set it."}  # fmt: skip
NO = {**YES, "valid": False, "faults": [FAULT], "notes": ["A rule is not judged."]}


class TestCommand:
    def test_files_pairs_and_secrets_are_sent(self, tmp_path: Path) -> None:
        file = tmp_path / "web.env"
        file.write_text('# where\nexport PORT=80\n\nMODE="tls on"\nURL=a=b\n')
        script = Script({CHECK: YES})
        options = ("--env-file", str(file), "--set", "PORT=81", "--secret", "KEY")
        result = run(script, "schemas", "check-config", "web-config@2", *options)
        assert result.exit_code == 0, result.output
        assert script.body() == {
            "workload": "workload",
            "subject": "web-config",
            "version": 2,
            "variables": {"PORT": "81", "MODE": "tls on", "URL": "a=b"},
            "secrets": ["KEY"],
        }

    def test_a_no_ends_with_3_and_the_way_out(self) -> None:
        result = run(Script({CHECK: NO}), "schemas", "check-config", "web-config@latest")
        assert result.exit_code == 3
        assert "variable PORT is" in result.stdout
        assert "\x1b" not in result.stdout
        assert "Set it." in result.stderr
        assert "not judged" in result.stderr

    def test_a_file_is_the_schema_itself(self, tmp_path: Path) -> None:
        file = tmp_path / "web.schema.json"
        file.write_text('{"required": ["A"]}')
        script = Script({CHECK: YES})
        assert run(script, "schemas", "check-config", str(file)).exit_code == 0
        assert script.body()["schema"] == '{"required": ["A"]}'

    @pytest.mark.parametrize(
        "words", [("web-config",), ("web-config@2", "--set", "A"), ("a@1", "--env-file", "no.env")]
    )
    def test_what_cannot_be_read_ends_with_usage(self, words: tuple[str, ...]) -> None:
        assert run(Script({CHECK: YES}), "schemas", "check-config", *words).exit_code == 2

    def test_a_problem_is_told(self) -> None:
        script = Script({CHECK: problem(404, "not_found", "There is no subject.")})
        result = run(script, "schemas", "check-config", "nobody@1")
        assert result.exit_code != 0
        assert "There is no subject." in result.stderr
