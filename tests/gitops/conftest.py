from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from pytest_django import Settings

from gitops import githttp, judge, renderers, targets
from gitops.models import Application
from rbac import permissions
from rbac.actors import Actor
from rbac.models import Role
from rbac.permissions import Permission
from tests.gitops.factories import bring, deployment, make_application
from tests.gitops.fake import WORLDS, FakeRenderer, World, world
from tests.gitops.laptop import Git, token_of
from tests.rbac.factories import Characters, bind, make_characters


@pytest.fixture(autouse=True)
def _fakes(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    WORLDS.clear()
    targets._targets.clear()
    settings.GITOPS_TARGETS = {
        "kubernetes": "tests.gitops.fake.FakeCluster",
        "memory": "tests.gitops.fake.FakeCluster",
        "aws": "tests.gitops.fake.FakeTarget",
    }
    monkeypatch.setitem(renderers._renderers, "fake.yaml", FakeRenderer())
    for name in ("thing.view", "thing.apply", "environment.push", "environment.delete"):
        if permissions.get(name) is None:
            monkeypatch.setitem(permissions._registry, name, Permission(name, name, app="tests"))


@pytest.fixture
def people(db: None) -> Characters:
    found = make_characters()
    verbs = ["thing.view", "thing.apply", "environment.push", "environment.delete"]
    role = Role.objects.create(name="applier", permissions=verbs)
    bind(role.name, found.scope, user=found.developer)
    return found


@pytest.fixture
def dana(people: Characters) -> Actor:
    return Actor(people.developer)


@pytest.fixture
def app(people: Characters) -> Application:
    return make_application(people.project)


@pytest.fixture
def cluster(app: Application) -> World:
    return world("local")


@pytest.fixture
def cloud(app: Application) -> World:
    return world("aws")


@pytest.fixture
def address(settings: Settings) -> Iterator[str]:
    """The endpoint and the judge, each in a thread, on a free port and a short socket path."""
    with tempfile.TemporaryDirectory(prefix="slw-") as directory:
        settings.GIT_JUDGE_SOCKET = Path(directory) / "j.sock"
        stop = threading.Event()
        judging = threading.Thread(target=judge.serve, args=(stop,), daemon=True)
        judging.start()
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(
            uvicorn.Config(githttp.application, log_level="error", lifespan="off")
        )
        serving = threading.Thread(
            target=lambda: asyncio.run(server.serve(sockets=[listening])), daemon=True
        )
        serving.start()
        while not (server.started and settings.GIT_JUDGE_SOCKET.exists()):
            time.sleep(0.01)
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        stop.set()
        serving.join(10)
        judging.join(10)


@pytest.fixture
def git(tmp_path: Path) -> Git:
    home = tmp_path / "home"
    home.mkdir()
    work = tmp_path / "work"

    def run(*words: str, ok: bool = True) -> subprocess.CompletedProcess[str]:
        at = work if work.exists() else home
        environment = {
            "HOME": str(home), "PATH": os.environ["PATH"], "GIT_TERMINAL_PROMPT": "0",
            "GIT_AUTHOR_NAME": "Somebody Else", "GIT_AUTHOR_EMAIL": "x@example.org",
            "GIT_COMMITTER_NAME": "Somebody Else", "GIT_COMMITTER_EMAIL": "x@example.org",
        }  # fmt: skip
        done = subprocess.run(
            ["git", *words], cwd=at, env=environment, capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip
        assert not ok or done.returncode == 0, done.stderr
        return done

    return run


@pytest.fixture
def laptop(  # noqa: PLR0917 - fixtures
    git: Git, address: str, people: Characters, app: Application, dana: Actor, tmp_path: Path
) -> Path:
    """A clone of dana's, of a project with one synced environment `staging`."""
    bring(dana, app, deployment(replicas=1))
    url = f"http://dana:{token_of(people.developer)}@{address}/git/orders.git"
    git("clone", "-q", url, str(tmp_path / "work"))
    return tmp_path / "work"
