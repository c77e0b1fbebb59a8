"""The life cycle of jobs as pods on the real control plane; only the nodes are played."""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from deploy.testbed.control_plane import ControlPlane
from gitops.models import Cluster
from pipelines.fleet import pods, services
from pipelines.fleet.models import Agent, Pod
from pipelines.runs.models import Attempt
from pipelines.runs.services import acting
from rbac.actors import Actor
from tests.pipelines.fleet.conftest import World, until
from tests.pipelines.fleet.kubelet import LABEL, Kubelet
from tests.pipelines.fleet.test_agent import ended, log_of, writes

ASKED = "It was not seen to pass yet; ask for it by SLIPWAY_TEST_PODS=1."
pytestmark = [
    *[pytest.mark.django_db(transaction=True), pytest.mark.slow],
    pytest.mark.skipif(not os.environ.get("SLIPWAY_TEST_PODS"), reason=ASKED),
]
UP = "job: {image: 'debian:12', script: [echo up, sleep 60], after_script: [echo late]}"


class Controller:
    """The controller's look, again and again, until it is killed."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(0.2):
            pods.look()
        connection.close()

    def end(self) -> None:
        self._stop.set()
        self._thread.join(60)


@pytest.fixture
def nodes(
    control_plane: ControlPlane,
    world: World,
    settings: Settings,
    tmp_path: Path,
    live_server: LiveServer,
) -> Iterator[Kubelet]:
    """An agent whose jobs are pods, and nodes that run them."""
    settings.CI_RUNNER_PROJECTS = []
    settings.BASE_URL = live_server.url
    settings.CI_POD_ANNOTATIONS = ["testbed.slipway.dev/complete-after=1h"]
    namespace = f"ci-{uuid.uuid4().hex[:8]}"
    row = Cluster.objects.create(
        name="real", domain="apps.example.test", kubeconfig=control_plane.kubeconfig.read_text()
    )
    services.create(
        Actor(world.people.administrator), name="pods", project=world.project, cluster=row,
        namespace=namespace, agent_image="slipway/agent:1", slots=4,
    )  # fmt: skip
    with Kubelet(control_plane, namespace, tmp_path) as found:
        yield found
    control_plane.kubectl("delete", "namespace", namespace, "--wait=false", check=False)


@pytest.fixture
def controlled(nodes: Kubelet) -> Iterator[Callable[[], Controller]]:
    running: list[Controller] = []

    def start() -> Controller:
        running.append(Controller())
        return running[-1]

    yield start
    for one in running:
        one.end()


def gone(nodes: Kubelet) -> None:
    until(lambda: nodes.kubectl("get", "jobs,pods,secrets", "-l", LABEL, "-o", "name") == "")


def test_a_job_is_made_followed_ended_and_taken_away(
    world: World, nodes: Kubelet, controlled: Callable[[], Any]
) -> None:
    text = """
build:
  image: debian:12
  stage: build
  script: [mkdir out, echo "$CI_COMMIT_SHORT_SHA" > out/app]
  artifacts: {paths: [out]}
test: {image: 'debian:12', stage: test, script: [cat out/app, echo "hello"]}
"""
    pipeline = world.start(text)
    controlled()
    assert ended(pipeline).status == "success", nodes.processes
    log = log_of(world, pipeline, "test")
    assert pipeline.sha[:8] in log
    assert "hello" in log
    gone(nodes)
    assert set(Pod.objects.values_list("state", flat=True)) == {"ended"}


def test_a_pod_is_let_in_where_pod_security_is_restricted(
    world: World, nodes: Kubelet, controlled: Callable[[], Any]
) -> None:
    world.start(UP)
    controlled()
    (pod,) = until(nodes.pods)
    namespace = nodes.plane.get("namespace", nodes.namespace)
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert pod["spec"]["serviceAccountName"] == "slipway-ci"
    assert not any(volume.get("projected") for volume in pod["spec"]["volumes"])
    may = nodes.kubectl(
        "auth", "can-i", "list", "secrets", "--as",
        f"system:serviceaccount:{nodes.namespace}:slipway-ci", check=False,
    )  # fmt: skip
    assert may.strip() == "no"


def test_a_cancel_ends_it_with_grace(
    world: World, nodes: Kubelet, controlled: Callable[[], Any]
) -> None:
    pipeline = world.start(UP)
    controlled()
    writes(b"\nup\n")
    acting.cancel(world.developer, pipeline.pk)
    until(lambda: world.job(pipeline, "job").status == "canceled")
    assert "\nlate\n" in log_of(world, pipeline, "job")
    gone(nodes)


def test_a_timeout_is_told(world: World, nodes: Kubelet, controlled: Callable[[], Any]) -> None:
    pipeline = world.start("job: {image: a, script: [sleep 60], timeout: 1 second}")
    controlled()
    assert ended(pipeline).status == "failed"
    assert world.job(pipeline, "job").failure == "job_execution_timeout"


def test_a_quota_that_refuses_is_told_and_the_job_runs_once_there_is_room(
    world: World, nodes: Kubelet, controlled: Callable[[], Any]
) -> None:
    nodes.plane.kubectl("create", "namespace", nodes.namespace)
    nodes.kubectl("create", "quota", "ci", "--hard=pods=0")
    pipeline = world.start("job: {image: a, script: [echo hello]}")
    controlled()
    until(lambda: "exceeded quota" in world.job(pipeline, "job").reason)
    assert "It is asked again in" in world.job(pipeline, "job").reason
    nodes.kubectl("delete", "quota", "ci")
    assert ended(pipeline).status == "success"


def test_a_controller_that_is_killed_in_the_middle_finds_its_pods_again(
    world: World, nodes: Kubelet, controlled: Callable[[], Any]
) -> None:
    pipeline = world.start("job: {image: a, script: [echo up, sleep 5, echo down]}")
    first = controlled()
    writes(b"\nup\n")
    first.end()
    controlled()
    assert ended(pipeline).status == "success"
    assert (Attempt.objects.count(), len(nodes.processes)) == (1, 1)
    gone(nodes)


def test_a_pod_that_is_taken_away_is_a_lost_runner(
    world: World, nodes: Kubelet, controlled: Callable[[], Any]
) -> None:
    pipeline = world.start(UP)
    controlled()
    writes(b"\nup\n")
    for process in nodes.processes.values():
        process.process.kill()
    nodes.kubectl("delete", "pods,jobs", "-l", LABEL, "--force", "--grace-period=0", "--wait=false")
    assert ended(pipeline).status == "failed"
    assert world.job(pipeline, "job").failure == "runner_system_failure"
    assert Agent.objects.get().warning == ""
