"""needs and dependencies: who waits for whom, and what cannot be."""

import pytest

from pipelines.engine.graph import circle
from tests.pipelines.making import planned, refused


def edges(text: str) -> dict[str, list[str] | None]:
    jobs = planned(text).jobs
    return {n: None if j.needs is None else [e.job for e in j.needs] for n, j in jobs.items()}


def test_needs_mean_all_instances_one_or_those_of_a_matrix() -> None:
    base = "b:\n  script: [x]\n  parallel: {matrix: [{V: ['1', '2']}]}\n"
    assert edges(base + "c: {script: [x], needs: [b]}")["c"] == ["b: [1]", "b: [2]"]
    assert edges(base + "c: {script: [x], needs: ['b: [2]']}")["c"] == ["b: [2]"]
    one = "c: {script: [x], needs: [{job: b, parallel: {matrix: [{V: '2'}]}}]}"
    assert edges(base + one)["c"] == ["b: [2]"]


def test_empty_needs_start_at_once_and_none_wait_for_earlier_stages() -> None:
    found = edges("a: {script: [x], needs: []}\nb: {script: [x]}\nc: {script: [x], needs: [b]}")
    assert found == {"a": [], "b": None, "c": ["b"]}


def test_a_need_that_is_not_in_the_pipeline_fails_unless_optional() -> None:
    gone = "a: {script: [x], rules: [{if: $NOPE}]}\n"
    caught = refused(gone + "b: {script: [x], needs: [a]}")
    assert caught.errors[0].rule == "needs-missing"
    assert "optional: true" in caught.fix
    assert edges(gone + "b: {script: [x], needs: [{job: a, optional: true}]}") == {"b": []}


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("a: {script: [x], needs: [gone]}", "needs-unknown"),
        ("a: {script: [x], dependencies: [gone]}", "needs-unknown"),
        ("a: {script: [x], needs: [a]}", "needs-cycle"),
        ("a: {script: [x], needs: [b]}\nb: {script: [x], needs: [a]}", "needs-cycle"),
        ("a: {script: [x], stage: build, needs: [b]}\nb: {script: [x]}", "needs-stage"),
        ("a: {script: [x], dependencies: [b]}\nb: {script: [x]}", "dependencies"),
        ("a: {script: [x]}\nb: {script: [x], needs: [], dependencies: [a]}", "dependencies"),
        ("a: {script: [x], needs: [{project: g/p, job: b}]}", "needs-project"),
        ("a: {script: [x], needs: [{artifacts: true}]}", "needs"),
        ("a: {script: [x], needs: [{job: b, atifacts: true}]}\nb: {script: [x]}", "unknown-key"),
    ],
)
def test_needs_that_cannot_be_are_named(text: str, rule: str) -> None:
    assert refused(text).errors[0].rule == rule


def test_at_most_50_needs() -> None:
    many = "".join(f"j{n}: {{script: [x]}}\n" for n in range(51))
    wanted = ", ".join(f"j{n}" for n in range(51))
    caught = refused(many + f"last: {{script: [x], needs: [{wanted}]}}")
    assert "needs 51 jobs; 50 are the most" in caught.message


def test_a_rules_needs_replace_the_jobs_and_may_close_a_circle() -> None:
    text = "a: {script: [x]}\nb: {script: [x], needs: [], rules: [{if: $CI, needs: [a]}]}"
    assert edges(text)["b"] == ["a"]
    closing = "a: {script: [x], needs: [b]}\nb: {script: [x], rules: [{if: $CI, needs: [a]}]}"
    assert refused(closing).errors[0].rule == "needs-cycle"


def test_a_circle_is_found_in_a_long_chain_without_recursion() -> None:
    graph = {str(n): [str(n + 1)] for n in range(20_000)}
    assert circle(graph) == ()
    graph["19999"] = ["19998"]
    assert circle(graph) == ("19998", "19999", "19998")
