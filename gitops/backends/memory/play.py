"""A namespace of a simulated cluster at an instant: workloads' status, and the pods they made.

`Scene` is built from the stored documents and the facts kept beside them (when a template was
rolled out, when replicas were asked for); everything else follows from the clock.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gitops.backends.base import Document
from gitops.backends.memory import schedule
from gitops.backends.memory.pods import PodPlan, fingerprint, is_ready, play_pod, stamp
from gitops.backends.memory.quota import Ledger, demand, limit_error, with_defaults

ADDRESS_AFTER = 1.0  # seconds until a load balancer or an ingress has its address
MAX_PODS = 500  # a workload; more are not played


@dataclass
class Stored:
    """One stored object: its document as the API server would keep it, and our facts."""

    document: dict[str, Any]
    facts: dict[str, Any]
    version: int
    created: datetime


@dataclass
class Played:
    """What became of one workload."""

    pods: list[dict[str, Any]] = field(default_factory=list)
    error: str = ""  # why the next pod is refused


def starts_of(facts: Document) -> list[tuple[int, datetime]]:
    return [(count, datetime.fromisoformat(at)) for count, at in facts.get("starts", [])]


class Scene:
    """All that one namespace shows at `now`."""

    def __init__(self, stored: list[Stored], now: datetime) -> None:
        self.now = now
        self.stored = sorted(stored, key=lambda each: (each.created, each.version))
        self.ranges = [each.document for each in self._of("LimitRange")]
        self.ledger = Ledger(each.document for each in self._of("ResourceQuota"))
        self.derived: list[dict[str, Any]] = []
        self.played: dict[str, Played] = {}
        for each in self.stored:
            self.ledger.count(each.document["kind"])
        self._scale_by_hpa()
        for each in self.stored:
            self._play(each)

    def documents(self) -> Iterator[tuple[dict[str, Any], int]]:
        """Every document with its version: stored ones with their status, then derived ones."""
        for each in self.stored:
            kind = each.document["kind"]
            if kind == "ResourceQuota":
                hard = each.document.get("spec", {}).get("hard", {})
                each.document["status"] = self.ledger.status(hard)
            elif kind == "HorizontalPodAutoscaler":
                each.document["status"] = self._hpa_status(each.document)
            yield each.document, each.version
        for document in self.derived:
            yield document, document["metadata"].pop("_version")

    def _of(self, kind: str) -> list[Stored]:
        return [each for each in self.stored if each.document["kind"] == kind]

    def _age(self, each: Stored) -> float:
        return (self.now - each.created).total_seconds()

    def _play(self, each: Stored) -> None:
        kind = each.document["kind"]
        if kind == "Deployment":
            self._deployment(each)
        elif kind in {"StatefulSet", "DaemonSet"}:
            self._ordered(each)
        elif kind == "Job":
            self._job(each, each.document, each.created)
        elif kind == "CronJob":
            self._cron_job(each)
        elif kind in {"Ingress", "Service"}:
            self._address(each)
        elif kind == "PersistentVolumeClaim":
            each.document["status"] = {"phase": "Bound"}
        elif kind == "Pod":
            plan = PodPlan(
                each.document, each.document["metadata"]["name"], each.document, each.created
            )
            each.document["status"] = play_pod(plan, self.now)["status"]

    def _scale_by_hpa(self) -> None:
        """Replicas that an autoscaler owns: kept within its bounds, as no usage is measured."""
        bounds = {}
        for each in self._of("HorizontalPodAutoscaler"):
            spec = each.document.get("spec", {})
            target = spec.get("scaleTargetRef", {})
            bounds[(target.get("kind"), target.get("name"))] = (spec, each)
        for each in self.stored:
            found = bounds.get((each.document["kind"], each.document["metadata"]["name"]))
            if found is None:
                continue
            spec, hpa = found
            replicas = each.document["spec"].get("replicas", 1)
            low, high = spec.get("minReplicas", 1), spec.get("maxReplicas", 1)
            wanted = max(low, min(replicas, high))
            each.document["spec"]["replicas"] = wanted
            starts = each.facts.get("starts", [])
            if starts and starts[-1][0] < wanted:
                since = max(starts[-1][1], hpa.facts.get("changed", hpa.created.isoformat()))
                each.facts["starts"] = [*starts, [wanted, since]]

    def _hpa_status(self, document: Document) -> dict[str, Any]:
        target = document.get("spec", {}).get("scaleTargetRef", {})
        key = f"{target.get('kind')}/{target.get('name')}"
        exists = key in self.played
        count = len(self.played[key].pods) if exists else 0
        reason = "ReadyForNewScale" if exists else "FailedGetScale"
        conditions = [
            {"type": "AbleToScale", "status": "True" if exists else "False", "reason": reason}
        ]
        return {"currentReplicas": count, "desiredReplicas": count, "conditions": conditions}

    def _pods(
        self,
        owner: Document,
        version: int,
        template: Document,
        starts: list[tuple[int, datetime]],
        names: Iterator[str],
    ) -> Played:
        """The pods of a template that the namespace's quotas and limits let in."""
        played = Played()
        ready_template = with_defaults(template, self.ranges)
        refused = limit_error(ready_template, self.ranges)
        wanted = demand(ready_template)
        wish = starts[-1][0] if starts else 0
        for index, name in zip(range(min(wish, MAX_PODS)), names, strict=False):
            error = refused or self.ledger.admit(wanted)
            if error:
                played.error = f'pods "{name}" is forbidden: {error}'
                break
            since = next(at for count, at in starts if index < count)
            pod = play_pod(PodPlan(owner, name, ready_template, since), self.now)
            pod["metadata"]["_version"] = version
            played.pods.append(pod)
        return played

    def _deployment(self, each: Stored) -> None:
        document, facts = each.document, each.facts
        wish = document["spec"].get("replicas", 1)
        new, new_set = self._replica_set(each, document["spec"]["template"], starts_of(facts))
        ready = sum(map(is_ready, new.pods))
        previous = facts.get("previous")
        old = Played()
        if previous and ready < wish:
            keep = min(previous["starts"][-1][0] if previous["starts"] else 0, wish - ready)
            starts = [(min(n, keep), at) for n, at in starts_of(previous)]
            old, old_set = self._replica_set(each, previous["template"], starts)
            if any(map(is_ready, old.pods)):
                self.derived += [*old.pods, old_set]
            else:
                old = Played()
        self.derived += [*new.pods, new_set]
        self.played[f"Deployment/{document['metadata']['name']}"] = new
        rolled = datetime.fromisoformat(facts["rolled"])
        document["status"] = _deployment_status(
            document, new, old, (self.now - rolled).total_seconds()
        )

    def _replica_set(
        self, each: Stored, template: Document, starts: list[tuple[int, datetime]]
    ) -> tuple[Played, dict[str, Any]]:
        document = each.document
        mark = fingerprint(template)
        name = f"{document['metadata']['name']}-{mark}"
        uid = str(uuid.uuid5(uuid.UUID(document["metadata"]["uid"]), mark))
        labels = {**(template.get("metadata", {}).get("labels") or {}), "pod-template-hash": mark}
        marked = {**template, "metadata": {**template.get("metadata", {}), "labels": labels}}
        metadata = {
            "name": name,
            "namespace": document["metadata"]["namespace"],
            "uid": uid,
            "labels": labels,
            "creationTimestamp": stamp(starts[0][1] if starts else each.created),
            "ownerReferences": [_controller(document)],
            "_version": each.version,
        }
        owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata}
        names = (f"{name}-{fingerprint([uid, index], 5)}" for index in range(MAX_PODS))
        played = self._pods(owner, each.version, marked, starts, names)
        ready = sum(map(is_ready, played.pods))
        spec = {"replicas": starts[-1][0] if starts else 0, "template": marked}
        status: dict[str, Any] = {
            "replicas": len(played.pods),
            "readyReplicas": ready,
            "availableReplicas": ready,
        }
        if played.error:
            status["conditions"] = [_replica_failure(played.error)]
        return played, {**owner, "spec": spec, "status": status}

    def _ordered(self, each: Stored) -> None:
        """A StatefulSet's or DaemonSet's pods, named by number; the cluster is one node."""
        document = each.document
        name, template = document["metadata"]["name"], document["spec"]["template"]
        starts = starts_of(each.facts)
        names = (f"{name}-{index}" for index in range(MAX_PODS))
        played = self._pods(document, each.version, template, starts, names)
        self.derived += played.pods
        self.played[f"{document['kind']}/{name}"] = played
        count, ready = len(played.pods), sum(map(is_ready, played.pods))
        revision = f"{name}-{fingerprint(template)}"
        generation = document["metadata"]["generation"]
        if document["kind"] == "DaemonSet":
            document["status"] = {
                "observedGeneration": generation,
                "desiredNumberScheduled": 1,
                "currentNumberScheduled": count,
                "updatedNumberScheduled": count,
                "numberReady": ready,
                "numberAvailable": ready,
            }
            return
        document["status"] = {
            "observedGeneration": generation,
            "replicas": count,
            "readyReplicas": ready,
            "availableReplicas": ready,
            "currentReplicas": count,
            "updatedReplicas": count,
            "currentRevision": revision,
            "updateRevision": revision,
        }

    def _job(self, each: Stored, document: dict[str, Any], started: datetime) -> None:
        name, template = document["metadata"]["name"], document["spec"]["template"]
        pod_name = f"{name}-{fingerprint(document['metadata']['uid'], 5)}"
        if document["spec"].get("suspend"):
            document["status"] = {"conditions": [{"type": "Suspended", "status": "True"}]}
            return
        ready_template = with_defaults(template, self.ranges)
        error = limit_error(ready_template, self.ranges) or self.ledger.admit(
            demand(ready_template)
        )
        if error:
            document["status"] = {"active": 0}
            self.played[f"Job/{name}"] = Played([], f'pods "{pod_name}" is forbidden: {error}')
            return
        pod = play_pod(PodPlan(document, pod_name, ready_template, started, True), self.now)
        pod["metadata"]["_version"] = each.version
        self.derived.append(pod)
        self.played[f"Job/{name}"] = Played([pod])
        document["status"] = _job_status(pod, started)

    def _cron_job(self, each: Stored) -> None:
        document = each.document
        spec = document["spec"]
        document["status"] = {}
        last = schedule.last_before(spec.get("schedule", ""), self.now)
        if spec.get("suspend") or last is None or last < each.created:
            return
        name = f"{document['metadata']['name']}-{int(last.timestamp() // 60)}"
        metadata = {
            "name": name,
            "namespace": document["metadata"]["namespace"],
            "uid": str(uuid.uuid5(uuid.UUID(document["metadata"]["uid"]), name)),
            "labels": dict(spec["jobTemplate"].get("metadata", {}).get("labels") or {}),
            "creationTimestamp": stamp(last),
            "ownerReferences": [_controller(document)],
            "_version": each.version,
        }
        job: dict[str, Any] = {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata}
        job["spec"] = dict(spec["jobTemplate"].get("spec", {}))
        self._job(each, job, last)
        self.derived.append(job)
        document["status"] = {"lastScheduleTime": stamp(last)}
        if job["status"].get("succeeded"):
            document["status"]["lastSuccessfulTime"] = job["status"]["completionTime"]
        elif job["status"].get("active"):
            document["status"]["active"] = [{"kind": "Job", "name": name}]

    def _address(self, each: Stored) -> None:
        document = each.document
        balanced = document["spec"].get("type") == "LoadBalancer"
        if document["kind"] == "Service" and not balanced:
            document["status"] = {"loadBalancer": {}}
            return
        there = self._age(each) >= ADDRESS_AFTER
        document["status"] = {"loadBalancer": {"ingress": [{"ip": "127.0.0.1"}]} if there else {}}


