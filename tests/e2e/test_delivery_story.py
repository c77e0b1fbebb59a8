"""From a push to production in the browser, on a real Kubernetes API: watched live, one red test
looked into and run again, promoted on the board, approved by a second person on the link that the
first one sent, and brought out by itself.

What runs is looked up with kubectl, never through our own code.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from deploy import scene
from deploy.testbed.control_plane import ControlPlane
from tests.support.delivery import image_of, push, settle, until
from tests.support.installation import Running
from tests.support.visitors import SOON, Visitors, keep, kept

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(600),
]
BEFORE = "registry.example.test/orders-api:1.4.2"
IMAGE = "registry.example.test/orders-api:2.0.0@sha256:" + "ab" * 32
TIERS = {"first": "development", "second": "staging", "third": "production"}
TEST = "tests.Payments › charges_once"
ORDER = {"type": "record", "name": "Order", "fields": [{"name": "id", "type": "string"}]}

FILE = f"""
stages: [build, test, check, deploy]
build:
  stage: build
  script: [mkdir out, echo built > out/app]
  artifacts: {{paths: [out]}}
unit:
  stage: test
  parallel: {{matrix: [{{SUITE: [fast, slow]}}]}}
  script: [test -f out/app, sh run-tests]
  coverage: '/TOTAL (\\d+)%/'
  artifacts:
    when: always
    reports:
      junit: junit.xml
      coverage_report: {{coverage_format: cobertura, path: coverage.xml}}
contracts:
  stage: check
  script:
    - slipway schemas check orders-api orders/first --produces orders-value@latest --junit junit.xml
  artifacts: {{when: always, reports: {{junit: junit.xml}}}}
deploy:
  stage: deploy
  environment: development
  script: ["slipway deploy --image web={IMAGE} --schemas schemas.json"]
"""

PASSED = '<testcase classname="tests.Payments" name="charges_once" time="0.1"/>'
RED = (
    '<testcase classname="tests.Payments" name="charges_once" time="0.3">'
    '<failure message="the sandbox answered 503">expected 200, got 503</failure></testcase>'
)
# The slow suite waits until somebody watches, and is red until the sandbox is up.
RUN_TESTS = f"""
said='{PASSED}' code=0
if [ "$SUITE" = slow ]; then
  echo "asking the sandbox"
  for _ in $(seq 600); do [ -e PLACE/watched ] && break; sleep 0.2; done
  [ -e PLACE/up ] || {{ said='{RED}' code=1; }}
