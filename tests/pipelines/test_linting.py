"""The linter: each finding by rule, line and fix."""

from textwrap import dedent
from typing import Any

import pytest

from pipelines.engine import published, unrun
from pipelines.engine.config import load
from pipelines.engine.explaining import explained, lines
from pipelines.engine.keywords import JOB, NOT_RUN
from pipelines.engine.linting import Report, lint
from pipelines.engine.problems import Problem, Severity
from pipelines.engine.settings import Setting
from tests.pipelines.making import context


def linted(text: str) -> Report:
    return lint(dedent(text), context())


def found(text: str, rule: str) -> list[Problem]:
    return [one for one in linted(text).problems if one.rule == rule]


def test_a_sound_file_has_no_findings_and_a_plan() -> None:
    report = linted("job: {script: [x], tags: [a], retry: {max: 2, when: [script_failure]}}")
    assert report.problems == ()
    assert report.plan is not None
    assert list(report.plan.jobs) == ["job"]


def test_errors_of_the_file_leave_no_plan_and_come_first() -> None:
    report = linted("job: {scirpt: [x]}\nother: {script: [x]}\nother: {script: [y]}")
    assert report.plan is None
    assert [one.severity for one in report.errors] == [Severity.ERROR] * 2


@pytest.mark.parametrize(
    ("written", "word", "line"),
    [
        ("pages:\n    publish: 3", "not of type", 4),
        ("parallel:\n    matrix: [{A: 1, B: {c: d}}]", "matrix", 4),
    ],
)
def test_gitlabs_own_schema_is_applied_with_lines(written: str, word: str, line: int) -> None:
    report = linted(f"job:\n  script: [x]\n  {written}\n")
    problem = report.errors[0]
    assert problem.rule in {"schema", "matrix"}
    assert word in problem.message
    assert problem.where.line == line


def test_an_unknown_key_deep_down_has_its_nearest() -> None:
    text = "workflow: {auto_cancel: {on_new_comit: none}}\njob: {script: [x]}"
    assert "“on_new_commit”" in linted(text).errors[0].fix


def test_what_extends_brought_is_judged_where_it_stands() -> None:
    text = ".a:\n  pages: {publish: 9}\njob: {extends: .a, script: [x]}"
    assert found(text, "schema")[-1].where.line == 2


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("job: {script: [x], rules: [{if: $CI_COMIT_BRANCH}]}", "“CI_COMMIT_BRANCH”"),
        ("variables: {IMAGE: x}\njob: {script: [x], variables: {A: $IMGAE}}", "“IMAGE”"),
        ("workflow: {rules: [{if: $NIGHTLY}, {when: always}]}\njob: {script: [x]}", "give it"),
        ("job: {script: [x], rules: [{when: always, variables: {A: $NOPE}}]}", "give it"),
    ],
)
def test_a_variable_that_nothing_sets_is_named(text: str, name: str) -> None:
    assert name in found(text, "undefined-variable")[0].fix


def test_variables_of_every_source_count_as_set() -> None:
    text = """
    variables: {A: a}
    workflow: {rules: [{when: always, variables: {B: b}}]}
    job:
      script: [x]
      variables: {C: $A, D: "$$LATER"}
      parallel: {matrix: [{M: [1, 2]}]}
      rules: [{if: $A && $B && $C && $M && $CI_JOB_NAME, variables: {E: $M}}]
    """
    assert found(text, "undefined-variable") == []


def test_variables_in_a_circle_are_drawn() -> None:
    problem = found("job: {script: [x], variables: {A: $B, B: $A}}", "variable-cycle")[0]
    assert "A → B → A" in problem.message


def test_jobs_and_rules_that_never_act_are_named() -> None:
    never = "a: {script: [x], rules: [{if: $CI, when: never}]}\n"
    assert "never runs" in found(never + "b: {script: [x]}", "unreachable")[0].message
    needing = linted(never + "b: {script: [x], needs: [a]}")
    assert needing.errors[0].rule == "needs-missing"
    behind = "\njob:\n  script: [x]\n  rules:\n    - when: always\n    - if: $CI\n"
    assert found(behind, "unreachable-rule")[0].where.line == 5
    last = "job: {script: [x], rules: [{if: $CI}, {when: always}]}"
    assert found(last, "unreachable-rule") == []


