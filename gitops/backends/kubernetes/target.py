"""A real cluster: server-side apply under our own field manager, with marks and preconditions."""

from __future__ import annotations

import builtins
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from threading import Lock
from typing import Any

import urllib3

from gitops.backends.base import (
    MANAGER,
    ClusterTarget,
    Contents,
    Document,
    Finding,
    LiveObject,
    LogLine,
    ObjectRef,
    TargetEvent,
    WatchEvent,
    marked,
    ref_of,
    require_ours,
)
from gitops.backends.deadline import OutOfTime
from gitops.backends.kubernetes import config, http
from gitops.backends.kubernetes.checks import findings
from gitops.backends.kubernetes.discovery import Discovery
from idp.common.errors import BackendError, Conflict, Denied, NotFound, TemporaryBackendError

PAGE, MAX_PAGES = 500, 200
MAX_LOGGED_PODS = 20
_SLACK = 10.0  # seconds that a watch's stream may be silent beyond its own end


class KubernetesTarget(ClusterTarget):
    """The cluster `name`, reached by the text of a kubeconfig; connects at the first call."""

    simulated = False

    def __init__(self, name: str, kubeconfig: str) -> None:
        self.name = name
        self._kubeconfig = kubeconfig
        self._lock = Lock()
        self._made: tuple[http.Api, Discovery] | None = None

    @property
    def _api(self) -> http.Api:
        return self._connected()[0]

    @property
    def _discovery(self) -> Discovery:
        return self._connected()[1]

    def _connected(self) -> tuple[http.Api, Discovery]:
        with self._lock:
            if self._made is None:
                api = http.Api(self.name, config.client(self._kubeconfig))
                self._made = (api, Discovery(api))
            return self._made

    def check(self) -> builtins.list[Finding]:
        try:
            return findings(self._api, self._discovery)
        except BackendError as exc:
            return [Finding("Reachable", ok=False, message=exc.message, fix=exc.fix)]

    def get(self, ref: ObjectRef) -> LiveObject | None:
        path = self._discovery.path_of(ref)
        try:
            return _live(self._api.call("GET", path))
        except NotFound:
            return None

    def list(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str = "",
        labels: Mapping[str, str] | None = None,
        prefix: str = "",
    ) -> builtins.list[LiveObject]:
        path = self._discovery.find(api_version, kind).path(namespace)
        query: dict[str, Any] = {"limit": PAGE, **_selector(labels)}
        found: builtins.list[LiveObject] = []
        for _ in range(MAX_PAGES):
            page = self._api.call("GET", path, query=query)
            # Items of a list come without their kind.
            header = {"apiVersion": api_version, "kind": kind}
            found += [_live({**header, **item}) for item in page.get("items") or []]
            token = page.get("metadata", {}).get("continue")
            if not token:
                break
            query["continue"] = token
        return [live for live in found if live.ref.name.startswith(prefix)]

    def apply(
        self,
        document: Document,
        *,
        owner: str,
        change: str = "",
        uid: str = "",
        dry_run: bool = False,
        intended_at: datetime | None = None,
    ) -> LiveObject:
        ref = ref_of(document)
        live = self.get(ref)
        ours = marked(document, owner=owner, change=change)
        if live is not None:
            require_ours(live, owner=owner, uid=uid, where=f"cluster {self.name}")
            # The server refuses (409) where another object took the name since.
            ours["metadata"]["uid"] = live.uid
        query = {"fieldManager": MANAGER, "force": "true", "fieldValidation": "Strict"}
        if dry_run:
            query["dryRun"] = "All"
        answer = self._api.call(
            "PATCH",
            self._discovery.path_of(ref),
            query=query,
            body=ours,
            content_type=http.APPLY,
        )
        return _live(answer)

    def delete(self, ref: ObjectRef, *, owner: str, uid: str = "", purge: bool = False) -> None:
        live = self.get(ref)
        if live is None:
            return
        require_ours(live, owner=owner, uid=uid, where=f"cluster {self.name}")
        options = {"propagationPolicy": "Background", "preconditions": {"uid": live.uid}}
        try:
            self._api.call("DELETE", self._discovery.path_of(ref), body=options)
        except NotFound:
            return
        except Conflict as exc:
            if ref.kind == "Namespace" and live.body["metadata"].get("deletionTimestamp"):
                return  # it is terminating already, and says 409 to a second delete
            raise Conflict(exc.message, fix="Plan the change again.") from exc

    def contents(self, ref: ObjectRef) -> Contents:
        live = self.get(ref) if ref.kind == "PersistentVolumeClaim" else None
        if live is None:
            return Contents(empty=True)
        capacity = live.body.get("status", {}).get("capacity", {}).get("storage")
        wanted = live.body["spec"].get("resources", {}).get("requests", {}).get("storage")
        return Contents(empty=False, sentence=f"a volume of {capacity or wanted or 'unknown size'}")

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
        path = self._discovery.find(api_version, kind).path(namespace)
        query: dict[str, Any] = {"watch": "true", "timeoutSeconds": seconds, **_selector(labels)}
        query["allowWatchBookmarks"] = "true"
        if version:
            query["resourceVersion"] = version
        try:
            response = self._api.open("GET", path, query=query, read=seconds + _SLACK)
        except NotFound:  # 410: the version is too old
            yield WatchEvent("RELIST", None)
            return
        try:
            yield from self._events_of(response)
        finally:
            response.close()
            response.release_conn()

    def _events_of(self, response: urllib3.BaseHTTPResponse) -> Iterator[WatchEvent]:
        rest = b""
        try:
            for chunk in response.stream(65_536, decode_content=True):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    if not line.strip():
                        continue
                    event = _parsed(self.name, line)
                    if event["type"] == "ERROR":
                        yield WatchEvent("RELIST", None)
                        return
                    if event["type"] != "BOOKMARK":
                        yield WatchEvent(event["type"], _live(event["object"]))
        except urllib3.exceptions.HTTPError as exc:
            raise http.unreachable(self.name, exc) from exc

    def logs(
        self, namespace: str, *, labels: Mapping[str, str], tail: int = 200
    ) -> builtins.list[LogLine]:
        found: builtins.list[LogLine] = []
        for pod in self.list("v1", "Pod", namespace=namespace, labels=labels)[:MAX_LOGGED_PODS]:
            for container in pod.body.get("spec", {}).get("containers", []):
                try:
                    found += self._log(pod.ref, container["name"], tail)
                except OutOfTime as exc:
                    return [*found, LogLine(None, pod.ref.name, container["name"], exc.message)]
        return found

    def _log(self, ref: ObjectRef, container: str, tail: int) -> builtins.list[LogLine]:
        query = {"container": container, "tailLines": tail, "timestamps": "true"}
        query["limitBytes"] = 1_000_000
        try:
            text = self._api.text(f"{self._discovery.path_of(ref)}/log", query)
        except (Denied, OutOfTime):
            raise
        except BackendError:
            return []  # the container has not started, or the pod has gone since it was listed
        return [_log_line(ref.name, container, line) for line in text.splitlines()[-tail:]]

    def events(self, namespace: str, *, limit: int = 200) -> builtins.list[TargetEvent]:
        found = [_event(live.body) for live in self.list("v1", "Event", namespace=namespace)]
        return sorted(found, key=lambda event: event.at, reverse=True)[:limit]


