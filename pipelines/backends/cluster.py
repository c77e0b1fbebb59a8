"""Jobs of a cluster: made, listed and deleted by the API server's own documents, one call each."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Protocol

from gitops.backends.kubernetes import config, http
from gitops.models import Cluster
from idp.changes.plans import digest
from idp.common.errors import Clash, Conflict, NotFound

MAX_LISTED = 2_000
MAX_LOG = 8_000  # bytes of a pod's own log
_KEPT = 16
_made: OrderedDict[str, KubernetesJobs] = OrderedDict()
_lock = Lock()
_PATHS = {
    "Namespace": "/api/v1/namespaces",
    "ServiceAccount": "/api/v1/namespaces/{0}/serviceaccounts",
    "Secret": "/api/v1/namespaces/{0}/secrets",
    "Pod": "/api/v1/namespaces/{0}/pods",
    "Event": "/api/v1/namespaces/{0}/events",
    "Job": "/apis/batch/v1/namespaces/{0}/jobs",
}


@dataclass(frozen=True)
class Seen:
    """What stands in a namespace under a label."""

    jobs: list[dict[str, Any]] = field(default_factory=list)
    pods: list[dict[str, Any]] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)  # their names


class ClusterJobs(Protocol):
    """What the controller of jobs asks of a cluster; raises `BackendError` kinds."""

    def ensure(self, kind: str, namespace: str, document: dict[str, Any]) -> bool:
        """Make it where it is not there; whether it was made."""

    def replace_secret(self, namespace: str, document: dict[str, Any]) -> None:
        """Make it, in place of one of the same name."""

    def seen(self, namespace: str, selector: str) -> Seen:
        """Jobs, pods and secrets with these labels."""

    def delete(self, kind: str, namespace: str, name: str, grace: int | None = None) -> None:
        """Delete it and what it made; nothing where it is gone."""

    def refusal(self, namespace: str, uid: str) -> str:
        """Why the cluster makes no pod of this very Job, in its own words; empty without any."""

    def log(self, namespace: str, pod: str) -> str:
        """The end of what a pod wrote."""


class KubernetesJobs:
    """A real cluster."""

    def __init__(self, name: str, kubeconfig: str) -> None:
        self._api = http.Api(name, config.client(kubeconfig))

    def ensure(self, kind: str, namespace: str, document: dict[str, Any]) -> bool:
        try:
            self._api.call("POST", _PATHS[kind].format(namespace), body=document)
        except Conflict:
            return False
        return True

    def replace_secret(self, namespace: str, document: dict[str, Any]) -> None:
        if not self.ensure("Secret", namespace, document):
            self.delete("Secret", namespace, document["metadata"]["name"])
            self.ensure("Secret", namespace, document)

    def seen(self, namespace: str, selector: str) -> Seen:
        jobs, pods, secrets = (
            self._listed(kind, namespace, selector) for kind in ("Job", "Pod", "Secret")
        )
        return Seen(jobs, pods, [one["metadata"]["name"] for one in secrets])

    def _listed(self, kind: str, namespace: str, selector: str) -> list[dict[str, Any]]:
        query = {"labelSelector": selector, "limit": MAX_LISTED}
        found = self._api.call("GET", _PATHS[kind].format(namespace), query=query)
        return [one for one in found.get("items") or [] if isinstance(one, dict)]

    def delete(self, kind: str, namespace: str, name: str, grace: int | None = None) -> None:
        options: dict[str, Any] = {"propagationPolicy": "Background"}
        if grace is not None:
            options["gracePeriodSeconds"] = grace
        path = f"{_PATHS[kind].format(namespace)}/{name}"
        try:
            self._api.call("DELETE", path, body=options)
        except NotFound:
            return

    def refusal(self, namespace: str, uid: str) -> str:
        about = f"involvedObject.kind=Job,involvedObject.uid={uid},reason=FailedCreate"
        query = {"fieldSelector": about, "limit": 20}
        found = self._api.call("GET", _PATHS["Event"].format(namespace), query=query)
        events = found.get("items") or []
        return str(events[-1].get("message", ""))[:500] if events else ""

    def log(self, namespace: str, pod: str) -> str:
        query = {"container": "job", "tailLines": 40, "limitBytes": MAX_LOG}
        return self._api.text(f"{_PATHS['Pod'].format(namespace)}/{pod}/log", query)


def of(cluster: Cluster) -> ClusterJobs:
    """The cluster's jobs; `Clash` for one that is switched off or simulated."""
    if not cluster.active or cluster.simulated:
        raise Clash(f"Cluster {cluster.name} runs no pods: it is switched off, or simulated.")
    key = digest([cluster.name, cluster.kubeconfig])
    with _lock:
        found = _made.get(key)
        if found is None:
            found = _made[key] = KubernetesJobs(cluster.name, cluster.kubeconfig)
        _made.move_to_end(key)
        while len(_made) > _KEPT:
            _made.popitem(last=False)
        return found
