"""Pods as a simulated cluster plays them: what has become of one, computed from its age alone.

No thread moves anything: the same row read at the same instant shows the same pod, in every
process. Image tag `:crash` never stays up, `:missing` is never pulled, and the annotations
`testbed.slipway.dev/ready-after` and `…/complete-after` (Go durations) set the pace.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from gitops.backends.base import Document

READY_AFTER = 2.0  # seconds
COMPLETE_AFTER = 3.0
BACK_OFF = 10.0  # the kubelet's first wait; it doubles up to five minutes
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # Kubernetes' own: spells no words


class Fate(StrEnum):
    RUNS = "runs"
    CRASHES = "crashes"
    MISSING = "missing"
    COMPLETES = "completes"
    FAILS = "fails"


@dataclass(frozen=True)
class PodPlan:
    """A pod that a workload wants: whose, which one, from what template and since when."""

    owner: Document
    name: str
    template: Document
    started: datetime
    runs_once: bool = False


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds(text: str, default: float) -> float:
    """A Go duration ("1m30s") in seconds."""
    parts = _DURATION.findall(text or "")
    return sum(float(n) * _SECONDS[unit] for n, unit in parts) if parts else default


def fingerprint(value: Any, length: int = 10) -> str:
    """A name's hash part, of the letters that Kubernetes uses."""
    raw = hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).digest()
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in raw[:length])


def fate_of(plan: PodPlan) -> Fate:
    spec = plan.template.get("spec", {})
    images = [str(c.get("image", "")) for c in spec.get("containers", [])]
    if any(image.endswith(":missing") for image in images):
        return Fate.MISSING
    if any(image.endswith(":crash") for image in images):
        return Fate.FAILS if plan.runs_once else Fate.CRASHES
    if plan.runs_once:
        failing = any(c.get("command") == ["false"] for c in spec.get("containers", []))
        return Fate.FAILS if failing else Fate.COMPLETES
    return Fate.RUNS


def ready_after(template: Document) -> float:
    annotations = template.get("metadata", {}).get("annotations") or {}
    return seconds(annotations.get("testbed.slipway.dev/ready-after", ""), READY_AFTER)


def ends_after(template: Document) -> float:
    annotations = template.get("metadata", {}).get("annotations") or {}
    text = annotations.get("testbed.slipway.dev/complete-after", "")
    return ready_after(template) + seconds(text, COMPLETE_AFTER)


def restarts(age: float) -> int:
    """How often a crashing container was started again: after 10 s, 20 s, 40 s … at most 300."""
    count, wait, at = 0, BACK_OFF, BACK_OFF
    while at <= age and count < 1000:  # noqa: PLR2004 - a bound, far beyond what is shown
        count, wait = count + 1, min(wait * 2, 300.0)
        at += wait
    return count


def play_pod(plan: PodPlan, now: datetime) -> dict[str, Any]:
    """The whole pod document at an instant."""
    fate, age = fate_of(plan), (now - plan.started).total_seconds()
    up = age >= ready_after(plan.template)
    over = age >= ends_after(plan.template)
    phase = "Pending"
    if up and fate is not Fate.MISSING:
        phase = "Running"
    if over and fate in (Fate.COMPLETES, Fate.FAILS):
        phase = "Succeeded" if fate is Fate.COMPLETES else "Failed"
    ready = up and fate is Fate.RUNS
    since = stamp(plan.started + timedelta(seconds=ready_after(plan.template)))
    containers = plan.template.get("spec", {}).get("containers", [])
    status = {
        "phase": phase,
        "startTime": stamp(plan.started),
        "podIP": "",
        "conditions": [
            {"type": "PodScheduled", "status": "True", "lastTransitionTime": stamp(plan.started)},
            {
                "type": "Ready",
                "status": "True" if ready else "False",
                "lastTransitionTime": since if ready else stamp(plan.started),
            },
        ],
        "containerStatuses": [
            {
                "name": container.get("name", ""),
                "image": container.get("image", ""),
                "ready": ready,
                "restartCount": restarts(age) if fate is Fate.CRASHES and up else 0,
                "state": _state(fate, up, over, container, since),
            }
            for container in containers
        ],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": _metadata(plan),
        "spec": {**plan.template.get("spec", {}), "nodeName": "simulated"},
        "status": status,
    }


def _metadata(plan: PodPlan) -> dict[str, Any]:
    owner, template = plan.owner, plan.template.get("metadata", {})
    reference = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
    }
    return {
        "name": plan.name,
        "namespace": owner["metadata"]["namespace"],
        "uid": str(uuid.uuid5(uuid.UUID(owner["metadata"]["uid"]), plan.name)),
        "labels": dict(template.get("labels") or {}),
        "annotations": dict(template.get("annotations") or {}),
        "creationTimestamp": stamp(plan.started),
        "ownerReferences": [reference],
    }


def _state(fate: Fate, up: bool, over: bool, container: Mapping[str, Any], since: str) -> Any:
    if fate is Fate.MISSING and up:
        message = f'failed to pull image "{container.get("image", "")}": not found'
        return {"waiting": {"reason": "ErrImagePull", "message": message}}
    if not up:
        return {"waiting": {"reason": "ContainerCreating"}}
    if fate is Fate.CRASHES:
        message = f"back-off restarting failed container {container.get('name', '')}"
        return {"waiting": {"reason": "CrashLoopBackOff", "message": message}}
    if over and fate in (Fate.COMPLETES, Fate.FAILS):
        failed = fate is Fate.FAILS
        reason = "Error" if failed else "Completed"
        return {"terminated": {"exitCode": int(failed), "reason": reason, "startedAt": since}}
    return {"running": {"startedAt": since}}


def is_ready(pod: Document) -> bool:
    conditions = pod.get("status", {}).get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
