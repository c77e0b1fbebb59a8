"""Long texts wrap: no page scrolls sideways for them and no panel cuts off what it holds."""

from __future__ import annotations

import pytest
from django.utils import timezone
from playwright.sync_api import Page

from gitops.backends.base import TargetEvent
from idp.changes.models import Change
from rbac.models import AuditRecord
from tests.browser.conftest import Open
from tests.browser.test_pages import findings
from tests.browser.world import ADMINISTRATOR, AUTHOR, LEAD

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
TITLE = f"Set orders/dev: web to {'imagewithoutanyblank' * 9}"[:200]
CUT = """() => [...document.querySelectorAll("body, main, .sw-panel, .sw-rows")]
  .filter((box) => box.scrollWidth > box.clientWidth + 1)
  .map((box) => `${box.className || box.tagName}: ${box.scrollWidth} in ${box.clientWidth}`)"""
SIZES = [(1280, 800), (390, 844)]


def cut(page: Page, path: str) -> dict[str, list[str]]:
    """By size, what a page's boxes do not show of what they hold."""
    found = {}
    page.goto(path)
    page.wait_for_selector("main")
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        if boxes := page.evaluate(CUT):
            found[f"{path} at {width}"] = boxes
    return found


def test_the_audit_page_shows_every_column_beside_long_texts(open_page: Open) -> None:
    page = open_page(ADMINISTRATOR, "/healthz")
    for label in ("a place of many words " * 9, "one-word" * 25):
        AuditRecord.objects.create(
            actor_label="somebody.with.a.long.name by token " + "t" * 60,
            action="environment.set-image",
            outcome=AuditRecord.Outcome.DENIED,
            target_label=label[:200],
            reason="because " * 40,
        )
    assert cut(page, "/audit/") == {}


def test_long_titles_of_changes_wrap(open_page: Open) -> None:
    Change.objects.update(title=TITLE)
    found: dict[str, list[str]] = {}
    waiting = Change.objects.filter(state="waiting")[0].pk
    for who in (AUTHOR, LEAD):
        page = open_page(who, "/healthz")
        for path in ("/", "/inbox/", "/changes/", f"/changes/{waiting}/plan/"):
            found |= cut(page, path)
    assert found == {}


def test_long_messages_of_events_wrap(open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    event = TargetEvent(
        at=timezone.now(),
        type="Warning",
        reason="FailedScheduling",
        object=f"Pod/{'web-' * 15}",
        message="0/3 nodes are available: insufficient memory. " * 8,
        count=3,
    )
    monkeypatch.setattr("environments.live.events", lambda *_: [event])
    page = open_page(AUTHOR, "/healthz")
    assert cut(page, "/environments/orders/dev/?tab=events") == {}
    assert findings(page) == []