def _controller(document: Document) -> dict[str, Any]:
    metadata = document["metadata"]
    return {
        "apiVersion": document["apiVersion"],
        "kind": document["kind"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
    }


def _replica_failure(error: str) -> dict[str, str]:
    return {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": error}


def _deployment_status(document: Document, new: Played, old: Played, age: float) -> dict[str, Any]:
    wish = document["spec"].get("replicas", 1)
    ready, old_ready = sum(map(is_ready, new.pods)), sum(map(is_ready, old.pods))
    done = ready >= wish and not old.pods
    deadline = document["spec"].get("progressDeadlineSeconds", 600)
    name = f"{document['metadata']['name']}-{fingerprint(document['spec']['template'])}"
    progressing = {"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated"}
    progressing["message"] = f'ReplicaSet "{name}" is progressing.'
    if done:
        progressing["reason"] = "NewReplicaSetAvailable"
        progressing["message"] = f'ReplicaSet "{name}" has successfully progressed.'
    elif age > deadline:
        progressing |= {"status": "False", "reason": "ProgressDeadlineExceeded"}
        progressing["message"] = f'ReplicaSet "{name}" has timed out progressing.'
    available = ready + old_ready >= wish - int(wish * 0.25)
    conditions = [{"type": "Available", "status": str(available)}, progressing]
    if new.error:
        conditions.append(_replica_failure(new.error))
    return {
        "observedGeneration": document["metadata"]["generation"],
        "replicas": len(new.pods) + len(old.pods),
        "updatedReplicas": len(new.pods),
        "readyReplicas": ready + old_ready,
        "availableReplicas": ready + old_ready,
        "unavailableReplicas": max(0, wish - ready - old_ready),
        "conditions": conditions,
    }


def _job_status(pod: Document, started: datetime) -> dict[str, Any]:
    phase = pod["status"]["phase"]
    if phase == "Succeeded":
        state = pod["status"]["containerStatuses"][0]["state"]["terminated"]
        return {
            "startTime": stamp(started),
            "completionTime": state["startedAt"],
            "succeeded": 1,
            "conditions": [{"type": "Complete", "status": "True"}],
        }
    if phase == "Failed":
        condition: dict[str, str] = {
            "type": "Failed",
            "status": "True",
            "reason": "BackoffLimitExceeded",
        }
        condition["message"] = "Job has reached the specified backoff limit"
        return {"startTime": stamp(started), "failed": 1, "conditions": [condition]}
    return {"startTime": stamp(started), "active": 1}
