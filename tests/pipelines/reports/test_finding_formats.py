from __future__ import annotations

import io
import json
from typing import Any
from unittest import mock

import pytest

from pipelines.reports.formats import findings
from pipelines.reports.formats.base import ReportRefused
from pipelines.reports.formats.registry import Kind, read
from pipelines.reports.formats.results import Findings, Severity


def parse(kind: Kind, document: Any) -> Findings:
    text = document if isinstance(document, str) else json.dumps(document)
    found = read(kind, io.BytesIO(text.encode()))
    assert isinstance(found, Findings)
    return found


def sarif(*results: dict[str, Any], rules: list[dict[str, Any]] | None = None) -> Findings:
    driver = {"name": "scanner", "rules": rules or []}
    runs = [{"tool": {"driver": driver}, "results": list(results)}]
    return parse(Kind.SARIF, {"version": "2.1.0", "runs": runs})


def result(text: str = "bad", **more: Any) -> dict[str, Any]:
    place = {"artifactLocation": {"uri": "src/a.py"}, "region": {"startLine": 7}}
    return {
        "ruleId": "R1",
        "message": {"text": text},
        "locations": [{"physicalLocation": place}],
        **more,
    }


def test_sarif_says_tool_rule_place_and_message() -> None:
    found = sarif(result(level="error")).findings[0]
    assert (found.tool, found.rule, found.path, found.line) == ("scanner", "R1", "src/a.py", 7)
    assert (found.severity, found.message) == (Severity.HIGH, "bad")


@pytest.mark.parametrize(
    ("result_", "rule", "severity"),
    [
        ({}, {}, Severity.MEDIUM),
        ({"level": "note"}, {}, Severity.LOW),
        ({"level": "none"}, {}, Severity.INFO),
        ({}, {"defaultConfiguration": {"level": "error"}}, Severity.HIGH),
        ({"level": "note"}, {"properties": {"security-severity": "9.8"}}, Severity.CRITICAL),
        ({}, {"properties": {"security-severity": "7.0"}}, Severity.HIGH),
        ({}, {"properties": {"security-severity": 4}}, Severity.MEDIUM),
        ({}, {"properties": {"security-severity": "0.0"}}, Severity.INFO),
        ({}, {"properties": {"security-severity": "bad"}}, Severity.MEDIUM),
    ],
)
def test_sarif_severities(result_: dict[str, Any], rule: dict[str, Any], severity: str) -> None:
    found = sarif(result(**result_), rules=[{"id": "R1", **rule}])
    assert found.findings[0].severity == severity


def test_sarif_rules_by_index_and_shared_messages() -> None:
    told = {"ruleIndex": 0, "message": {"id": "m"}}
    rule = {"id": "R9", "messageStrings": {"m": {"text": "shared"}}}
    found = sarif(told, rules=[rule]).findings[0]
    assert (found.rule, found.message, found.path) == ("R9", "shared", "")


@pytest.mark.parametrize(
    "more",
    [
        {"kind": "pass"},
        {"baselineState": "absent"},
        {"suppressions": [{"kind": "inSource"}]},
        {"suppressions": [{"kind": "external", "status": "accepted"}]},
    ],
)
def test_sarif_results_that_are_none(more: dict[str, Any]) -> None:
    assert sarif(result(**more)).total == 0


def test_sarif_suppressions_that_were_rejected_do_not_suppress() -> None:
    told = {"suppressions": [{"kind": "external", "status": "rejected"}]}
    assert sarif(result(**told)).total == 1


def test_a_fingerprint_outlives_moved_lines() -> None:
    def prints(line: int) -> list[str]:
        told = result(f"line {line} is bad")
        told["locations"][0]["physicalLocation"]["region"]["startLine"] = line
        return [one.fingerprint for one in sarif(told).findings]

    assert prints(7) == prints(93)


def test_equal_findings_without_fingerprint_stay_apart() -> None:
    found = sarif(result(), result())
    assert len({one.fingerprint for one in found.findings}) == 2


def test_a_tool_s_own_fingerprint_told_twice_is_one_finding() -> None:
    told = result(fingerprints={"v1": "abc"})
    assert sarif(told, told).total == 1
    partial = {"partialFingerprints": {"primaryLocationLineHash": "f00:1"}}
    assert sarif(result("a", **partial), result("b", **partial)).total == 1


