"""The wire API by the requests of its servers: routes, numbers, names, headers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.schemas.wire import Said, Wire, avro

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
        assert "amount" in refused.json["message"]
        assert wire("GET", "/subjects/orders/versions").json == [1, 2]
        assert wire("DELETE", "/subjects/orders").json == [1, 2]
        assert wire("DELETE", "/subjects/orders?permanent=true").json == [1, 2]
        assert wire("GET", "/subjects/orders/versions").code == 40401


def fits(value: Any, expected: Any) -> bool:
    if isinstance(expected, dict):
        return isinstance(value, dict) and all(
            key in value and fits(value[key], item) for key, item in expected.items()
        )
    return bool(value == expected)


def judge(said: Said, expect: dict[str, Any]) -> str:
    """What of a scenario's expectations an answer misses."""
    statuses = expect["status"] if isinstance(expect["status"], list) else [expect["status"]]
    if said.status not in statuses:
        return f"{said.status} instead of {statuses}: {said.body[:200]!r}"
    codes = expect.get("error_code")
    if codes and said.code not in (codes if isinstance(codes, list) else [codes]):
        return f"{said.code} instead of {codes}"
    if "json_equals" in expect and said.json != expect["json_equals"]:
        return f"{said.json} instead of {expect['json_equals']}"
    if "json_contains" in expect and not fits(said.json, expect["json_contains"]):
        return f"{said.json} does not hold {expect['json_contains']}"
    if any(entry not in said.json for entry in expect.get("json_list_has", [])):
        return f"{said.json} lacks one of {expect['json_list_has']}"
    if any(entry in said.json for entry in expect.get("json_list_lacks", [])):
        return f"{said.json} has one of {expect['json_list_lacks']}"
    return ""


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
        assert not wrong, f"{step['method']} {step['path']}: {wrong}"
        for name, member in step.get("capture", {}).items():
            captured[name] = said.json[member]
