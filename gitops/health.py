"""Health of live documents in Argo CD's vocabulary; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Health:
    """`status` is one of Healthy, Progressing, Suspended, Degraded, Missing, Unknown."""

    status: str
    message: str = ""


def assess(document: Mapping[str, Any]) -> Health:
    """What an object's own status says of it."""
    if document.get("kind") not in {"Deployment", "StatefulSet"}:
        return Health("Healthy")
    status, spec = document.get("status") or {}, document.get("spec") or {}
    wanted, ready = spec.get("replicas", 1), status.get("readyReplicas", 0)
    for condition in status.get("conditions") or []:
        if condition.get("reason") == "ProgressDeadlineExceeded":
            return Health("Degraded", str(condition.get("message", "")))
    if ready < wanted:
        return Health("Progressing", f"{ready} of {wanted} replicas are ready.")
    return Health("Healthy")
