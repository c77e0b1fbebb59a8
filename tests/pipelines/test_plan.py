"""The plan: who is in, after whom, how, and what decided."""

import pytest

from pipelines.engine.plan import State
from tests.pipelines.making import files, planned, refused


def test_the_first_rule_that_holds_decides() -> None:
    plan = planned(
        """
        job:
          script: [x]
          rules:
            - if: $CI_COMMIT_TAG
            - if: $CI_COMMIT_BRANCH == "main"
              when: manual
              variables: {HOW: second}
            - when: always
        """
    )
    job = plan.jobs["job"]
    assert (job.when, job.variables["HOW"], job.allow_failure) == ("manual", "second", False)
    assert [one.holds for one in job.decision.judged] == [False, True]
    assert job.decision.where.line == 6
    assert "$CI_COMMIT_TAG is not set" in job.decision.judged[0].clauses[0].because


def test_a_job_with_no_rule_that_holds_stays_out_with_the_reason() -> None:
    plan = planned("a: {script: [x]}\njob: {script: [x], rules: [{if: $A}, {if: $B}]}")
    assert set(plan.jobs) == {"a"}
    assert plan.left_out["job"].reason == "none of its 2 rules holds"


def test_empty_rules_and_null_rules_differ() -> None:
    plan = planned("none: {script: [x], rules: null}\nempty: {script: [x], rules: []}")
    assert set(plan.jobs) == {"none"}
    assert "empty" in plan.left_out["empty"].reason


def test_never_keeps_a_job_out_and_says_so() -> None:
    plan = planned("a: {script: [x]}\nb: {script: [x], rules: [{when: never}, {when: always}]}")
    assert "when: never" in plan.left_out["b"].reason


@pytest.mark.parametrize(
    ("rule", "when", "allowed"),
    [
        ("when: manual", "manual", True),
        ("rules: [{when: manual}]", "manual", False),
        ("when: manual\n  allow_failure: false", "manual", False),
        ("rules: [{when: manual, allow_failure: true}]", "manual", True),
        ("when: manual\n  rules: [{if: $CI}]", "manual", False),
        ("when: on_failure", "on_failure", False),
        ("allow_failure: true", "on_success", True),
        ("allow_failure: true\n  rules: [{if: $CI, allow_failure: false}]", "on_success", False),
        ("when: delayed\n  start_in: 5 minutes", "delayed", False),
    ],
)
def test_when_and_allow_failure_by_job_and_rule(rule: str, when: str, allowed: bool) -> None:
    job = planned(f"job:\n  script: [x]\n  {rule}\n").jobs["job"]
    assert (job.when, job.allow_failure) == (when, allowed)


def test_exit_codes_that_may_fail() -> None:
    assert planned("job: {script: [x], allow_failure: {exit_codes: [1, 137]}}").jobs[
        "job"
    ].allowed_exit_codes == (1, 137)
    assert (
        refused("job: {script: [x], allow_failure: {exit_codes: no}}").errors[0].rule
        == "allow_failure"
    )


CHANGES = "a: {script: [x]}\njob: {script: [x], rules: [{changes: ['src/**/*']}]}"


def test_changes_hold_by_what_changed_and_always_where_that_is_unknown() -> None:
    assert "job" in planned(CHANGES, changed=("src/a/b.py",)).jobs
    assert "job" not in planned(CHANGES, changed=("docs/a.md",)).jobs
    assert "job" in planned(CHANGES, changed=None).jobs
    assert "job" in planned(CHANGES, changed=(), source="schedule").jobs
    assert "job" in planned(CHANGES, changed=(), tag="v1").jobs


def test_exists_looks_at_the_files_of_the_commit() -> None:
    text = (
        "a: {script: [x]}\njob: {script: [x], rules: [{exists: [Dockerfile, 'charts/**/*.tpl']}]}"
    )
    assert "job" in planned(text, files=files(Dockerfile="FROM x")).jobs
    assert "job" not in planned(text, files=files(other="x")).jobs


def test_variables_stand_in_changes_and_exists() -> None:
    text = "job: {script: [x], variables: {D: src}, rules: [{exists: ['$D/*.py']}]}"
    assert "job" in planned(text, files=files(**{"src__a.py": "x"})).jobs


def test_all_clauses_of_a_rule_have_to_hold() -> None:
    text = "a: {script: [x]}\njob: {script: [x], rules: [{if: $CI, exists: [gone]}]}"
    assert "job" not in planned(text).jobs


@pytest.mark.parametrize(
    ("only", "facts", "is_in"),
    [
        ("only: [main]", {}, True),
        ("only: [other]", {}, False),
        ("only: [/^ma/]", {}, True),
        ("only: [tags]", {}, False),
        ("only: [tags]", {"tag": "v1"}, True),
        ("only: [schedules]", {"source": "schedule"}, True),
        ("except: [main]", {}, False),
        ("except: [tags]", {}, True),
        ("only: {refs: [main], variables: ['$A']}", {}, False),
        ("only: {refs: [main], changes: ['*.md']}", {"changed": ("a.md",)}, True),
        ("except: {variables: ['$CI']}", {}, False),
        ("tags: [x]", {"source": "merge_request_event", "merge_request": True}, False),
        ("only: [merge_requests]", {"source": "merge_request_event", "merge_request": True}, True),
        ("only: ['main@group/project']", {}, True),
        ("only: ['main@other/project']", {}, False),
    ],
)
def test_only_and_except(only: str, facts: dict[str, object], is_in: bool) -> None:
    text = f"any: {{script: [x], rules: [{{when: always}}]}}\njob:\n  script: [x]\n  {only}\n"
    assert ("job" in planned(text, **facts).jobs) is is_in


