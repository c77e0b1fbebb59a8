"""Targets of the tests: a cluster and a cloud in dictionaries, which fail when they are told to."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import yaml

from gitops.backends.base import (
    AWS_API,
    CHANGE_ANNOTATION,
    OWNER_LABEL,
    ClusterTarget,
    Contents,
    Finding,
    LiveObject,
    LogLine,
    ObjectRef,
    Target,
    TargetEvent,
    WatchEvent,
    owner_of,
    ref_of,
)
from gitops.kinds import OUTPUTS
from gitops.renderers import RenderContext, Rendered
from idp.common.errors import Conflict, Invalid, PermanentBackendError

Fault = Callable[[str, ObjectRef], None]


@dataclass
class World:
    """What one fake target holds, and what was asked of it."""

    objects: dict[ObjectRef, LiveObject] = field(default_factory=dict)
    full: dict[str, str] = field(default_factory=dict)  # name → what it holds
    calls: list[tuple[str, str]] = field(default_factory=list)
    fault: Fault | None = None

    def call(self, verb: str, ref: ObjectRef) -> None:
        self.calls.append((verb, f"{ref.kind}/{ref.name}"))
        if self.fault:
            self.fault(verb, ref)

    def body(self, kind: str, name: str) -> dict[str, Any]:
        return dict(
            next(o.body for r, o in self.objects.items() if (r.kind, r.name) == (kind, name))
        )

    def names(self) -> set[str]:
        return {f"{ref.kind}/{ref.name}" for ref in self.objects}


WORLDS: dict[str, World] = {}


def world(name: str) -> World:
    return WORLDS.setdefault(name, World())


def merged(old: Any, new: Any) -> Any:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return {**old, **{k: merged(old.get(k), v) for k, v in new.items()}}
    return new


class FakeTarget(Target):
    def __init__(self, name: str, *_: Any) -> None:
        self.name = name

    @property
    def world(self) -> World:
        return world(self.name)

    def check(self) -> list[Finding]:
        return [
            Finding("reach", True, "It answers."),
            Finding("rights", False, "May not create Namespaces.", "Bind the role slipway."),
        ]

    def get(self, ref: ObjectRef) -> LiveObject | None:
        self.world.call("get", ref)
        return self.world.objects.get(ref)

    def list(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str = "",
        labels: Mapping[str, str] | None = None,
        prefix: str = "",
    ) -> list[LiveObject]:
        self.world.call("list", ObjectRef(api_version, kind, "*", namespace))
        return [
            found
            for ref, found in self.world.objects.items()
            if (ref.api_version, ref.kind) == (api_version, kind)
            and (not namespace or ref.namespace == namespace)
            and ref.name.startswith(prefix)
            and all(
                found.body["metadata"].get("labels", {}).get(k) == v
                for k, v in (labels or {}).items()
            )
        ]

    def apply(
        self,
        document: Mapping[str, Any],
        *,
        owner: str,
        change: str = "",
        uid: str = "",
        dry_run: bool = False,
        intended_at: datetime | None = None,
    ) -> LiveObject:
        ref = ref_of(document)
        self.world.call("dry-run" if dry_run else "apply", ref)
        if not dry_run and self.world.fault:
            self.world.fault("before apply", ref)
        found = self.world.objects.get(ref)
        if found and (owner_of(found) != owner or (uid and found.uid != uid)):
            raise Conflict(f"{ref} exists and is not ours.")
        if found and ref.kind == "Job" and found.body["spec"] != document["spec"]:
            raise PermanentBackendError("spec.template: field is immutable")
        if ref.namespace and ObjectRef("v1", "Namespace", ref.namespace) not in self.world.objects:
            raise PermanentBackendError(f"namespaces “{ref.namespace}” not found")
        body = deepcopy(merged(found.body if found else {}, document))
        meta = body["metadata"]
        meta["labels"] = {**(meta.get("labels") or {}), OWNER_LABEL: owner}
        meta["annotations"] = {**(meta.get("annotations") or {}), CHANGE_ANNOTATION: change}
        self.finish(body)
        outputs = {}
        if ref.api_version == AWS_API:
            body["spec"].pop("value", None)
            outputs = {k: f"{k.lower()}:{ref.name}" for k in OUTPUTS.get(ref.kind, ())}
        live = LiveObject(ref, found.uid if found else uuid.uuid4().hex, "1", body, outputs)
        if not dry_run:
            self.world.objects[ref] = live
            if self.world.fault:
                self.world.fault("after apply", ref)
        return live

    def finish(self, body: dict[str, Any]) -> None:
        if "stringData" in body:
            values = body.pop("stringData")
            body["data"] = {k: base64.b64encode(v.encode()).decode() for k, v in values.items()}
        if body["kind"] == "Job":
            done = {"type": "Complete", "status": "True"}
            body["status"] = {"succeeded": 1, "conditions": [done]}
        if body["kind"] == "Deployment":
            body["spec"].setdefault("revisionHistoryLimit", 10)
            count = body["spec"].get("replicas", 1)
            body["status"] = {"observedGeneration": 1, "replicas": count, "updatedReplicas": count}
            body["status"] |= {"readyReplicas": count, "availableReplicas": count}
            if body["spec"].get("stuck"):
                stuck = {"type": "Progressing", "status": "False", "message": "it crashes"}
                stuck["reason"] = "ProgressDeadlineExceeded"
                body["status"]["conditions"] = [stuck]

    def delete(self, ref: ObjectRef, *, owner: str, uid: str = "", purge: bool = False) -> None:
        self.world.call("delete", ref)
        found = self.world.objects.get(ref)
        if found is None:
            return
        if owner_of(found) != owner:
            raise Conflict(f"{ref} is not ours.")
        if ref.name in self.world.full and not purge:
            raise PermanentBackendError(f"{ref} is not empty.")
        del self.world.objects[ref]
        if ref.kind == "Namespace":
            for inner in [r for r in self.world.objects if r.namespace == ref.name]:
                del self.world.objects[inner]

    def contents(self, ref: ObjectRef) -> Contents:
        held = self.world.full.get(ref.name, "")
        return Contents(not held, held)


class FakeCluster(FakeTarget, ClusterTarget):
    def watch(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str = "",
        labels: Mapping[str, str] | None = None,
        version: str = "",
        seconds: int = 60,
    ) -> Iterator[WatchEvent]:
        self.world.call("watch", ObjectRef(api_version, kind, "*", namespace))
        for found in self.list(api_version, kind, labels=labels):
            yield WatchEvent("MODIFIED", found)

    def logs(self, namespace: str, *, labels: Mapping[str, str], tail: int = 200) -> list[LogLine]:
        return [LogLine(None, "web-1", "web", f"hello {sorted(labels.items())}")][:tail]

    def events(self, namespace: str, *, limit: int = 200) -> list[TargetEvent]:
        return []


class FakeRenderer:
    """`fake.yaml` holds a list of documents as they are; `{namespace}` stands for its name."""

    def render(self, files: Mapping[str, bytes], context: RenderContext) -> Rendered:
        text = files["fake.yaml"].decode().replace("{namespace}", context.namespace)
        found = yaml.safe_load(text)
        if not isinstance(found, dict) or "documents" not in found:
            raise Invalid("fake.yaml names no documents.", fix="Add documents.")
        return Rendered(
            tuple(found["documents"]), title="fake", facts=found.get("facts", {}), digest="fake@1"
        )
