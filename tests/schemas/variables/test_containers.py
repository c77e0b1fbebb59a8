"""A container's environment as Kubernetes makes it, whatever a blueprint wrote."""

from __future__ import annotations

from typing import Any

from environments.rendering.document import EnvironmentDocument
from environments.rendering.settings import of_documents
from schemas.variables.settings import Settings

DOCUMENT = EnvironmentDocument("demo", "staging", "local", "", "own", "1.0.0")
ENTRY = {
    "variables": {"A": "1"},
    "secrets": {},
    "configSchema": {"schema": {"type": "object"}},
}
LABELS = {"app.kubernetes.io/name": "web"}


def config_map(name: str, data: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def pod(kind: str = "Deployment", labels: Any = LABELS, **container: Any) -> dict[str, Any]:
    spec: Any = {
        "template": {
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": "sidecar"}, {"name": "web", **container}]},
        }
    }
    if kind == "CronJob":
        spec = {"jobTemplate": {"spec": spec}}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "x"}, "spec": spec}


def read(*documents: dict[str, Any]) -> Settings:
    (found,) = of_documents({"web": ENTRY}, DOCUMENT, documents)
    return found


def texts(*documents: dict[str, Any]) -> dict[str, str | None]:
    return {value.name: value.text for value in read(*documents).values}


VARIABLES = config_map("web-variables", {"A": "1"})


def test_the_container_of_the_workloads_name_is_meant() -> None:
    assert texts(VARIABLES, pod(env=[{"name": "B", "value": "2"}])) == {"B": "2"}
    assert texts(VARIABLES, pod("CronJob", env=[{"name": "B", "value": "2"}])) == {"B": "2"}


def test_later_sources_win_and_prefixes_are_added() -> None:
    sources = [
        {"configMapRef": {"name": "web-variables"}},
        {"prefix": "X_", "configMapRef": {"name": "other"}},
        {"configMapRef": {"name": "over"}},
    ]
    found = texts(
        VARIABLES,
        config_map("other", {"B": "2"}),
        config_map("over", {"A": "9"}),
        pod(envFrom=sources),
    )
    assert found == {"A": "9", "X_B": "2"}


def test_what_is_referred_to_by_key() -> None:
    env = [
        {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "web-variables", "key": "A"}}},
        {"name": "C", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "D", "valueFrom": {"secretKeyRef": {"name": "elsewhere", "key": "k"}}},
        {"name": "E", "valueFrom": {"configMapKeyRef": {"name": "no", "optional": True}}},
        {"name": "F", "value": "$(B)/x"},
        {"name": "G", "value": "${Role/orders.ARN}"},
    ]
    found = texts(VARIABLES, pod(env=env))
    assert found == {"B": "1", "C": None, "D": None, "F": None, "G": None}


def test_objects_that_are_not_ours_are_named() -> None:
    sources = [{"configMapRef": {"name": "shared"}}, {"secretRef": {"name": "s", "optional": True}}]
    assert read(pod(envFrom=sources)).unseen == ("ConfigMap shared",)


def test_pods_without_the_label_leave_what_the_workload_is_given() -> None:
    assert texts(VARIABLES, pod(labels={"app": "x"})) == {"A": "1"}
    assert texts(VARIABLES) == {"A": "1"}


def test_junk_is_passed_over() -> None:
    junk = [
        pod(env=5, envFrom="x"),
        pod(env=[1, {"name": 2}, {}], envFrom=[None, {"secretRef": 3}]),
    ]
    for document in junk:
        assert texts(VARIABLES, document) == {}
    keyed = pod(envFrom=[{"configMapRef": {"name": "bad"}}])
    assert texts(config_map("bad", [{"a": 1}]), keyed) == {}
    assert texts(config_map("bad", {"A": 5}), keyed) == {"A": None}
    assert texts(VARIABLES, pod(labels=7)) == {"A": "1"}