def test_workflow_rules_keep_the_whole_pipeline_out() -> None:
    text = "workflow: {rules: [{if: $CI_COMMIT_TAG}]}\njob: {script: [x]}"
    assert planned(text).state is State.FILTERED
    assert planned(text, tag="v1").state is State.CREATED


def test_a_pipeline_has_the_name_of_its_workflow() -> None:
    assert (
        planned("workflow: {name: 'Build $CI_COMMIT_BRANCH'}\njob: {script: [x]}").name
        == "Build main"
    )


@pytest.mark.parametrize("message", ["Fix [skip ci]", "[CI SKIP] fix", "a\n\n[ci skip]"])
def test_a_commit_asks_for_no_pipeline(message: str) -> None:
    assert planned("job: {script: [x]}", message=message).state is State.SKIPPED
    assert planned("job: {script: [x]}", message=message, source="schedule").state is State.CREATED


def test_a_pipeline_of_only_pre_and_post_does_not_run() -> None:
    assert planned("job: {script: [x], stage: .pre}").state is State.EMPTY
    assert planned("job: {script: [x], rules: [{when: never}]}").state is State.EMPTY


def test_parallel_makes_numbered_jobs_and_a_matrix_named_ones() -> None:
    plan = planned(
        """
        some: {script: [x], parallel: 3}
        deploy:
          script: [x]
          parallel:
            matrix:
              - PROVIDER: aws
                STACK: [monitoring, app1]
              - PROVIDER: [gcp]
                STACK: [data]
        """
    )
    assert list(plan.jobs)[:3] == ["some 1/3", "some 2/3", "some 3/3"]
    assert plan.jobs["some 2/3"].variables["CI_NODE_INDEX"] == "2"
    assert "deploy: [gcp, data]" in plan.jobs
    assert plan.jobs["deploy: [aws, app1]"].variables["STACK"] == "app1"
    assert plan.jobs["deploy: [aws, app1]"].variables["CI_NODE_TOTAL"] == "3"


@pytest.mark.parametrize(
    ("written", "word"),
    [
        ("201", "number from 1 to 200"),
        ("0", "number from 1 to 200"),
        ("true", "number from 1 to 200"),
        ("{matrix: []}", "list of maps"),
        ("{matrix: [{A: []}]}", "list of texts"),
        ("{matrix: [{A: [x]}], max: 3}", "unknown key “max”"),
    ],
)
def test_parallel_of_another_form_is_named(written: str, word: str) -> None:
    assert word in str(refused(f"job: {{script: [x], parallel: {written}}}").problems[0])


def test_a_matrix_of_10000_jobs_is_counted_not_made() -> None:
    values = ", ".join(f"v{n}" for n in range(100))
    caught = refused(
        f"job: {{script: [x], parallel: {{matrix: [{{A: [{values}], B: [{values}]}}]}}}}"
    )
    assert "makes 10000 jobs; 200 are the most" in caught.message


@pytest.mark.parametrize(
    ("text", "rule", "word"),
    [
        ("job: {script: [x], stgae: test}", "unknown-key", "“stage”"),
        ("job: {stage: test}", "script", "begin its name with a dot"),
        ("job: {script: []}", "script", "Add a line"),
        ("job: {script: [{a: b}]}", "script", "Quote"),
        ("job: {script: [x], trigger: g/p}", "script", "Remove"),
        ("job: {script: [x], stage: tset}", "stage", "“test”"),
        ("job: {script: [x], when: manaul}", "when", "“manual”"),
        ("job: {script: [x], when: never}", "when", "rules"),
        ("job: {script: [x], when: delayed}", "start_in", "start_in"),
        ("job: {script: [x], rules: [{if: $A}], only: [main]}", "rules", "rule"),
        ("job: {script: [x], rules: {if: $A}}", "rules", "- if"),
        ("job: {script: [x], rules: [{fi: $A}]}", "unknown-key", "if"),
        ("job: {script: [x], rules: [{if: '$A = 1'}]}", "if", "Write like"),
        ("job: {script: [x], inherit: [default]}", "inherit", "default: false"),
        ("default: {scirpt: [x]}\njob: {script: [x]}", "unknown-key", "in the jobs"),
        ("stages: test\njob: {script: [x]}", "stages", "[build, test]"),
        ("workflow: {rulse: []}\njob: {script: [x]}", "unknown-key", "“rules”"),
        ("workflow: {rules: [{when: manual}]}\njob: {script: [x]}", "when", "always or never"),
        ("stage:\n- build\njob: {script: [x]}", "unknown-key", "“stages”"),
        (".only: {script: [x]}", "jobs", "Add a job"),
    ],
)
def test_what_is_wrong_is_named_with_rule_and_fix(text: str, rule: str, word: str) -> None:
    caught = refused(text)
    assert caught.errors[0].rule == rule
    assert word in caught.fix
    assert caught.problems[0].where.line > 0


def test_everything_that_is_wrong_is_said_at_once() -> None:
    assert len(refused("a: {scirpt: [x]}\nb: {script: [x], stage: nope}").problems) == 3


def test_defaults_hold_where_a_job_says_nothing() -> None:
    plan = planned(
        """
        default: {image: a, tags: [x]}
        job: {script: [x]}
        own: {script: [x], image: b}
        none: {script: [x], inherit: {default: false}}
        some: {script: [x], inherit: {default: [tags]}}
        """
    )
    seen = {
        name: (job.image.name if job.image else "", job.tags) for name, job in plan.jobs.items()
    }
    assert seen == {
        "job": ("a", ("x",)),
        "own": ("b", ("x",)),
        "none": ("", ()),
        "some": ("", ("x",)),
    }