WRITTEN = {
    "cache:unprotect": "cache: {paths: [a], unprotect: true}",
    "environment:kubernetes": "environment: {name: a, kubernetes: {namespace: b}}",
    "identity": "identity: google_cloud",
    "image:docker": "image: {name: a, docker: {user: b}}",
    "image:entrypoint": "image: {name: a, entrypoint: ['']}",
    "image:kubernetes": "image: {name: a, kubernetes: {user: b}}",
    "image:pull_policy": "image: {name: a, pull_policy: always}",
    "needs:pipeline": "needs: {pipeline: $UP}",
    "needs:project": "needs: [{project: g/p, job: a, ref: main, artifacts: true}]",
    "publish": "publish: x",
    "release:milestones": "release: {tag_name: v1, description: b, milestones: [a]}",
    "run": "run: [{name: a, step: b}]",
    "services": "services: [postgres:17]",
}
STOP = "stop: {script: [x], environment: {name: a, action: stop}}\n"


@pytest.mark.parametrize("key", sorted(NOT_RUN))
def test_what_gitlab_knows_and_we_do_not_run_is_named(key: str) -> None:
    assert key.split(":", maxsplit=1)[0] in JOB
    script = "" if key == "run" else "  script: [x]\n"
    text = f"{STOP}job:\n{script}  {WRITTEN.get(key, f'{key}: {{}}')}\n"
    problem = next(one for one in found(text, "not-run") if f"“{key}”" in one.message)
    assert problem.severity is Severity.WARNING
    assert problem.where.line == (3 if key == "run" else 4)


def test_a_plan_says_what_is_not_run_and_names_what_many_jobs_have_once() -> None:
    text = "default: {services: [a]}\n" + "".join(f"j{n}: {{script: [x]}}\n" for n in range(9))
    made = linted(text).plan
    assert made is not None
    assert len(made.not_run) == 1
    assert made.not_run[0].startswith(".gitlab-ci.yml:1: warning [not-run] “services” of “j0”")


def test_what_the_file_as_a_whole_says_for_nothing_is_named() -> None:
    text = (
        "types: [a]\nvariables: {A: {value: a, description: b, options: [a]}}\njob: {script: [x]}"
    )
    words = " ".join(one.message for one in found(text, "not-run"))
    for key in ("types", "variables:*:description", "variables:*:options"):
        assert f"“{key}”" in words


RUN = """
after_script allow_failure before_script coverage dependencies except extends hooks
id_tokens inherit interruptible manual_confirmation needs only parallel release
resource_group retry rules script secrets stage start_in tags timeout trigger variables when
artifacts cache environment image
artifacts:access artifacts:exclude artifacts:expire_in artifacts:expose_as artifacts:name
artifacts:paths artifacts:public artifacts:reports artifacts:untracked artifacts:when
cache:fallback_keys cache:key cache:paths cache:policy cache:untracked cache:when
environment:action environment:auto_stop_in
environment:deployment_tier environment:on_stop
environment:name environment:url image:name
"""


def test_no_keyword_of_the_published_schema_is_forgotten() -> None:
    """A keyword that a new schema brings has to be run, or named as not run."""
    job = published._schema()["definitions"]["job_template"]["properties"]
    names = set(job) | {f"artifacts:{name}" for name in _below("artifacts")}
    names |= {f"cache:{name}" for name in _below("cache_item")}
    names |= {f"image:{name}" for name in _below("image")}
    names |= {f"environment:{name}" for name in _below_environment(job)}
    assert names - NOT_RUN.keys() - set(RUN.split()) == set()


def _below(definition: str) -> set[str]:
    given = published._schema()["definitions"][definition]
    parts = [given, *given.get("oneOf", ()), *given.get("anyOf", ())]
    return {name for part in parts for name in part.get("properties", ())}


def _below_environment(job: dict[str, Any]) -> set[str]:
    return set(job["environment"]["oneOf"][1]["properties"])


def test_the_list_of_what_is_not_run_is_bounded() -> None:
    text = "".join(f"j{n}: {{script: [x], services: [a]}}\n" for n in range(300))
    assert len(unrun.problems(load(text, context()))) == 100


TWO = """
branch: {script: [x], rules: [{if: $CI_COMMIT_BRANCH}]}
request: {script: [x], rules: [{if: $CI_PIPELINE_SOURCE == "merge_request_event"}]}
"""
ONE = """
workflow:
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
    - if: $CI_COMMIT_BRANCH && $CI_OPEN_MERGE_REQUESTS
      when: never
    - if: $CI_COMMIT_BRANCH
"""


def test_two_pipelines_for_one_push_are_told_with_the_fix_that_ends_them() -> None:
    problem = found(TWO, "two-pipelines")[0]
    assert "“request”" in problem.message
    assert "workflow" in problem.fix
    assert found(ONE + TWO, "two-pipelines") == []
    assert found("job: {script: [x]}", "two-pipelines") == []


