"""A real Prometheus on loopback, from its Go module, with promtool. No Docker.

    python -m deploy.testbed.prometheus build      compile both (once, cached; about five minutes)
    python -m deploy.testbed.prometheus run DIR    start one; Ctrl-C stops it
    python -m deploy.testbed.prometheus where      print the folder of the programs

The peer of `make conformance-promql`. It has no web page: the assets are not built.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from deploy.supervisor import (
    StartFailed,
    Supervisor,
    answers,
    free_port,
    terminated_like_interrupted,
)
from deploy.testbed.control_plane import BUILD_SECONDS, cache

HERE = Path(__file__).resolve().parent
VERSION = "3.5.0"
MODULE = "github.com/prometheus/prometheus"
PROGRAMS = ("prometheus", "promtool")
_CONFIGURATION = """\
global: {scrape_interval: 15s}
storage: {tsdb: {out_of_order_time_window: 1000w}}
"""


def programs() -> Path:
    """The folder of the programs: SLIPWAY_TEST_PROMETHEUS, or the one that `build` fills."""
    named = os.environ.get("SLIPWAY_TEST_PROMETHEUS")
    return Path(named) if named else cache() / f"prometheus-{VERSION}"


def built() -> bool:
    return all(os.access(programs() / name, os.X_OK) for name in PROGRAMS)


def build() -> Path:
    """Compile them where they are missing; their folder."""
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / "prometheus.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if built():
            return programs()
        if shutil.which("go") is None:
            raise StartFailed("Go is not here to build Prometheus; install Go 1.26 or newer")
        print("building Prometheus (once) …", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory() as scratch:
            _compile(Path(scratch), programs())
    return programs()


def _compile(work: Path, into: Path) -> None:
    shutil.copy(HERE / "prometheus.go.mod", work / "go.mod")
    _go("mod", "tidy", cwd=work)
    flags = f"-s -w -X github.com/prometheus/common/version.Version={VERSION}"
    for name in PROGRAMS:
        package = f"{MODULE}/cmd/{name}"
        _go("build", "-trimpath", "-ldflags", flags, "-o", str(work / name), package, cwd=work)
    into.mkdir(parents=True, exist_ok=True)
    for name in PROGRAMS:
        shutil.move(work / name, into / name)


def _go(*words: str, cwd: Path) -> None:
    environment = {**os.environ, "GOFLAGS": "-mod=mod -buildvcs=false", "CGO_ENABLED": "0"}
    subprocess.run(["go", *words], cwd=cwd, check=True, timeout=BUILD_SECONDS, env=environment)


@dataclass(frozen=True)
class Prometheus:
    """A running Prometheus that takes samples by remote write, of any age."""

    url: str


def start(supervisor: Supervisor, configuration: str = _CONFIGURATION) -> Prometheus:
    """Start one in the supervisor's folder."""
    folder, port = supervisor.directory, free_port()
    (folder / "prometheus.yaml").write_text(configuration)
    url = f"http://127.0.0.1:{port}"
    command = [
        str(programs() / "prometheus"),
        f"--config.file={folder}/prometheus.yaml",
        f"--storage.tsdb.path={folder}/tsdb",
        "--storage.tsdb.retention.time=100y",
        f"--web.listen-address=127.0.0.1:{port}",
        "--web.enable-remote-write-receiver",
        "--web.enable-otlp-receiver",
        "--log.level=warn",
    ]
    supervisor.start("prometheus", command, ready=lambda: answers(f"{url}/-/ready"), seconds=60)
    return Prometheus(url)


def main(words: list[str]) -> int:
    if words == ["build"]:
        print(build())
    elif words == ["where"]:
        print(programs())
    elif len(words) == 2 and words[0] == "run":  # noqa: PLR2004  # a verb and a folder
        build()
        with terminated_like_interrupted(), Supervisor(Path(words[1]).resolve()) as supervisor:
            print(start(supervisor).url, flush=True)
            while True:
                time.sleep(60)
    else:
        print(__doc__)
        return 2
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
    except StartFailed as failure:
        sys.exit(str(failure))
