"""`spec:inputs` and `$[[ … ]]`: forms, functions, and what hostile files make of them."""

import pytest

from pipelines.engine.config import load
from pipelines.engine.interpolation import posix_escape
from pipelines.engine.source import MAX_NODES
from tests.pipelines.making import context, files, loaded, planned, refused

HEAD = "spec:\n  inputs:\n    "


@pytest.mark.parametrize(
    ("spec", "rule"),
    [
        ("a: [b]", "inputs"),
        ("a: {defualt: b}", "inputs"),
        ("a: {type: text}", "inputs"),
        ("a: {default: 1}", "inputs"),
        ("a: {options: []}", "inputs"),
        ("a: {options: [b], default: c}", "inputs"),
        ("a: {type: boolean, options: [b]}", "inputs"),
        ("a: {type: number, regex: b}", "inputs"),
        ("a: {regex: '(?<=b)c', default: d}", "inputs"),
        ("a: {rules: [{default: b}], default: c}", "inputs"),
        ("a: {rules: b}", "inputs"),
        ("a: {rules: [{iff: b}]}", "inputs"),
        ("a: {rules: [{if: '==', default: b}]}", "inputs"),
    ],
)
def test_declarations_of_no_known_form_are_named(spec: str, rule: str) -> None:
    found = refused(f"{HEAD}{spec}\n---\njob: {{script: [x]}}\n")
    assert found.problems[0].rule == rule
    assert "“a”" in found.problems[0].message
    assert found.problems[0].fix


def test_a_misspelt_input_and_key_have_their_nearest() -> None:
    assert "“default”" in refused(f"{HEAD}a: {{defualt: b}}\n---\njob: {{script: [x]}}").problems[
        0
    ].fix.replace("Did you mean ", "")
    text = f"{HEAD}stage: {{default: b}}\n---\njob: {{script: ['$[[ inputs.stgae ]]']}}"
    assert "“stage”" in refused(text).problems[0].fix


def test_lines_stay_those_of_the_file() -> None:
    text = f"{HEAD}a: {{default: b}}\n---\njob:\n  script: ['$[[ inputs.a ]]']\n  retry: 9\n"
    assert refused(text).problems[0].where.line == 7


def test_the_types_of_values_are_kept_where_a_block_stands_alone() -> None:
    text = """
    spec:
      inputs:
        n: {type: number, default: 2}
        yes: {type: boolean, default: true}
        many: {type: array, default: [a, b]}
    ---
    job:
      script: $[[ inputs.many ]]
      retry: $[[ inputs.n ]]
      interruptible: $[[ inputs.yes ]]
      variables: {ALL: "$[[ inputs.n ]] $[[ inputs.yes ]] $[[ inputs.many ]]"}
    """
    job = planned(text).jobs["job"]
    assert (job.script, job.retry.max, job.interruptible) == (("a", "b"), 2, True)
    assert job.variables["ALL"] == '2 true ["a", "b"]'


def test_a_value_brings_no_keyword_of_its_own() -> None:
    text = f"{HEAD}a:\n---\njob:\n  script: ['$[[ inputs.a ]]']\n"
    value = "x']\n  retry: 9\nother: {script: [y]}"
    plan = planned(text, inputs={"a": value})
    assert list(plan.jobs) == ["job"]
    assert plan.jobs["job"].script == (value,)


def test_blocks_stand_in_keys_references_and_needs() -> None:
    text = f"""{HEAD}a: {{default: one}}
---
.one: {{script: [base]}}
"$[[ inputs.a ]]": {{script: [!reference [".$[[ inputs.a ]]", script]], stage: build}}
job: {{script: [x], needs: [$[[ inputs.a ]]]}}
"""
    plan = planned(text)
    assert plan.jobs["one"].script == ("base",)
    assert [edge.job for edge in plan.jobs["job"].needs or ()] == ["one"]


def test_without_a_header_blocks_are_text() -> None:
    assert loaded("job: {script: ['$[[ inputs.a ]]']}").jobs["job"].script == ("$[[ inputs.a ]]",)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "''"),
        ("plain-1.2_3/@:,+", "plain-1.2_3/@:,+"),
        ("a b", "a\\ b"),
        ("$(rm)", "\\$\\(rm\\)"),
        ("a\nb", "a'\n'b"),
    ],
)
def test_posix_words(text: str, word: str) -> None:
    assert posix_escape(text) == word


@pytest.mark.parametrize(
    "block", ["inputs", "env.A", "inputs.a b", "", "inputs.a | truncate(-1,2)"]
)
def test_blocks_of_no_known_form(block: str) -> None:
    text = f"{HEAD}a: {{default: b}}\n---\njob: {{script: ['$[[ {block} ]]']}}\n"
    assert refused(text).problems[0].rule == "interpolation"


def test_functions_take_texts_only() -> None:
    job = "job: {script: ['$[[ inputs.a | expand_vars ]]']}"
    text = f"{HEAD}a: {{type: number, default: 1}}\n---\n{job}\n"
    assert "takes a text" in refused(text).problems[0].message


def test_an_input_that_multiplies_is_bounded() -> None:
    many = "[" + ", ".join(["x"] * 2_000) + "]"
    uses = "\n".join(f"  K{n}: $[[ inputs.a ]]" for n in range(MAX_NODES // 2_000 + 1))
    text = f"{HEAD}a: {{type: array, default: {many}}}\n---\n.b:\n{uses}\njob: {{script: [x]}}\n"
    assert refused(text).problems[0].rule == "size"


def test_texts_that_grow_are_bounded() -> None:
    grown = f".b: '{'$[[ inputs.a ]]' * 1_100}'\njob: {{script: [x]}}\n"
    text = f"{HEAD}a: {{default: {'x' * 1_000}}}\n---\n{grown}"
    assert refused(text).problems[0].rule == "interpolation"


def test_lists_that_files_wrap_ever_deeper_are_bounded() -> None:
    wrapped = "[" * 60 + "$[[ inputs.a ]]" + "]" * 60
    header = "spec: {inputs: {a: {type: array}}}\n---\n"
    inner = {
        f"f{n}_yml": f"{header}include: [{{local: f{n + 1}.yml, inputs: {{a: {wrapped}}}}}]\n"
        for n in range(5)
    }
    inner["f5_yml"] = f"{header}job: {{script: $[[ inputs.a ]]}}\n"
    text = "include: [{local: f0.yml, inputs: {a: [x]}}]\n"
    assert refused(text, files=files(**inner)).problems[0].rule == "depth"


def test_inputs_of_the_first_file_are_part_of_what_it_says() -> None:
    text = f"{HEAD}a: {{default: b, description: What}}\n---\njob: {{script: [x]}}\n"
    config = load(text, context())
    assert config.inputs["a"].description == "What"
    assert not config.inputs["a"].required
