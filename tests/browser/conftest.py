"""A server with a small company on it, and browsers that are signed in as its people."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, Route
from pytest_django.live_server_helper import LiveServer

from gitops import targets
from rbac.models import User
from tests.browser.snapshot import Snapshot
from tests.browser.world import build
from tests.support.absent import absent

Open = Callable[..., Page]
# The event stream is its own ASGI process; here it stays open and says nothing.
SILENT_STREAM = "retry: 600000\n\n: open\n\n"


@pytest.fixture(scope="session")
def _snapshot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snapshot]:
    made = Snapshot(tmp_path_factory.mktemp("company"))
    yield made
    made.close()


@pytest.fixture
def world(
    transactional_db: None,
    settings: Any,
    moto_server: str,
    monkeypatch: pytest.MonkeyPatch,
    state_dir: Path,
    _snapshot: Snapshot,
) -> None:
    targets._targets.clear()
    monkeypatch.setattr("gitops.backends.memory.pods.READY_AFTER", 0.0)
    monkeypatch.setattr("gitops.backends.memory.play.ADDRESS_AFTER", 0.0)
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    _snapshot.build(state_dir, moto_server, build)


@pytest.fixture
def open_page(world: None, live_server: LiveServer, browser: Browser) -> Iterator[Open]:
    """Opens a page as a person; what the console says is kept in `page.said`."""
    if not (settings.BASE_DIR / "static" / "dist" / "app.js").exists():
        absent("The front end", "Run `make frontend`.")
    contexts: list[BrowserContext] = []

    def open_as(who: str, path: str, *, stream: str = SILENT_STREAM, **options: Any) -> Page:
        context = browser.new_context(
            base_url=live_server.url, **{"viewport": {"width": 1440, "height": 900}, **options}
        )
        contexts.append(context)
        if who:
            client = Client()
            client.force_login(User.objects.get(username=who))
            cookie = client.cookies[settings.SESSION_COOKIE_NAME]
            context.add_cookies(
                [{"name": cookie.key, "value": cookie.value, "url": live_server.url}]
            )
        page = context.new_page()
        said: list[str] = []
        page.said = said  # type: ignore[attr-defined]  # read by the tests
        page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: said.append(f"error: {error}"))
        page.route("**/events/**", lambda route: _stream(route, stream))
        page.goto(path)
        return page

    yield open_as
    for context in contexts:
        context.close()


def _stream(route: Route, body: str) -> None:
    route.fulfill(status=200, content_type="text/event-stream", body=body)
