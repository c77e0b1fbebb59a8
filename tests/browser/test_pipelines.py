"""Pipelines as people run them: started by the form, watched, and run again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gitops import repositories
from gitops.hosts.local import MAIN
from pipelines.runs.logview import line_html
from pipelines.runs.models import Job, Pipeline
from pipelines.runs.services import planning
from pipelines.runs.terminal import Line
from rbac.models import Project
from tests.browser.conftest import Open
from tests.browser.world import AUTHOR
from tests.pipelines.runs.conftest import runs  # noqa: F401  # a fixture
from tests.pipelines.runs.factories import make_attempt, make_job, make_pipeline

pytestmark = pytest.mark.browser
FILE = b"hello: {script: ['echo \"hello $WHO\"']}\n"


@pytest.fixture(autouse=True)
def _places(settings: Any, tmp_path: Path) -> None:
    settings.CI_RUNNER_PROJECTS = ["*"]
    settings.CI_SCRATCH_DIR = tmp_path / "scratch"


def over(pipeline: Pipeline) -> bool:
    pipeline.refresh_from_db()
    return pipeline.ended and pipeline.finished_at is not None


def test_a_pipeline_is_started_by_the_form_and_a_job_run_again(
    open_page: Open,
    runs: Callable[..., None],  # noqa: F811  # the fixture
) -> None:
    repository = repositories.local(repositories.ensure(Project.objects.get(name="orders")))
    files = {".gitlab-ci.yml": FILE}
    author = ("Dana", "dana@example.test")
    repository.write(MAIN, base=repository.head(), files=files, author=author, message="Greet")
    page = open_page(AUTHOR, "/pipelines/start/?project=orders")
    page.get_by_label("Variables").fill("WHO=world")
    page.get_by_role("button", name="Start it").click()
    page.get_by_role("heading", name="orders #").wait_for()
    pipeline = Pipeline.objects.latest("pk")
    planning.work_on(pipeline.pk)
    runs(lambda: over(pipeline))
    page.reload()
    page.locator("a.pl-box").focus()
    page.keyboard.press("Enter")
    page.get_by_text("hello world", exact=True).wait_for()
    page.get_by_role("button", name="Run again").first.click()
    page.locator("#again").get_by_role("button", name="Run again").click()
    page.get_by_text("“hello” runs again.").wait_for()
    runs(lambda: over(pipeline))
    assert Job.objects.get(pipeline=pipeline).runs == 2
    assert page.said == []  # type: ignore[attr-defined]  # set by `open_page`


def test_lines_arrive_in_their_section(open_page: Open) -> None:
    project = Project.objects.get(name="orders")
    job = make_job(make_pipeline(project, status="running"), "live", status="running")
    make_attempt(job, b"section_start:1:a\r\x1b[0KPart\none\n", status="running", finished_at=None)
    body = {"ops": [["line", line_html(Line(3, "two"))], ["close", "3.0 s"]], "rest": "thr"}
    frames = f'id: 9:4:-1.-1.0:\ndata: {json.dumps(body)}\n\nevent: end\ndata: ""\n\n'
    page = open_page(AUTHOR, "/healthz", stream=frames)
    page.goto(f"/pipelines/jobs/{job.pk}/")
    page.locator(".pl-section #L3").wait_for()
    assert page.locator(".pl-section .pl-took").inner_text() == "3.0 s"
    assert page.locator("#joblog > [data-log-rest]").inner_text().strip() == "thr"


def test_the_icon_of_a_running_job_turns_inside_its_box(open_page: Open) -> None:
    pipeline = make_pipeline(Project.objects.get(name="orders"), status="running")
    for name in ("first", "second"):
        make_job(pipeline, name, status="running")
    page = open_page(AUTHOR, f"/pipelines/{pipeline.pk}/")
    page.emulate_media(reduced_motion="no-preference")
    boxes = page.locator("a.pl-box")
    assert boxes.count() == 2
    for box in boxes.all():
        inside = """(link) => link.querySelector(".pl-busy use").getAnimations().map((turn) => {
            turn.pause();
            turn.currentTime = 300;
            const [icon, room] = [link.querySelector(".pl-busy use"), link.querySelector("rect")]
                .map((one) => one.getBoundingClientRect());
            return icon.left >= room.left && icon.right <= room.right
                && icon.top >= room.top && icon.bottom <= room.bottom;
        })"""
        assert box.evaluate(inside) == [True]
