"""`make screenshots`: pictures of every page for docs/, from the world of the browser tests."""

from __future__ import annotations

import io
import os
from typing import Any

import pytest
from django.conf import settings
from PIL import Image, ImageChops
from playwright.sync_api import Page

from tests.browser.conftest import Open
from tests.browser.places import places, visit

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
SHOTS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"},
}
# The stream of the browser tests says nothing; people see the dot of a page that follows.
FOLLOWS = """() => { for (const dot of document.querySelectorAll("[data-live]")) {
    dot.classList.remove("is-lost", "is-paused");
    dot.querySelector("[data-live-word]").textContent = "Live"; } }"""
MAX_HEIGHT = 1500
COLOURS = 256  # no shade is further off than an eye can tell, at a third of the bytes
MAX_SHIFT = 8  # of 255, in any channel of any point
MAX_BYTES = 18_000_000  # of the whole folder, three pictures a page


@pytest.mark.skipif("SLIPWAY_TEST_SCREENSHOTS" not in os.environ, reason="by make screenshots only")
@pytest.mark.parametrize("shot", SHOTS)
def test_screenshots(open_page: Open, shot: str) -> None:
    folder = settings.BASE_DIR / "docs" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    options = SHOTS[shot]
    pages: dict[str, Page] = {}
    for place in places():
        page = pages.get(place.who)
        if page is None:
            page = pages[place.who] = open_page(place.who, "/healthz", **options)
        page.set_viewport_size(options["viewport"])
        visit(page, place)
        page.evaluate(FOLLOWS)
        height = page.evaluate("document.documentElement.scrollHeight")
        width = options["viewport"]["width"]
        page.set_viewport_size({"width": width, "height": min(height, MAX_HEIGHT)})
        picture = Image.open(io.BytesIO(page.screenshot(animations="disabled")))
        few = picture.convert("RGB").quantize(
            COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
        )
        shift = ImageChops.difference(picture.convert("RGB"), few.convert("RGB"))
        assert max(high for _, high in shift.getextrema()) <= MAX_SHIFT, place.name
        few.save(folder / f"{place.name}-{shot}.png", optimize=True)
    assert sum(file.stat().st_size for file in folder.glob("*.png")) < MAX_BYTES
