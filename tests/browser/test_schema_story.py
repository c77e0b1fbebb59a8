"""A producer drops a field: who breaks is named, the gate closes, and opens by leave or by repair."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from idp.demo_subjects import SAMPLES
from tests.browser.demo_server import Demo
from tests.browser.test_story import CHANGE, SOON, SignIn

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(400)]
SUBJECT = "orders-value"
READERS = ("payments-api", "ledger")
Rest = Callable[..., Any]


def token_of(page: Page) -> str:
    """A token that the person makes in the page, for the programs of the story."""
    page.goto("/account/")
    page.locator("[name=name]").first.fill("story")
    page.get_by_role("button", name=re.compile("Make a token|Create token", re.IGNORECASE)).click()
    return page.locator("code", has_text="slp_").first.inner_text().strip()


def rest(demo: Demo, token: str) -> Rest:
    def call(method: str, path: str, body: Any = None) -> Any:
        answer = httpx.request(
            method,
            f"{demo.address}/api/v1/{path}",
            json=body,
            headers={"Authorization": f"Bearer {token}"},
            timeout=60,
        )
        assert answer.is_success, answer.text
        return answer.json()

    return call
