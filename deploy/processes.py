"""The processes of production on this machine, without Docker, each as deploy/Procfile says.

    python -m deploy.processes     starts PostgreSQL and Redis too where their URLs are not given

Used by the tests of the processes and by `make faults`, which kills some of them on purpose.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from deploy.servers import start_postgres, start_redis
from deploy.supervisor import Program, Supervisor, answers, free_port, terminated_like_interrupted

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("web", "streams", "worker", "controller")
WHERE_WANTED = ("runner",)  # started only where projects are trusted with this machine
START_SECONDS = 90
TABLES = "from idp.fresh import bring_up_to_date; bring_up_to_date()"


@dataclass
class Installation:
    """Where one Slipway lives: its state folder, settings and started processes."""

    supervisor: Supervisor
    database: str
    redis: str
    extra: dict[str, str] = field(default_factory=dict)
    web_port: int = field(default_factory=free_port)
    streams_port: int = field(default_factory=free_port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.web_port}"

    @property
    def streams_url(self) -> str:
        return f"http://127.0.0.1:{self.streams_port}"

    @property
    def env(self) -> dict[str, str]:
        """The settings that every process of this installation gets."""
        return {
            "SLIPWAY_STATE_DIR": str(self.supervisor.directory / "state"),
            "SLIPWAY_DATABASE_URL": self.database,
            "SLIPWAY_REDIS_URL": self.redis,
            "SLIPWAY_BASE_URL": self.url,
            "SLIPWAY_TRUSTED_PROXIES": "127.0.0.1 ::1",  # a proxy on this machine
            "SLIPWAY_EMBEDDED": "0",
            "WEB_BIND": f"127.0.0.1:{self.web_port}",
            "STREAMS_PORT": str(self.streams_port),
            "PYTHONUNBUFFERED": "1",
            **self.extra,
        }

    def manage(self, *words: str, stdin: str | None = None) -> str:
        """The output of a management command of this installation."""
        done = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env={**os.environ, **self.env},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"manage.py {' '.join(words)}: {done.stderr}")
        return done.stdout

    def start(self, name: str) -> Program:
        """Start one process; web and streams are waited for."""
        port = {"web": self.web_port, "streams": self.streams_port}.get(name)
        return self.supervisor.start(
            name,
            [ROOT / "deploy" / "process", name],
            env=self.env,
            cwd=ROOT,
            ready=None if port is None else lambda: answers(f"http://127.0.0.1:{port}/healthz"),
            seconds=START_SECONDS,
        )

    def prepare(self) -> None:
        """Tables and static files; an empty database gets its tables at once."""
        self.manage("shell", "--verbosity", "0", "--command", TABLES)
        self.manage("collectstatic", "--verbosity", "0", "--no-input")


def main() -> int:
    with (
        terminated_like_interrupted(),
        tempfile.TemporaryDirectory(prefix="slipway-processes-") as scratch,
        Supervisor(Path(scratch)) as supervisor,
    ):
        database = os.environ.get("SLIPWAY_DATABASE_URL") or start_postgres(supervisor)[0]
        redis = os.environ.get("SLIPWAY_REDIS_URL") or start_redis(supervisor)[0]
        installation = Installation(supervisor, database, redis)
        installation.prepare()
        for name in NAMES:
            installation.start(name)
        print(f"pages and REST {installation.url}, streams and git {installation.streams_url}")
        print(f"logs {supervisor.directory}; Ctrl-C ends all of it", flush=True)
        try:
            while all(program.running for program in supervisor.programs):
                time.sleep(0.5)
        except KeyboardInterrupt:
            return 0
        ended = [program for program in supervisor.programs if not program.running]
        for program in ended:
            print(f"{program.name} ended:\n{program.tail()}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
