"""What the rendered workloads may use together: for quotas, limits and the plan's facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from idp.common import quantities
from idp.common.errors import Invalid

_DEFAULT_CPU, _DEFAULT_MEMORY = "50m", "64Mi"  # the LimitRange's, for a container that names none


@dataclass(frozen=True)
class Totals:
    """Cores, bytes and pods at the most replicas that are asked for."""

    cpu: Decimal = Decimal(0)
    memory: int = 0
    memory_limit: int = 0
    pods: int = 0

    def __add__(self, other: Totals) -> Totals:
        return Totals(
            self.cpu + other.cpu,
            self.memory + other.memory,
            self.memory_limit + other.memory_limit,
            self.pods + other.pods,
        )

    def times(self, count: int) -> Totals:
        return Totals(
            self.cpu * count, self.memory * count, self.memory_limit * count, self.pods * count
        )


def totals(documents: Iterable[Mapping[str, Any]]) -> Totals:
    """The sum over workloads; an autoscaled one counts with its most replicas."""
    documents = list(documents)
    most = {
        (d["spec"]["scaleTargetRef"]["kind"], d["spec"]["scaleTargetRef"]["name"]): d["spec"][
            "maxReplicas"
        ]
        for d in documents
        if d["kind"] == "HorizontalPodAutoscaler"
    }
    total = Totals()
    for document in documents:
        spec, count = _pods(document)
        if spec is not None:
            key = (document["kind"], document["metadata"]["name"])
            total += _pod(spec).times(int(most.get(key, count)))
    return total


def surge(documents: Iterable[Mapping[str, Any]]) -> Totals:
    """One pod more of each workload: what a rolling update needs beside the running ones."""
    total = Totals()
    for document in documents:
        spec, _ = _pods(document)
        if spec is not None:
            total += _pod(spec)
    return total


def _pods(document: Mapping[str, Any]) -> tuple[Mapping[str, Any] | None, int]:
    spec = document.get("spec", {})
    try:
        match document["kind"]:
            case "Deployment" | "StatefulSet":
                return spec["template"]["spec"], spec.get("replicas", 1)
            case "Job":
                return spec["template"]["spec"], spec.get("parallelism", 1)
            case "CronJob":
                job = spec["jobTemplate"]["spec"]
                return job["template"]["spec"], job.get("parallelism", 1)
    except (KeyError, TypeError) as error:
        name = document["metadata"]["name"]
        raise Invalid(f"{document['kind']} “{name}” has no pod template ({error}).") from error
    return None, 0


def _pod(spec: Mapping[str, Any]) -> Totals:
    total = Totals(pods=1)
    for container in spec.get("containers", []):
        resources = container.get("resources", {})
        requests, limits = resources.get("requests", {}), resources.get("limits", {})
        memory = requests.get("memory", limits.get("memory", _DEFAULT_MEMORY))
        total += Totals(
            cpu=quantities.cpu(requests.get("cpu", limits.get("cpu", _DEFAULT_CPU))),
            memory=quantities.memory(memory),
            memory_limit=quantities.memory(limits.get("memory", memory)),
        )
    return total
