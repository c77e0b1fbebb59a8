"""Pipelines from a commit to their end, by a runner that works the rows off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from idp.changes.leases import LeaseLost
from pipelines.executors.files import report_name
from pipelines.reports.facts import compare
from pipelines.reports.models import Report
from pipelines.runs import claiming, logs
from pipelines.runs.models import Artifact, Attempt, Pipeline
from pipelines.runs.services import acting, ending
from pipelines.variables.models import Variable
from tests.pipelines.runs.conftest import World

pytestmark = pytest.mark.django_db(transaction=True)
Finished = Callable[[Pipeline], Pipeline]


def log_of(world: World, pipeline: Pipeline, name: str) -> str:
    attempt = world.job(pipeline, name).attempts.order_by("-number").first()
    assert attempt is not None
    return logs.read(attempt.pk)[0].decode()


def test_from_build_to_deploy(world: World, finished: Finished) -> None:
    pipeline = world.start(
        """
stages: [build, test, deploy]
build:
  stage: build
  script: [mkdir out, echo "$CI_COMMIT_SHORT_SHA" > out/app, echo WHO=world > env]
  artifacts: {paths: [out], reports: {dotenv: env}}
test:
  stage: test
  script:
    - cat out/app
    - echo "hello $WHO since $CI_PIPELINE_CREATED_AT"
    - git log -1 --format=%s
  coverage: '/hello (\\d+)/'
deploy: {stage: deploy, script: [echo gone], needs: [build], environment: development}
""",
    )
    assert pipeline.status == "running"
    assert finished(pipeline).status == "success"
    assert world.words(pipeline) == dict.fromkeys(("build", "test", "deploy"), "success")
    text = log_of(world, pipeline, "test")
    assert pipeline.sha[:8] in text
    assert f"hello world since {pipeline.created_at.isoformat()}" in text
    assert "Change it" in text
    archive = Artifact.objects.get(kind="archive")
    assert (archive.entries, archive.attempt.job.name) == (2, "build")


def test_jobs_with_nothing_before_them_look_for_no_artifacts(world: World) -> None:
    text = "b: {stage: build, script: [x]}\nt: {script: [x]}\nn: {script: [x], needs: [b]}"
    found = dict(world.start(text).jobs.values_list("name", "sources"))
    assert found == {"b": [], "t": None, "n": ["b"]}


def test_a_failure_skips_what_follows_and_is_run_again(world: World, finished: Finished) -> None:
    text = """
build: {stage: build, script: ['test -n "$MENDED"']}
test: {script: [echo hi]}
"""
    pipeline = world.start(text)
    assert finished(pipeline).status == "failed"
    assert pipeline.reason == "“build” failed."
    assert world.words(pipeline) == {"build": "failed", "test": "skipped"}
    job = world.job(pipeline, "build")
    assert (job.failure, job.reason) == ("script_failure", "the script ended with exit code 1")
    acting.retry(world.developer, job.pk)
    pipeline.refresh_from_db()
    assert (pipeline.status, world.words(pipeline)["test"]) == ("running", "created")
    assert finished(pipeline).status == "failed"
    assert world.job(pipeline, "build").runs == 2


def test_retry_makes_attempts_of_its_own(world: World, finished: Finished) -> None:
    pipeline = finished(world.start("job: {script: exit 3, retry: 2}"))
    assert pipeline.status == "failed"
    assert world.job(pipeline, "job").attempts.count() == 3


def test_cancelling_ends_what_runs(
    world: World, runs: Callable[..., None], finished: Finished
) -> None:
    text = """
slow: {script: [echo up, sleep 60], after_script: [echo tidied]}
next: {stage: deploy, script: [echo never]}
"""
    pipeline = world.start(text)
    runs(lambda: world.job(pipeline, "slow").attempts.filter(chunks__isnull=False).exists())
    runs(lambda: "\nup\n" in log_of(world, pipeline, "slow"))
    acting.cancel(world.developer, pipeline.pk)
    assert finished(pipeline).status == "canceled"
    assert world.words(pipeline) == {"slow": "canceled", "next": "canceled"}
    assert "tidied" in log_of(world, pipeline, "slow")


def test_a_manual_job_holds_the_pipeline_until_somebody_starts_it(
    world: World, runs: Callable[..., None], finished: Finished
) -> None:
    text = """