fi
echo "<testsuite name='$SUITE' timestamp='$(date +%s)'>$said</testsuite>" > junit.xml
cat > coverage.xml <<END
<coverage><packages><package><classes><class name="app" filename="app.py"><lines>
<line number="1" hits="1"/><line number="2" hits="1"/><line number="4" hits="1"/>
<line number="5" hits="0"/></lines></class></classes></package></packages></coverage>
END
echo "TOTAL 75%"
exit $code
"""


@dataclass
class Story:
    """An installation with its people at browsers, and the sandbox that a test asks."""

    running: Running
    plane: ControlPlane
    visitors: Visitors
    folder: Path

    def sandbox(self, word: str) -> None:
        (self.folder / word).touch()

    def push(self) -> str:
        """Push the commit of the story; the address that git printed."""
        files = {
            ".gitlab-ci.yml": FILE,
            "run-tests": RUN_TESTS.replace("PLACE", str(self.folder)),
            "app.py": "def charge():\n    return 1\n\ndef refund():\n    return 2\n",
            "schemas.json": json.dumps({"produces": [{"subject": "orders-value", "version": 1}]}),
        }
        said = push(self.running, "dana", files, "Charge once", self.folder)
        found = re.search(r"begins: (http\S+)", said)
        assert found, said
        return found[1]

    def runs(self, name: str) -> str:
        return image_of(self.plane, name)


@pytest.fixture(scope="module")
def places(on_cluster: Running) -> Running:
    """Three tiers, a registered schema with a reader, and a developer who may ask for releases."""
    settle(on_cluster, TIERS, blueprint="web-service@1.0.0", account="", resources={})
    pia, dana = on_cluster.client("pia"), on_cluster.client("dana")
    release = {"role": "deployer", "scope": "orders/production", "user": "dana"}
    pia.call("POST", "/api/v1/role-bindings/", {**release, "reason": "Releases orders"})
    subject = {"subject": "orders-value", "format": "AVRO", "schema": json.dumps(ORDER)}
    dana.call("POST", "/api/v1/subjects/", subject)
    reader = {"environment": "orders/first", "holder": "ledger", "role": "consumer"}
    told = {**reader, "subject": "orders-value", "version": 1}
    dana.call("POST", "/api/v1/schemas/check-ins/", told)
    _passed_before(on_cluster)
    return on_cluster


def _passed_before(running: Running) -> None:
    """Another CI said of an earlier commit that the test passes."""
    answer = httpx.post(
        f"{running.installation.url}/api/v1/projects/{scene.PROJECT}/reports/",
        params={"commit": "a" * 40, "ref": "main", "kind": "junit"},
        content=f"<testsuite>{PASSED}</testsuite>",
        headers={
            "Authorization": f"Bearer {running.tokens['dana']}",
            "Content-Type": "application/xml",
        },
        timeout=30,
    )
    assert answer.status_code == 201, answer.text


@pytest.fixture
def story(
    places: Running, control_plane: ControlPlane, browser: Browser, tmp_path: Path
) -> Iterator[Story]:
    """At its end, no page of anybody may have complained."""
    at = places.installation
    visitors = Visitors(browser, at.url, scene.PASSWORD, at.streams_url)
    yield Story(places, control_plane, visitors, tmp_path)
    visitors.leave()
    assert visitors.said == []


def status(page: Page) -> Locator:
    """The state of the pipeline or job that the page is about."""
    return page.locator(".pl-meta [data-live-announce]")


def job(page: Page, name: str) -> Locator:
    return page.locator("#pipeline tbody").get_by_role("link", name=name, exact=True)


def confirm(page: Page, button: str) -> None:
    """Read the plan, confirm it, and arrive on the change's page."""
    page.get_by_role("button", name="Show the plan").click()
    expect(page.locator("#plan-body")).to_contain_text(IMAGE, timeout=SOON)
    page.get_by_role("button", name=button, exact=True).click()
    expect(page).to_have_url(re.compile(r"/changes/\d+/$"))
    keep(page)


def done(page: Page) -> None:
    """The change ended well, and the page was never loaded again meanwhile."""
    expect(page.locator("#change-state")).to_contain_text("Done", timeout=SOON)
    assert kept(page)


def watch_it_fail(dana: Page, story: Story) -> None:
    """The pipeline's page, then the job's log, while both go on."""
    keep(dana)
    expect(job(dana, "unit: [slow]")).to_be_visible(timeout=SOON)
    slow = dana.get_by_label("unit: [slow]: Running")
    expect(slow).to_be_visible(timeout=SOON)
    expect(dana.get_by_label("unit: [fast]: Passed")).to_be_visible(timeout=SOON)
    assert kept(dana)
    job(dana, "unit: [slow]").click()
    log = dana.get_by_label("Log lines")
    expect(log).to_contain_text("asking the sandbox", timeout=SOON)
    keep(dana)
    story.sandbox("watched")
    expect(log).to_contain_text("TOTAL 75%", timeout=SOON)
    expect(status(dana)).to_contain_text("Failed", timeout=SOON)
    assert kept(dana)
    expect(dana.locator(".pl-meta")).to_contain_text("75.0 % covered")


def look_into_the_red_test(dana: Page) -> None:
    """From the pipeline's page to the test: who owns it, how it went, what it said."""
    red = dana.get_by_role("region", name="Newly failed tests")
    expect(red).to_contain_text("the sandbox answered 503")
    expect(red).to_contain_text("team orders")
    red.get_by_role("link", name=TEST).click()
    expect(dana.get_by_role("heading", level=1)).to_contain_text(TEST)
    main = dana.locator("main")
    for words in ("team orders", "project orders", "33 % of these runs", "expected 200, got 503"):
        expect(main).to_contain_text(words)
    history = dana.get_by_label("From the oldest to the newest").get_by_role("link")
    expect(history).to_have_count(3)  # another CI's, and one of each suite
    expect(history.first).to_have_text("passed at aaaaaaaa")


