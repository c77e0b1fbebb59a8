from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from gitops.hosted import mirrors
from gitops.hosted.models import HostedRepository
from gitops.hosts.base import Host, Place
from rbac.actors import Actor
from tests.gitops.hosts.fakes import PATHS, TOKEN, FakeHost
from tests.gitops.hosts.making import FILE, connect
from tests.rbac.factories import Characters, make_characters


@pytest.fixture(autouse=True)
def _here(settings: Settings) -> None:
    settings.GIT_HOSTS = ["127.0.0.1"]
    settings.GIT_NETWORKS = [ipaddress.ip_network("127.0.0.0/8")]


@pytest.fixture(params=sorted(PATHS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def fake(kind: str, tmp_path: Path) -> Iterator[FakeHost]:
    with FakeHost(kind, tmp_path / "host") as found:
        found.commit({".gitlab-ci.yml": FILE, "README.md": "Shop\n"})
        yield found


@pytest.fixture
def host(fake: FakeHost) -> Host:
    return mirrors.host_class(fake.kind)(Place(fake.url, fake.path, TOKEN))


@pytest.fixture
def people(db: None) -> Characters:
    return make_characters()


@pytest.fixture
def lead(people: Characters) -> Actor:
    return Actor(people.maintainer)


@pytest.fixture
def hosted(lead: Actor, people: Characters, fake: FakeHost) -> HostedRepository:
    return connect(lead, people.project, fake)
