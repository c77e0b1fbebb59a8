"""Typed keywords of planned jobs: what the corpus cannot say in YAML."""

import pytest

from pipelines.engine.problems import Where
from pipelines.engine.values.artifacts import Artifacts
from pipelines.engine.values.cache import Cache, usable_key
from pipelines.engine.values.environment import Environment, guessed_tier, slug
from pipelines.engine.values.expanding import expanded, putter
from pipelines.engine.values.retry import REASONS, Retry
from tests.pipelines.making import planned, refused

HERE = Where("x")


def test_retry_covers_reasons_or_codes() -> None:
    assert all(Retry(2).covers(reason) for reason in REASONS)
    by_code = Retry(1, (), (137,))
    assert by_code.covers("script_failure", 137)
    assert not by_code.covers("script_failure", 1)
    either = Retry(1, ("runner_system_failure",), (137,))
    assert either.covers("runner_system_failure")
    assert either.covers("script_failure", 137)
    assert not either.covers("script_failure", 2)


@pytest.mark.parametrize(
    ("when", "after_success", "after_failure"),
    [("on_success", True, False), ("on_failure", False, True), ("always", True, True)],
)
def test_files_are_kept_by_the_end_of_the_job(
    when: str, after_success: bool, after_failure: bool
) -> None:
    for value in (Artifacts(when=when), Cache(when=when)):
        assert value.kept_after(failed=False) is after_success
        assert value.kept_after(failed=True) is after_failure


def test_policies_pull_and_push() -> None:
    assert [(c.pulls, c.pushes) for c in (Cache(), Cache(policy="pull"), Cache(policy="push"))] == [
        (True, True),
        (True, False),
        (False, True),
    ]


@pytest.mark.parametrize("key", ["", "  ", "a/b", "a%2Fb", ".", "..", "%2E"])
def test_keys_that_name_no_cache(key: str) -> None:
    assert not usable_key(key)
    assert usable_key("main-v1.2")


@pytest.mark.parametrize(
    ("name", "tier"),
    [
        ("Production", "production"),
        ("live", "production"),
        ("prod/eu", "production"),
        ("Staging", "staging"),
        ("model", "staging"),
        ("Test", "testing"),
        ("review/fix", "development"),
        ("dev", "development"),
        ("anything", "other"),
    ],
)
def test_tiers_by_name(name: str, tier: str) -> None:
    assert guessed_tier(name) == tier
    assert Environment(name, deployment_tier="staging").tier == "staging"


def test_slugs_fit_dns_and_differ_where_names_do() -> None:
    assert slug("production") == "production"
    long = slug("review/a-very-long-branch-name-of-somebody")
    assert len(long) <= 24
    assert long != slug("review/a-very-long-branch-name-of-somebody-else")
    assert slug("Production") != slug("production")
    assert slug("9lives").startswith("env-9lives")
    assert "--" not in slug("a//b__c")


def test_what_is_not_known_at_planning_is_put_in_later() -> None:
    text = """
    job:
      script: [x]
      artifacts: {paths: [$CI_PROJECT_DIR/$OUT, plain], name: $NOPE}
      variables: {OUT: build}
    """
    artifacts = planned(text).jobs["job"].artifacts
    assert artifacts is not None
    assert artifacts.paths == ("$CI_PROJECT_DIR/build", "plain")
    final = expanded(artifacts, putter({"CI_PROJECT_DIR": "/w"}, HERE, final=True))
    assert (final.paths, final.name) == (("/w/build", "plain"), "")


def test_a_value_without_variables_stays_the_same_object() -> None:
    value = Artifacts(paths=("a", "b"), name="n")
    assert expanded(value, putter({"A": "a"}, HERE)) is value


def test_words_of_the_language_are_not_expanded() -> None:
    value = Artifacts(when="$A")
    assert expanded(value, putter({"A": "always"}, HERE)).when == "$A"


def test_each_wrong_keyword_is_told_at_its_line_at_once() -> None:
    found = refused(
        """
        job:
          script: [x]
          retry: 5
          timeout: whenever
          cache: {policy: sometimes}
          environment: {name: "a|b"}
          artifacts:
            path: [x]
            when: never
        """
    )
    rules = [(one.rule, one.where.line) for one in found.problems]
    assert rules == [
        ("retry", 4),
        ("timeout", 5),
        ("cache", 6),
        ("environment", 7),
        ("unknown-key", 9),
    ]
    assert all(one.fix for one in found.problems)
    assert "“paths”" in found.problems[-1].fix


@pytest.mark.parametrize(
    "keyword",
    [
        "retry: {max: true}",
        "retry: {when: bad_luck}",
        "retry: {exit_codes: [x]}",
        "tags: 3",
        "tags: [{a: b}]",
        "resource_group: ''",
        "interruptible: 1",
        "image: [a]",
        "image: {entrypoint: [a]}",
        "services: a",
        "services: [{alias: a}]",
        "services: [{name: a, variables: [b]}]",
        "artifacts: [a]",
        "artifacts: {untracked: maybe, paths: [a]}",
        "artifacts: {reports: {coverage_report: {coverage_format: cobertura}}}",
        "artifacts: {paths: [a], expose_as: " + "x" * 101 + "}",
        "cache: [a]",
        "cache: {paths: a}",
        "release: {tag_name: a, description: b, assets: {links: a}}",
        "release: {tag_name: a, description: b, assets: {links: [{name: a}]}}",
        "id_tokens: [a]",
        "id_tokens: {'a-b': {aud: c}}",
        "secrets: {A: {slipway: a, vault: b}}",
        "secrets: {A: {slipway: {version: '1'}}}",
        "environment: {name: a, action: begin}",
        "environment: {name: a, auto_stop_in: soon}",
        "hooks: {pre_get_sources_script: {a: b}}",
        "manual_confirmation: {a: b}",
        "coverage: 3",
        "timeout: 0",
    ],
)
def test_forms_that_no_keyword_has(keyword: str) -> None:
    found = refused(f"job:\n  script: [x]\n  {keyword}\n")
    assert found.problems[0].rule == keyword.split(":", 1)[0]
    assert found.problems[0].where.line == 3
    assert found.problems[0].fix


@pytest.mark.parametrize(
    "trigger",
    [
        "[a]",
        "{}",
        "{project: g/p, inputs: 3}",
        "{include: []}",
        "{include: [{local: a, project: b}]}",
        "{include: [{project: a}]}",
        "{include: [{project: a, file: [b, c]}]}",
        "{include: a.yml, branch: main}",
        "{project: g/p, forward: [a]}",
    ],
)
def test_triggers_of_no_known_form(trigger: str) -> None:
    assert refused(f"job:\n  trigger: {trigger}\n").problems[0].rule == "trigger"
