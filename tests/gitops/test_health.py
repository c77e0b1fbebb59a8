from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitops.health import Health, assess, find

VECTORS = os.environ.get("VECTORS", "")


def builtin() -> list[tuple[str, dict[str, Any]]]:
    folder = Path(VECTORS or "/nonexistent")
    for index in (folder / "index.json", folder / "builtin" / "index.json"):
        if index.is_file():
            cases = json.loads(index.read_text())["cases"]
            return [(str(index.parent / case["file"]), case) for case in cases]
    return []


@pytest.mark.parametrize(("path", "case"), builtin(), ids=lambda value: str(value)[-50:])
def test_agrees_with_the_given_vectors(path: str, case: dict[str, Any]) -> None:
    health = find(yaml.safe_load(Path(path).read_text()))
    assert (health.status if health else None) == case["status"], health


def deployment(status: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "generation": 2},
        "spec": {"replicas": 2, **spec},
        "status": {"observedGeneration": 2, **status},
    }


@pytest.mark.parametrize(
    ("status", "health"),
    [
        ({"observedGeneration": 1}, "Progressing"),
        ({"updatedReplicas": 1}, "Progressing"),
        ({"updatedReplicas": 2, "replicas": 3}, "Progressing"),
        ({"updatedReplicas": 2, "replicas": 2, "availableReplicas": 1}, "Progressing"),
        ({"updatedReplicas": 2, "replicas": 2, "availableReplicas": 2}, "Healthy"),
        ({"conditions": [{"reason": "ProgressDeadlineExceeded"}]}, "Degraded"),
    ],
)
def test_deployments(status: dict[str, Any], health: str) -> None:
    assert assess(deployment(status)).status == health


def test_a_deployment_says_why_its_pods_are_refused() -> None:
    said = 'pods "web-1" is forbidden: exceeded quota: limits'
    failure = {"type": "ReplicaFailure", "status": "True", "message": said}
    assert assess(deployment({"conditions": [failure]})) == Health("Degraded", said)
    over = deployment({"conditions": [{**failure, "status": "False"}], "updatedReplicas": 1})
    assert assess(over).status == "Progressing"


def test_a_paused_deployment_is_suspended() -> None:
    assert assess(deployment({}, paused=True)) == Health("Suspended", "Deployment is paused")


def pod(reason: str = "", **status: Any) -> dict[str, Any]:
    state = {"waiting": {"reason": reason}} if reason else {"running": {}}
    containers = [{"name": "web", "state": state}]
    status = {"phase": "Running", "containerStatuses": containers, **status}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": {}, "status": status}


@pytest.mark.parametrize(
    ("document", "health"),
    [
        (pod("CrashLoopBackOff"), Health("Degraded", "CrashLoopBackOff")),
        (pod("ErrImagePull", phase="Pending"), Health("Degraded", "ErrImagePull")),
        (pod("ContainerCreating", phase="Pending"), Health("Progressing")),
        (pod(conditions=[{"type": "Ready", "status": "True"}]), Health("Healthy")),
        (pod(), Health("Progressing")),
        (pod(phase="Failed", message="evicted"), Health("Degraded", "evicted")),
        (pod(phase="Strange"), Health("Unknown")),
    ],
)
def test_pods(document: dict[str, Any], health: Health) -> None:
    assert assess(document) == health


@pytest.mark.parametrize(
    ("ended", "message"),
    [
        ({"exitCode": 3}, 'container "web" failed with exit code 3'),
        ({"reason": "OOMKilled", "exitCode": 137}, "OOMKilled"),
        ({"message": "no disk"}, "no disk"),
    ],
)
def test_a_failed_pod_says_how_its_container_ended(ended: dict[str, Any], message: str) -> None:
    containers = [{"name": "web", "state": {"terminated": ended}}]
    assert assess(pod(phase="Failed", containerStatuses=containers)).message == message


@pytest.mark.parametrize(
    ("status", "health"),
    [
        ({}, "Healthy"),
        ({"active": [{"name": "a"}]}, "Progressing"),
        ({"lastScheduleTime": "2026-01-01T00:00:00Z"}, "Degraded"),
        (
            {
                "lastScheduleTime": "2026-01-01T00:00:00Z",
                "lastSuccessfulTime": "2026-01-01T00:00:05Z",
            },
            "Healthy",
        ),
    ],
)
def test_cron_jobs(status: dict[str, Any], health: str) -> None:
    document = {"apiVersion": "batch/v1", "kind": "CronJob", "spec": {}, "status": status}
    assert assess(document).status == health


@pytest.mark.parametrize(
    ("condition", "health"),
    [
        ({"type": "Complete", "status": "True"}, "Healthy"),
        ({"type": "Failed", "status": "True"}, "Degraded"),
        ({"type": "Suspended", "status": "True"}, "Suspended"),
        ({"type": "Failed", "status": "False"}, "Progressing"),
    ],
)
def test_jobs(condition: dict[str, Any], health: str) -> None:
    document = {"apiVersion": "batch/v1", "kind": "Job", "status": {"conditions": [condition]}}
    assert assess(document).status == health


def test_a_load_balancer_and_an_ingress_wait_for_an_address() -> None:
    service = {"apiVersion": "v1", "kind": "Service", "spec": {"type": "LoadBalancer"}}
    ingress = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress"}
    address = {"status": {"loadBalancer": {"ingress": [{"ip": "127.0.0.1"}]}}}
    for document in (service, ingress):
        assert assess(document) == Health("Progressing", "Waiting for an address")
        assert assess({**document, **address}) == Health("Healthy")


def test_what_has_no_health_of_its_own_is_healthy() -> None:
    document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}}
    assert find(document) is None
    assert assess(document) == Health("Healthy")


def test_what_is_being_deleted_is_progressing() -> None:
    document = deployment({})
    document["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert assess(document) == Health("Progressing", "Pending deletion")


def test_a_table_that_is_being_made_is_progressing() -> None:
    document = {
        "apiVersion": "aws.slipway.dev/v1",
        "kind": "Table",
        "status": {"state": "CREATING"},
    }
    assert assess(document) == Health("Progressing", "creating")


@pytest.mark.parametrize("annotation", ["nonsense", "{}", ""])
def test_unreadable_autoscaler_conditions_mean_waiting(annotation: str) -> None:
    metadata = {"annotations": {"autoscaling.alpha.kubernetes.io/conditions": annotation}}
    document = {
        "apiVersion": "autoscaling/v1",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata,
    }
    assert assess(document).status == "Progressing"
