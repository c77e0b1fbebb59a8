"""The rows of a simulated cluster: versions, conflicts, merging, and what is played on top of them.

A row's body is `{"document": …, "facts": …}`: the document without status, and what the play needs
to know of the past. One counter row a cluster numbers every write and serialises writers.
"""

from __future__ import annotations

import base64
import copy
import zlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import groupby
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from gitops.backends.base import Document, LiveObject, ObjectRef, ref_of
from gitops.backends.memory.play import Scene, Stored
from gitops.backends.memory.pods import Fate, PodPlan, fate_of, ready_after, stamp
from gitops.models import MemoryObject

_COUNTER = {"api_version": "memory.slipway.dev/v1", "kind": "Counter", "name": "counter"}
WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
_ACTORS = ["Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod"]
_ACTORS += ["HorizontalPodAutoscaler", "ResourceQuota", "LimitRange"]
_SEEN = frozenset({*_ACTORS, "ReplicaSet", "Ingress", "Service", "PersistentVolumeClaim"})


def merge(last: Document, live: Document, new: Document) -> dict[str, Any]:
    """Server-side apply with one manager: ours hold, what we dropped goes, others' stay."""
    merged = {key: value for key, value in live.items() if key not in last or key in new}
    for key, value in new.items():
        before = live.get(key)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            ours = last.get(key)
            merged[key] = merge(ours if isinstance(ours, Mapping) else {}, before, value)
        else:
            merged[key] = copy.deepcopy(value)
    return merged


def as_kept(document: Document) -> dict[str, Any]:
    """The document as an API server stores it: no status, a Secret's text encoded."""
    kept = {key: copy.deepcopy(value) for key, value in document.items() if key != "status"}
    if kept["kind"] == "Secret":
        plain = kept.pop("stringData", None) or {}
        coded = {key: base64.b64encode(str(text).encode()).decode() for key, text in plain.items()}
        kept["data"] = {**(kept.get("data") or {}), **coded}
    if kept["kind"] == "Namespace":
        labels = kept["metadata"].setdefault("labels", {})
        labels["kubernetes.io/metadata.name"] = kept["metadata"]["name"]
    return kept


class Store:
    """One simulated cluster's objects."""

    def __init__(self, cluster: str) -> None:
        self.cluster = cluster

    def rows(self) -> QuerySet[MemoryObject]:
        return MemoryObject.objects.filter(cluster=self.cluster).exclude(kind="Counter")

    def row(self, ref: ObjectRef) -> MemoryObject | None:
        return (
            self.rows()
            .filter(
                api_version=ref.api_version, kind=ref.kind, namespace=ref.namespace, name=ref.name
            )
            .first()
        )

    def next_version(self, *, deletion: bool = False) -> int:
        """The number of this write; call it first inside the transaction: it takes the lock."""
        MemoryObject.objects.get_or_create(
            cluster=self.cluster, **_COUNTER, namespace="", defaults={"version": 0, "body": {}}
        )
        counter = MemoryObject.objects.select_for_update().get(cluster=self.cluster, **_COUNTER)
        counter.version += 1
        if deletion:
            counter.body = {"deleted": counter.version}
        counter.save()
        return counter.version

    def last_deletion(self) -> int:
        counter = MemoryObject.objects.filter(cluster=self.cluster, **_COUNTER).first()
        return int(counter.body.get("deleted", 0)) if counter else 0

    def has_namespace(self, name: str) -> bool:
        return self.rows().filter(kind="Namespace", name=name).exists()

    def scene(self, namespace: str, now: datetime) -> Scene:
        rows = self.rows().filter(namespace=namespace)
        return Scene([_stored(row) for row in rows], now)

    def read(
        self, api_version: str, kind: str, namespace: str, now: datetime
    ) -> Iterator[LiveObject]:
        """Every object of a kind as it is now, in the order of namespaces and creation."""
        rows = self.rows()
        if namespace:
            rows = rows.filter(namespace=namespace)
        if kind not in _SEEN:
            for row in rows.filter(api_version=api_version, kind=kind).order_by("id"):
                yield live_of(_stored(row).document, row.version)
            return
        wanted = [*_ACTORS, kind]
        ordered = rows.filter(kind__in=wanted).order_by("namespace", "id")
        for _, group in groupby(ordered, key=lambda row: row.namespace):
            scene = Scene([_stored(row) for row in group], now)
            for document, version in scene.documents():
                if (document["apiVersion"], document["kind"]) == (api_version, kind):
                    yield live_of(document, version)

    def remove(self, row: MemoryObject) -> None:
        """Delete a row, and for a namespace everything inside it."""
        with transaction.atomic():
            self.next_version(deletion=True)
            if row.kind == "Namespace":
                self.rows().filter(namespace=row.name).delete()
            row.delete()


def _stored(row: MemoryObject) -> Stored:
    document, facts = row.body["document"], row.body["facts"]
    document["metadata"] |= {
        "uid": str(row.uid),
        "creationTimestamp": stamp(row.created_at),
        "generation": facts["generation"],
    }
    if row.kind == "Namespace":
        document["status"] = {"phase": "Active"}
    return Stored(document, facts, row.version, row.created_at)


def live_of(document: dict[str, Any], version: int) -> LiveObject:
    """A document as callers see it; its version moves when its status does."""
    status = document.get("status")
    text = str(version)
    if status:
        text += f".{zlib.crc32(repr(status).encode()):08x}"
    document["metadata"]["resourceVersion"] = text
    return LiveObject(ref_of(document), document["metadata"]["uid"], text, document)


def facts_after(
    before: Document | None, facts: Mapping[str, Any], after: Document, now: datetime
) -> dict[str, Any]:
    """The facts of an object once `after` is stored: generation, rollouts, scalings."""
    at = now.isoformat()
    new = {**facts, "changed": at}
    if before is None or before.get("spec") != after.get("spec"):
        new["generation"] = facts.get("generation", 0) + 1
    if after["kind"] not in WORKLOADS:
        return new
    spec = after["spec"]
    wish = 1 if after["kind"] == "DaemonSet" else spec.get("replicas", 1)
    template = spec["template"]
    if before is None or before["spec"]["template"] != template:
        recreate = spec.get("strategy", {}).get("type") == "Recreate"
        if before is not None and not recreate and _ran(before, facts, now):
            new["previous"] = {"template": before["spec"]["template"], "starts": facts["starts"]}
        elif recreate:
            new["previous"] = None
        return new | {"rolled": at, "starts": [[wish, at]]}
    starts = [[min(count, wish), since] for count, since in facts["starts"]]
    if starts[-1][0] < wish:
        starts.append([wish, at])
    return new | {"starts": starts}


def _ran(before: Document, facts: Document, now: datetime) -> bool:
    """Whether the template that is replaced had come up, so that its pods stay until the new do."""
    template = before["spec"]["template"]
    start = datetime.fromisoformat(facts["starts"][0][1])
    up = (now - start).total_seconds() >= ready_after(template)
    return up and fate_of(PodPlan(before, "", template, start)) is Fate.RUNS
