from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from threading import Event
from typing import Any

import pytest

from deploy.testbed.control_plane import ControlPlane
from gitops.backends.base import ObjectRef, ref_of
from gitops.backends.kubernetes import KubernetesTarget
from idp.common.errors import NotFound
from tests.gitops.backends.cluster_contract import (
    ClusterContract,
    deployment,
    namespace_document,
)
from tests.gitops.backends.contract import OWNER

pytestmark = pytest.mark.cluster


@pytest.fixture
def target(control_plane: ControlPlane) -> KubernetesTarget:
    return KubernetesTarget("real", control_plane.kubeconfig.read_text())


@pytest.fixture
def namespace(target: KubernetesTarget) -> Iterator[str]:
    name = f"contract-{uuid.uuid4().hex[:8]}"
    target.apply(namespace_document(name), owner=OWNER)
    yield name
    target.delete(ObjectRef("v1", "Namespace", name), owner=OWNER)


@pytest.fixture
def until() -> Callable[[Callable[[], Any]], Any]:
    def wait(found: Callable[[], Any]) -> Any:
        pause = Event()
        for _ in range(300):
            if value := found():
                return value
            pause.wait(0.1)
        pytest.fail("it never came")

    return wait


@pytest.fixture
def plant(target: KubernetesTarget) -> Callable[[dict[str, Any]], Any]:
    def make(document: dict[str, Any]) -> None:
        path = target._discovery.path_of(ref_of(document)).rpartition("/")[0]
        target._api.call("POST", path, body=document)

    return make


class TestKubernetes(ClusterContract):
    def test_list_selects_by_label(self, target: Any) -> None:
        made = target.apply(self.document("mine"), owner=OWNER)
        target.apply(self.document("theirs"), owner="somebody-else")
        found = target.list(
            "apps/v1",
            "Deployment",
            namespace=self.namespace,
            labels={"slipway.dev/owner": OWNER},
        )
        assert [live.ref for live in found] == [made.ref]


def test_an_unknown_field_is_named(target: KubernetesTarget, namespace: str) -> None:
    document = deployment(namespace, replicas=0)
    document["spec"]["replicaz"] = 3
    with pytest.raises(Exception, match="replicaz"):
        target.apply(document, owner=OWNER)


def test_logs_carry_pod_container_and_time(
    target: KubernetesTarget, namespace: str, until: Callable[[Callable[[], Any]], Any]
) -> None:
    target.apply(deployment(namespace, replicas=1), owner=OWNER)
    try:
        lines = until(lambda: target.logs(namespace, labels={"app": "web"}, tail=5))
    except pytest.fail.Exception:
        pytest.skip("this control plane serves no logs")
    assert lines[0].pod.startswith("web-")
    assert lines[0].container == "web"


def test_a_dry_run_in_a_namespace_to_come_is_not_found(target: KubernetesTarget) -> None:
    with pytest.raises(NotFound, match="not found"):
        target.apply(deployment("not-yet"), owner=OWNER, dry_run=True)