ask: {stage: build, script: [echo asked], rules: [{when: manual}]}
then: {script: [echo then]}
"""
    pipeline = world.start(text)
    assert (pipeline.status, world.words(pipeline)) == (
        "manual",
        {"ask": "manual", "then": "created"},
    )
    job = acting.play(world.developer, world.job(pipeline, "ask").pk)
    assert job.started_by == "dana.dev"
    assert finished(pipeline).status == "success"


def test_a_lost_lease_writes_nothing_more_and_the_job_is_a_system_failure(world: World) -> None:
    pipeline = world.start("job: {script: [echo], retry: {max: 1, when: runner_system_failure}}")
    (taken,) = claiming.take(1)
    writer = logs.Writer(taken.lease)
    writer.write(b"one\n")
    writer.flush()
    Attempt.objects.update(lease_until="2020-01-01T00:00:00Z")
    assert ending.end_lost() == 1
    writer.write(b"two\n")
    with pytest.raises(LeaseLost):
        writer.flush()
    with pytest.raises(LeaseLost):
        ending.finish(taken.lease, ending.End("success"))
    assert logs.read(taken.attempt.pk) == (b"one\n", 4)
    job = world.job(pipeline, "job")
    assert (job.status, job.runs, job.retries) == ("pending", 2, 1)
    first = job.attempts.get(number=1)
    assert (first.status, first.failure) == ("failed", "runner_system_failure")


def test_reports_are_followed_and_a_bad_one_is_told(world: World, finished: Finished) -> None:
    good = "<testsuite><testcase classname='a' name='adds'><failure>no</failure></testcase>"
    pipeline = world.start(
        f"""
test:
  script:
    - echo "{good}</testsuite>" > r.xml
    - echo nonsense > bad.xml
    - ln -s /etc/passwd away.xml
    - exit 1
  artifacts: {{when: always, reports: {{junit: ["*.xml"]}}}}
"""
    )
    assert finished(pipeline).status == "failed"
    assert Report.objects.get().summary["failed"] == 1
    text = log_of(world, pipeline, "test")
    assert "bad.xml is not taken as a junit report" in text
    assert "away.xml" not in text.split("$ exit 1")[1]


def test_what_is_left_out_of_a_long_report_is_told(
    world: World, finished: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.reports.formats.junit.MAX_CASES", 2)
    cases = "".join(f"<testcase classname='a' name='n{one}'/>" for one in range(5))
    pipeline = world.start(
        f"""
test:
  script:
    - echo "<testsuite>{cases}</testsuite>" > r.xml
  artifacts: {{reports: {{junit: r.xml}}}}
"""
    )
    assert finished(pipeline).status == "success"
    left = "r.xml: 3 of its entries are counted, and not kept one by one."
    assert left in log_of(world, pipeline, "test")


def test_one_red_job_of_a_matrix_is_red_whatever_the_others_report(
    world: World, finished: Finished
) -> None:
    pipeline = world.start(
        """
test:
  parallel: {matrix: [{SUITE: [slow, fast]}]}
  script:
    - if [ $SUITE = slow ]; then said='<failure>no</failure>'; fi
    - echo "<testsuite><testcase classname='a' name='adds'>$said</testcase></testsuite>" > r.xml
    - test $SUITE = fast
  artifacts: {when: always, reports: {junit: r.xml}}
"""
    )
    assert finished(pipeline).status == "failed"
    first, second = Report.objects.order_by("job")
    assert (first.name, second.name) == ("test: [fast]: r.xml", "test: [slow]: r.xml")
    tests = compare(world.project, pipeline.sha).facts.tests
    assert tests is not None
    assert (tests.failed, tests.flaky) == (1, 0)


def test_a_long_reports_name_stays_its_own() -> None:
    names = {report_name("job", f"{'x' * 120}{end}.xml") for end in "ab"}
    assert {len(name) for name in names} == {100}
    assert len(names) == 2


def test_variables_are_masked_in_the_log_in_every_form(world: World, finished: Finished) -> None:
    Variable.objects.create(project=world.project, name="TOKEN", value="s3cr3t-token", masked=True)
    text = "job: {script: ['echo \"-$TOKEN-\"', 'printf %s \"user:$TOKEN\" | base64']}"
    pipeline = finished(world.start(text))
    log = log_of(world, pipeline, "job")
    assert "-[MASKED]-" in log
    assert "s3cr3t" not in log
    assert "czNjcjN0LXRva2Vu" not in log
    assert log.count("[MASKED]") == 2


@pytest.mark.parametrize("jobs", [5, 50])
def test_an_end_costs_the_same_queries_however_many_jobs_there_are(
    world: World, django_assert_max_num_queries: Any, jobs: int
) -> None:
    world.start("\n".join(f"j{n}: {{script: [echo]}}" for n in range(jobs)))
    (taken,) = claiming.take(1)
    with django_assert_max_num_queries(12):
        ending.finish(taken.lease, ending.End("success"))