def test_code_quality() -> None:
    found = parse(
        Kind.CODEQUALITY,
        [
            {
                "description": "'unused' is assigned a value but never used.",
                "check_name": "no-unused-vars",
                "fingerprint": "7815696ecbf1c96e6894b779456d330e",
                "severity": "blocker",
                "location": {"path": "lib/index.js", "lines": {"begin": 42}},
            },
            {
                "description": "x",
                "check_name": "y",
                "fingerprint": "z",
                "severity": "minor",
                "location": {"path": "./a.js", "positions": {"begin": {"line": 3, "column": 1}}},
            },
            {"type": "measurement", "name": "complexity"},
        ],
    )
    first, second = found.findings
    assert (first.severity, first.path, first.line) == (Severity.CRITICAL, "lib/index.js", 42)
    assert (second.severity, second.path, second.line) == (Severity.LOW, "a.js", 3)


def test_cyclonedx_in_json_and_xml_say_the_same() -> None:
    vulnerabilities = [
        {
            "id": "CVE-2026-1",
            "ratings": [{"severity": "medium"}, {"severity": "critical"}],
            "description": "remote code",
            "affects": [{"ref": "pkg:pypi/x@1"}],
        },
        {"id": "CVE-2026-2", "analysis": {"state": "not_affected"}},
    ]
    parts = [{"name": "x", "components": [{"name": "y"}]}, {"name": "z"}]
    as_json = parse(
        Kind.CYCLONEDX,
        {"bomFormat": "CycloneDX", "components": parts, "vulnerabilities": vulnerabilities},
    )
    as_xml = parse(
        Kind.CYCLONEDX,
        """<bom xmlns="http://cyclonedx.org/schema/bom/1.6"><components>
        <component type="library"><name>x</name><components><component type="library"/></components>
        </component><component type="library"><name>z</name></component></components>
        <vulnerabilities><vulnerability><id>CVE-2026-1</id><ratings><rating><severity>medium</severity>
        </rating><rating><severity>critical</severity></rating></ratings>
        <description>remote code</description>
        <affects><target><ref>pkg:pypi/x@1</ref></target></affects></vulnerability>
        <vulnerability><id>CVE-2026-2</id><analysis><state>not_affected</state></analysis>
        </vulnerability></vulnerabilities></bom>""",
    )
    assert as_json == as_xml
    assert (as_json.components, as_json.total, as_json.suppressed) == (3, 1, 1)
    found = as_json.findings[0]
    assert (found.rule, found.severity) == ("CVE-2026-1", Severity.CRITICAL)
    assert found.message == "pkg:pypi/x@1: remote code"


def test_the_worst_findings_are_kept_where_there_are_too_many() -> None:
    notes = [result(f"n{'x' * n}", level="note") for n in range(5)]
    with mock.patch.object(findings, "MAX_FINDINGS", 3):
        found = sarif(*notes, result("worst", level="error"))
    assert [one.severity for one in found.findings] == [Severity.HIGH, Severity.LOW, Severity.LOW]
    assert (found.total, found.left_out) == (6, 3)


@pytest.mark.parametrize(
    ("kind", "document", "rule"),
    [
        (Kind.SARIF, {"version": "2.1.0"}, "form"),
        (Kind.SARIF, {"version": "2.0.0", "runs": []}, "version"),
        (Kind.SARIF, {"version": "2.1.0", "runs": [{}] * 101}, "runs"),
        (Kind.CODEQUALITY, {}, "form"),
        (Kind.CODEQUALITY, [1], "form"),
        (Kind.CODEQUALITY, [{"location": {"path": "../a"}}], "path"),
        (Kind.CYCLONEDX, {"bomFormat": "SPDX"}, "form"),
        (Kind.CYCLONEDX, "<other/>", "root"),
        (Kind.SARIF, "{", "json"),
        (Kind.SARIF, "[" * 100_000, "depth"),
        (Kind.SARIF, '{"a": NaN}', "number"),
        (Kind.SARIF, '{"a": ' + "9" * 5000 + "}", "number"),
        (Kind.SARIF, "[" + "0," * 1_600_000 + "0]", "values"),
    ],
)
def test_what_is_none_is_refused_by_name(kind: Kind, document: Any, rule: str) -> None:
    with pytest.raises(ReportRefused) as refused:
        parse(kind, document)
    assert refused.value.rule == rule


@pytest.mark.parametrize("odd", [None, 1, "x", [], {}, [[]], [{"physicalLocation": 3}]])
def test_odd_shapes_are_read_as_nothing(odd: Any) -> None:
    assert sarif(result(locations=odd, properties=odd, partialFingerprints=odd)).total == 1
