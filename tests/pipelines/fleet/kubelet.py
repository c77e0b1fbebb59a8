"""Plays the part of nodes beside a control plane without kubelets: a process for each pod.

It runs what the pod's own document says (its agent's arguments, its token from the Secret that it
mounts), says how it ended in the pod's status, and sends it SIGTERM when the pod is deleted, which
stays until its process has ended.
"""

from __future__ import annotations

import base64
import logging
import threading
from pathlib import Path
from typing import Any, Self

from deploy.testbed.control_plane import ControlPlane
from gitops.backends.kubernetes import config, http
from idp.common.errors import BackendError, NotFound
from pipelines.fleet import manifests
from tests.pipelines.fleet.conftest import Process

LABEL = f"{manifests.NAME}=slipway"
PLAYED = "testbed.slipway.dev/played"  # `kwok.yaml` leaves the end of these pods to us
_PATCH = "application/merge-patch+json"
log = logging.getLogger(__name__)


class Kubelet:
    def __init__(self, plane: ControlPlane, namespace: str, scratch: Path) -> None:
        self.plane, self.namespace, self.scratch = plane, namespace, scratch
        self.processes: dict[str, Process] = {}
        self._api = http.Api("the testbed", config.client(plane.kubeconfig.read_text()))
        self._asked: set[str] = set()
        self._told: set[str] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.lose()
        self.take_away()

    def kubectl(self, *words: str, check: bool = True) -> str:
        return self.plane.kubectl("-n", self.namespace, *words, check=check)

    def pods(self) -> list[dict[str, Any]]:
        return self.listed("/api/v1", "pods")

    def listed(self, api: str, kind: str) -> list[dict[str, Any]]:
        """Slipway's objects of a kind in the namespace."""
        path = f"{api}/namespaces/{self.namespace}/{kind}"
        found: list[dict[str, Any]] = self._api.call("GET", path, query={"labelSelector": LABEL})[
            "items"
        ]
        return found

    def left(self) -> list[str]:
        """What Slipway made here and is still there."""
        kinds = [("/apis/batch/v1", "jobs"), ("/api/v1", "pods"), ("/api/v1", "secrets")]
        return [
            f"{kind}/{one['metadata']['name']}"
            for api, kind in kinds
            for one in self.listed(api, kind)
        ]

    def lose(self) -> None:
        """The nodes are off: their processes end without a word, and nobody answers for pods."""
        self._stop.set()
        self._thread.join(60)
        for process in self.processes.values():
            if process.process.poll() is None:
                process.process.kill()
                process.process.wait(10)

    def take_away(self) -> None:
        """Jobs and pods, as somebody does who believes in no node any more."""
        self.kubectl(
            "delete", "jobs,pods", "-l", LABEL, "--force", "--grace-period=0", "--wait=false"
        )

    def _run(self) -> None:
        while not self._stop.wait(0.1):
            try:
                self._look()
            except BackendError as error:
                log.warning("the played nodes: %s", error.message)

    def _look(self) -> None:
        for pod in self.pods():
            name = pod["metadata"]["name"]
            process = self.processes.get(name)
            running = process is not None and process.process.poll() is None
            if "deletionTimestamp" in pod["metadata"]:
                if process is None or not running:
                    self._api.call("DELETE", self._path(name), body={"gracePeriodSeconds": 0})
                elif name not in self._asked:
                    self._asked.add(name)
                    process.process.terminate()
            elif process is None:
                if pod["status"].get("phase") == "Running":
                    self._start(name, pod)
            elif not running and name not in self._told:
                phase = "Failed" if process.process.returncode else "Succeeded"
                body, path = {"status": {"phase": phase}}, f"{self._path(name)}/status"
                self._api.call("PATCH", path, body=body, content_type=_PATCH)
                self._told.add(name)

    def _path(self, name: str, kind: str = "pods") -> str:
        return f"/api/v1/namespaces/{self.namespace}/{kind}/{name}"

    def _start(self, name: str, pod: dict[str, Any]) -> None:
        container = pod["spec"]["containers"][0]
        volume = next(one for one in pod["spec"]["volumes"] if one["name"] == "token")
        try:
            secret = self._api.call("GET", self._path(volume["secret"]["secretName"], "secrets"))
        except NotFound:
            return  # as a node waits for a Secret that is not there yet
        token = self.scratch / f"{name}.token"
        token.write_bytes(base64.b64decode(secret["data"]["token"]))
        arguments = [
            str(token) if one.startswith(manifests.TOKEN) else one for one in container["args"]
        ]
        arguments[arguments.index(manifests.WORK)] = str(self.scratch / name)
        url = arguments[arguments.index("--url") + 1]
        own = arguments[arguments.index("--dir") :]
        where = {"HOME", "TMPDIR"}  # folders of the container
        env = {one["name"]: one["value"] for one in container["env"] if one["name"] not in where}
        self.processes[name] = Process(url, token, "--once", *own, env=env)
