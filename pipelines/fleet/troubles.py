"""What a pod's status says of its job when the agent in it says nothing any more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime

LOST, IMAGE = "runner_system_failure", "image_pull_failure"
PATIENCE = timedelta(seconds=60)  # for an image that cannot be pulled at once
_IMAGE = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"})
_NEVER = frozenset({"CrashLoopBackOff", "CreateContainerError", "RunContainerError"})


@dataclass(frozen=True)
class Trouble:
    failure: str
    message: str


def trouble(pod: Mapping[str, Any]) -> Trouble | None:
    """Why no agent runs in the pod; None while one may."""
    status = pod.get("status") or {}
    phase = status.get("phase")
    if phase == "Succeeded":
        return Trouble(LOST, "its pod ended without a word")
    if phase == "Failed":
        said = " ".join(filter(None, (status.get("reason"), status.get("message"))))
        return Trouble(LOST, f"its pod failed: {said or _exit(status)}"[:500])
    began = parse_datetime(str(pod["metadata"].get("creationTimestamp", "")))
    if began is not None and timezone.now() - began < PATIENCE:
        return None
    for container in _containers(status):
        waits = (container.get("state") or {}).get("waiting") or {}
        why, message = waits.get("reason", ""), waits.get("message", "")
        if why in _IMAGE:
            image = container.get("image", "")
            return Trouble(IMAGE, f"its image {image} cannot be pulled: {why} {message}"[:500])
        if why in _NEVER:
            return Trouble(LOST, f"its pod cannot run: {why} {message}"[:500])
    return None


def _containers(status: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for name in ("initContainerStatuses", "containerStatuses"):
        yield from status.get(name) or []


def _exit(status: Mapping[str, Any]) -> str:
    for container in _containers(status):
        ended = (container.get("state") or {}).get("terminated") or {}
        if ended.get("exitCode"):
            return f"{container.get('name')} ended with {ended['exitCode']} {ended.get('reason')}"
    return "nobody says why"
