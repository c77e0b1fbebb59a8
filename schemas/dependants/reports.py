"""Answers of “may it go there?” and of impact as JUnit and SARIF, for pipelines.

Django-free: the command line writes them where only the client is installed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

from idp.common.version import VERSION

_SARIF = "https://json.schemastore.org/sarif-2.1.0.json"
_NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MISSING, _BREAKS = "schema-version-missing", "schema-incompatible"
_RULES = {
    _MISSING: "A version that is needed is not registered, or may not be used there",
    _BREAKS: "A reader beside it could not read what is written",
}


@dataclass(frozen=True)
class Case:
    """One thing that was judged; `failure` is empty where it is fine."""

    name: str
    group: str
    failure: str = ""
    rule: str = _BREAKS


def cases_of_check(answer: Mapping[str, Any]) -> list[Case]:
    """Of a `may-deploy` answer: a case for each pair, and for each version that is missing."""
    found = [Case(text, "missing", text, _MISSING) for text in answer["missing"]]
    for cell in answer["matrix"]:
        name = f"{_who(cell['reader'])} reads {_who(cell['writer'])}"
        open_ = not cell["compatible"] and not cell["agreed_by"]
        found.append(Case(name, str(cell["subject"]), cell["sentence"] if open_ else ""))
    if not found:
        found.append(Case("Nothing new to judge", str(answer["environment"])))
    return found


def cases_of_impact(answer: Mapping[str, Any]) -> list[Case]:
    """Of an `impact` answer: a case for each party."""
    return [
        Case(
            _who(effect["party"]),
            str(answer["subject"]),
            effect["sentence"] if effect["compatible"] is False else "",
        )
        for effect in answer["effects"]
    ]


def _who(party: Mapping[str, Any]) -> str:
    held = f"version {party['version']}" if party["version"] else "an unknown version"
    where = f" in {party['environment']}" if party["environment"] else ""
    kept = ", kept data" if party["retained_until"] else ""
    return f"{party['holder']} (team {party['owner']}{where}, {held}{kept})"


def junit(title: str, cases: Sequence[Case]) -> str:
    """JUnit's XML, one test case each."""
    failed = sum(bool(case.failure) for case in cases)
    numbers = {"tests": str(len(cases)), "failures": str(failed), "errors": "0"}
    root = ET.Element("testsuites", numbers)
    suite = ET.SubElement(root, "testsuite", {"name": _text(title), **numbers})
    for case in cases:
        names = {"classname": _text(case.group), "name": _text(case.name)}
        element = ET.SubElement(suite, "testcase", names)
        if case.failure:
            failure = ET.SubElement(element, "failure", {"type": case.rule})
            failure.set("message", _text(case.failure))
            failure.text = _text(case.failure)
    return ET.tostring(root, encoding="unicode", xml_declaration=True)


def _text(value: str) -> str:
    """Without the characters that XML 1.0 cannot hold."""
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", value)


def sarif(cases: Sequence[Case], file: str = "") -> str:
    """SARIF 2.1.0: a result for each failure, at `file` where the schema came from one."""
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "slipway schemas",
                "version": VERSION,
                "rules": [
                    {"id": rule, "shortDescription": {"text": text}}
                    for rule, text in _RULES.items()
                ],
            }
        },
        "results": [_result(case, file) for case in cases if case.failure],
    }
    return json.dumps({"$schema": _SARIF, "version": "2.1.0", "runs": [run]}, indent=2)


def _result(case: Case, file: str) -> dict[str, Any]:
    place: dict[str, Any] = {
        "logicalLocations": [{"name": case.group, "fullyQualifiedName": case.group}]
    }
    if file:
        place["physicalLocation"] = {
            "artifactLocation": {"uri": file},
            "region": {"startLine": 1},
        }
    return {
        "ruleId": case.rule,
        "level": "error",
        "message": {"text": case.failure},
        "locations": [place],
    }
