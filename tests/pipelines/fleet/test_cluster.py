"""The life cycle of jobs as pods on the real control plane; only the nodes are played."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from deploy.testbed.control_plane import ControlPlane
from gitops.models import Cluster
from pipelines.backends import cluster as clusters
from pipelines.fleet import pods, services
from pipelines.fleet.models import Agent, Pod
from pipelines.runs.models import Attempt
from pipelines.runs.services import acting
from rbac.actors import Actor
from tests.pipelines.fleet.conftest import World, until
from tests.pipelines.fleet.controllers import Controller, ControllerProcess, Mortal
from tests.pipelines.fleet.kubelet import LABEL, PLAYED, Kubelet
from tests.pipelines.fleet.test_agent import ended, log_of, writes

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
Controlled = Callable[[], Controller]
UP = "job: {image: 'debian:12', script: [echo up, sleep 60], after_script: [echo late]}"


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
    settings.CI_POD_ANNOTATIONS = [f"{PLAYED}=yes"]
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
def controlled(nodes: Kubelet, monkeypatch: pytest.MonkeyPatch) -> Iterator[Controlled]:
    """Starts controllers, which wait shorter than the product does."""
    monkeypatch.setattr(pods, "FIRST_WAIT", 1.0)
    monkeypatch.setattr(pods, "GONE_AFTER", timedelta(seconds=2))
    running: list[Controller] = []

    def start() -> Controller:
        running.append(Controller())
        return running[-1]

    yield start
    for one in running:
        one.end()


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A job of `waiting` goes on once this is there."""
    return tmp_path / "gate"


def waiting(gate: Path, more: str = "") -> str:
    wait = f"until [ -e {gate} ]; do sleep 0.1; done"
    return f"job: {{image: 'debian:12', script: [echo up, {wait!r}, echo down]{more}}}"


def gone(nodes: Kubelet) -> None:
    """No Job, no pod, no Secret, and no row that waits for one."""
    until(lambda: not nodes.left())
    until(lambda: not Pod.objects.exclude(state="ended").exists())
    assert not Pod.objects.exclude(digest="").exists()


def test_a_job_is_made_followed_ended_and_taken_away(
    world: World, nodes: Kubelet, controlled: Controlled
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


def test_a_pod_is_let_in_where_pod_security_is_restricted(
    world: World, nodes: Kubelet, controlled: Controlled
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


def test_a_cancel_ends_it_with_grace(world: World, nodes: Kubelet, controlled: Controlled) -> None:
    pipeline = world.start(UP)
    controlled()
    writes(b"\nup\n")
    acting.cancel(world.developer, pipeline.pk)
    until(lambda: world.job(pipeline, "job").status == "canceled")
    assert Attempt.objects.get().exit_code is not None  # the agent's own word, not a lost pod's
    assert "\nlate\n" in log_of(world, pipeline, "job")
    gone(nodes)


def test_a_timeout_is_told(world: World, nodes: Kubelet, controlled: Controlled) -> None:
    pipeline = world.start("job: {image: a, script: [sleep 60], timeout: 1 second}")
    controlled()
    assert ended(pipeline).status == "failed"
    assert world.job(pipeline, "job").failure == "job_execution_timeout"


def test_a_quota_that_refuses_is_told_and_the_job_runs_once_there_is_room(
    world: World, nodes: Kubelet, controlled: Controlled
) -> None:
    nodes.plane.kubectl("create", "namespace", nodes.namespace)
    nodes.kubectl("create", "quota", "ci", "--hard=pods=0")
    pipeline = world.start("job: {image: a, script: [echo hello]}")
    controlled()
    until(lambda: "exceeded quota" in world.job(pipeline, "job").reason)
    assert "It is asked again in" in world.job(pipeline, "job").reason
    nodes.kubectl("delete", "quota", "ci")
    assert ended(pipeline).status == "success"


def test_a_controller_that_is_killed_leaves_its_pods_to_the_next(
    world: World, nodes: Kubelet, controlled: Controlled, gate: Path, tmp_path: Path
) -> None:
    pipeline = world.start(waiting(gate))
    first = ControllerProcess(tmp_path / "controller.log")
    try:
        writes(b"\nup\n")
    finally:
        first.end()
    gate.touch()
    assert ended(pipeline).status == "success"  # by its agent: no controller is needed for that
    assert len(nodes.left()) == 3
    controlled()
    gone(nodes)
    assert (Attempt.objects.count(), len(nodes.processes)) == (1, 1)


@pytest.mark.parametrize("way", ["success", "canceled"])
def test_one_that_is_killed_around_every_call_leaves_nothing_and_runs_nothing_twice(  # noqa: PLR0917 - fixtures
    world: World,
    nodes: Kubelet,
    controlled: Controlled,
    gate: Path,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
) -> None:
    mortal = Mortal(clusters.of(Cluster.objects.get()))
    monkeypatch.setattr(clusters, "of", mortal.of)
    pipeline = world.start(waiting(gate))
    controlled()
    writes(b"\nup\n")
    if way == "success":
        gate.touch()
    else:
        acting.cancel(world.developer, pipeline.pk)
    until(lambda: world.job(pipeline, "job").status == way)
    gone(nodes)
    assert (Attempt.objects.count(), len(nodes.processes)) == (1, 1)
    made = {f"ensure {kind}" for kind in ("Namespace", "ServiceAccount", "Job")}
    assert mortal.calls() >= made | {"seen", "replace_secret", "delete Job"}


def test_a_pod_that_is_taken_away_is_a_lost_runner(
    world: World, nodes: Kubelet, controlled: Controlled
) -> None:
    pipeline = world.start(UP)
    controlled()
    writes(b"\nup\n")
    nodes.lose()
    nodes.take_away()
    assert ended(pipeline).status == "failed"
    job = world.job(pipeline, "job")
    assert (job.failure, job.reason) == (
        "runner_system_failure", "its pod is gone from the cluster",
    )  # fmt: skip
    assert Agent.objects.get().warning == ""
    gone(nodes)


def test_a_node_that_is_drained_ends_it_in_order_and_it_runs_again_as_it_says(
    world: World, nodes: Kubelet, controlled: Controlled, gate: Path
) -> None:
    pipeline = world.start(waiting(gate, ", retry: {max: 1, when: runner_system_failure}"))
    controlled()
    writes(b"\nup\n")
    nodes.kubectl("delete", "pods", "-l", LABEL, "--wait=false")
    until(lambda: len(nodes.processes) == 2)
    gate.touch()
    assert ended(pipeline).status == "success"
    first = Attempt.objects.get(number=1)
    assert (first.failure, first.message) == ("runner_system_failure", "its agent was stopped")
    gone(nodes)


def test_a_pod_that_is_taken_away_before_it_began_is_asked_for_again(
    world: World, nodes: Kubelet, controlled: Controlled
) -> None:
    pipeline = world.start("job: {image: 'debian:missing', script: [echo]}")
    controlled()
    (pod,) = until(nodes.pods)
    nodes.kubectl("delete", "pod", pod["metadata"]["name"], "--wait=false")

    def another() -> bool:
        return any(one["metadata"]["uid"] != pod["metadata"]["uid"] for one in nodes.pods())

    until(another)
    assert (
        "its pod is gone from the cluster. It is asked again" in world.job(pipeline, "job").reason
    )
    assert Pod.objects.get().tries == 1
    acting.cancel(world.developer, pipeline.pk)
    gone(nodes)
    assert (Attempt.objects.count(), len(nodes.processes)) == (1, 0)
