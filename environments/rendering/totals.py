"""What the rendered workloads may use together: for quotas, limits and the plan's facts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from idp.common import quantities
from idp.common.errors import FieldError, Invalid

Number = TypeVar("Number", Decimal, int)
# What makes pods, and the field that says how many at a time.
_COUNTED = {
    "Deployment": "replicas",
    "StatefulSet": "replicas",
    "Job": "parallelism",
    "CronJob": "parallelism",
}
# What the LimitRange gives a container that names none.
DEFAULT_CPU, DEFAULT_MEMORY, DEFAULT_MEMORY_LIMIT = "50m", "64Mi", "256Mi"


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
    """The sum over workloads; an autoscaled one counts with its most replicas.

    Raises `Invalid` with the object and the path of what cannot be counted.
    """
    documents = list(documents)
    most = dict(_autoscaled(d) for d in documents if d["kind"] == "HorizontalPodAutoscaler")
    total = Totals()
    for document in documents:
        pod, count = _pods(document)
        if pod is not None:
            key = (document["kind"], document["metadata"]["name"])
            total += _pod(pod).times(most.get(key, count))
    return total


def surge(documents: Iterable[Mapping[str, Any]]) -> Totals:
    """One pod more of each workload: what a rolling update needs beside the running ones."""
    total = Totals()
    for document in documents:
        pod, _ = _pods(document)
        if pod is not None:
            total += _pod(pod)
    return total


@dataclass(frozen=True)
class _Part:
    """A map inside a document, and where it stands, for messages. An explicit null is absence."""

    title: str
    path: str
    value: Mapping[str, Any]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> _Part:
        title = f"{document['kind']} “{document['metadata']['name']}”"
        return cls(title, "", document)

    def at(self, key: str) -> str:
        return f"{self.path}.{key}".lstrip(".")

    def get(self, key: str, default: Any = None) -> Any:
        found = self.value.get(key)
        return default if found is None else found

    def part(self, key: str) -> _Part:
        """The map under `key`, empty where there is none."""
        return self._part(self.at(key), self.get(key, {}))

    def parts(self, key: str) -> list[_Part]:
        """The maps of the list under `key`."""
        found = self.get(key, [])
        if not isinstance(found, list):
            raise self.wrong(key, found, "is no list", "Write a list.")
        return [self._part(f"{self.at(key)}[{i}]", each) for i, each in enumerate(found)]

    def count(self, key: str, default: int | None) -> int:
        """The whole number under `key`; raises `Invalid` for another, or where none may lack."""
        found = self.get(key, default)
        if not isinstance(found, int) or isinstance(found, bool) or found < 0:
            raise self.wrong(key, found, "is no number of pods", "Write a whole number, like 2.")
        return found

    def text(self, key: str) -> str:
        found = self.get(key, "")
        if not isinstance(found, str) or not found:
            raise self.wrong(key, found, "is no name", "Write a name.")
        return found

    def wrong(self, key: str, value: Any, what: str, fix: str) -> Invalid:
        return _invalid(self.title, self.at(key), value, what, fix)

    def _part(self, path: str, value: Any) -> _Part:
        if not isinstance(value, Mapping):
            raise _invalid(self.title, path, value, "is no map", "Write key: value lines.")
        return _Part(self.title, path, value)


def _invalid(title: str, path: str, value: Any, what: str, fix: str) -> Invalid:
    shown = "nothing" if value is None or value == "" else f"“{str(value)[:40]}”"
    message = f"{title}: {path}: {shown} {what}."
    return Invalid(message, fix=fix, errors=[FieldError("manifests", "type", message, fix)])


def _autoscaled(document: Mapping[str, Any]) -> tuple[tuple[str, str], int]:
    """What an autoscaler scales, and to how many pods at most."""
    spec = _Part.of(document).part("spec")
    target = spec.part("scaleTargetRef")
    return (target.text("kind"), target.text("name")), spec.count("maxReplicas", None)


def _pods(document: Mapping[str, Any]) -> tuple[_Part | None, int]:
    """The pod that a document makes and how many of it; no pod for what makes none."""
    spec = _Part.of(document).part("spec") if document["kind"] in _COUNTED else None
    if spec is None:
        return None, 0
    if document["kind"] == "CronJob":
        spec = spec.part("jobTemplate").part("spec")
    pod = spec.part("template").part("spec")
    if not pod.value:
        raise Invalid(f"{pod.title} has no pod template.", fix=f"Write {pod.path}.")
    return pod, spec.count(_COUNTED[document["kind"]], 1)


def _pod(spec: _Part) -> Totals:
    total = Totals(pods=1)
    for container in spec.parts("containers"):
        resources = container.part("resources")
        requests, limits = resources.part("requests"), resources.part("limits")
        total += Totals(
            cpu=_amount(quantities.cpu, "cpu", DEFAULT_CPU, requests, limits),
            memory=_amount(quantities.memory, "memory", DEFAULT_MEMORY, requests, limits),
            memory_limit=_amount(quantities.memory, "memory", DEFAULT_MEMORY_LIMIT, limits),
        )
    return total


def _amount(read: Callable[[Any], Number], key: str, default: str, *places: _Part) -> Number:
    """The quantity of the first place that names one."""
    place = next((place for place in places if place.get(key) is not None), None)
    if place is None:
        return read(default)
    try:
        return read(place.get(key))
    except Invalid as error:
        raise place.wrong(key, place.get(key), "is not an amount", error.fix) from error
