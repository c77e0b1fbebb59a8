"""A cluster of the test's: keeps documents, makes a pod for each Job, refuses when told to."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from idp.common.errors import Denied, TemporaryBackendError
from pipelines.backends.cluster import Seen


class FakeCluster:
    def __init__(self) -> None:
        self.documents: dict[tuple[str, str], dict[str, Any]] = {}
        self.pods: dict[str, dict[str, Any]] = {}
        self.quota = ""  # why no pod is made
        self.slow = False  # makes no pod yet, and says nothing
        self.refusals: dict[str, str] = {}  # of Jobs, by their uid
        self.denied = ""  # why no Job is taken
        self.away = False
        self.dies_after = ""  # the kind after which the controller is killed
        self.deleted: list[tuple[str, str]] = []
        self._count = 0

    def ensure(self, kind: str, namespace: str, document: dict[str, Any]) -> bool:
        self._reach()
        name = document["metadata"]["name"]
        if kind == "Job" and self.denied:
            raise Denied(self.denied)
        if (kind, name) in self.documents:
            return False
        self._count += 1
        meta = {**document["metadata"], "uid": f"uid-{self._count}"}
        self.documents[kind, name] = {**document, "metadata": meta}
        if kind == "Job" and self.quota:
            self.refusals[meta["uid"]] = self.quota
        elif kind == "Job" and not self.slow:
            labels = document["spec"]["template"]["metadata"]["labels"]
            created = timezone.now().isoformat()
            self.pods[name] = {
                "metadata": {
                    "name": f"{name}-x", "labels": labels, "creationTimestamp": created,
                },
                "spec": document["spec"]["template"]["spec"],
                "status": {"phase": "Running"},
            }  # fmt: skip
        if kind == self.dies_after:
            raise KeyboardInterrupt
        return True

    def replace_secret(self, namespace: str, document: dict[str, Any]) -> None:
        self.documents.pop(("Secret", document["metadata"]["name"]), None)
        self.ensure("Secret", namespace, document)

    def seen(self, namespace: str, selector: str) -> Seen:
        self._reach()
        jobs = [one for (kind, _), one in self.documents.items() if kind == "Job"]
        secrets = [name for kind, name in self.documents if kind == "Secret"]
        return Seen(jobs, list(self.pods.values()), secrets)

    def delete(self, kind: str, namespace: str, name: str, grace: int | None = None) -> None:
        self._reach()
        self.deleted.append((kind, name))
        self.documents.pop((kind, name), None)
        if kind == "Job":
            self.documents.pop(("Secret", name), None)

    def refusal(self, namespace: str, uid: str) -> str:
        return self.refusals.get(uid, "")

    def log(self, namespace: str, pod: str) -> str:
        return "slipway: not found"

    def names(self, kind: str) -> list[str]:
        return [name for found, name in self.documents if found == kind]

    def fail(self, **status: Any) -> None:
        """All pods have this status, and have had it for long."""
        for pod in self.pods.values():
            pod["status"] = status
            pod["metadata"]["creationTimestamp"] = "2020-01-01T00:00:00Z"

    def token(self) -> str:
        (text,) = [
            one["stringData"]["token"]
            for (kind, _), one in self.documents.items()
            if kind == "Secret"
        ]
        return str(text)

    def _reach(self) -> None:
        if self.away:
            raise TemporaryBackendError("Cluster test cannot be reached.")
