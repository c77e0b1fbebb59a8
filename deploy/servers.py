"""How Redis, PostgreSQL and moto's server are started on loopback, in a scratch directory."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from deploy.supervisor import Program, StartFailed, Supervisor, answers, free_port, listening

POSTGRES_VERSIONS = ("17", "16", "15", "14")


def redis_program() -> Path | None:
    found = shutil.which("redis-server")
    return Path(found) if found else None


def postgres_programs() -> Path | None:
    """The folder with initdb and pg_ctl: on the PATH, or where Debian puts them."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += [Path(f"/usr/lib/postgresql/{version}/bin") for version in POSTGRES_VERSIONS]
    return next((folder for folder in folders if (folder / "pg_isready").exists()), None)


def start_redis(
    supervisor: Supervisor, *, port: int | None = None, persistent: bool = False
) -> tuple[str, Program]:
    """A Redis that keeps nothing, or with `persistent` an append-only file; its URL."""
    program = redis_program()
    if program is None:
        raise StartFailed("redis-server is missing; apt-get install redis-server")
    port = port or free_port()
    running = supervisor.start(
        "redis",
        [str(program), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
        + ["--appendonly", "yes" if persistent else "no", "--dir", str(supervisor.directory)],
        ready=lambda: listening(port),
    )
    return f"redis://127.0.0.1:{port}/0", running


def start_postgres(supervisor: Supervisor) -> tuple[str, Program]:
    """A scratch PostgreSQL without fsync; the URL of its `postgres` database. Not run as root."""
    folder = postgres_programs()
    if folder is None:
        raise StartFailed("PostgreSQL is missing; apt-get install postgresql")
    directory = supervisor.directory / "postgres"
    as_owner: list[str] = []
    directory.mkdir()
    if os.geteuid() == 0:  # PostgreSQL refuses root
        as_owner = ["runuser", "-u", "postgres", "--"]
        shutil.chown(directory, "postgres")
        for parent in [supervisor.directory, *supervisor.directory.parents]:
            if parent.stat().st_uid == 0 and not parent.stat().st_mode & 0o001:
                parent.chmod(parent.stat().st_mode | 0o011)
    data = directory / "data"
    initdb = [*as_owner, str(folder / "initdb"), "-D", str(data), "-A", "trust", "-U", "postgres"]
    subprocess.run(
        [*initdb, "-N", "--encoding=UTF8", "--locale=C.UTF-8"],
        check=True,
        capture_output=True,
        cwd=directory,
        timeout=60,
    )
    port = free_port()
    options = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": directory,
        "fsync": "off",
        "max_connections": 200,
    }
    server = [*as_owner, str(folder / "postgres"), "-D", str(data)]
    for key, value in options.items():
        server += ["-c", f"{key}={value}"]
    # pg_isready: a listening port may still answer "the database system is starting up"
    probe = [str(folder / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
    running = supervisor.start(
        "postgres-server",
        server,
        ready=lambda: subprocess.run(probe, check=False, timeout=10).returncode == 0,
        cwd=directory,
    )
    return f"postgres://postgres@127.0.0.1:{port}/postgres", running


def start_moto(supervisor: Supervisor) -> tuple[str, Program]:
    """AWS simulated by moto in a process of its own; its address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    running = supervisor.start(
        "moto",
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        ready=lambda: answers(f"{url}/moto-api/"),
    )
    return url, running
