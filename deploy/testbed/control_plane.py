"""A real Kubernetes control plane on loopback, from Go modules: no Docker, no kubelet, no images.

    python -m deploy.testbed.control_plane build       compile the programs (once, cached)
    python -m deploy.testbed.control_plane run DIR     start one; Ctrl-C stops it
    python -m deploy.testbed.control_plane where       print the folder of the programs

kube-apiserver, controller manager and scheduler are the real ones; kwok plays the kubelets
(`kwok.yaml` says how pods behave). Used by `make cluster`, `make faults` and the tests.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.supervisor import (
    StartFailed,
    Supervisor,
    free_port,
    terminated_like_interrupted,
    wait_until,
)

HERE = Path(__file__).resolve().parent
KUBERNETES, ETCD, KWOK = "1.36.1", "3.6.10", "0.8.0"
KUBE_PROGRAMS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
PROGRAMS = (*KUBE_PROGRAMS, "etcd", "kwok")
BUILD_SECONDS = 45 * 60


def cache() -> Path:
    """The user's cache folder of Slipway's built programs."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "slipway"


def programs() -> Path:
    """The folder of the programs: KUBEBUILDER_ASSETS, or the one that `build` fills."""
    named = os.environ.get("KUBEBUILDER_ASSETS")
    return Path(named) if named else cache() / f"control-plane-{KUBERNETES}"


def missing() -> list[str]:
    return [name for name in PROGRAMS if not os.access(programs() / name, os.X_OK)]


@contextlib.contextmanager
def _only_one_builds() -> Iterator[None]:
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / "control-plane.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _go(*words: str, cwd: Path, **env: str) -> None:
    subprocess.run(
        ["go", *words],
        cwd=cwd,
        check=True,
        timeout=BUILD_SECONDS,
        env={**os.environ, "GOFLAGS": "-mod=mod -buildvcs=false", "CGO_ENABLED": "0", **env},
    )


def _build_kube(work: Path, into: Path) -> None:
    shutil.copy(HERE / "kube.go.mod", work / "go.mod")
    major, minor, _ = KUBERNETES.split(".")
    flags = ["-s", "-w"]
    for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version"):
        flags += ["-X", f"{package}.gitVersion=v{KUBERNETES}", "-X", f"{package}.gitMajor={major}"]
        flags += ["-X", f"{package}.gitMinor={minor}", "-X", f"{package}.gitTreeState=clean"]
    _go("mod", "tidy", cwd=work)
    sources = [f"k8s.io/kubernetes/cmd/{name}" for name in KUBE_PROGRAMS]
    _go("build", "-trimpath", "-ldflags", " ".join(flags), "-o", f"{into}/", *sources, cwd=work)


def _build_etcd(work: Path, into: Path) -> None:
    module = "go.etcd.io/etcd/server/v3"
    (work / "go.mod").write_text(
        f"module slipway.dev/testbed/etcd\n\ngo 1.26.0\n\ntool {module}\n\n"
        f"require {module} v{ETCD}\n"
    )
    _go("mod", "tidy", cwd=work)
    _go("build", "-trimpath", "-ldflags", "-s -w", "-o", str(into / "etcd"), module, cwd=work)


def build() -> Path:
    """Compile what is missing (eight to thirteen minutes the first time); where it is."""
    with _only_one_builds():
        into = programs()
        wanted = missing()
        if not wanted:
            return into
        if shutil.which("go") is None:
            raise StartFailed(
                f"{', '.join(wanted)} are not in {into} and Go is not here to build them; install "
                "Go 1.26 or newer, or name a folder that has them in KUBEBUILDER_ASSETS"
            )
        into.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as scratch:
            for name, step in (("kube", _build_kube), ("etcd", _build_etcd)):
                names = KUBE_PROGRAMS if name == "kube" else (name,)
                if any(wanted_name in wanted for wanted_name in names):
                    print(f"building {', '.join(names)} (once) …", file=sys.stderr, flush=True)
                    work = Path(scratch) / name
                    work.mkdir()
                    step(work, into)
            if "kwok" in wanted:
                print("building kwok (once) …", file=sys.stderr, flush=True)
                module = f"sigs.k8s.io/kwok/cmd/kwok@v{KWOK}"
                flags = {"GOFLAGS": "-buildvcs=false", "GOBIN": str(into)}
                _go("install", "-trimpath", "-ldflags", "-s -w", module, cwd=Path(scratch), **flags)
        return into


