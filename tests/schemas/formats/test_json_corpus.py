"""JSON Schema: every case of the corpus and of the shared vectors gets its verdict, in time."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.formats.base import Difference
from schemas.formats.json import JsonFormat
from schemas.formats.json.kinds import VERDICTS

CORPUS = Path(__file__).parents[1] / "corpus" / "json"
SHARED = (
    Path(__file__).parents[4] / "shared" / "vectors" / "schemas"
)  # beside the checkout, or absent
LEAST = 200
language = JsonFormat()


def cases(folder: Path) -> Iterator[Any]:
    for path in sorted(folder.glob("*.json")):
        for case in json.loads(path.read_text()).get("cases", []):
            if case.get("format") == "JSON" and case.get("expected_compatible") is not None:
                yield pytest.param(case, id=f"{path.stem}: {case['name']}")


def text(schema: Any) -> str:
    return schema if isinstance(schema, str) else json.dumps(schema)


def judged(case: dict[str, Any]) -> tuple[Difference, ...]:
    reader, writer = language.parse(text(case["new"])), language.parse(text(case["old"]))
    return language.differences(reader, writer)


@pytest.mark.parametrize("case", list(cases(CORPUS)))
def test_corpus(case: dict[str, Any]) -> None:
    found = judged(case)
    assert all(each.strict for each in found) is case["expected_compatible"]
    assert all(each.lenient for each in found) is case["expected_compatible_lenient"]
    assert case["note"]
    if case["basis"]:
        assert case["basis"] in {each.kind for each in found}


@pytest.mark.parametrize("case", list(cases(SHARED)))
def test_shared_vectors(case: dict[str, Any]) -> None:
    begun = time.monotonic()
    found = judged(case)
    assert time.monotonic() - begun < case.get("max_seconds", 2)
    assert all(each.strict for each in found) is case["expected_compatible"]
    if case.get("expected_compatible_lenient") is not None:
        assert all(each.lenient for each in found) is case["expected_compatible_lenient"]


def test_corpus_is_large_enough_and_names_no_case_twice() -> None:
    names = [param.id for param in cases(CORPUS)]
    assert len(names) >= LEAST
    assert len(set(names)) == len(names)


def test_kinds_that_harm_have_advice_and_others_none() -> None:
    for kind, verdict in VERDICTS.items():
        assert verdict.lenient or not verdict.strict, kind
        assert bool(verdict.advice) is not verdict.strict, kind
