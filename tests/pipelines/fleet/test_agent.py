"""Pipelines run by an agent: a process of its own that has nothing but an address and a token."""

from __future__ import annotations

import os
import signal
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest
from django.utils import timezone

from pipelines.fleet.models import Agent
from pipelines.runs import logs
from pipelines.runs.models import Artifact, Attempt, LogChunk, Pipeline
from pipelines.runs.services import acting
from pipelines.variables.models import Variable
from tests.pipelines.fleet.conftest import Process, World, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.loopback]
Attached = Callable[..., Process]


def ended(pipeline: Pipeline) -> Pipeline:
    def over() -> bool:
        pipeline.refresh_from_db()
        return pipeline.ended and pipeline.finished_at is not None

    until(over)
    return pipeline


def log_of(world: World, pipeline: Pipeline, name: str) -> str:
    attempt = world.job(pipeline, name).attempts.order_by("-number").first()
    assert attempt is not None
    return logs.read(attempt.pk)[0].decode()


def writes(text: bytes) -> None:
    def there() -> bool:
        every = Attempt.objects.values_list("pk", flat=True)
        return any(text in logs.read(pk)[0] for pk in every)

    until(there)


def test_content_exit_codes_artifacts_reports_cache_and_masking(
    world: World, attached: Attached
) -> None:
    Variable.objects.create(
        project=world.project, name="TOKEN", value="s3cr3t-of-the-team", masked=True
    )
    text = """
build:
  stage: build
  script: [mkdir out, echo "$CI_COMMIT_SHORT_SHA" > out/app, echo WHO=world > env]
  artifacts: {paths: [out], reports: {dotenv: env}}
  cache: {key: deps, paths: [deps], untracked: true}
  after_script: [mkdir deps, echo kept > deps/one]
test:
  stage: test
  script: [cat out/app, echo "hello $WHO $TOKEN", git log -1 --format=%s, cat deps/one]
  cache: {key: deps, paths: [deps], policy: pull}
  coverage: '/hello (\\d+)/'
broken: {stage: test, script: [exit 7], allow_failure: {exit_codes: 7}}
"""
    pipeline = world.start(text)
    agent = attached()
    assert ended(pipeline).status == "success", log_of(world, pipeline, "build") + agent.text
    log = log_of(world, pipeline, "test")
    assert pipeline.sha[:8] in log
    assert "hello world [MASKED]" in log
    assert "s3cr3t" not in log
    assert "Change it" in log
    assert "kept" in log
    assert world.job(pipeline, "broken").attempts.get().exit_code == 7
    archive = Artifact.objects.get(kind="archive")
    assert (archive.entries, archive.attempt.job.name) == (2, "build")
    row = Agent.objects.get()
    assert (row.version != "", row.address) == (True, "127.0.0.1")
    assert world.job(pipeline, "test").attempts.get().agent == row
    assert agent.end() == 0
    row.refresh_from_db()
    assert row.instance == ""


def test_a_cancel_ends_the_job_and_its_after_script_runs(world: World, attached: Attached) -> None:
    pipeline = world.start("job: {script: [echo up, sleep 60], after_script: [echo late]}")
    attached()
    writes(b"\nup\n")
    acting.cancel(world.developer, pipeline.pk)
    ended(pipeline)
    until(lambda: world.job(pipeline, "job").status == "canceled")
    assert "\nlate\n" in log_of(world, pipeline, "job")


def test_a_timeout_is_told(world: World, attached: Attached) -> None:
    pipeline = world.start("job: {script: [sleep 60], timeout: 1 second}")
    attached()
    assert ended(pipeline).status == "failed"
    assert world.job(pipeline, "job").failure == "job_execution_timeout"


def test_an_agent_that_is_stopped_ends_in_order(world: World, attached: Attached) -> None:
    text = "job: {script: [echo up, sleep 60], retry: {max: 1, when: runner_system_failure}}"
    pipeline = world.start(text)
    agent = attached()
    writes(b"\nup\n")
    assert agent.end() == 0
    first = world.job(pipeline, "job").attempts.get(number=1)
    assert (first.status, first.failure, first.message) == (
        "failed",
        "runner_system_failure",
        "its agent was stopped",
    )
    assert world.job(pipeline, "job").status == "pending"


