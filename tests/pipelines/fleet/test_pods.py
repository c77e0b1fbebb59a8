"""The controller of pods: what it makes, what it does about what it sees, and being killed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from gitops.models import Cluster
from pipelines.agent import forms
from pipelines.backends import cluster as clusters
from pipelines.fleet import manifests, pods, selectors, services
from pipelines.fleet.models import Agent, Pod
from pipelines.runs import claiming
from pipelines.runs.models import Attempt
from pipelines.runs.services import acting
from rbac.access import AccessForbidden
from rbac.actors import Actor
from tests.pipelines.fleet.conftest import Caller, World
from tests.pipelines.fleet.fakes import FakeCluster
from tests.pipelines.fleet.test_protocol import post

pytestmark = pytest.mark.django_db


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    found = FakeCluster()
    monkeypatch.setattr(clusters, "of", lambda _: found)
    return found


@pytest.fixture
def agent(world: World, settings: Settings) -> Agent:
    settings.CI_RUNNER_PROJECTS = []
    return make(world)


def make(world: World, **more: Any) -> Agent:
    row = Cluster.objects.create(name="real", backend="kubernetes", domain="apps.example.test")
    given = {"namespace": "orders-ci", "agent_image": "slipway/agent:1", "slots": 2, **more}
    administrator = Actor(world.people.administrator)
    return services.create(administrator, name="pods", project=world.project, cluster=row, **given)[
        0
    ]


def again() -> None:
    """The next look, after whatever it waits for."""
    Pod.objects.update(not_before=None)
    pods.look()


def test_a_pod_has_no_rights_and_one_token_for_one_attempt(
    world: World, agent: Agent, fake: FakeCluster
) -> None:
    pipeline = world.start("job: {script: [echo], image: 'debian:12'}")
    pods.look()
    (name,) = fake.names("Job")
    spec = fake.pods[name]["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["containers"][0]["image"] == "debian:12"
    assert {"name": manifests.KEEP, "value": "1"} in spec["containers"][0]["env"]
    assert spec["initContainers"][0]["image"] == "slipway/agent:1"
    for container in (*spec["containers"], *spec["initContainers"]):
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["runAsNonRoot"] is True
        assert container["resources"]["limits"] == {"cpu": "500m", "memory": "1Gi"}
    assert fake.documents["ServiceAccount", "slipway-ci"]["automountServiceAccountToken"] is False
    assert "sl" + "j_" not in str(fake.documents["Job", name])
    caller = Caller(fake.token())
    (order,) = caller.claim().orders
    assert Attempt.objects.get().status == "running"
    assert post(caller, order, "log", b"hello\n").status_code == 200
    assert caller.call("POST", "rotate", b"{}").status_code == 422
    assert post(caller, order, "finish", forms.Finish("success")).status_code == 204
    pods.look()
    assert fake.names("Job") == []
    assert caller.call("POST", "claim", b"{}").status_code == 401
    assert world.job(pipeline, "job").status == "success"


def test_one_token_sees_no_other_attempt(world: World, agent: Agent, fake: FakeCluster) -> None:
    world.start("job: {script: [echo], image: a, parallel: 2}")
    Agent.objects.update(slots=1)
    pods.look()
    caller = Caller(fake.token())
    (order,) = caller.claim().orders
    other = Attempt.objects.exclude(pk=order.attempt).get()
    Attempt.objects.filter(pk=other.pk).update(status="running", agent=agent)
    answer = caller.call("POST", f"attempts/{other.pk}/log", b"x", order.lease)
    assert answer.status_code == 404


def test_no_more_than_its_slots(world: World, agent: Agent, fake: FakeCluster) -> None:
    world.start("job: {script: [echo], image: a, parallel: 5}")
    for _ in range(3):
        pods.look()
    assert len(fake.names("Job")) == 2


def test_a_job_without_image_waits_or_gets_the_agents(
    world: World, agent: Agent, fake: FakeCluster
) -> None:
    pipeline = world.start("job: {script: [echo]}")
    pods.look()
    assert fake.names("Job") == []
    assert "runs jobs with an image alone" in world.job(pipeline, "job").reason
    services.update(Actor(world.people.maintainer), agent.pk, job_image="debian:12")
    pods.look()
    assert len(fake.names("Job")) == 1


@pytest.mark.parametrize("field", ["namespace", "agent_image"])
def test_only_who_manages_clusters_says_where_pods_stand(
    world: World, agent: Agent, field: str
) -> None:
    """They are made with the cluster's own credentials, wherever that is."""
    with pytest.raises(AccessForbidden, match=r"cluster\.manage"):
        services.update(Actor(world.people.maintainer), agent.pk, **{field: "payments-production"})
    agent.refresh_from_db()
    assert (agent.namespace, agent.agent_image) == ("orders-ci", "slipway/agent:1")
    services.update(Actor(world.people.maintainer), agent.pk, slots=3, namespace="orders-ci")
    services.update(Actor(world.people.administrator), agent.pk, **{field: "other"})