def retry(dana: Page, story: Story) -> None:
    """Only what failed and what was skipped behind it runs again, and passes."""
    story.sandbox("up")
    dana.get_by_role("button", name="Retry failed").click()
    dana.get_by_role("dialog").get_by_role("button", name="Retry failed").click()
    expect(dana.locator("main")).to_contain_text("The failed and cancelled jobs run again.")
    keep(dana)
    for name in ("build", "unit: [fast]", "unit: [slow]", "contracts", "deploy"):
        expect(dana.get_by_label(f"{name}: Passed")).to_be_visible(timeout=SOON)
    expect(status(dana)).to_contain_text("Passed", timeout=SOON)
    expect(dana.get_by_role("region", name="Newly failed tests")).to_have_count(0)
    assert kept(dana)


def see_what_the_commit_is(dana: Page) -> None:
    """Schemas judged, coverage beside it, and the test that passed and failed on it."""
    pipeline = dana.url
    job(dana, "contracts").click()
    expect(dana.get_by_label("Log lines")).to_contain_text("orders-value")
    dana.get_by_role("link", name="Reports of the commit").click()
    main = dana.locator("main")
    expect(main).to_contain_text("75.0 % of")
    expect(main).to_contain_text("0 failed")
    expect(dana.get_by_role("region", name="Flaky")).to_contain_text(TEST)
    dana.goto(pipeline)


def promote(dana: Page, name: str) -> None:
    dana.get_by_role("link", name=f"Promote bundle 1 to {name}").click()
    expect(dana.locator("main")).to_contain_text(IMAGE)


def approve(liam: Page) -> None:
    """The person who opened the link reads what is asked, and answers."""
    expect(liam.locator("main")).to_contain_text("Staging is fine.")
    liam.get_by_role("link", name="Read and answer").click()
    expect(liam.locator("#plan-body")).to_contain_text(BEFORE)
    expect(liam.locator("#plan-body")).to_contain_text(IMAGE)
    liam.get_by_label("Comment").fill("Go ahead.")
    liam.get_by_role("button", name="Approve", exact=True).click()
    expect(liam.locator("main")).to_contain_text("Your approval is recorded.")


def test_from_a_push_to_production(story: Story) -> None:
    dana = story.visitors.enter("dana")
    pipeline = story.push()
    dana.goto(pipeline)
    watch_it_fail(dana, story)
    dana.goto(pipeline)
    expect(dana.get_by_role("link", name="1 failed test")).to_be_visible()
    look_into_the_red_test(dana)
    dana.goto(pipeline)
    assert story.runs("first") == BEFORE
    retry(dana, story)
    assert story.runs("first") == IMAGE
    see_what_the_commit_is(dana)

    job(dana, "deploy").click()
    expect(dana.get_by_role("region", name="What it brought out")).to_contain_text(
        "Bundle 1 to first"
    )
    dana.get_by_role("link", name="Promote it").click()
    promote(dana, "second")
    confirm(dana, "Confirm")
    done(dana)
    assert story.runs("second") == IMAGE

    dana.goto("/pipelines/board/?project=orders")
    promote(dana, "third")
    dana.get_by_label("Why").fill("Staging is fine.")
    confirm(dana, "Confirm and wait for gates")
    expect(dana.locator("#change-work")).to_contain_text("liam or pia can approve", timeout=SOON)
    expect(dana.get_by_role("link", name="Read and answer")).to_have_count(0)  # it is her own
    dana.get_by_role("button", name="Copy the link").click()
    link = until(lambda: dana.evaluate("navigator.clipboard.readText()"), bool, 10)
    assert story.runs("third") == BEFORE

    liam = story.visitors.enter("liam", link)
    assert liam.url == link
    approve(liam)
    done(dana)
    assert story.runs("third") == IMAGE
    dana.goto("/pipelines/board/?project=orders")
    expect(dana.get_by_text("Live", exact=True)).to_have_count(len(TIERS) + 1)  # and the page's own
