"""ResourceQuota and LimitRange as a simulated cluster enforces them, in Kubernetes' own words."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from gitops.backends.base import Document
from idp.common import quantities

_COUNTED = {  # object counts that a quota may name beside `count/…`
    "Service": "services",
    "Secret": "secrets",
    "ConfigMap": "configmaps",
    "PersistentVolumeClaim": "persistentvolumeclaims",
}
_COUNT_GROUPS = {"Deployment": "deployments.apps", "StatefulSet": "statefulsets.apps"}
_COUNT_GROUPS |= {"Job": "jobs.batch", "CronJob": "cronjobs.batch"}
_ALIASES = {"cpu": "requests.cpu", "memory": "requests.memory"}


def amount(resource: str, value: Any) -> Decimal:
    """A quantity as a number: cores, bytes or a count."""
    if resource.endswith("cpu"):
        return quantities.cpu(str(value), field=resource)
    if resource.endswith(("memory", "storage")):
        return Decimal(quantities.memory(str(value), field=resource))
    return Decimal(str(value))


def text(resource: str, value: Decimal) -> str:
    if resource.endswith("cpu"):
        return quantities.cpu_text(value)
    if resource.endswith(("memory", "storage")):
        return quantities.memory_text(int(value)) if value else "0"
    return str(int(value))


def with_defaults(template: Document, ranges: Iterable[Document]) -> dict[str, Any]:
    """The pod template after the LimitRanges' defaults (the LimitRanger admission plug-in)."""
    limits: dict[str, Any] = {}
    requests: dict[str, Any] = {}
    for each in _container_limits(ranges):
        limits |= each.get("default", {})
        requests |= each.get("defaultRequest", {})
    spec = dict(template.get("spec", {}))
    containers = []
    for container in spec.get("containers", []):
        given = container.get("resources", {})
        own_limits = {**limits, **given.get("limits", {})}
        own = {**own_limits, **requests, **given.get("limits", {}), **given.get("requests", {})}
        resources = {**given, "limits": own_limits, "requests": own}
        containers.append({**container, "resources": resources} if own else container)
    return {**template, "spec": {**spec, "containers": containers}}


def _container_limits(ranges: Iterable[Document]) -> Iterable[Document]:
    for each in ranges:
        for limit in each.get("spec", {}).get("limits", []):
            if limit.get("type") == "Container":
                yield limit


def limit_error(template: Document, ranges: Iterable[Document]) -> str:
    """Why a LimitRange forbids a pod of this template, or empty."""
    for limit in _container_limits(ranges):
        for container in template.get("spec", {}).get("containers", []):
            given = container.get("resources", {}).get("limits", {})
            for resource, most in limit.get("max", {}).items():
                if resource not in given:
                    continue
                if amount(resource, given[resource]) > amount(resource, most):
                    return (
                        f"maximum {resource} usage per Container is {most},"
                        f" but limit is {given[resource]}"
                    )
    return ""


def demand(template: Document) -> dict[str, Decimal]:
    """What one pod of the template takes from a quota."""
    total = {"pods": Decimal(1), "count/pods": Decimal(1)}
    for container in template.get("spec", {}).get("containers", []):
        for side in ("requests", "limits"):
            for resource, value in container.get("resources", {}).get(side, {}).items():
                key = f"{side}.{resource}"
                total[key] = total.get(key, Decimal(0)) + amount(resource, value)
    return total


class Ledger:
    """The quotas of one namespace, filled pod by pod in the order of creation."""

    def __init__(self, quotas: Iterable[Document]) -> None:
        self.quotas = [(q["metadata"]["name"], q.get("spec", {}).get("hard", {})) for q in quotas]
        self.used: dict[str, Decimal] = {}

    def count(self, kind: str) -> None:
        """Take an object that is counted by kind."""
        for key in self._keys(kind):
            self.used[key] = self.used.get(key, Decimal(0)) + 1

    def _keys(self, kind: str) -> list[str]:
        plural = _COUNTED.get(kind)
        group = _COUNT_GROUPS.get(kind)
        return [
            *([plural, f"count/{plural}"] if plural else []),
            *([f"count/{group}"] if group else []),
        ]

    def object_error(self, kind: str, name: str) -> str:
        """Why one more object of the kind is refused, or empty."""
        error = self._error({key: Decimal(1) for key in self._keys(kind)})
        return f'{kind.lower()}s "{name}" is forbidden: {error}' if error else ""

    def admit(self, wanted: dict[str, Decimal]) -> str:
        """Take a pod, or say why it is refused."""
        error = self._error(wanted)
        if not error:
            for key, value in wanted.items():
                self.used[key] = self.used.get(key, Decimal(0)) + value
        return error

    def _error(self, wanted: dict[str, Decimal]) -> str:
        pod = "pods" in wanted
        for name, hard in self.quotas:
            over, missing = [], []
            for resource, most in hard.items():
                key = _ALIASES.get(resource, resource)
                if pod and key not in wanted and key.startswith(("requests.", "limits.")):
                    missing.append(resource)
                if key in wanted and self.used.get(key, 0) + wanted[key] > amount(key, most):
                    over.append((resource, key, most))
            if missing:
                return f"failed quota: {name}: must specify {','.join(missing)}"
            if over:
                asked = ",".join(f"{r}={text(k, wanted[k])}" for r, k, _ in over)
                used = ",".join(f"{r}={text(k, self.used.get(k, Decimal(0)))}" for r, k, _ in over)
                limit = ",".join(f"{r}={most}" for r, _, most in over)
                return f"exceeded quota: {name}, requested: {asked}, used: {used}, limited: {limit}"
        return ""

    def status(self, hard: Document) -> dict[str, Any]:
        """What a ResourceQuota's status shows."""
        used = {r: text(r, self.used.get(_ALIASES.get(r, r), Decimal(0))) for r in hard}
        return {"hard": dict(hard), "used": used}
