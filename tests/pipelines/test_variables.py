"""Variables: forms, expansion, circles, and which source wins."""

import pytest

from pipelines.engine.problems import Where
from pipelines.engine.variables import Variable, cycle_in, expand
from tests.pipelines.making import planned, refused

HERE = Where("ci.yml", 1)


def expanded(**values: str) -> dict[str, str]:
    return expand({name: Variable(value, HERE) for name, value in values.items()})


def test_values_expand_into_each_other_whatever_their_order() -> None:
    found = expanded(C="$B/c", B="${A}/b", A="a")
    assert found == {"C": "a/b/c", "B": "a/b", "A": "a"}
    assert list(found) == ["C", "B", "A"]


def test_unknown_names_and_doubled_dollars_stay() -> None:
    assert expanded(A="$GONE $$B ${ALSO}", B="b")["A"] == "$GONE $$B ${ALSO}"


def test_in_a_circle_nothing_is_expanded() -> None:
    assert expanded(A="$B", B="$A", C="$D", D="d") == {"A": "$B", "B": "$A", "C": "$D", "D": "d"}
    circle = {"A": Variable("$B", HERE), "B": Variable("$A", HERE)}
    assert cycle_in(circle) == ("A", "B", "A")


def test_expand_false_keeps_the_value_but_others_may_use_it() -> None:
    found = expand(
        {
            "A": Variable("$X", HERE, expand=False),
            "X": Variable("x", HERE),
            "B": Variable("$A", HERE),
        }
    )
    assert found == {"A": "$X", "X": "x", "B": "$X"}


def test_values_that_multiply_are_refused() -> None:
    text = "variables:\n  V0: xxxxxxxxxx\n"
    text += "".join(f"  V{n}: {f'$V{n - 1}' * 10}\n" for n in range(1, 9))
    assert "1000000 characters" in refused(text + "job: {script: [x]}").message


def test_a_long_chain_does_not_exhaust_the_stack() -> None:
    names = {f"V{n}": f"$V{n + 1}" for n in range(5_000)}
    assert expanded(**names, V5000="end")["V0"] == "end"


ORDER = """
variables: {A: global, B: global, C: global, D: global, E: global, CI_DEFAULT_BRANCH: global}
workflow:
  rules:
    - if: $CI
      variables: {B: workflow, C: workflow, D: workflow, E: workflow}
job:
  script: [x]
  variables: {C: job, D: job, E: job}
  rules:
    - variables: {D: rule, E: rule}
"""


def test_the_published_order_decides_which_value_wins() -> None:
    job = planned(ORDER).jobs["job"]
    assert [job.variables[name] for name in "ABCDE"] == [
        "global",
        "workflow",
        "job",
        "rule",
        "rule",
    ]
    assert job.variables["CI_DEFAULT_BRANCH"] == "global"
    assert job.origins["C"].line == 9


def test_variables_of_project_and_pipeline_win_over_the_file() -> None:
    given = {
        "project_variables": {"D": "project", "E": "project"},
        "pipeline_variables": {"E": "pipeline"},
    }
    job = planned(ORDER, **given).jobs["job"]
    assert (job.variables["D"], job.variables["E"]) == ("project", "pipeline")


def test_a_job_inherits_all_none_or_some_global_variables() -> None:
    plan = planned(
        """
        variables: {A: a, B: b}
        all: {script: [x]}
        none: {script: [x], inherit: {variables: false}}
        some: {script: [x], inherit: {variables: [B]}}
        """
    )
    seen = {name: {"A", "B"} & job.variables.keys() for name, job in plan.jobs.items()}
    assert seen == {"all": {"A", "B"}, "none": set(), "some": {"B"}}


def test_predefined_variables_follow_the_context() -> None:
    text = "job: {script: [x], rules: [{when: on_success}]}"
    branch = planned(text, branch="Feature/A_b", message="Title\n\nMore").jobs["job"].variables
    assert branch["CI_COMMIT_REF_SLUG"] == "feature-a-b"
    assert (branch["CI_COMMIT_TITLE"], branch["CI_COMMIT_DESCRIPTION"]) == ("Title", "More")
    assert (branch["CI_JOB_NAME"], branch["CI_JOB_STAGE"]) == ("job", "test")
    assert "CI_COMMIT_TAG" not in branch
    tag = planned(text, branch="", tag="v1").jobs["job"].variables
    assert tag["CI_COMMIT_TAG"] == "v1"
    assert "CI_COMMIT_BRANCH" not in tag
    request = planned(text, merge_request=True, source="merge_request_event").jobs["job"].variables
    assert request["CI_MERGE_REQUEST_TARGET_BRANCH_NAME"] == "main"
    assert "CI_COMMIT_BRANCH" not in request


@pytest.mark.parametrize(
    ("written", "rule", "word"),
    [
        ("[A]", "variables", "map of names"),
        ("{A-B: x}", "variables", "“A-B”"),
        ("{A: [x]}", "variables", "no text"),
        ("{A: {value: x, vlaue: y}}", "variables", "vlaue"),
        ("{A: {value: x, options: [y]}}", "variables", "none of its options"),
    ],
)
def test_variables_of_another_form_are_named(written: str, rule: str, word: str) -> None:
    caught = refused(f"variables: {written}\njob: {{script: [x]}}")
    assert caught.errors[0].rule == rule
    assert word in caught.message


def test_numbers_and_booleans_become_text_and_an_octal_number_its_value() -> None:
    job = planned("variables: {A: 1, B: true, C: 0123, D: 1.5, E: }\njob: {script: [x]}").jobs[
        "job"
    ]
    assert [job.variables[name] for name in "ABCDE"] == ["1", "true", "83", "1.5", ""]
