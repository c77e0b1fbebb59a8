"""How pytest-playwright starts the Chromium of this machine; nothing is downloaded."""

import os
import shutil
from typing import Any

import pytest

from tests.support.absent import absent

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]


def chromium() -> str | None:
    """The path of a Chromium: SLIPWAY_TEST_CHROMIUM, or the first on the PATH."""
    named = os.environ.get("SLIPWAY_TEST_CHROMIUM")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    program = chromium()
    if program is None:
        absent("Chromium", "apt-get install chromium, or name one in SLIPWAY_TEST_CHROMIUM.")
    # Playwright keeps an event loop in this thread; Django would refuse the ORM in the tests.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    return {**browser_type_launch_args, "executable_path": program, "args": ARGUMENTS}
