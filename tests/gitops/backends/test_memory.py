from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gitops.backends.base import ObjectRef, ref_of
from gitops.backends.memory import Fault, MemoryTarget, inject, recover
from gitops.backends.memory.schedule import last_before
from gitops.health import assess
from idp.common.errors import Denied, TemporaryBackendError
from tests.gitops.backends.cluster_contract import (
    ClusterContract,
    deployment,
    namespace_document,
)
from tests.gitops.backends.contract import OWNER

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def target(db: None, clock: Clock) -> Iterator[MemoryTarget]:
    yield MemoryTarget("local", clock=clock, pause=clock.pass_, deadline=0.01)
    recover("local")


@pytest.fixture
def namespace(target: MemoryTarget) -> str:
    return target.apply(namespace_document(OWNER), owner=OWNER).ref.name


@pytest.fixture
def until(clock: Clock) -> Callable[[Callable[[], Any]], Any]:
    def wait(found: Callable[[], Any]) -> Any:
        for _ in range(60):
            if value := found():
                return value
            clock.pass_(1)
        pytest.fail("it never came")

    return wait


@pytest.fixture
def plant(target: MemoryTarget) -> Callable[[dict[str, Any]], Any]:
    return target.plant


class TestMemory(ClusterContract):
    pass


def test_old_pods_serve_until_the_new_are_ready(
    target: MemoryTarget, namespace: str, clock: Clock
) -> None:
    target.apply(deployment(namespace), owner=OWNER)
    clock.pass_(10)
    made = target.apply(deployment(namespace, image="shop:crash"), owner=OWNER)
    clock.pass_(30)
    live = target.get(made.ref)
    assert live is not None
    assert live.body["status"]["availableReplicas"] == 2
    assert assess(live.body).message == "2 old replicas are pending termination"
    clock.pass_(600)
    live = target.get(made.ref)
    assert live is not None
    assert assess(live.body).status == "Degraded"
    target.apply(deployment(namespace), owner=OWNER)
    clock.pass_(10)
    live = target.get(made.ref)
    assert live is not None
    assert assess(live.body).status == "Healthy"


def test_scaling_starts_only_the_new_pods(
    target: MemoryTarget, namespace: str, clock: Clock
) -> None:
    made = target.apply(deployment(namespace), owner=OWNER)
    clock.pass_(10)
    before = {pod.uid for pod in target.list("v1", "Pod", namespace=namespace)}
    target.apply(deployment(namespace, replicas=3), owner=OWNER)
    live = target.get(made.ref)
    assert live is not None
    assert live.body["status"]["readyReplicas"] == 2
    clock.pass_(10)
    after = {pod.uid for pod in target.list("v1", "Pod", namespace=namespace)}
    assert before < after
    assert len(after) == 3


def test_a_log_says_first_that_it_is_simulated(
    target: MemoryTarget, namespace: str, clock: Clock
) -> None:
    target.apply(deployment(namespace, replicas=1), owner=OWNER)
    clock.pass_(60)
    lines = target.logs(namespace, labels={"app": "web"})
    assert lines[0].text.startswith("[simulated] no container runs")
    assert lines[1].text == "listening on 0.0.0.0:8080"
    assert len(target.logs(namespace, labels={"app": "web"}, tail=2)) == 2


def test_watch_tells_changes_and_deletions(
    target: MemoryTarget, namespace: str, clock: Clock
) -> None:
    made = target.apply(deployment(namespace), owner=OWNER)
    events = target.watch("apps/v1", "Deployment", namespace=namespace, seconds=30)
    assert next(events).type == "ADDED"
    clock.pass_(10)
    assert next(events).type == "MODIFIED"
    target.delete(made.ref, owner=OWNER)
    assert next(events).type == "DELETED"
    old = made.version.partition(".")[0]
    again = target.watch("apps/v1", "Deployment", namespace=namespace, version=old)
    assert next(again).type == "RELIST"


@pytest.mark.parametrize(
    ("fault", "error", "message"),
    [
        (Fault.REFUSES, Denied, "does not allow Slipway to apply Deployment"),
        (Fault.THROTTLES, TemporaryBackendError, "is busy"),
        (Fault.HANGS, TemporaryBackendError, "did not answer within 0.01 s"),
        (Fault.DISAPPEARS, TemporaryBackendError, "connection refused"),
    ],
)
def test_failures_on_demand(
    target: MemoryTarget, namespace: str, fault: Fault, error: type[Exception], message: str
) -> None:
    inject("local", fault, verb="apply")
    with pytest.raises(error, match=message):
        target.apply(deployment(namespace), owner=OWNER)
    assert target.apply(deployment(namespace), owner=OWNER)


def test_an_answer_that_is_lost_leaves_the_object_made_once(
    target: MemoryTarget, namespace: str
) -> None:
    inject("local", Fault.BREAKS_AFTER, verb="delete")
    made = target.apply(deployment(namespace), owner=OWNER)
    with pytest.raises(TemporaryBackendError, match="closed the connection"):
        target.delete(made.ref, owner=OWNER)


def test_a_broken_cluster_fails_its_connection_test(target: MemoryTarget) -> None:
    inject("local", Fault.DISAPPEARS)
    (finding,) = target.check()
    assert not finding.ok


