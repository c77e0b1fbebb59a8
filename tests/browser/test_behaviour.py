"""What the scripts add: palette, shortcuts, theme, live regions, forms; all by the keyboard."""

from __future__ import annotations

import json
import re

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from environments.models import Environment
from gitops.backends.base import LogLine
from portal.models import Component
from rbac.models import User
from tests.browser.conftest import Open
from tests.browser.test_pages import findings

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


def palette(page: Page, text: str) -> None:
    page.keyboard.press("Control+k")
    expect(page.locator("#palette")).to_be_visible()
    page.keyboard.type(text)


def test_the_palette_finds_and_opens_by_keyboard_alone(open_page: Open) -> None:
    page = open_page("dana.dev", "/")
    palette(page, "orders-w")
    option = page.locator('#palette-list [role="option"]').first
    expect(option).to_contain_text("orders-web")
    expect(option).to_have_attribute("aria-selected", "true")
    expect(option.locator("mark").first).to_have_text("orders-w")
    assert findings(page) == []
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/catalog/orders-web/$"))


def test_the_palette_moves_with_arrows_and_closes_with_escape(open_page: Open) -> None:
    page = open_page("dana.dev", "/catalog/")
    palette(page, "orders")
    options = page.locator('#palette-list [role="option"]')
    expect(options.nth(0)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowDown")
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Escape")
    expect(page.locator("#palette")).to_be_hidden()


def test_what_is_not_allowed_stays_visible_and_says_why(open_page: Open) -> None:
    page = open_page("vic.viewer", "/")
    palette(page, "add a component")
    option = page.locator('#palette-list [role="option"]', has_text="needs component.create")
    expect(option.first).to_have_attribute("aria-disabled", "true")
    expect(page.locator('#palette-list a[role="option"]')).to_have_count(0)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/$"))


def test_the_palette_remembers_where_one_was(open_page: Open) -> None:
    page = open_page("dana.dev", "/catalog/orders-web/")
    page.goto("/")
    palette(page, "")
    expect(page.locator("#palette-list .grp").first).to_have_text("Visited last")
    expect(page.locator('#palette-list [role="option"]').first).to_contain_text("orders-web")


def test_the_palette_says_when_nothing_is_found(open_page: Open) -> None:
    page = open_page("dana.dev", "/")
    palette(page, "zzzz<b>")
    expect(page.locator("#palette-list")).to_contain_text(
        "Nothing that you can see is called “zzzz<b>”."
    )


def test_shortcuts_go_filter_and_help_but_not_while_typing(open_page: Open) -> None:
    page = open_page("dana.dev", "/")
    page.keyboard.press("g")
    page.keyboard.press("k")
    page.wait_for_url("**/catalog/")  # with its scripts
    page.keyboard.press("/")
    field = page.locator("input[name=q]")
    expect(field).to_be_focused()
    page.keyboard.type("g h?")
    expect(field).to_have_value("g h?")
    expect(page).to_have_url(re.compile("/catalog/$"))
    page.keyboard.press("Escape")
    field.blur()
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    assert findings(page) == []


def test_the_theme_is_chosen_kept_and_set_before_the_first_paint(open_page: Open) -> None:
    page = open_page("dana.dev", "/", color_scheme="light")
    paper = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(paper) == "rgb(255, 255, 255)"
    page.get_by_role("button", name="Dark").click()
    assert page.evaluate(paper) == "rgb(16, 18, 22)"
    page.reload(wait_until="commit")
    page.wait_for_selector("body", state="attached")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    expect(page.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")


def test_the_navigation_opens_on_a_phone_with_and_without_javascript(open_page: Open) -> None:
    small = {"viewport": {"width": 390, "height": 844}}
    for scripts in (True, False):
        page = open_page("dana.dev", "/", java_script_enabled=scripts, **small)
        catalog = page.locator("#nav").get_by_role("link", name="Catalog")
        expect(catalog).to_be_hidden()
        page.get_by_label("Open navigation").click()
        expect(catalog).to_be_visible()
        catalog.click()
        expect(page).to_have_url(re.compile("/catalog/$"))


def test_the_account_menu_needs_no_javascript(open_page: Open) -> None:
    page = open_page("dana.dev", "/", java_script_enabled=False)
    page.get_by_label("Account of dana.dev").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def test_the_filter_applies_by_itself_and_back_restores_it(open_page: Open) -> None:
    page = open_page("dana.dev", "/catalog/")
    page.get_by_label("Type", exact=True).select_option("website")
    expect(page).to_have_url(re.compile("type=website"))
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_label("Remove filter type website").click()
    expect(page.locator("tbody tr")).not_to_have_count(1)
    page.go_back()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.get_by_label("Type", exact=True)).to_have_value("website")


def test_a_component_is_added_by_the_keyboard_alone(open_page: Open) -> None:
    page = open_page("dana.dev", "/catalog/")
    palette(page, "add a comp")
    expect(page.locator('#palette-list [aria-selected="true"]')).to_contain_text("Add a component")
    page.keyboard.press("Enter")
    page.wait_for_url("**/catalog/new/")
    for name, value in (("Name", "Bad Name"), ("Title", "Mine")):
        page.get_by_label(name, exact=False).first.focus()
        page.keyboard.type(value)
    page.get_by_label("Owner").focus()
    page.keyboard.type("orders")
    page.keyboard.press("Control+Enter")
    summary = page.locator("[role=alert][data-focus]")
    expect(summary).to_be_focused()
    expect(summary).to_contain_text("is not a name")
    assert findings(page) == []
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.locator("#id_name").focus()
    page.keyboard.press("Control+a")
    page.keyboard.type("my-own")
    page.keyboard.press("Control+Enter")
    expect(page).to_have_url(re.compile("/catalog/my-own/"))
    assert Component.objects.get(name="my-own").title == "Mine"


def test_leaving_a_form_with_edits_is_asked_about(open_page: Open) -> None:
    page = open_page("dana.dev", "/catalog/new/")
    page.locator("#id_title").press_sequentially("draft")
    asked: list[str] = []

    def stay(dialog: object) -> None:
        asked.append(dialog.type)  # type: ignore[attr-defined]  # playwright's Dialog
        dialog.dismiss()  # type: ignore[attr-defined]  # as above

    page.on("dialog", stay)
    page.locator("#nav").get_by_role("link", name="Catalog").click()
    page.wait_for_function("() => true")
    assert asked == ["beforeunload"]
    expect(page).to_have_url(re.compile("/catalog/new/$"))


def test_a_hint_renews_only_what_it_concerns_and_keeps_the_rest(open_page: Open) -> None:
    hint = json.dumps({"topic": "changes", "kind": "hint", "data": {}})
    page = open_page("dana.dev", "/", stream=f"retry: 600000\n\ndata: {hint}\n\n")
    row = page.locator("#environments-matrix-panel tbody tr")
    before = row.count()
    page.locator("[data-palette-open]").first.focus()
    Component.objects.filter(name="orders-web").update(name="orders-shop")
    page.reload()  # a new stream, with the hint
    page.evaluate("document.querySelector('h1').dataset.kept = 'yes'")
    Component.objects.filter(name="orders-shop").update(name="orders-window")
    expect(page.locator("#environments-matrix-panel")).to_contain_text("orders-window")
    expect(row).to_have_count(before)
    assert page.evaluate("document.querySelector('h1').dataset.kept") == "yes"


def hinted(open_page: Open, path: str, scope: int) -> tuple[Page, list[str]]:
    """A page whose stream says that one environment looks different, and what it then fetches."""
    data = {"scope": scope, "row": f"scope-{scope}"}
    hint = json.dumps({"topic": "environments", "kind": "hint", "data": data})
    page = open_page("dana.dev", "/healthz", stream=f"retry: 600000\n\ndata: {hint}\n\n")
    page.add_init_script("performance.now = () => 0")  # however slow this machine is
    fetched: list[str] = []
    page.on("request", lambda r: fetched.append(r.url) if "/environments/" in r.url else None)
    page.goto(path)
    fetched.clear()
    return page, fetched


def test_a_hint_about_one_row_fetches_that_row_alone(open_page: Open) -> None:
    page, fetched = hinted(open_page, "/environments/", 0)
    rows = page.locator("#environments tbody tr")
    before = rows.count()
    environment = Environment.objects.get(name="dev", project__name="orders")
    row, owner = f"scope-{environment.scope_id}", User.objects.get(username="liam.lead")
    page, fetched = hinted(open_page, "/environments/", environment.scope_id)
    Environment.objects.filter(pk=environment.pk).update(owner=owner)
    expect(page.locator(f"#{row}")).to_contain_text("liam.lead")
    assert [url.partition("/environments/")[2] for url in fetched] == [f"?rows={row}"]
    assert page.locator("#environments tbody tr").count() == before


def test_a_hint_about_another_place_fetches_nothing(open_page: Open) -> None:
    for path in ("/environments/", "/environments/orders/dev/"):
        page, fetched = hinted(open_page, path, 999_999)
        page.wait_for_timeout(1200)  # longer than hints are gathered
        assert fetched == [], path


def test_a_followed_log_scrolls_along_until_somebody_scrolls_back(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [LogLine(timezone.now(), "web-1", "web", f"GET /{number}") for number in range(100)]
    monkeypatch.setattr("environments.views.detail.live.logs", lambda *_: list(lines))
    page = open_page("dana.dev", "/healthz")
    asked: list[str] = []
    page.on("request", lambda r: asked.append(r.url) if "lines=" in r.url else None)
    page.add_init_script("const later = setTimeout; setTimeout = (f, t) => later(f, t / 30)")
    page.goto("/environments/orders/dev/?tab=logs&follow=1")
    log = page.locator(".sw-log")
    at_end = "(log) => log.scrollHeight - log.clientHeight - log.scrollTop < 24"
    assert log.evaluate("(log) => log.scrollHeight > log.clientHeight"), "there is to scroll"
    assert log.evaluate(at_end)
    lines.append(LogLine(timezone.now(), "web-1", "web", "one more"))
    expect(log).to_contain_text("one more")
    assert log.evaluate(at_end)
    log.evaluate("(log) => { log.scrollTop = 0; }")
    expect(log).to_have_attribute("data-left", "true")
    lines.append(LogLine(timezone.now(), "web-1", "web", "and another"))
    expect(log).to_contain_text("and another")
    assert not log.evaluate(at_end), "not under somebody's eyes"
    log.evaluate("(log) => { log.scrollTop = log.scrollHeight; }")
    expect(log).to_have_attribute("data-left", "false")
    page.evaluate('Object.defineProperty(document, "hidden", {value: true, configurable: true})')
    page.wait_for_timeout(300)
    asked.clear()
    page.wait_for_timeout(1000)
    assert asked == [], "nobody looks"


def test_the_preview_asks_without_the_forms_token(open_page: Open) -> None:
    page = open_page("dana.dev", "/environments/new/?blueprint=web-service@1.0.0")
    page.get_by_label("Name").first.fill("shop")
    with page.expect_request(lambda request: "/new/preview/" in request.url) as asked:
        page.get_by_label("Name").first.blur()
    assert "csrfmiddlewaretoken" not in asked.value.url
    assert "name=shop" in asked.value.url
    expect(page.locator("#preview")).to_contain_text("orders / shop")


def test_the_dot_says_whether_the_page_follows(open_page: Open) -> None:
    page = open_page("dana.dev", "/")
    dot = page.locator("[data-live]").first
    expect(dot).to_contain_text(re.compile("Live|Reconnecting"))
    page.evaluate(
        """() => { Object.defineProperty(document, "hidden", {value: true, configurable: true});
        document.dispatchEvent(new Event("visibilitychange")); }"""
    )
    expect(dot).to_contain_text("Paused")
    page.evaluate(
        """() => { Object.defineProperty(document, "hidden", {value: false, configurable: true});
        document.dispatchEvent(new Event("visibilitychange")); }"""
    )
    expect(dot).to_contain_text(re.compile("Live|Reconnecting|Connecting"))


def test_the_policy_refuses_foreign_and_inline_scripts(open_page: Open) -> None:
    page = open_page("dana.dev", "/")
    page.evaluate(
        """() => { const script = document.createElement("script");
        script.textContent = "window.broken = true"; document.body.append(script); }"""
    )
    assert page.evaluate("window.broken") is None
