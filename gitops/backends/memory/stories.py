"""Events and log lines of a simulated cluster, told from what was played."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from gitops.backends.base import Document, LogLine, TargetEvent
from gitops.backends.memory.play import Scene
from gitops.backends.memory.pods import ready_after, restarts

SIMULATED = "[simulated] no container runs on this cluster; the lines below are made up"
_EVERY = 15  # seconds between two made-up request lines
_PATHS = ("/", "/healthz", "/api/orders", "/metrics")


def _at(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def log_lines(pod: Document, now: datetime, tail: int) -> list[LogLine]:
    """The last `tail` lines of each container of a pod, oldest first."""
    name, found = pod["metadata"]["name"], []
    since = _at(pod["metadata"]["creationTimestamp"]) + timedelta(seconds=ready_after(pod))
    for container in pod["status"]["containerStatuses"]:
        waiting = container["state"].get("waiting", {}).get("reason")
        if waiting in {"ContainerCreating", "ErrImagePull"}:
            continue  # as in Kubernetes, a container that never started has no log
        said = [LogLine(since, name, container["name"], SIMULATED)]
        terminated = container["state"].get("terminated")
        if waiting == "CrashLoopBackOff":
            said.append(
                LogLine(since, name, container["name"], "fatal: simulated crash, exit code 1")
            )
        elif terminated:
            text = "done" if not terminated["exitCode"] else "fatal: simulated failure, exit code 1"
            said.append(LogLine(since, name, container["name"], text))
        else:
            said.append(LogLine(since, name, container["name"], "listening on 0.0.0.0:8080"))
            said += _requests(name, container["name"], since, now, tail)
        found += said[-tail:] if len(said) > tail else said
    return found


def _requests(
    pod: str, container: str, since: datetime, now: datetime, tail: int
) -> Iterator[LogLine]:
    last = int((now - since).total_seconds()) // _EVERY
    for number in range(max(1, last - tail + 1), last + 1):
        at = since + timedelta(seconds=number * _EVERY)
        path, took = _PATHS[number % len(_PATHS)], 3 + number * 7 % 11
        yield LogLine(at, pod, container, f'"GET {path} HTTP/1.1" 200 {took}ms')


def events_of(scene: Scene) -> Iterator[TargetEvent]:
    """What a real cluster would have said, in no order."""
    for document, _ in scene.documents():
        if document["kind"] == "Pod":
            yield from _pod_events(document, scene.now)
        elif document["kind"] == "ReplicaSet":
            yield from _set_events(document)


def _set_events(document: Document) -> Iterator[TargetEvent]:
    at = _at(document["metadata"]["creationTimestamp"])
    owner = document["metadata"]["ownerReferences"][0]
    name, count = document["metadata"]["name"], document["spec"]["replicas"]
    scaled = f"Scaled up replica set {name} to {count}"
    yield TargetEvent(at, "Normal", "ScalingReplicaSet", f"{owner['kind']} {owner['name']}", scaled)
    for condition in document["status"].get("conditions", []):
        message = f"Error creating: {condition['message']}"
        yield TargetEvent(at, "Warning", "FailedCreate", f"ReplicaSet {name}", message)


def _pod_events(pod: Document, now: datetime) -> Iterator[TargetEvent]:
    name, at = f"Pod {pod['metadata']['name']}", _at(pod["metadata"]["creationTimestamp"])
    ref = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
    yield TargetEvent(at, "Normal", "Scheduled", name, f"Successfully assigned {ref} to simulated")
    age = (now - at).total_seconds()
    for container in pod["status"]["containerStatuses"]:
        image, state = container["image"], container["state"]
        yield TargetEvent(at, "Normal", "Pulling", name, f'Pulling image "{image}"')
        up = at + timedelta(seconds=ready_after(pod))
        reason = state.get("waiting", {}).get("reason", "")
        if reason == "ErrImagePull":
            message = f'Failed to pull image "{image}": not found'
            yield TargetEvent(up, "Warning", "Failed", name, message, 1 + restarts(age))
        if reason in {"ErrImagePull", "ContainerCreating"}:
            continue
        yield TargetEvent(up, "Normal", "Pulled", name, f'Successfully pulled image "{image}"')
        yield TargetEvent(up, "Normal", "Started", name, f"Started container {container['name']}")
        if reason == "CrashLoopBackOff":
            message = f"Back-off restarting failed container {container['name']}"
            count = 1 + container["restartCount"]
            yield TargetEvent(up, "Warning", "BackOff", name, message, count)
