"""How pytest-playwright starts the Chromium of this machine; nothing is downloaded."""

import os
from typing import Any

import pytest

from deploy.testbed.browser import ARGUMENTS, chromium
from tests.support.absent import absent


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    program = chromium()
    if program is None:
        absent("Chromium", "apt-get install chromium, or name one in SLIPWAY_TEST_CHROMIUM.")
    # Playwright keeps an event loop in this thread; Django would refuse the ORM in the tests.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    return {**browser_type_launch_args, "executable_path": program, "args": ARGUMENTS}
