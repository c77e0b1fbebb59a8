"""Findings of the lint as SARIF, which code hosts show beside the lines (OASIS SARIF 2.1.0)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from idp.common.version import VERSION

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def report(found: Mapping[str, Any]) -> str:
    """The findings of files, by name, as SARIF's JSON text."""
    every = [(name, one) for name, answer in found.items() for one in answer["findings"]]
    rules = {one["rule"]: one for _, one in every}
    driver = {
        "name": "slipway schemas lint",
        "version": VERSION,
        "rules": [_rule(name, rules[name]) for name in sorted(rules)],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(name, one) for name, one in every],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(name: str, one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": name,
        "defaultConfiguration": {"level": one["level"]},
        "help": {"text": one["fix"] or one["sentence"]},
    }


def _result(name: str, one: Mapping[str, Any]) -> dict[str, Any]:
    place = {
        "artifactLocation": {"uri": PurePath(name).as_posix()},
        "region": {"startLine": one["line"], "startColumn": one["column"]},
    }
    result: dict[str, Any] = {
        "ruleId": one["rule"],
        "level": one["level"],
        "message": {"text": f"{one['sentence']} {one['fix']}".strip()},
        "locations": [{"physicalLocation": place}],
    }
    if one["acknowledged"]:
        result["suppressions"] = [{"kind": "inSource", "justification": one["acknowledged"]}]
    return result
