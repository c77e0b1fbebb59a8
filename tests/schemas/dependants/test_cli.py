"""`slipway schemas check`, `impact`, `dependants` and `check-in` against a scripted server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from schemas.dependants import reports
from tests.support.console import Script, problem, run

READER = {
    "role": "consumer",
    "holder": "billing-api",
    "owner": "billing",
    "environment": "billing/stage",
    "tier": "staging",
    "version": 1,
    "known": "declared",
    "seen": None,
    "retained_until": None,
}
WRITER = {**READER, "role": "producer", "holder": "orders-api", "owner": "orders", "version": 2}
CELL = {
    "subject": "orders-value",
    "reader": READER,
    "writer": WRITER,
    "compatible": False,
    "sentence": "billing-api cannot read <amount>\x1b[31m: give it a default",
    "agreed_by": "",
}
NO = {
    "allowed": False,
    "environment": "orders/staging",
    "sentence": "orders-value version 2 would break 1 consumer.",
    "ways_out": "Two ways out.",
    "missing": ["orders-api reads x version 9, which is not registered."],
    "set": [WRITER],
    "matrix": [CELL, {**CELL, "compatible": True, "sentence": ""}],
    "left_out": 0,
}
YES = {**NO, "allowed": True, "sentence": "It may go.", "ways_out": "", "missing": [], "matrix": []}
EFFECTS = [
    {"party": READER, "compatible": False, "sentence": "billing-api could not read it"},
    {"party": {**READER, "version": None}, "compatible": None, "sentence": "nobody knows"},
    {"party": WRITER, "compatible": True, "sentence": ""},
]
IMPACT = {
    "subject": "orders-value",
    "compatible": False,
    "sentence": "It would break 1 of 3.",
    "effects": EFFECTS,
}
CHECK = "POST schemas/may-deploy/"
WORDS = ("schemas", "check", "orders-api@7f3c", "orders/staging")


class TestCheck:
    def test_a_no_ends_with_3_and_both_ways_out(self) -> None:
        script = Script({CHECK: NO})
        result = run(script, *WORDS)
        assert result.exit_code == 3
        assert result.stdout == "orders-value version 2 would break 1 consumer.\n"
        assert "Two ways out." in result.stderr
        assert script.body() == {
            "set": "orders-api@7f3c",
            "environment": "orders/staging",
            "produces": [],
            "consumes": [],
        }

    def test_a_yes_ends_with_0(self) -> None:
        assert run(Script({CHECK: YES}), *WORDS).exit_code == 0

    def test_versions_are_named(self) -> None:
        script = Script({CHECK: YES})
        options = ("--produces", "a@b@3", "--consumes", ":.ctx:pay@latest", "--from", "orders/dev")
        run(script, "schemas", "check", "orders-api", "orders/staging", *options)
        assert script.body()["produces"] == [{"subject": "a@b", "version": 3}]
        assert script.body()["consumes"] == [{"subject": ":.ctx:pay", "version": "latest"}]
        assert script.body()["from"] == "orders/dev"

    @pytest.mark.parametrize("word", ["orders", "@3", "orders@", "orders@three", "o@99999999999"])
    def test_what_is_no_version_is_a_mistake_of_usage(self, word: str) -> None:
        script = Script({CHECK: YES})
        assert run(script, *WORDS, "--produces", word).exit_code == 2
        assert not script.calls

    def test_json(self) -> None:
        result = run(Script({CHECK: NO}), *WORDS, "--json")
        assert json.loads(result.stdout) == NO
        assert result.exit_code == 3

    def test_reports(self, tmp_path: Path) -> None:
        junit, sarif = tmp_path / "junit.xml", tmp_path / "out.sarif"
        result = run(Script({CHECK: NO}), *WORDS, "--junit", str(junit), "--sarif", str(sarif))
        assert result.exit_code == 3
        suite = ET.parse(junit).getroot()[0]  # noqa: S314  # written a line above
        assert (suite.get("tests"), suite.get("failures")) == ("3", "2")
        failures = [case.find("failure") for case in suite]
        assert [f.get("type") for f in failures if f is not None] == [
            "schema-version-missing",
            "schema-incompatible",
        ]
        assert "<amount>\N{REPLACEMENT CHARACTER}[31m" in (suite[1][0].text or "")
        found: Any = json.loads(sarif.read_text())
        assert found["version"] == "2.1.0"
        results = found["runs"][0]["results"]
        rules = {rule["id"] for rule in found["runs"][0]["tool"]["driver"]["rules"]}
        assert {one["ruleId"] for one in results} == rules
        assert results[1]["locations"][0]["logicalLocations"][0]["name"] == "orders-value"

    def test_a_report_that_cannot_be_written(self, tmp_path: Path) -> None:
        target = tmp_path / "nowhere" / "junit.xml"
        assert run(Script({CHECK: NO}), *WORDS, "--junit", str(target)).exit_code == 2

    def test_nothing_to_judge_is_one_passed_case(self) -> None:
        (case,) = reports.cases_of_check(YES)
        assert case.failure == ""

    def test_a_refusal_of_the_server(self) -> None:
        script = Script({CHECK: problem(404, "not_found", "No schema set is known.")})
        assert run(script, *WORDS).exit_code == 4


class TestImpact:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        path = tmp_path / "order.avsc"
        path.write_text("\ufeff{}")
        return path

    def test_who_would_break(self, file: Path, tmp_path: Path) -> None:
        script = Script({"POST schemas/impact/": IMPACT})
        sarif = tmp_path / "out.sarif"
        words = ("schemas", "impact", "orders-value", str(file), "--sarif", str(sarif))
        result = run(script, *words, "--reference", "Item=items-value@2")
        assert result.exit_code == 3
        assert result.stdout.splitlines() == [
            "It would break 1 of 3.",
            "- billing-api could not read it",
            "- nobody knows",
        ]
        assert script.body() == {
            "subject": "orders-value",
            "schema": "{}",
            "format": "AVRO",
            "references": [{"name": "Item", "subject": "items-value", "version": 2}],
        }
        (one,) = json.loads(sarif.read_text())["runs"][0]["results"]
        place = one["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == file.as_posix()

    def test_files_that_cannot_be_read(self, tmp_path: Path) -> None:
        script = Script({"POST schemas/impact/": IMPACT})
        assert run(script, "schemas", "impact", "s", str(tmp_path / "no.avsc")).exit_code == 2
        binary = tmp_path / "x.proto"
        binary.write_bytes(b"\xff\xfe")
        assert run(script, "schemas", "impact", "s", str(binary)).exit_code == 2
        assert not script.calls


def test_dependants_are_listed() -> None:
    body = {"subject": "orders-value", "dependants": [READER, WRITER]}
    script = Script({"GET schemas/dependants/": body})
    out = run(script, "schemas", "dependants", "orders-value").stdout
    assert "billing-api" in out
    assert script.calls[0].url.params["subject"] == "orders-value"


def test_check_in_says_each_version() -> None:
    said = {"role": "consumer", "subject": "orders-value", "expires_at": "2026-12-01"}
    script = Script({"POST schemas/check-ins/": said})
    words = ("schemas", "check-in", "billing/stage", "billing-api")
    result = run(script, *words, "--consumes", "orders-value@1", "--produces", "pay@2")
    assert result.exit_code == 0
    assert [json.loads(call.content)["role"] for call in script.calls] == ["producer", "consumer"]
    assert run(script, *words).exit_code == 2
    assert run(script, *words, "--consumes", "orders-value@latest").exit_code == 2


def test_a_set_is_proposed_as_a_change() -> None:
    change = {"id": 4, "title": "Set schemas", "state": "succeeded", "reason": ""}
    empty = {"results": [], "next": None}
    script = Script(
        {
            "POST environments/orders/stage/schemas/": change,
            "GET changes/4/": change,
            "GET changes/4/events/": empty,
        }
    )
    options = ("--produces", "orders-value@3", "--workload", "web", "--image", "api:2", "-y")
    result = run(script, "env", "set-schemas", "orders/stage", *options)
    assert result.exit_code == 0, result.output
    assert script.body(0) == {
        "produces": [{"subject": "orders-value", "version": 3, "workload": "web"}],
        "consumes": [],
        "reads": [],
        "workload": "web",
        "image": "api:2",
    }
