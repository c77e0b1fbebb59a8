"""What every cluster promises beyond the target's contract: namespaces, rollouts, watch, logs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gitops.backends.base import ClusterTarget, LiveObject, ObjectRef, ref_of
from gitops.health import assess
from idp.common.errors import Conflict, Denied, NotFound, PermanentBackendError
from tests.gitops.backends.contract import OWNER, TargetContract

Wait = Callable[[Callable[[], Any]], Any]


def namespace_document(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def deployment(namespace: str, name: str = "web", **spec: Any) -> dict[str, Any]:
    image = spec.pop("image", "shop:1")
    container = {"name": "web", "image": image, **spec.pop("container", {})}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [container]},
            },
            **spec,
        },
    }


class ClusterContract(TargetContract):
    """`namespace` is the name of an existing empty one; `until` waits for something to be true."""

    @pytest.fixture(autouse=True)
    def _place(self, namespace: str) -> None:
        self.namespace = namespace

    def document(self, name: str = "thing") -> dict[str, Any]:
        return deployment(self.namespace, name, replicas=0)

    def edited(self, document: dict[str, Any]) -> dict[str, Any]:
        return {**document, "spec": {**document["spec"], "replicas": 1}}

    def test_an_object_without_our_mark_is_a_conflict(
        self, target: ClusterTarget, plant: Callable[[dict[str, Any]], None]
    ) -> None:
        plant(self.document())
        with pytest.raises(Conflict, match="Slipway did not make it"):
            target.apply(self.document(), owner=OWNER)
        with pytest.raises(Conflict, match="Slipway did not make it"):
            target.delete(ref_of(self.document()), owner=OWNER)

    def test_a_missing_namespace_is_named(self, target: ClusterTarget) -> None:
        with pytest.raises(NotFound, match='namespaces "nowhere-at-all" not found'):
            target.apply(deployment("nowhere-at-all"), owner=OWNER)

    def test_a_namespace_too_few_is_refused(self, target: ClusterTarget) -> None:
        with pytest.raises(PermanentBackendError, match="lives in a namespace"):
            target.apply(deployment(""), owner=OWNER)

    def test_a_fault_in_a_document_names_the_field(self, target: ClusterTarget) -> None:
        with pytest.raises(PermanentBackendError, match=r"spec\.replicas"):
            target.apply(deployment(self.namespace, replicas=-1), owner=OWNER)

    def test_a_selector_cannot_be_changed(self, target: ClusterTarget) -> None:
        document = deployment(self.namespace, replicas=0)
        target.apply(document, owner=OWNER)
        document["spec"]["selector"]["matchLabels"]["extra"] = "1"
        document["spec"]["template"]["metadata"]["labels"]["extra"] = "1"
        with pytest.raises(PermanentBackendError, match="field is immutable"):
            target.apply(document, owner=OWNER)

    def test_a_field_that_we_drop_goes_and_others_stay(self, target: ClusterTarget) -> None:
        document = self.document()
        document["metadata"]["annotations"] = {"a": "1", "b": "2"}
        target.apply(document, owner=OWNER)
        document["metadata"]["annotations"] = {"a": "1"}
        live = target.apply(document, owner=OWNER)
        assert "b" not in live.body["metadata"]["annotations"]
        assert live.body["metadata"]["annotations"]["a"] == "1"

    def test_a_rollout_becomes_healthy_and_shows_its_pods(
        self, target: ClusterTarget, until: Wait
    ) -> None:
        made = target.apply(deployment(self.namespace), owner=OWNER)
        until(lambda: assess(_get(target, made.ref).body).status == "Healthy")
        pods = target.list("v1", "Pod", namespace=self.namespace, labels={"app": "web"})
        assert len(pods) == 2
        assert {assess(pod.body).status for pod in pods} == {"Healthy"}
        reasons = {event.reason for event in target.events(self.namespace)}
        assert "ScalingReplicaSet" in reasons

    @pytest.mark.parametrize(
        ("tag", "reason"), [("crash", "CrashLoopBackOff"), ("missing", "ErrImagePull")]
    )
    def test_a_bad_image_degrades_its_pods(
        self, target: ClusterTarget, until: Wait, tag: str, reason: str
    ) -> None:
        target.apply(deployment(self.namespace, image=f"shop:{tag}", replicas=1), owner=OWNER)

        def reasons() -> bool:
            pods = target.list("v1", "Pod", namespace=self.namespace)
            states = [pod.body.get("status", {}).get("containerStatuses", []) for pod in pods]
            return any(
                state["state"].get("waiting", {}).get("reason") == reason
                for each in states
                for state in each
            )

        until(reasons)
        (pod,) = target.list("v1", "Pod", namespace=self.namespace)
        assert assess(pod.body).status == "Degraded"

    def test_a_quota_refuses_in_its_own_words(self, target: ClusterTarget, until: Wait) -> None:
        quota = {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "limits", "namespace": self.namespace},
            "spec": {"hard": {"pods": "1", "count/deployments.apps": "1"}},
        }
        made = target.apply(quota, owner=OWNER)
        until(lambda: "hard" in _get(target, made.ref).body.get("status", {}))
        web = target.apply(deployment(self.namespace), owner=OWNER)

        def refused() -> str:
            found = _get(target, web.ref).body.get("status", {}).get("conditions", [])
            return next((c["message"] for c in found if c["type"] == "ReplicaFailure"), "")

        assert "exceeded quota: limits, requested: pods=1, used: pods=1" in until(refused)
        with pytest.raises(Denied, match="exceeded quota: limits, requested: count/deployments"):
            target.apply(deployment(self.namespace, "second"), owner=OWNER)

    def test_watch_tells_what_is_there_then_ends(self, target: ClusterTarget) -> None:
        made = target.apply(self.document(), owner=OWNER)
        events = target.watch("apps/v1", "Deployment", namespace=self.namespace, seconds=1)
        first = next(iter(events))
        assert first.type == "ADDED"
        assert first.object is not None
        assert first.object.ref == made.ref
        assert all(event.type in {"ADDED", "MODIFIED"} for event in events)

    def test_deleting_a_namespace_deletes_what_is_in_it(
        self, target: ClusterTarget, until: Wait
    ) -> None:
        made = target.apply(self.document(), owner=OWNER)
        target.delete(ObjectRef("v1", "Namespace", self.namespace), owner=OWNER)
        until(lambda: target.get(made.ref) is None)

    def test_logs_of_nothing_are_empty(self, target: ClusterTarget) -> None:
        assert target.logs(self.namespace, labels={"app": "none"}) == []


def _get(target: ClusterTarget, ref: ObjectRef) -> LiveObject:
    found = target.get(ref)
    assert found is not None
    return found
