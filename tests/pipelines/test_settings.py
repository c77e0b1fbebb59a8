"""Variables that are kept outside of the file: levels, scopes, protection; and phases."""

import pytest

from pipelines.engine.explaining import explained
from pipelines.engine.linting import lint
from pipelines.engine.plan import PlannedJob
from pipelines.engine.predefined import NAMES, PHASES, Phase
from pipelines.engine.settings import Level, Setting, fits, layer
from pipelines.engine.sources import MemorySources
from tests.pipelines.making import context, loaded, planned, refused


def job(text: str = "job: {script: [x]}", **facts: object) -> PlannedJob:
    return planned(text, **facts).jobs["job"]


@pytest.mark.parametrize(
    ("scope", "environment", "expected"),
    [
        ("*", "", True),
        ("*", "production", True),
        ("production", "production", True),
        ("production", "production-2", False),
        ("production", "", False),
        ("review/*", "review/fix", True),
        ("review/*", "review", False),
        ("review/*", "my/review/fix", False),
        ("*/eu", "production/eu", True),
        ("*/eu", "production/us", False),
        ("a*b*c", "a-b-c", True),
        ("a*b*c", "a-c-b", False),
        ("ab*ba", "aba", False),
        ("a**c", "abc", True),
    ],
)
def test_scopes(scope: str, environment: str, expected: bool) -> None:
    assert fits(scope, environment) is expected


def test_the_closer_level_wins_and_in_a_level_the_scope_that_says_more() -> None:
    settings = (
        Setting("A", "project", environment="*"),
        Setting("A", "instance", Level.INSTANCE, environment="production"),
        Setting("A", "group", Level.GROUP),
        Setting("B", "top", Level.GROUP, nearness=0),
        Setting("B", "sub", Level.GROUP, nearness=1),
        Setting("C", "some", environment="review/*"),
        Setting("C", "exact", environment="review/fix"),
        Setting("C", "any"),
    )
    for given in (settings, settings[::-1]):
        found = layer(given, protected=False, environment="review/fix")
        assert {name: one.value for name, one in found.items()} == {
            "A": "project",
            "B": "sub",
            "C": "exact",
        }


def test_protected_variables_exist_on_protected_refs_only() -> None:
    settings = (Setting("KEY", "secret", protected=True),)
    assert "KEY" not in job(settings=settings).variables
    assert job(settings=settings, protected=True).variables["KEY"] == "secret"
    assert job(protected=True).variables["CI_COMMIT_REF_PROTECTED"] == "true"


def test_files_and_masked_ones_are_told_to_whoever_runs_the_job() -> None:
    settings = (
        Setting("FILE", "content", file=True),
        Setting("MASKED", "secret-1", masked=True),
        Setting("HIDDEN", "secret-2", hidden=True),
        Setting("PLAIN", "x"),
    )
    found = job(settings=settings)
    assert found.files == {"FILE"}
    assert found.masked == {"MASKED", "HIDDEN"}
    given = job(settings=settings, pipeline_variables={"MASKED": "given"})
    assert given.masked == {"HIDDEN"}


SCOPED = (
    Setting("TARGET", "somewhere"),
    Setting("TARGET", "prod", environment="production"),
    Setting("TARGET", "review", environment="review/*"),
)


def test_a_job_gets_what_is_kept_for_its_environment() -> None:
    text = """
    variables: {WHERE: review}
    none: {script: [x]}
    production: {script: [x], environment: production, variables: {COPY: "to $TARGET"}}
    review: {script: [x], environment: {name: $WHERE/$CI_COMMIT_REF_SLUG}}
    """
    jobs = planned(text, settings=SCOPED).jobs
    assert {name: one.variables["TARGET"] for name, one in jobs.items()} == {
        "none": "somewhere",
        "production": "prod",
        "review": "review",
    }
    assert jobs["production"].variables["COPY"] == "to prod"
    assert str(jobs["review"].origins["TARGET"]) == "project"


def test_rules_of_a_job_read_what_is_kept_for_its_environment() -> None:
    text = """
    a: {script: [x], environment: production, rules: [{if: $TARGET == "prod"}]}
    b: {script: [x], rules: [{if: $TARGET == "prod"}]}
    """
    assert list(planned(text, settings=SCOPED).jobs) == ["a"]


def test_settings_win_over_the_file_and_lose_to_the_pipeline() -> None:
    text = "variables: {A: file}\njob: {script: [x], variables: {A: job}}"
    settings = (Setting("A", "instance", Level.INSTANCE),)
    assert job(text, settings=settings).variables["A"] == "instance"
    given = {"A": "given"}
    assert job(text, settings=settings, pipeline_variables=given).variables["A"] == "given"


