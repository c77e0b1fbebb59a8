"""OpenAPI: every case of the corpus gets its verdict under both policies, and its reason."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.formats.base import Difference
from schemas.formats.openapi import FORMAT

CORPUS = Path(__file__).parents[1] / "corpus" / "openapi"
LEAST = 60


def cases() -> Iterator[Any]:
    for path in sorted(CORPUS.glob("*.json")):
        for case in json.loads(path.read_text())["cases"]:
            yield pytest.param(case, id=f"{path.stem}: {case['name']}")


def judged(case: dict[str, Any]) -> tuple[Difference, ...]:
    old, new = (FORMAT.parse(json.dumps(case[side])) for side in ("old", "new"))
    return FORMAT.differences(new, old)


@pytest.mark.parametrize("case", list(cases()))
def test_corpus(case: dict[str, Any]) -> None:
    found = judged(case)
    assert all(one.strict for one in found) is case["expected_compatible"], found
    assert all(one.lenient for one in found) is case["expected_compatible_lenient"], found
    assert case["note"]
    if case["basis"]:
        assert case["basis"] in {one.kind for one in found}
    for one in found:
        assert bool(one.advice) is not one.strict, one
        assert one.lenient or not one.strict, one


def test_corpus_is_large_enough_and_names_no_case_twice() -> None:
    names = [parameter.id for parameter in cases()]
    assert len(names) >= LEAST
    assert len(set(names)) == len(names)
