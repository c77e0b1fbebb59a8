"""What every test stands on: its own state folder and database file, no network, cheap passwords.

A test opens sockets to this machine only when it is marked `loopback`, `servers`, `cluster` or
`browser`, or asks for a server fixture; no test reaches further. Warnings are errors.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.cache import cache
from pytest_django.fixtures import Settings

from tests.support.environment import STATE

pytest_plugins = [
    "tests.support.absent",
    "tests.support.servers",
    "tests.support.browser",
    "tests.support.installation",
]


def pytest_configure(config: pytest.Config) -> None:
    django_settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    django_settings.SCHEMAS_TRAFFIC_SECONDS = 0  # a thread that writes later meets other tests


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Files that take long come first, so that no worker has one left when the others are done."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    walks = config.rootpath / "tests"
    items.sort(key=lambda item: item.path not in slow and item.path.parent != walks)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None,
) -> None:
    """SQLite in a file: threads of a test each have a connection, and see each other's writes."""
    database = django_settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        database["TEST"] = {**database.get("TEST", {}), "NAME": f"{STATE}/test.sqlite3"}


@pytest.fixture(autouse=True)
def state_dir(tmp_path: Path, settings: Settings) -> Iterator[Path]:
    """An empty state folder for this test: repositories, judge socket, cache."""
    settings.STATE_DIR = tmp_path
    settings.REPOSITORIES_DIR = tmp_path / "repositories"
    settings.MIRRORS_DIR = tmp_path / "mirrors"
    settings.GIT_JUDGE_SOCKET = Path(STATE) / "judge.sock"
    yield tmp_path
    cache.clear()
