"""Pairs of Protobuf schemas with the verdict that the published rules give."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.formats.protobuf import PROTOBUF

CORPUS = Path(__file__).parents[1] / "corpus" / "protobuf"
OTHERS = Path(__file__).parents[4] / "shared/vectors/schemas/protobuf-compat-karapace.json"


def cases(*files: Path) -> list[Any]:
    return [
        pytest.param(case, id=f"{file.stem}: {case['name']}")
        for file in files
        if file.exists()
        for case in json.loads(file.read_text())["cases"]
        if case["expected_compatible"] is not None
    ]


def compatible(case: dict[str, Any]) -> bool:
    found = PROTOBUF.differences(PROTOBUF.parse(case["new"]), PROTOBUF.parse(case["old"]))
    return all(difference.strict for difference in found)


@pytest.mark.parametrize("case", cases(*sorted(CORPUS.glob("*.json"))))
def test_the_corpus(case: dict[str, Any]) -> None:
    assert compatible(case) is case["expected_compatible"], case["note"]


@pytest.mark.parametrize("case", cases(OTHERS))
def test_cases_of_others(case: dict[str, Any]) -> None:
    assert compatible(case) is case["expected_compatible"]


def test_the_corpus_has_its_size_and_its_reasons() -> None:
    found = [
        case for file in CORPUS.glob("*.json") for case in json.loads(file.read_text())["cases"]
    ]
    assert len(found) >= 80
    assert all(case["basis"] and case["note"] for case in found)
    assert len({(case["name"], case["old"], case["new"]) for case in found}) == len(found)