class TestRefused:
    def test_a_quota_is_told_and_asked_again(
        self, world: World, agent: Agent, fake: FakeCluster
    ) -> None:
        fake.quota = "pods are forbidden: exceeded quota: ci, requested: pods=1, limited: pods=0."
        pipeline = world.start("job: {script: [echo], image: a}")
        pods.look()
        pods.look()
        reason = world.job(pipeline, "job").reason
        assert "exceeded quota" in reason
        assert "It is asked again in 5 s." in reason
        assert fake.names("Job") == []
        pods.look()  # not before its time
        assert fake.names("Job") == []
        fake.quota = ""
        again()
        assert len(fake.pods) == 1

    def test_what_was_said_of_the_job_before_does_not_count_for_the_next_of_its_name(
        self, world: World, agent: Agent, fake: FakeCluster
    ) -> None:
        fake.quota = "exceeded quota: ci."
        world.start("job: {script: [echo], image: a}")
        pods.look()
        pods.look()
        fake.quota, fake.slow = "", True
        again()
        pods.look()
        assert (len(fake.names("Job")), Pod.objects.get().tries) == (1, 1)

    def test_a_larger_quota_is_advised_where_the_quota_refuses(
        self, world: World, agent: Agent, fake: FakeCluster
    ) -> None:
        fake.quota = "spec.containers[0].image: must not have leading or trailing whitespace"
        pipeline = world.start("job: {script: [echo], image: a}")
        pods.look()
        pods.look()
        reason = world.job(pipeline, "job").reason
        assert "trailing whitespace" in reason
        assert "quota" not in reason

    def test_not_for_ever(self, world: World, agent: Agent, fake: FakeCluster) -> None:
        fake.denied = "exceeded quota: count/jobs.batch."
        pipeline = world.start("job: {script: [echo], image: a}")
        pods.look()
        assert "exceeded quota" in world.job(pipeline, "job").reason
        Pod.objects.update(created_at=timezone.now() - timedelta(days=1))
        again()
        job = world.job(pipeline, "job")
        assert (job.status, job.failure) == ("failed", "stuck_or_timeout_failure")
        assert "exceeded quota" in job.reason


class TestPod:
    @pytest.mark.parametrize(
        ("status", "expected"),
        [
            (
                {"phase": "Failed", "reason": "Evicted", "message": "The node was low on memory."},
                ("runner_system_failure", "Evicted The node was low on memory."),
            ),
            ({"phase": "Succeeded"}, ("runner_system_failure", "ended without a word")),
            (
                {
                    "phase": "Pending",
                    "containerStatuses": [
                        {"image": "a", "state": {"waiting": {"reason": "ImagePullBackOff"}}}
                    ],
                },
                ("image_pull_failure", "its image a cannot be pulled"),
            ),
        ],
    )
    def test_one_that_cannot_run_says_why(
        self, world: World, agent: Agent, fake: FakeCluster, status: Any, expected: Any
    ) -> None:
        failure, words = expected
        pipeline = world.start("job: {script: [echo], image: a}")
        pods.look()
        fake.fail(**status)
        pods.look()
        job = world.job(pipeline, "job")
        assert (job.status, job.failure) == ("failed", failure)
        assert words in job.reason
        assert "it wrote: slipway: not found" in job.reason

    def test_one_that_is_gone_is_a_lost_runner_and_its_job_runs_again_as_it_says(
        self, world: World, agent: Agent, fake: FakeCluster
    ) -> None:
        text = "job: {script: [echo], image: a, retry: {max: 1, when: runner_system_failure}}"
        pipeline = world.start(text)
        pods.look()
        Caller(fake.token()).claim()
        fake.pods.clear()
        fake.documents.clear()
        Pod.objects.update(made_at=timezone.now() - timedelta(minutes=1))
        pods.look()
        first = Attempt.objects.order_by("pk").first()
        assert first is not None
        assert (first.failure, first.message) == (
            "runner_system_failure",
            "its pod is gone from the cluster",
        )
        assert world.job(pipeline, "job").status == "pending"
        pods.look()
        assert len(fake.pods) == 1

    @pytest.mark.parametrize("claimed", [False, True])
    def test_one_that_is_gone_is_noticed_by_its_jobs_end(
        self, world: World, agent: Agent, fake: FakeCluster, claimed: bool
    ) -> None:
        pipeline = world.start("job: {script: [echo], image: a}")
        pods.look()
        if claimed:
            Caller(fake.token()).claim()
        fake.pods.clear()
        pods.look()  # its Job may make one yet
        assert len(fake.names("Job")) == 1
        (job,) = [one for (kind, _), one in fake.documents.items() if kind == "Job"]
        job["status"] = {"conditions": [{"type": "Failed", "status": "True"}]}
        pods.look()
        assert fake.names("Job") == []
        assert "its pod is gone from the cluster" in world.job(pipeline, "job").reason
        assert world.job(pipeline, "job").status == ("failed" if claimed else "pending")

    def test_a_cancel_deletes_it_with_grace(
        self, world: World, agent: Agent, fake: FakeCluster
    ) -> None:
        pipeline = world.start("job: {script: [echo], image: a}")
        pods.look()
        caller = Caller(fake.token())
        (order,) = caller.claim().orders
        acting.cancel(world.developer, pipeline.pk)
        pods.look()
        assert fake.names("Job") == []
        assert Attempt.objects.get().status == "running"  # until the agent has ended the job
        assert post(caller, order, "finish", forms.Finish("canceled")).status_code == 204
        assert world.job(pipeline, "job").status == "canceled"

    def test_one_that_comes_too_late_harms_nothing(
        self, world: World, agent: Agent, fake: FakeCluster
    ) -> None:
        world.start("job: {script: [echo], image: a}")
        pods.look()
        (taken,) = claiming.take(1)
        assert Caller(fake.token()).claim().orders == ()
        fake.fail(phase="Succeeded")
        pods.look()
        assert Attempt.objects.get(pk=taken.attempt.pk).status == "running"
        assert (fake.names("Job"), Pod.objects.get().state) == ([], "ended")

    def test_one_cancelled_before_it_began_is_taken_away(
        self, world: World, agent: Agent, fake: FakeCluster
    ) -> None:
        pipeline = world.start("job: {script: [echo], image: a}")
        pods.look()
        acting.cancel(world.developer, pipeline.pk)
        pods.look()
        assert (fake.names("Job"), Pod.objects.get().state) == ([], "ended")


