"""Fixtures with real servers on free loopback ports, each started once a run when first asked for.

`moto_server` and `redis_server` are emptied before each test, `postgres_server` hands each test a
database of its own; a test on `control_plane` uses namespaces that nobody else has.
"""

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import psycopg
import pytest
import redis
from moto.server import ThreadedMotoServer

from deploy.servers import postgres_programs, redis_program, start_postgres, start_redis
from deploy.supervisor import StartFailed, Supervisor
from deploy.testbed import control_plane as testbed
from deploy.testbed import git_host
from deploy.testbed import prometheus as prometheus_host
from tests.support.absent import absent

# Tests that ask for one of these may open sockets to this machine.
ON_LOOPBACK = frozenset(
    {"moto_server", "aws", "redis_server", "postgres_server", "control_plane", "live_server"}
    | {"gitea", "prometheus"}
    | {"asgi_server", "demo_server", "launch_browser"}
)
MARKS_ON_LOOPBACK = frozenset({"cluster", "browser", "servers", "loopback"})


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "loopback: opens sockets to this machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if "control_plane" in fixtures:
            item.add_marker("cluster")
        if fixtures & {"_redis", "_postgres", "gitea", "prometheus"}:
            item.add_marker("servers")
        for name in ("gitea", "prometheus"):
            if name in fixtures:
                item.add_marker(name)
        if "launch_browser" in fixtures:  # some tests call a client of their own a browser
            item.add_marker("browser")
        marks = {mark.name for mark in item.iter_markers()}
        if marks & MARKS_ON_LOOPBACK or fixtures & ON_LOOPBACK:
            item.add_marker(pytest.mark.allow_hosts(["127.0.0.1", "::1", "localhost"]))


@pytest.fixture(scope="session")
def supervisor() -> Iterator[Callable[[str], Supervisor]]:
    """A maker of supervisors with a scratch directory each; all are stopped at the end."""
    root = Path(tempfile.mkdtemp(prefix="slipway-servers-"))
    root.chmod(0o755)
    made: list[Supervisor] = []

    def make(name: str) -> Supervisor:
        made.append(Supervisor(root / f"{name}-{len(made)}"))
        return made[-1]

    try:
        yield make
    finally:
        for one in reversed(made):
            one.stop()
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="session")
def _moto() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def moto_server(_moto: str) -> str:
    """The address of an empty simulated AWS."""
    httpx.post(f"{_moto}/moto-api/reset", timeout=10).raise_for_status()
    return _moto


AWS_KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}


@pytest.fixture
def aws(moto_server: str) -> Callable[[str], Any]:
    """A maker of boto3 clients at the simulated AWS: `aws("s3")`."""

    def client(service: str, region: str = "eu-central-1") -> Any:
        return boto3.client(service, endpoint_url=moto_server, region_name=region, **AWS_KEYS)

    return client


@pytest.fixture(scope="session")
def _redis(supervisor: Callable[[str], Supervisor]) -> str:
    named = os.environ.get("SLIPWAY_TEST_REDIS")
    if named:
        return named
    if redis_program() is None:
        absent("redis-server", "apt-get install redis-server, or name one in SLIPWAY_TEST_REDIS.")
    return start_redis(supervisor("redis"))[0]


@pytest.fixture
def redis_server(_redis: str) -> str:
    """The URL of an empty Redis."""
    with redis.Redis.from_url(_redis, socket_timeout=5) as client:
        client.flushall()
    return _redis


@pytest.fixture(scope="session")
def _postgres(supervisor: Callable[[str], Supervisor]) -> str:
    named = os.environ.get("SLIPWAY_TEST_POSTGRES")
    if named:
        return named
    if postgres_programs() is None:
        absent("PostgreSQL", "apt-get install postgresql, or name one in SLIPWAY_TEST_POSTGRES.")
    return start_postgres(supervisor("postgres"))[0]


@pytest.fixture
def postgres_server(_postgres: str) -> Iterator[str]:
    """The URL of a new, empty PostgreSQL database."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(_postgres, autocommit=True, connect_timeout=5) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield f"{_postgres.rsplit('/', 1)[0]}/{name}"
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def gitea(supervisor: Callable[[str], Supervisor]) -> git_host.GitHost:
    """A real git host, started here; built once where Go is."""
    if not git_host.built() and shutil.which("go") is None:
        absent(
            "Gitea",
            "Install Go 1.26 to build it, or name a folder with the program and its static files "
            "in SLIPWAY_TEST_GITEA.",
        )
    try:
        git_host.build()
    except (StartFailed, OSError, subprocess.SubprocessError) as failure:
        absent("Gitea", f"Building it failed: {failure}")
    return git_host.start(supervisor("gitea"))


@pytest.fixture(scope="session")
def prometheus(supervisor: Callable[[str], Supervisor]) -> str:
    """The address of a real Prometheus, started here; built once where Go is."""
    if not prometheus_host.built() and shutil.which("go") is None:
        absent(
            "Prometheus",
            "Install Go 1.26 to build it, or name a folder with prometheus and promtool in "
            "SLIPWAY_TEST_PROMETHEUS.",
        )
    try:
        prometheus_host.build()
    except (StartFailed, OSError, subprocess.SubprocessError) as failure:
        absent("Prometheus", f"Building it failed: {failure}")
    return prometheus_host.start(supervisor("prometheus")).url


@pytest.fixture(scope="session")
def control_plane(supervisor: Callable[[str], Supervisor]) -> testbed.ControlPlane:
    """A real Kubernetes API with its controllers: named by the environment, or started here."""
    named = os.environ.get("SLIPWAY_TEST_KUBECONFIG")
    if named:
        program = shutil.which("kubectl") or str(testbed.programs() / "kubectl")
        return testbed.ControlPlane(Path(named), Path(program), Path(named).parent)
    if testbed.missing() and shutil.which("go") is None:
        absent(
            "the Kubernetes control plane",
            "Install Go 1.26 to build it, or name a cluster in SLIPWAY_TEST_KUBECONFIG or a "
            "folder of programs in KUBEBUILDER_ASSETS.",
        )
    try:
        testbed.build()
    except (StartFailed, OSError) as failure:
        absent("the Kubernetes control plane", f"Building it failed: {failure}")
    return testbed.start(supervisor("kube"))
