"""Files that mean harm: every keyword in every form, and what multiplies, within bounds."""

import random
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.conformance import context_of
from pipelines.engine import explaining
from pipelines.engine.linting import lint
from tests.pipelines.making import context, files, planned, refused

CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.yml"))
ODD: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1.5,
    "",
    "x",
    "$A",
    [],
    {},
    [[]],
    [None],
    {"a": {}},
    [{}],
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [path, *(found for key, child in children for found in places(child, (*path, key)))]


def changed(value: Any, path: tuple[Any, ...], odd: Any) -> Any:
    if not path:
        return odd
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = changed(copy[path[0]], path[1:], odd)
    return copy


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_any_value_in_any_place_is_planned_or_refused(path: Path) -> None:
    chosen = random.Random(7)  # noqa: S311 - the same cases each time
    tried = 0
    for case in yaml.safe_load(path.read_text())["cases"]:
        if "!reference" in case["file"] or ": $[[" in case["file"]:  # no plain YAML
            continue
        documents = list(yaml.safe_load_all(case["file"]))
        for place in (one for one in places(documents) if len(one) > 1):
            for odd in chosen.sample(ODD, 5):
                text = yaml.safe_dump_all(changed(documents, place, odd))
                report = lint(text, context_of(case))
                assert report.errors or report.plan is not None, text
                assert all(one.message and one.rule for one in report.problems)
                tried += 1
                if report.config and report.plan:
                    for name in [*report.plan.jobs, *report.plan.left_out]:
                        assert list(
                            explaining.lines(explaining.explained(report.config, report.plan, name))
                        )
    assert tried > 50


def quick(text: str, seconds: float, **facts: Any) -> list[str]:
    """The rules that a file breaks, found within a time."""
    began = time.monotonic()
    report = lint(text, context(**facts))
    assert time.monotonic() - began < seconds
    return [one.rule for one in report.errors]


def test_a_matrix_that_needs_a_matrix_is_quick() -> None:
    jobs = [
        f"j{n}: {{script: [x], parallel: 200, needs: [{f'j{n - 1}' if n else ''}]}}"
        for n in range(50)
    ]
    assert quick("\n".join(jobs), 20) == []


def test_more_jobs_than_a_pipeline_may_have() -> None:
    assert quick("\n".join(f"j{n}: {{script: [x], parallel: 200}}" for n in range(51)), 20) == [
        "size"
    ]


def test_ten_thousand_misspelt_jobs_are_told_soon() -> None:
    text = "\n".join(f"j{n}: {{scirpt: [x], extends: .gone}}" for n in range(10_000))
    assert quick(text, 10) == ["extends-unknown"] * 100
    text = "\n".join(f"j{n}: {{script: [x], needs: [g{n}]}}" for n in range(10_000))
    assert quick(text, 20) == ["needs-unknown"] * 100


def test_a_value_that_grows_is_refused_before_it_is_made() -> None:
    big = "variables: {A: " + "x" * 400_000 + "}\n"
    growing = big + "job: {script: [x], variables: {B: '" + "$A" * 100_000 + "'}}"
    assert quick(growing, 10) == ["variables"]
    many = big.replace("x", "x", 1) + "\n".join(
        f"j{n}: {{script: [x], variables: {{B: $A}}}}" for n in range(500)
    )
    assert quick(many, 20) == ["size"]


def test_globs_over_a_large_tree_have_a_budget() -> None:
    tree = files(**{f"d/f{n}": "" for n in range(20_000)})
    jobs = [
        f"j{n}: {{script: [x], rules: [{{exists: ['q{n}*']}}, {{if: $CI}}]}}" for n in range(300)
    ]
    assert quick("\n".join(jobs), 30, files=tree) == ["exists"]
    same = [f"j{n}: {{script: [x], rules: [{{exists: ['q*']}}, {{if: $CI}}]}}" for n in range(300)]
    assert quick("\n".join(same), 10, files=tree) == []


def test_references_may_not_build_a_deep_value() -> None:
    half = "[" * 60 + "x" + "]" * 60
    deeper = "[" * 60 + "!reference [.a, v]" + "]" * 60
    text = f".a: {{v: {half}}}\n.b: {{v: {deeper}}}\njob: {{script: !reference [.b, v]}}"
    assert refused(text).errors[0].rule == "depth"


def test_files_together_are_bounded() -> None:
    many = files(**{f"f{n}_yml": "# " + "x" * 1_500_000 + "\nj: {script: [x]}" for n in range(8)})
    assert quick("include: '*.yml'", 20, files=many) == ["size"]


def test_more_variables_than_a_job_may_have() -> None:
    text = "variables: {" + ", ".join(f"V{n}: x" for n in range(1_001)) + "}\njob: {script: [x]}"
    assert "more than 1000 variables" in refused(text).message


def test_control_characters_in_names_stay_what_they_are() -> None:
    assert "a\x1b[31m" in planned('"a\\e[31m": {script: [x]}').jobs