@pytest.mark.parametrize("kind", ["Namespace", "ServiceAccount", "Job", "Secret"])
def test_a_controller_killed_after_any_step_goes_on(
    world: World, agent: Agent, fake: FakeCluster, kind: str
) -> None:
    pipeline = world.start("job: {script: [echo], image: a}")
    fake.dies_after = kind
    with pytest.raises(KeyboardInterrupt):
        pods.look()
    fake.dies_after = ""
    pods.look()
    pods.look()
    assert len(fake.names("Job")) == len(fake.names("Secret")) == 1
    caller = Caller(fake.token())
    (order,) = caller.claim().orders
    post(caller, order, "finish", forms.Finish("success"))
    pods.look()
    assert world.job(pipeline, "job").status == "success"
    assert Attempt.objects.count() == 1


def test_what_nobody_stands_for_is_taken_away(
    world: World, agent: Agent, fake: FakeCluster
) -> None:
    world.start("job: {script: [echo], image: a}")
    pods.look()
    Pod.objects.all().delete()
    Agent.objects.update(paused=True)
    pods.look()
    assert (fake.names("Job"), fake.names("Secret")) == ([], [])


def test_a_cluster_that_is_away_is_named_until_it_is_back(agent: Agent, fake: FakeCluster) -> None:
    fake.away = True
    pods.look()
    assert "cannot be reached" in Agent.objects.get().warning
    fake.away = False
    pods.look()
    assert Agent.objects.get().warning == ""


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("namespace", "kube-system"), ("namespace", "No"), ("agent_image", "a b"),
        ("job_image", "$(x)"), ("cpu", "lots"), ("memory", "-1Gi"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_named(world: World, field: str, value: str) -> None:
    with pytest.raises(Exception, match=r"\w") as caught:
        make(world, **{field: value})
    assert caught.value.errors[0].field == field  # type: ignore[attr-defined]  # an `Invalid`


def test_a_cluster_is_online_while_it_answers(
    world: World, agent: Agent, fake: FakeCluster
) -> None:
    assert selectors.state(agent) == "new"
    pods.look()
    agent.refresh_from_db()
    assert selectors.state(agent) == "online"
    Agent.objects.update(seen_at=timezone.now() - selectors.ONLINE)
    world.start("job: {script: [echo]}")
    fake.away = True
    pods.look()
    agent.refresh_from_db()
    assert selectors.state(agent) == "offline"
    fake.away = False
    pods.look()
    agent.refresh_from_db()
    assert selectors.state(agent) == "online"


def test_what_one_cluster_answers_keeps_no_other_one_waiting(
    agent: Agent, fake: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Agent.objects.create(
        name="zeta", kind="kubernetes", project=agent.project, owner=agent.owner,
        cluster=agent.cluster, prefix="zeta", token_until=timezone.now(),
    )  # fmt: skip

    def look_at(one: Agent) -> int:
        if one.pk == agent.pk:
            raise KeyError("metadata")
        return 1

    monkeypatch.setattr(pods, "look_at", look_at)
    assert pods.look() == 1
    other.refresh_from_db()
    assert other.seen_at is not None