def _parsed(cluster: str, line: bytes) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(line)
    except ValueError as exc:
        said = f"Cluster {cluster} sent half an event."
        raise TemporaryBackendError(said, retry_after=2) from exc
    return found


def _live(body: dict[str, Any]) -> LiveObject:
    metadata = body["metadata"]
    version = metadata.get("resourceVersion", "")
    return LiveObject(ref_of(body), metadata.get("uid", ""), version, body)


def _selector(labels: Mapping[str, str] | None) -> dict[str, str]:
    text = ",".join(f"{key}={value}" for key, value in (labels or {}).items())
    return {"labelSelector": text} if text else {}


def _time(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None


def _log_line(pod: str, container: str, line: str) -> LogLine:
    stamp, _, rest = line.partition(" ")
    # Nanoseconds are more than a datetime holds.
    at = _time(f"{stamp[:26].rstrip('Z')}+00:00") if stamp.endswith("Z") else None
    return LogLine(at, pod, container, rest if at else line)


def _event(body: Mapping[str, Any]) -> TargetEvent:
    series, about = body.get("series") or {}, body.get("involvedObject") or {}
    at = (
        _time(series.get("lastObservedTime"))
        or _time(body.get("lastTimestamp"))
        or _time(body.get("eventTime"))
        or _time(body["metadata"].get("creationTimestamp"))
    )
    return TargetEvent(
        at or datetime.fromtimestamp(0, UTC),
        str(body.get("type") or "Normal"),
        str(body.get("reason") or ""),
        f"{about.get('kind', '')} {about.get('name', '')}".strip(),
        str(body.get("message") or ""),
        int(series.get("count") or body.get("count") or 1),
    )
