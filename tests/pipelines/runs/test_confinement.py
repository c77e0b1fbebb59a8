"""What a job of this machine is kept from, on request: the network, and the machine's own user."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from pipelines.executors.local import Runner
from pipelines.runs import logs
from pipelines.runs.models import Pipeline
from tests.pipelines.runs.conftest import SECONDS, World

pytestmark = pytest.mark.django_db(transaction=True)
NETWORK = """
job:
  variables: {SLIPWAY_NETWORK: %s}
  script: ["echo found=$(cut -d: -f1 /proc/net/dev | tail -n +3 | tr -d '[:space:]')"]
  after_script: ["echo after=$(cut -d: -f1 /proc/net/dev | tail -n +3 | tr -d '[:space:]')"]
"""


@pytest.mark.parametrize(("asked", "of_machine"), [("none", ""), ("host", "none")])
def test_a_job_without_a_network_has_its_own_loopback_and_says_so(
    world: World,
    finished: Callable[[Pipeline], Pipeline],
    settings: Settings,
    asked: str,
    of_machine: str,
) -> None:
    settings.CI_JOB_NETWORK = of_machine
    pipeline = finished(world.start(NETWORK % asked))
    log = logs.read(world.job(pipeline, "job").attempts.get().pk)[0].decode()
    assert "It has no network but its own 127.0.0.1." in log
    refused = "this machine gives it no private network" in log
    assert refused or ("found=lo\n" in log and "after=lo\n" in log)


def test_a_network_that_is_not_known_is_named(
    world: World, finished: Callable[[Pipeline], Pipeline]
) -> None:
    pipeline = finished(world.start(NETWORK % "bridge"))
    job = world.job(pipeline, "job")
    assert job.failure == "unmet_prerequisites"
    log = logs.read(job.attempts.get().pk)[0].decode()
    assert "SLIPWAY_NETWORK is “bridge”; it may be none or host." in log


AS_SOMEBODY = """
job:
  script: [id -un, touch mine, cat readme.txt, "cat %s || echo kept from it"]
  after_script: [test -O mine && echo still its own]
  artifacts: {paths: [mine]}
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root may start a job as somebody else")
def test_jobs_run_as_the_user_that_the_settings_name(
    world: World, finished: Callable[[Pipeline], Pipeline], settings: Settings
) -> None:
    with tempfile.TemporaryDirectory() as name:  # the tests' own folders let nobody through
        folder = Path(name)
        folder.chmod(0o711)
        secret = folder / "key"
        secret.write_text("the-key")
        secret.chmod(0o600)
        settings.CI_SCRATCH_DIR, settings.CI_JOB_USER = folder / "scratch", "nobody"
        text = AS_SOMEBODY % secret
        world.commit(text, **{"readme.txt": "of the commit"})
        runner = Runner(threading.Event(), slots=1)
        thread = threading.Thread(target=runner.run)
        pipeline = world.start(text + "# again")
        thread.start()
        try:
            ends = time.monotonic() + SECONDS
            while not Pipeline.objects.get(pk=pipeline.pk).ended and time.monotonic() < ends:
                time.sleep(0.05)
        finally:
            runner.stop.set()
            thread.join()
    job = world.job(pipeline, "job")
    log = logs.read(job.attempts.get().pk)[0].decode()
    assert job.status == "success", log
    for line in ("nobody", "of the commit", "kept from it", "still its own"):
        assert f"\n{line}" in log
    assert "the-key" not in log


@pytest.mark.parametrize(
    ("name", "words"), [("no-such-user-here", "There is no user"), ("root", "is root")]
)
def test_a_user_that_cannot_be_is_named(settings: Settings, name: str, words: str) -> None:
    settings.CI_JOB_USER, settings.CI_RUNNER_PROJECTS = name, ["*"]
    with pytest.raises(CommandError, match=f"SLIPWAY_CI_JOB_USER: .*{words}"):
        call_command("runner")
