"""Plays the part of nodes beside a control plane without kubelets: a process for each pod.

It runs what the pod's own document says (its agent's arguments, its token from the Secret that it
mounts), sends it SIGTERM when the pod is deleted, and says how it ended in the pod's status.
"""

from __future__ import annotations

import base64
import json
import threading
from pathlib import Path
from typing import Any, Self

from deploy.testbed.control_plane import ControlPlane
from pipelines.fleet import manifests
from tests.pipelines.fleet.conftest import Process

LABEL = f"{manifests.NAME}=slipway"


class Kubelet:
    def __init__(self, plane: ControlPlane, namespace: str, scratch: Path) -> None:
        self.plane, self.namespace, self.scratch = plane, namespace, scratch
        self.processes: dict[str, Process] = {}
        self._told: set[str] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(60)
        for process in self.processes.values():
            if process.process.poll() is None:
                process.process.kill()
                process.process.wait(10)

    def kubectl(self, *words: str, check: bool = True) -> str:
        return self.plane.kubectl("-n", self.namespace, *words, check=check)

    def pods(self) -> list[dict[str, Any]]:
        text = self.kubectl("get", "pods", "-l", LABEL, "-o", "json", check=False)
        found: list[dict[str, Any]] = json.loads(text)["items"] if text else []
        return found

    def _run(self) -> None:
        while not self._stop.wait(0.3):
            there = {pod["metadata"]["name"]: pod for pod in self.pods()}
            for name, pod in there.items():
                if name not in self.processes and pod["status"].get("phase") == "Running":
                    self._start(name, pod)
            for name, process in self.processes.items():
                pod = there.get(name, {})
                going = "deletionTimestamp" in pod.get("metadata", {"deletionTimestamp": ""})
                if going and process.process.poll() is None:
                    process.process.terminate()
                elif process.process.poll() is not None and pod and name not in self._told:
                    self._tell(name, process.process.returncode)

    def _start(self, name: str, pod: dict[str, Any]) -> None:
        container = pod["spec"]["containers"][0]
        volume = next(one for one in pod["spec"]["volumes"] if one["name"] == "token")
        text = self.kubectl(
            "get", "secret", volume["secret"]["secretName"], "-o", "json", check=False
        )
        if not text:
            return  # as a node waits for a Secret that is not there yet
        token = self.scratch / f"{name}.token"
        token.write_bytes(base64.b64decode(json.loads(text)["data"]["token"]))
        arguments = [
            str(token) if one.startswith(manifests.TOKEN) else one for one in container["args"]
        ]
        arguments[arguments.index(manifests.WORK)] = str(self.scratch / name)
        url = arguments[arguments.index("--url") + 1]
        own = arguments[arguments.index("--dir") :]
        self.processes[name] = Process(url, token, "--once", *own)

    def _tell(self, name: str, code: int) -> None:
        self._told.add(name)
        phase = "Failed" if code else "Succeeded"
        patch = json.dumps({"status": {"phase": phase}})
        self.kubectl("patch", "pod", name, "--subresource=status", "-p", patch, check=False)