def test_one_that_was_killed_is_followed_by_the_next_which_ends_what_it_left(
    world: World, attached: Attached
) -> None:
    pipeline = world.start("job: {script: [echo up, sleep 60]}")
    agent = attached()
    writes(b"\nup\n")
    agent.end(signal.SIGKILL)
    Agent.objects.update(seen_at=timezone.now() - timezone.timedelta(minutes=1))
    attached()
    assert ended(pipeline).status == "failed"
    assert world.job(pipeline, "job").reason == "its agent builder was started anew"


def test_a_lost_lease_kills_the_job(world: World, attached: Attached, tmp_path: Path) -> None:
    world.start("job: {script: [echo up, sleep 60]}")
    attached()
    writes(b"\nup\n")
    Attempt.objects.update(lease_token=99)
    until(lambda: not list((tmp_path / "work").glob("*/[0-9]*-*")))
    assert Attempt.objects.get().status == "running"


def test_a_gigabyte_of_log_costs_its_head_and_its_tail(world: World, attached: Attached) -> None:
    text = "job: {script: ['head -c 1000000000 /dev/zero | tr \"\\\\0\" x', echo end]}"
    pipeline = world.start(text)
    attached()
    assert ended(pipeline).status == "success"
    attempt = Attempt.objects.get()
    assert attempt.log_size > 1_000_000_000
    stored = sum(len(bytes(one.data)) for one in LogChunk.objects.all())
    assert stored <= logs.HEAD + 2 * logs.TAIL + 8 * logs.TAIL
    head, _ = logs.read(attempt.pk, 0, 1000)
    tail, _ = logs.read(attempt.pk, attempt.log_size - 1000)
    assert b"checked out" in head
    assert tail.rstrip().endswith(b"Job succeeded\x1b[0;m")
    assert b"\nend\n" in tail


def test_the_token_is_changed_for_the_next_before_its_end(
    world: World, attached: Attached, made: tuple[Agent, str]
) -> None:
    Agent.objects.update(token_until=timezone.now() + timezone.timedelta(days=1))
    pipeline = world.start("job: {script: [echo up]}")
    agent = attached()
    assert ended(pipeline).status == "success"
    until(lambda: agent.token.read_text().strip() != made[1])
    world.start("job: {script: [echo again]}")
    until(lambda: Agent.objects.get().old_digest != "")
    assert agent.end() == 0


def test_a_refused_token_ends_it_with_words(attached: Attached) -> None:
    Agent.objects.update(digest="0" * 64)
    agent = attached()
    assert agent.process.wait(30) == 3
    assert "Slipway refuses this agent" in agent.text


SAYS = """
variables: {LANG: de_DE.UTF-8}
job:
  script:
    - echo "java=${JAVA_HOME:-none} lang=$LANG path=$PATH own=$(env | grep -c ^SLIPWAY_AGENT)"
    - command -v slipway
"""


@pytest.mark.parametrize("keeps", [True, False])
def test_a_job_begins_with_its_containers_environment_where_the_agent_is_one_jobs_own(
    world: World, attached: Attached, *, keeps: bool
) -> None:
    pipeline = world.start(SAYS)
    env = {"JAVA_HOME": "/opt/java", "PATH": f"/opt/java/bin:{os.environ['PATH']}"}
    agent = attached(env=env | ({"SLIPWAY_AGENT_KEEP_ENVIRONMENT": "1"} if keeps else {}))
    status = ended(pipeline).status
    log = log_of(world, pipeline, "job")
    assert status == "success", log + agent.text
    assert f"java={'/opt/java' if keeps else 'none'} lang=de_DE.UTF-8" in log
    assert ("path=/opt/java/bin:" in log) is keeps
    assert "own=0" in log
    assert f"\n{sysconfig.get_path('scripts')}/slipway\n" in log
