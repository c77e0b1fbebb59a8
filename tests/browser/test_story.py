"""The main job from end to end in a browser, against a freshly started `manage.py run`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from idp.demo import PASSWORD
from tests.browser.demo_server import Demo, started
from tests.support.visitors import SOON, Visitors, keep, kept

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]
CHANGE = re.compile(r"/changes/\d+/$")
REFUSED_FORM = "status of 422"  # which the browser itself notes, of a form sent without its name
SignIn = Callable[[str], Page]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with started(tmp_path_factory.mktemp("demo")) as running:
        yield running


@pytest.fixture
def sign_in(demo: Demo, browser: Browser) -> Iterator[SignIn]:
    """Signs somebody in by the form; at the end, no page of theirs may have complained."""
    visitors = Visitors(browser, demo.address, PASSWORD)
    yield visitors.enter
    visitors.leave()
    assert [line for line in visitors.said if REFUSED_FORM not in line] == []


def fill_create_form(page: Page, name: str, tier: str = "development") -> None:
    page.goto("/environments/new/?blueprint=web-service-aws@1.0.0")
    page.locator("[name=name]").fill(name)
    page.locator(f"[name=tier][value={tier}]").check(force=True)  # a card covers the radio button
    page.locator("[name='parameters.image']").fill("registry.example.com/orders/api:1.4.2")
    for index, (kind, called) in enumerate((("Bucket", "exports"), ("Queue", "placed"))):
        page.locator(f"[name='resource-{index}-kind']").select_option(label=kind)
        page.locator(f"[name='resource-{index}-name']").fill(called)


def confirm(page: Page) -> None:
    """Confirm the plan on the page once it is there, and arrive on the change's page."""
    page.get_by_role("button", name="Confirm", exact=True).click(timeout=SOON)
    expect(page).to_have_url(CHANGE)


def follow(page: Page) -> None:
    """Watch the page, without loading it again, until the change is done."""
    keep(page)
    expect(page.locator("#change-state")).to_contain_text("Done", timeout=SOON)
    assert kept(page)
    expect(page.get_by_role("button", name="Cancel…")).to_have_count(0)


def act(page: Page, name: str, action: str) -> None:
    page.goto(f"/environments/orders/{name}/")
    page.locator(f"a[href$='/environments/orders/{name}/{action}/']").first.evaluate(
        "link => { const menu = link.closest('details'); if (menu) menu.open = true; }"
    )
    page.locator(f"a[href$='/environments/orders/{name}/{action}/']").first.click()


def of_story(names: set[str]) -> set[str]:
    return {name for name in names if name.startswith("orders-story-")}


def test_a_developer_makes_uses_and_deletes_an_environment(demo: Demo, sign_in: SignIn) -> None:
    page = sign_in("dana.dev")
    fill_create_form(page, "story")
    page.get_by_role("button", name="Show the plan").click()
    plan = page.locator("#plan-body")
    for what in ("Deployment", "Namespace", "Bucket", "Queue", "Role"):
        expect(plan).to_contain_text(what, timeout=SOON)
    assert not of_story(demo.buckets())  # it is only a plan
    confirm(page)
    follow(page)

    page.goto("/environments/orders/story/")
    expect(page.locator("h1")).to_contain_text("Healthy", timeout=SOON)
    namespace = page.locator("dt:text-is('Namespace') + dd").inner_text().strip()
    (bucket,) = of_story(demo.buckets())
    (queue,) = of_story(demo.queues())
    resources = page.locator("section[aria-labelledby=rs]")
    for summary in resources.locator("summary").all():
        summary.click()
    expect(resources).to_contain_text("EXPORTS_BUCKET_NAME")
    expect(resources).to_contain_text(bucket)
    expect(resources).to_contain_text(queue)

    act(page, "story", "scale")
    page.locator("[name=replicas]").fill("2")
    page.get_by_role("button", name="Show the plan").click()
    expect(page.locator("#plan-body")).to_contain_text("Deployment", timeout=SOON)
    confirm(page)
    follow(page)

    page.goto("/environments/orders/story/?tab=history")
    history = page.locator("main")
    expect(history).to_contain_text("dana.dev")
    expect(history).to_contain_text(re.compile("Scale", re.IGNORECASE))

    auditor = sign_in("audrey.audit")
    auditor.goto("/audit/")
    trail = auditor.locator("main")
    expect(trail).to_contain_text("environment.scale")
    expect(trail).to_contain_text("dana.dev")

    act(page, "story", "delete")
    expect(page.locator("main")).to_contain_text(bucket)  # what would be lost
    page.get_by_role("button", name="Show what would be deleted").click()
    expect(page.locator("[role=alert]").first).to_be_visible()  # the name was not given
    page.locator("[name=confirm_name]").fill("orders/story")
    page.get_by_role("button", name="Show what would be deleted").click()
    expect(page.locator("#plan-body")).to_contain_text(bucket, timeout=SOON)
    confirm(page)
    follow(page)

    page.goto("/environments/")
    expect(page.locator("main")).to_contain_text("orders")
    expect(page.locator("a[href='/environments/orders/story/']")).to_have_count(0)
    assert of_story(demo.buckets() | demo.queues() | demo.roles()) == set()
    assert demo.objects(namespace) == []