@dataclass(frozen=True)
class ControlPlane:
    """A reachable cluster: where its kubeconfig is and how to ask it."""

    kubeconfig: Path
    program: Path  # kubectl
    directory: Path

    def kubectl(self, *words: str, stdin: str | None = None, check: bool = True) -> str:
        """Kubectl's output; raises CalledProcessError with its messages where `check`."""
        done = subprocess.run(
            [str(self.program), "--kubeconfig", str(self.kubeconfig), *words],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if check and done.returncode:
            raise StartFailed(f"kubectl {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    def get(self, *words: str) -> Any:
        """The decoded answer of `kubectl get … -o json`."""
        return json.loads(self.kubectl("get", *words, "-o", "json"))

    def items(self, *words: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get(*words)["items"]
        return found

    def ready(self) -> bool:
        return self.kubectl("get", "--raw", "/readyz", check=False).strip() == "ok"


def _openssl(directory: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=directory, check=True, capture_output=True, timeout=60)


def _certificates(directory: Path) -> None:
    """One CA, a server certificate, an administrator's certificate, a service-account key."""
    new = ("req", "-newkey", "rsa:2048", "-nodes")
    sign = ("x509", "-req", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30")
    (directory / "api.ext").write_text(
        "subjectAltName=IP:127.0.0.1,IP:10.0.0.1,DNS:localhost,DNS:kubernetes.default.svc\n"
    )
    (directory / "admin.ext").write_text("extendedKeyUsage=clientAuth\n")
    authority = ("-x509", "-days", "30", "-subj", "/CN=testbed-ca")
    _openssl(directory, *new, *authority, "-keyout", "ca.key", "-out", "ca.crt")
    for name, subject in (("api", "/CN=kube-apiserver"), ("admin", "/O=system:masters/CN=admin")):
        _openssl(directory, *new, "-subj", subject, "-keyout", f"{name}.key", "-out", f"{name}.csr")
        files = ("-in", f"{name}.csr", "-out", f"{name}.crt", "-extfile", f"{name}.ext")
        _openssl(directory, *sign, *files)
    _openssl(directory, "genrsa", "-out", "sa.key", "2048")
    _openssl(directory, "rsa", "-in", "sa.key", "-pubout", "-out", "sa.pub")


def _kubeconfig(directory: Path, port: int) -> ControlPlane:
    plane = ControlPlane(directory / "admin.kubeconfig", programs() / "kubectl", directory)
    server = f"--server=https://127.0.0.1:{port}"
    authority = f"--certificate-authority={directory}/ca.crt"
    plane.kubectl("config", "set-cluster", "testbed", server, authority, "--embed-certs")
    keys = [f"--client-{part}={directory}/admin.{end}" for part, end in _CLIENT_FILES]
    plane.kubectl("config", "set-credentials", "admin", *keys, "--embed-certs")
    plane.kubectl("config", "set-context", "testbed", "--cluster=testbed", "--user=admin")
    plane.kubectl("config", "use-context", "testbed")
    return plane


_CLIENT_FILES = (("certificate", "crt"), ("key", "key"))


def _start_api(supervisor: Supervisor, plane: ControlPlane, port: int) -> None:
    folder, etcd, peer = programs(), free_port(), free_port()
    here = "http://127.0.0.1"
    supervisor.start(
        "etcd",
        [str(folder / "etcd"), "--name=n0", "--data-dir=etcd-data", "--unsafe-no-fsync"]
        + [f"--listen-client-urls={here}:{etcd}", f"--advertise-client-urls={here}:{etcd}"]
        + [f"--listen-peer-urls={here}:{peer}", f"--initial-advertise-peer-urls={here}:{peer}"]
        + [f"--initial-cluster=n0={here}:{peer}", "--quota-backend-bytes=4294967296"],
    )
    supervisor.start(
        "apiserver",
        [str(folder / "kube-apiserver"), f"--etcd-servers={here}:{etcd}", f"--secure-port={port}"]
        + ["--bind-address=127.0.0.1", "--advertise-address=127.0.0.1"]
        + ["--tls-cert-file=api.crt", "--tls-private-key-file=api.key", "--client-ca-file=ca.crt"]
        + ["--authorization-mode=Node,RBAC", "--allow-privileged=true"]
        + ["--service-cluster-ip-range=10.0.0.0/16", "--endpoint-reconciler-type=none"]
        + ["--service-account-issuer=https://kubernetes.default.svc.cluster.local"]
        + ["--service-account-key-file=sa.pub", "--service-account-signing-key-file=sa.key"]
        + ["--kubelet-preferred-address-types=InternalIP,Hostname"],
        ready=plane.ready,
        seconds=90,
    )


def _start_controllers(supervisor: Supervisor) -> None:
    folder, kwok = programs(), free_port()
    common = ["--kubeconfig=admin.kubeconfig", "--bind-address=127.0.0.1", "--leader-elect=false"]
    common += ["--authorization-always-allow-paths=/healthz,/metrics"]
    common += ["--kube-api-qps=500", "--kube-api-burst=1000"]
    supervisor.start(
        "controller-manager",
        [str(folder / "kube-controller-manager"), *common, f"--secure-port={free_port()}"]
        + ["--root-ca-file=ca.crt", "--service-account-private-key-file=sa.key"]
        + ["--use-service-account-credentials=true", "--node-monitor-grace-period=1h"]
        + ["--controllers=*,-horizontal-pod-autoscaler-controller"],
    )
    supervisor.start(
        "scheduler", [str(folder / "kube-scheduler"), *common, f"--secure-port={free_port()}"]
    )
    supervisor.start(
        "kwok",
        [str(folder / "kwok"), "--kubeconfig=admin.kubeconfig", f"--config={HERE / 'kwok.yaml'}"]
        + ["--manage-all-nodes=true", "--node-ip=127.0.0.1", "--node-name=localhost"]
        + [f"--node-port={kwok}", f"--server-address=127.0.0.1:{kwok}"]
        + ["--node-lease-duration-seconds=40"],
    )


def start(supervisor: Supervisor) -> ControlPlane:
    """A control plane with two Ready nodes, in about six seconds; stopped by its supervisor."""
    directory, port = supervisor.directory, free_port()
    if not (directory / "admin.crt").exists():
        _certificates(directory)
    (directory / "pod.log").write_text("listening on 8080\nGET / 200\n")
    plane = _kubeconfig(directory, port)
    _start_api(supervisor, plane, port)
    _start_controllers(supervisor)
    plane.kubectl("apply", "--server-side", "-f", str(HERE / "cluster.yaml"))
    wait_until(lambda: _nodes_ready(plane), seconds=60, what="nodes becoming Ready", every=0.2)
    wait_until(
        lambda: bool(plane.kubectl("get", "serviceaccount", "default", check=False)),
        seconds=30,
        what="the default service account",
        every=0.2,
    )
    return plane


def _nodes_ready(plane: ControlPlane) -> bool:
    nodes = plane.items("nodes")
    return len(nodes) > 1 and all(
        any(
            condition["type"] == "Ready" and condition["status"] == "True"
            for condition in node["status"].get("conditions", [])
        )
        for node in nodes
    )


def _run(directory: Path) -> None:
    build()
    with terminated_like_interrupted(), Supervisor(directory.resolve()) as supervisor:
        begin = time.monotonic()
        plane = start(supervisor)
        print(f"Ready after {time.monotonic() - begin:.1f} s. Ctrl-C stops it. Ask it with")
        print(f"  {plane.program} --kubeconfig {plane.kubeconfig} get nodes", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            while all(program.running for program in supervisor.programs):
                time.sleep(0.5)


def main(words: list[str]) -> int:
    match words:
        case ["build"]:
            print(build())
        case ["where"]:
            print(programs())
        case ["run", directory]:
            _run(Path(directory))
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except StartFailed as failure:
        sys.exit(f"error: {failure}")
