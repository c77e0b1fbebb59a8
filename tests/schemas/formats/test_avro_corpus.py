"""Pairs of schemas with their verdict: the project's own, and others' where they are at hand."""

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.formats.avro import FORMAT

OWN = Path(__file__).parents[1] / "corpus" / "avro"
OTHERS = Path(__file__).parents[4] / "shared" / "vectors" / "schemas"


def cases(folder: Path) -> list[Any]:
    """The Avro cases of a folder of vectors that have a verdict."""
    return [
        pytest.param(case, id=f"{path.stem}: {case['name']}")
        for path in sorted(folder.glob("*.json"))
        for case in json.loads(path.read_text()).get("cases", [])
        if case.get("format") == "AVRO" and case.get("expected_compatible") is not None
    ]


def text(schema: Any) -> str:
    """A vector holds a schema as an object or as its text; a bare word is a primitive's name."""
    if isinstance(schema, str) and schema.lstrip()[:1] in {"{", "[", '"'}:
        return schema
    return json.dumps(schema)


@pytest.mark.parametrize("case", cases(OWN) + cases(OTHERS))
def test_the_verdict_is_the_expected_one(case: dict[str, Any]) -> None:
    writer, reader = FORMAT.parse(text(case["old"])), FORMAT.parse(text(case["new"]))
    breaking = [one for one in FORMAT.differences(reader, writer) if not one.strict]
    assert bool(breaking) != case["expected_compatible"], (case.get("note"), breaking)
    assert all(one.advice for one in breaking)


def test_each_own_case_has_its_reason() -> None:
    own = [parameter.values[0] for parameter in cases(OWN)]
    assert len(own) >= 150
    assert all(case["note"] and case["basis"] for case in own)
