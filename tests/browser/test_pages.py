"""Every page: WCAG 2.2 AA by axe in both themes, a silent console, no overflow on a phone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from django.conf import settings
from django.urls import resolve
from playwright.sync_api import Page

from idp.rest import routes
from tests.browser.conftest import Open
from tests.browser.places import Place, places, visit

pytestmark = [pytest.mark.browser, pytest.mark.timeout(280)]
AXE = settings.BASE_DIR / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]
THEMED = ["color-contrast", "link-in-text-block"]  # what another theme may break
PHONES = (390, 320)
PARTS = 3  # of the walk with axe: each in time on a busy machine
# Downloads, fragments, JSON and probes; what only sends back to its form.
NO_PAGES = {
    "audit/export.<str:kind>",
    "catalog/export/",
    "changes/<int:pk>/log.txt",
    "databases/<int:pk>/download/",
    "environments/new/preview/",
    ".well-known/jwks.json",
    ".well-known/openid-configuration",
    "healthz",
    "metrics",
    "palette/",
    "pipelines/jobs/<int:pk>/artifacts/<str:kind>/archive/",
    "pipelines/jobs/<int:pk>/artifacts/<str:kind>/file/",
    "pipelines/jobs/<int:pk>/log/",
    "readyz",
    "schemas/compare/register/",
    "schemas/compare/verdict/",
    "schemas/export/",
}
ASK = """(rules) => axe.run(document, {runOnly: rules}).then((found) => found.violations.flatMap(
  (rule) => rule.nodes.map((node) => `${rule.id}: ${node.target.join(" ")}`)))"""


def findings(page: Page, rules: Sequence[str] = RULES) -> list[str]:
    """What axe objects to on the page as it stands."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())  # a script tag would be refused by the policy
    found: list[str] = page.evaluate(ASK, rules)
    return found


def too_wide(page: Page) -> list[str]:
    """The widths of phones at which the page scrolls sideways."""
    before, found = page.viewport_size, []
    for width in PHONES:
        page.set_viewport_size({"width": width, "height": 844})
        over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if over > 0:
            found.append(f"{over} pixels too wide at {width}")
    if before:
        page.set_viewport_size(before)
    return found


def complaints(page: Page, place: Place) -> list[str]:
    """Messages of the console, without the one that a page is an error page."""
    said: list[str] = page.said  # type: ignore[attr-defined]  # set by `open_page`
    return [line for line in said if not (place.status >= 400 and f"{place.status} (" in line)]


@pytest.mark.parametrize("part", range(PARTS))
def test_every_page_is_accessible_silent_and_fits(open_page: Open, part: int) -> None:
    """In both themes, and down to the width of a small phone."""
    wrong: dict[str, Any] = {}
    pages: dict[str, Page] = {}
    for place in places()[part::PARTS]:
        page = pages.get(place.who)
        if page is None:
            page = pages[place.who] = open_page(place.who, "/healthz", color_scheme="light")
        page.said.clear()  # type: ignore[attr-defined]  # set by `open_page`
        answer = visit(page, place)
        found = findings(page, RULES)
        page.emulate_media(color_scheme="dark")
        found += [f"dark: {one}" for one in findings(page, THEMED)]
        page.emulate_media(color_scheme="light")
        found += [*too_wide(page), *complaints(page, place)]
        if answer is None or answer.status != place.status:
            found.append(f"answered {answer.status if answer else 'nothing'}")
        if found:
            wrong[place.name] = found
    assert wrong == {}


def test_every_page_that_there_is_is_among_those_that_are_looked_at(world: None) -> None:
    """By the URL resolver, so that a new page cannot be forgotten."""
    pages = {
        route
        for route, callback in routes()
        if hasattr(getattr(callback, "view_class", callback), "get")
        and not route.startswith(("admin/", "api/"))
    }
    looked = {resolve(place.path.partition("?")[0]).route for place in places()}
    assert pages - looked - NO_PAGES == set()
    assert pages >= NO_PAGES, "what is no page is still there"


def test_pages_read_without_javascript(open_page: Open) -> None:
    pages: dict[str, Page] = {}
    for place in places():
        page = pages.get(place.who)
        if page is None:
            page = pages[place.who] = open_page(place.who, "/healthz", java_script_enabled=False)
        answer = page.goto(place.path)
        assert answer is not None
        assert answer.status == place.status, place
        assert page.locator("h1").first.is_visible(), place


def test_the_shell_is_light(open_page: Open) -> None:
    page = open_page("dana.dev", "/healthz")
    weights: dict[str, int] = {}

    def weigh(answer: Any) -> None:
        if "/events/" not in answer.url:
            weights[answer.url] = len(answer.body())

    page.on("response", weigh)
    page.goto("/", wait_until="networkidle")
    assert len(weights) <= 6, sorted(weights)
    assert sum(weights.values()) < 300_000  # before compression; 130 KB after it