def test_duplicate_keys_are_told() -> None:
    assert found("a: {script: [x]}\na: {script: [y]}", "duplicate-key")[0].where.line == 2


def test_the_schema_sees_what_references_and_null_make_of_a_job() -> None:
    text = """
    .a: {rules: [{if: $CI}], script: [a], variables: {A: a}}
    job:
      extends: .a
      variables: null
      rules: [!reference [.a, rules]]
      script: [!reference [.a, script], b]
    """
    assert linted(text).errors == ()


def test_rules_that_ask_the_same_twice_are_told() -> None:
    text = """
    job:
      script: [x]
      rules:
        - if: $CI && $CI_COMMIT_BRANCH
        - {if: $CI, changes: [a]}
        - {if: $CI}
        - if: $CI   &&   $CI_COMMIT_BRANCH
    """
    problem = found(text, "unreachable-rule")[0]
    assert "Rule 4 of “job” asks the same as rule 1" in problem.message
    assert problem.where.line == 8
    behind = "workflow: {rules: [{when: always}, {if: $CI}]}\njob: {script: [x]}"
    assert "Rule 1 of workflow" in found(behind, "unreachable-rule")[0].message


DEPLOY = "default: {interruptible: true}\njob: {script: [x], environment: production%s}"


def test_a_deploy_that_a_new_commit_may_end_is_told() -> None:
    problem = found(DEPLOY % "", "interruptible-deploy")[0]
    assert "half done" in problem.message
    assert found(DEPLOY % ", interruptible: false", "interruptible-deploy") == []
    never = "workflow: {auto_cancel: {on_new_commit: none}}\n" + DEPLOY % ""
    assert found(never, "interruptible-deploy") == []
    checked = DEPLOY.replace("production", "{name: production, action: verify}") % ""
    assert found(checked, "interruptible-deploy") == []


@pytest.mark.parametrize(
    ("keyword", "word"),
    [
        ("artifacts: {reports: {accessibility: a.json}}", "report accessibility"),
        ("secrets: {A: {gitlab_secrets_manager: {name: b}}}", "gitlab_secrets_manager"),
    ],
)
def test_what_of_a_keyword_nothing_acts_on_is_named(keyword: str, word: str) -> None:
    problem = found(f"job:\n  script: [x]\n  {keyword}\n", "not-run")[0]
    assert word in problem.message
    assert problem.where.line == 3


def test_what_is_read_or_run_is_not_doubted() -> None:
    text = """
    job:
      script: [x]
      artifacts: {reports: {junit: a.xml, dotenv: b.env, sarif: c.json}}
      secrets: {A: {slipway: b}}
      environment: {name: a, url: 'https://a.example.test', action: start}
    """
    assert linted(text).problems == ()


def test_variables_in_keywords_are_looked_at_unless_a_job_hands_some_over() -> None:
    job = "job: {script: [x], image: $IMGAE, variables: {IMAGE: a}}\n"
    assert "“IMAGE”" in found(job, "undefined-variable")[0].fix
    handing = "first: {script: [x], stage: build, artifacts: {reports: {dotenv: a.env}}}\n"
    assert found(job + handing, "undefined-variable") == []


def test_variables_kept_for_some_environments_count_as_set() -> None:
    text = "job: {script: [x], rules: [{if: $KEY}, {when: always}]}"
    settings = (Setting("KEY", "k", environment="production", protected=True),)
    problems = lint(text, context(settings=settings)).problems
    assert not [one for one in problems if one.rule == "undefined-variable"]


def test_a_manual_job_says_whether_it_blocks() -> None:
    text = "a: {script: [x], when: manual}\nb: {script: [x], rules: [{when: manual}]}"
    report = linted(text)
    assert report.config is not None
    assert report.plan is not None
    said = {
        name: "\n".join(lines(explained(report.config, report.plan, name))) for name in ("a", "b")
    }
    assert "does not wait for that" in said["a"]
    assert "blocks what comes after it" in said["b"]


def test_what_many_jobs_extend_is_told_once() -> None:
    base = ".base: {script: [x], rules: [{if: $NOPE}, {if: $CI_JOB_ID}, {when: always}]}\n"
    text = base + "".join(f"job{n}: {{extends: .base}}\n" for n in range(5))
    assert len(found(text, "undefined-variable")) == 1
    assert len(found(text, "variable-too-early")) == 1