def test_a_lead_approves_a_change_to_production(demo: Demo, sign_in: SignIn) -> None:
    pia, liam = sign_in("pia.platform"), sign_in("liam.lead")
    fill_create_form(pia, "live", "production")
    pia.get_by_role("button", name="Show the plan").click()
    pia.get_by_role("button", name="Confirm and wait for gates").click(timeout=SOON)
    expect(pia).to_have_url(CHANGE)
    expect(pia.locator("#change-state")).to_contain_text("Wait", timeout=SOON)
    keep(pia)

    liam.goto("/inbox/")
    liam.locator("#inbox").get_by_role("link", name=re.compile("Read the plan")).first.click()
    liam.get_by_label("Comment").fill("Go ahead.")
    liam.get_by_role("button", name="Approve", exact=True).click()

    expect(pia.locator("#change-state")).to_contain_text("Done", timeout=SOON)
    assert kept(pia)
    pia.goto("/environments/orders/live/")
    expect(pia.locator("h1")).to_contain_text("Healthy", timeout=SOON)


def test_the_main_job_by_the_keyboard_alone(demo: Demo, sign_in: SignIn) -> None:
    page = sign_in("dana.dev")
    page.keyboard.press("Control+k")
    expect(page.locator("#palette")).to_be_visible()
    page.keyboard.type("create environment")
    expect(page.locator('#palette-list [aria-selected="true"]')).to_contain_text("environment")
    page.keyboard.press("Enter")
    page.wait_for_url("**/environments/new/**")
    tab_to(page, "a[href*='blueprint=web-service@']")
    page.keyboard.press("Enter")
    page.wait_for_url("**blueprint=web-service@**")
    tab_to(page, "[name=name]")
    page.keyboard.type("keys")
    tab_to(page, "[name=tier]")
    while not page.evaluate("document.activeElement.value === 'development'"):
        page.keyboard.press("ArrowRight")
    tab_to(page, "[name='parameters.image']")
    page.keyboard.press("Control+a")
    page.keyboard.type("registry.example.com/orders/api:1.4.2")
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/plan/")
    expect(page.get_by_role("button", name="Confirm", exact=True)).to_be_visible(timeout=SOON)
    tab_to(page, "#confirm-form button")
    page.keyboard.press("Enter")
    expect(page).to_have_url(CHANGE)
    follow(page)
    page.goto("/environments/orders/keys/")
    expect(page.locator("h1")).to_contain_text("Healthy", timeout=SOON)


def tab_to(page: Page, selector: str, most: int = 120) -> None:
    """Press Tab until what has the focus fits, and can be seen to have it."""
    for _ in range(most):
        if page.evaluate("s => document.activeElement.matches(s)", selector):
            assert page.evaluate("document.activeElement.matches(':focus-visible')"), selector
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not reach {selector}")
