"""A job's page in Chromium: from a line's stamp, as the job printed it, to its place there."""

from __future__ import annotations

import os
import re
import statistics
import time
from collections.abc import Iterator

from django.conf import settings
from django.test import Client
from playwright.sync_api import Page, Route, sync_playwright

from bench.figures import Figure
from deploy.processes import Installation
from deploy.testbed.browser import ARGUMENTS, chromium
from gitops import repositories
from gitops.hosts.local import MAIN
from pipelines.engine.config import FILE
from pipelines.runs.models import Job
from pipelines.runs.services import planning, starting
from rbac.actors import Actor
from rbac.models import Project

WHAT = "From a line's print to the browser"
ROUNDS, LINES = 3, 6
LIMIT = 60.0
WAITS = 3  # seconds until the first line, in which the page is opened
TEXT = f"""watched:
  script:
    - sleep {WAITS}
    - for n in $(seq {LINES}); do echo "stamp $(date +%s%3N)"; sleep 0.37; done
"""
WATCH = """() => {
  window.seen = {};
  const log = document.querySelector("#joblog");
  new MutationObserver(() => {
    const found = log.textContent.matchAll(/stamp (\\d{13})/g);
    for (const [, stamp] of found) seen[stamp] ??= Date.now();
  }).observe(log, {childList: true, subtree: true});
}"""


def figures(installation: Installation, actor: Actor, project: Project) -> Iterator[Figure]:
    """To be called while web, streams and a runner work."""
    program = chromium()
    if program is None:
        yield Figure(WHAT, float("inf"), "ms", 300, most=True, beside="there is no Chromium")
        return
    on_disk = repositories.local(repositories.ensure(project))
    files: dict[str, bytes | None] = {FILE: TEXT.encode()}
    on_disk.write(MAIN, base=on_disk.head(), files=files, author=("d", "d@x"), message="Watch")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # Playwright keeps a loop in this thread
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        page = _page(browser.new_context(base_url=installation.url).new_page(), installation, actor)
        rounds = [_watched(page, actor, project) for _ in range(ROUNDS)]
        browser.close()
    firsts = [found[0] for found in rounds]
    every = sorted(one for found in rounds for one in found)
    beside = f"first lines; of all {len(every)} the slowest {every[-1]:.0f} ms"
    yield Figure(WHAT, statistics.median(firsts), "ms", 300, most=True, beside=beside)


def _page(page: Page, installation: Installation, actor: Actor) -> Page:
    """Signed in; what a proxy does for pages and streams is done by the browser's router."""
    client = Client()
    client.force_login(actor.user)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": installation.url}])

    def on(route: Route) -> None:
        asked = route.request.url.replace(installation.url, installation.streams_url)
        route.continue_(url=asked)

    page.route(re.compile("/events/"), on)
    return page


def _watched(page: Page, actor: Actor, project: Project) -> list[float]:
    """Milliseconds from print to screen, line by line."""
    pipeline = starting.start(actor, project, "main")
    planning.work_on(pipeline.pk)
    job = Job.objects.get(pipeline=pipeline)
    end = time.monotonic() + LIMIT
    while not job.attempts.filter(status="running").exists():
        if time.monotonic() > end:
            raise RuntimeError("no runner took the job")
        time.sleep(0.02)
    page.goto(f"/pipelines/jobs/{job.pk}/")
    page.evaluate(WATCH)
    page.wait_for_function(f"() => Object.keys(seen).length >= {LINES}", timeout=LIMIT * 1000)
    seen: dict[str, int] = page.evaluate("seen")
    return [float(seen[stamp]) - float(stamp) for stamp in sorted(seen)]