def test_a_value_that_is_not_expanded_stays_as_it_is() -> None:
    settings = (Setting("A", "$B", expand=False), Setting("B", "b"), Setting("C", "$B"))
    found = job(settings=settings).variables
    assert (found["A"], found["C"]) == ("$B", "b")


def test_a_masked_variable_is_not_put_into_the_file() -> None:
    header = "spec: {inputs: {a: {default: $KEY}}}\n---\n"
    text = header + "job: {script: ['$[[ inputs.a | expand_vars ]]']}"
    settings = (Setting("KEY", "secret", masked=True),)
    found = refused(text, settings=settings)
    assert "masked variable KEY" in found.message
    assert "secret" not in str(found)
    assert "secret" not in repr(settings)


def test_more_facts_of_the_server_are_predefined() -> None:
    found = job(facts={"CI_SERVER_URL": "https://slipway.example.test", "CI_PROJECT_ID": "7"})
    assert found.variables["CI_PROJECT_ID"] == "7"
    assert str(found.origins["CI_SERVER_URL"]) == "predefined"


def test_every_predefined_variable_has_its_phase() -> None:
    assert PHASES["CI_COMMIT_BRANCH"] is Phase.PRE_PIPELINE
    assert PHASES["CI_JOB_NAME"] is Phase.PIPELINE
    assert PHASES["CI_JOB_TOKEN"] is PHASES["CI_PROJECT_DIR"] is Phase.JOB
    assert len(NAMES) > 150
    assert context(facts={}).predefined().keys() <= NAMES


def test_a_condition_that_asks_too_early_is_told() -> None:
    text = "job: {script: [x], rules: [{if: $CI_JOB_ID}, {when: always}]}"
    found = [one for one in lint(text, context()).problems if one.rule == "variable-too-early"]
    assert "only in a running job" in found[0].message
    own = "job: {script: [x], variables: {CI_JOB_ID: a}, rules: [{if: $CI_JOB_ID}]}"
    assert not [one for one in lint(own, context()).problems if one.rule == "variable-too-early"]


NONE = "auto_cancel: {on_new_commit: none}"
BOTH = "auto_cancel: {on_new_commit: interruptible, on_job_failure: all}"


@pytest.mark.parametrize(
    ("workflow", "commit", "failure"),
    [
        ("", "conservative", "none"),
        ("workflow: {auto_cancel: {on_new_commit: none}}", "none", "none"),
        ("workflow: {auto_cancel: {on_job_failure: all}}", "conservative", "all"),
        (
            f"workflow: {{{BOTH}, rules: [{{if: $CI, {NONE}}}]}}",
            "none",
            "all",
        ),
        (
            f"workflow: {{{BOTH}, rules: [{{if: $N, {NONE}}}, {{}}]}}",
            "interruptible",
            "all",
        ),
    ],
)
def test_what_ends_a_pipeline_early(workflow: str, commit: str, failure: str) -> None:
    found = planned(f"{workflow}\njob: {{script: [x]}}").auto_cancel
    assert (found.on_new_commit, found.on_job_failure) == (commit, failure)


@pytest.mark.parametrize(
    "workflow",
    [
        "{auto_cancel: {on_new_commit: sometimes}}",
        "{auto_cancel: x}",
        "{rules: [{if: $CI, auto_cancel: {on_job_failure: some}}]}",
    ],
)
def test_auto_cancel_of_no_known_form(workflow: str) -> None:
    found = refused(f"workflow: {workflow}\njob: {{script: [x]}}")
    assert found.problems[0].rule == "auto_cancel"


def test_masked_values_are_in_no_explanation() -> None:
    settings = (Setting("KEY", "se-cret", masked=True), Setting("USES", "my $KEY"))
    text = """
    job:
      script: [x]
      variables: {DIR: "d-$KEY"}
      rules: [{if: $KEY == "no"}, {if: $USES == "no"}, {exists: ["$DIR/*"]}, {when: always}]
    """
    facts = {"settings": settings}
    plan = planned(text, **facts)
    found = explained(loaded(text, **facts), plan, "job")
    assert "se-cret" not in str(found)
    assert found["variables"]["DIR"]["value"] == "d-[MASKED]"
    assert plan.jobs["job"].variables["DIR"] == "d-se-cret"


def test_masked_values_in_addresses_are_in_no_message() -> None:
    settings = (Setting("TOKEN", "se-cret", masked=True),)
    text = "include: 'https://example.test/a.yml?key=$TOKEN'\njob: {script: [x]}"
    assert "se-cret" not in str(refused(text, settings=settings).problems)
    sources = MemorySources(remotes={"https://example.test/a.yml?key=se-cret": b".a: {}"})
    assert "se-cret" not in str(loaded(text, settings=settings, sources=sources).files)