def test_a_job_completes_and_a_failing_one_fails(
    target: MemoryTarget, namespace: str, clock: Clock
) -> None:
    def job(name: str, **container: Any) -> dict[str, Any]:
        spec = {"containers": [{"name": "x", "image": "x:1", **container}]}
        return {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"template": {"spec": {**spec, "restartPolicy": "Never"}}},
        }

    good = target.apply(job("good"), owner=OWNER)
    bad = target.apply(job("bad", command=["false"]), owner=OWNER)
    assert assess(good.body).status == "Progressing"
    clock.pass_(10)
    states = [target.get(each.ref) for each in (good, bad)]
    assert [assess(live.body).status for live in states if live] == ["Healthy", "Degraded"]


def test_a_cron_job_runs_on_its_schedule(
    target: MemoryTarget, namespace: str, clock: Clock
) -> None:
    template = {"spec": {"containers": [{"name": "x", "image": "x:1"}]}}
    document = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "nightly", "namespace": namespace},
        "spec": {"schedule": "*/5 * * * *", "jobTemplate": {"spec": {"template": template}}},
    }
    clock.pass_(30)
    target.apply(document, owner=OWNER)
    assert target.list("batch/v1", "Job", namespace=namespace) == []
    clock.pass_(300)
    (job,) = target.list("batch/v1", "Job", namespace=namespace)
    assert job.ref.name.startswith("nightly-")


def test_an_autoscaler_sets_the_replicas(
    target: MemoryTarget, namespace: str, clock: Clock
) -> None:
    document = deployment(namespace)
    del document["spec"]["replicas"]
    made = target.apply(document, owner=OWNER)
    scaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {
            "minReplicas": 3,
            "maxReplicas": 5,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        },
    }
    hpa = target.apply(scaler, owner=OWNER)
    clock.pass_(10)
    live, scaled = target.get(hpa.ref), target.get(made.ref)
    assert live is not None
    assert scaled is not None
    assert live.body["status"]["currentReplicas"] == 3
    assert assess(live.body).status == "Healthy"
    assert assess(scaled.body).status == "Healthy"


def test_a_limit_range_gives_defaults_and_refuses_too_much(
    target: MemoryTarget, namespace: str, clock: Clock
) -> None:
    limits = {"type": "Container", "default": {"cpu": "200m"}, "max": {"cpu": "1"}}
    document = {
        "apiVersion": "v1",
        "kind": "LimitRange",
        "metadata": {"name": "limits", "namespace": namespace},
        "spec": {"limits": [limits]},
    }
    target.apply(document, owner=OWNER)
    target.apply(deployment(namespace, replicas=1), owner=OWNER)
    (pod,) = target.list("v1", "Pod", namespace=namespace)
    assert pod.body["spec"]["containers"][0]["resources"]["limits"] == {"cpu": "200m"}
    heavy = {"resources": {"limits": {"cpu": "2"}}}
    target.apply(deployment(namespace, "heavy", container=heavy), owner=OWNER)
    messages = [event.message for event in target.events(namespace)]
    wanted = "maximum cpu usage per Container is 1, but limit is 2"
    assert any(wanted in message for message in messages)


def test_a_secrets_text_is_stored_encoded(target: MemoryTarget, namespace: str) -> None:
    document = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "namespace": namespace},
        "stringData": {"KEY": "value"},
    }
    made = target.apply(document, owner=OWNER)
    assert made.body["data"] == {"KEY": "dmFsdWU="}
    assert "stringData" not in made.body


def test_somebody_elses_edit_stays_until_we_apply(target: MemoryTarget, namespace: str) -> None:
    made = target.apply(deployment(namespace), owner=OWNER)
    target.edit(made.ref, {"spec": {"replicas": 7, "paused": False}})
    live = target.apply(deployment(namespace), owner=OWNER)
    assert live.body["spec"]["replicas"] == 2
    assert live.body["spec"]["paused"] is False


def test_another_cluster_sees_nothing_of_it(target: MemoryTarget, namespace: str) -> None:
    other = MemoryTarget("other")
    assert other.get(ObjectRef("v1", "Namespace", namespace)) is None


def test_bad_names_are_refused(target: MemoryTarget, namespace: str) -> None:
    with pytest.raises(Exception, match=r"metadata\.name: Invalid value"):
        target.apply(deployment(namespace, "Not_a_name"), owner=OWNER)


def test_custom_kinds_need_their_definition(target: MemoryTarget, namespace: str) -> None:
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "ships.example.org"},
        "spec": {
            "group": "example.org",
            "scope": "Namespaced",
            "names": {"kind": "Ship", "plural": "ships"},
            "versions": [{"name": "v1"}],
        },
    }
    ship = {
        "apiVersion": "example.org/v1",
        "kind": "Ship",
        "metadata": {"name": "one", "namespace": namespace},
    }
    with pytest.raises(Exception, match="knows no kind Ship"):
        target.apply(ship, owner=OWNER)
    target.apply(crd, owner=OWNER)
    target.apply(ship, owner=OWNER)
    assert target.get(ref_of(ship)) is not None


@pytest.mark.parametrize(
    ("schedule", "last"),
    [
        ("*/15 * * * *", NOON),
        ("30 3 * * *", NOON.replace(hour=3, minute=30)),
        ("0 0 1 1 *", datetime(2026, 1, 1, tzinfo=UTC)),
        ("@hourly", NOON),
        ("0 9 * * 1-5", datetime(2026, 2, 27, 9, tzinfo=UTC)),
        ("nonsense", None),
        ("x * * * *", None),
    ],
)
def test_when_a_schedule_last_fired(schedule: str, last: datetime | None) -> None:
    assert last_before(schedule, NOON) == last
