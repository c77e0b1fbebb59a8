"""The pages of pipelines: what they show, what their buttons do, who may."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from idp.common import host
from pipelines.reports import models as reports
from pipelines.runs.models import Pipeline
from pipelines.runs.portal_parts import find, mine, of_component
from portal.models import Component
from rbac.actors import Actor
from rbac.models import User
from tests.pipelines.reports.making import junit, upload
from tests.pipelines.runs.conftest import World
from tests.pipelines.runs.factories import make_artifact, make_attempt, make_job, make_pipeline

TWO = """
build: {stage: build, script: [echo]}
ask: {stage: build, script: [echo], when: manual, allow_failure: false}
test: {script: [echo], needs: [build]}
left: {script: [echo], rules: [{if: '$NEVER', when: always}]}
"""


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text_of(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def test_the_list_says_how_each_stage_is(world: World) -> None:
    pipeline = make_pipeline(world.project, world.people.developer, status="failed")
    make_job(pipeline, "a")
    make_job(pipeline, "b", "test", status="failed")
    make_job(pipeline, "c", "test")
    text = text_of(client_of(world.people.viewer), "/pipelines/")
    assert "orders #1" in text
    assert "build: 1 passed" in text
    assert "test: 1 failed, 1 passed" in text
    assert "Start a pipeline" not in re.sub(r"Start a pipeline…", "", text)


def test_the_list_needs_no_more_queries_for_more_rows(world: World) -> None:
    client = client_of(world.people.developer)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/pipelines/").status_code == 200
        return len(captured)

    make_job(make_pipeline(world.project), "a")
    queries()
    few = queries()
    for _ in range(8):
        make_job(make_pipeline(world.project), "a")
    assert queries() == few


def test_pages_of_the_list_follow_each_other(world: World) -> None:
    for number in range(1, 31):
        make_pipeline(world.project, title=f"Commit {number}")
    client = client_of(world.people.viewer)
    first = client.get("/pipelines/").content.decode()
    assert "orders #30<" in first
    assert "orders #5<" not in first
    (after,) = re.findall(r'href="(\?after=\d+)"', first)
    second = client.get(f"/pipelines/{after}").content.decode()
    assert "orders #5<" in second
    (before,) = re.findall(r'href="(\?before=\d+)"', second)
    assert "orders #30<" in client.get(f"/pipelines/{before}").content.decode()


def test_an_empty_list_says_what_to_do(world: World) -> None:
    text = text_of(client_of(world.people.developer), "/pipelines/")
    assert "Push a commit with a .gitlab-ci.yml" in text
    assert "/git/orders.git" in text
    assert "No match" in text_of(client_of(world.people.developer), "/pipelines/?q=absent")
    assert "can’t list" in text_of(client_of(world.people.stranger), "/pipelines/")


@pytest.mark.parametrize("there", [True, False])
def test_a_job_that_nobody_can_run_says_what_to_do(
    world: World, settings: Settings, there: bool
) -> None:
    settings.CI_RUNNER_PROJECTS = ["*"] if there else []
    pipeline = world.start("unit: {script: [echo], tags: [gpu]}")
    why = "No runner has the tags gpu." if there else "Nothing runs jobs of orders."
    client, job = client_of(world.people.developer), pipeline.jobs.get()
    for path in (f"/pipelines/{pipeline.pk}/", f"/pipelines/jobs/{job.pk}/"):
        text = text_of(client, path)
        assert f"Waits for a runner with the tags gpu. {why}" in text
        assert "attach an agent" in text.lower()
    assert why in client.get(f"/api/v1/jobs/{job.pk}/").json()["reason"]


def test_a_pipeline_says_what_waits_for_what(world: World) -> None:
    pipeline = world.start(TWO)
    client = client_of(world.people.developer)
    path = f"/pipelines/{pipeline.pk}/"
    text = text_of(client, path)
    assert "Waits for a runner." in text
    assert "Waits for build." in text
    assert "Somebody has to start it. What follows waits for it." in text
    assert "Jobs that are not in this pipeline" in text
    page = client.get(path).content.decode()
    assert page.count('class="pl-line"') == 1
    assert page.count('class="pl-box') == 3
    assert 'data-live-row="pipeline-' in page


def test_what_is_wrong_with_the_file_is_told_with_its_line(world: World) -> None:
    pipeline = world.start("job:\n  script: [echo]\n  nonsense: 1\n")
    text = text_of(client_of(world.people.viewer), f"/pipelines/{pipeline.pk}/")
    assert "What is wrong with the file" in text
    assert ".gitlab-ci.yml:3" in text


def test_the_critical_path_goes_back_by_who_ended_last(world: World) -> None:
    now = timezone.now()
    pipeline = make_pipeline(world.project, stages=["build", "test"])
    for name, stage, needs, start, end in (
        ("quick", "build", None, 0, 1),
        ("slow", "build", None, 0, 9),
        ("after-quick", "test", ["quick"], 1, 5),
        ("after-slow", "test", ["quick", "slow"], 9, 12),
    ):
        make_job(pipeline, name, stage, needs=needs, started_at=now + timedelta(seconds=start),
                 finished_at=now + timedelta(seconds=end))  # fmt: skip
    text = text_of(client_of(world.people.viewer), f"/pipelines/{pipeline.pk}/")
    assert "Critical path: slow → after-slow. To" in text


def test_buttons_do_what_they_say(world: World) -> None:
    pipeline = world.start(TWO)
    client = client_of(world.people.developer)
    ask = world.job(pipeline, "ask")
    answer = client.post(f"/pipelines/jobs/{ask.pk}/play/", {"back": "1"}, follow=True)
    assert answer.redirect_chain == [(f"/pipelines/{pipeline.pk}/", 302)]
    assert "“ask” is started." in answer.content.decode()
    assert world.words(pipeline)["ask"] == "pending"
    again = client.post(f"/pipelines/jobs/{ask.pk}/play/", follow=True)
    assert "ask cannot be started" in again.content.decode()
    client.post(f"/pipelines/{pipeline.pk}/cancel/")
    pipeline.refresh_from_db()
    assert pipeline.status == "canceled"
    client.post(f"/pipelines/{pipeline.pk}/retry/")
    pipeline.refresh_from_db()
    assert pipeline.status in {"running", "manual"}


def test_who_may_not_run_sees_why(world: World) -> None:
    pipeline = world.start(TWO)
    client = client_of(world.people.viewer)
    page = text_of(client, f"/pipelines/{pipeline.pk}/")
    assert "Running it needs pipeline.run." in page
    assert client.post(f"/pipelines/{pipeline.pk}/cancel/").status_code == 403
    stranger = client_of(world.people.stranger)
    for path in (f"/pipelines/{pipeline.pk}/", f"/pipelines/jobs/{world.job(pipeline, 'ask').pk}/"):
        assert stranger.get(path).status_code == 404


def test_the_form_starts_a_pipeline_once(world: World) -> None:
    world.commit(TWO)
    client = client_of(world.people.developer)
    once = re.findall(
        r'name="once" value="(\w+)"', client.get("/pipelines/start/").content.decode()
    )
    data = {"project": "orders", "ref": "main", "variables": "A=1\n\nB= two=2", "once": once[0]}
    answer = client.post("/pipelines/start/", data)
    pipeline = Pipeline.objects.get()
    assert answer["Location"] == f"/pipelines/{pipeline.pk}/"
    assert pipeline.given == '{"A": "1", "B": " two=2"}'
    assert client.post("/pipelines/start/", data)["Location"] == answer["Location"]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("ref", "absent", "has no branch or tag"),
        ("variables", "A", "Line 1 has no “=”."),
        ("variables", "A=1\nA=2", "Line 2 names A again."),
        ("variables", "2=x", "is no name of a variable"),
    ],
)
def test_refusals_stand_beside_their_field(
    world: World, field: str, value: str, message: str
) -> None:
    world.commit(TWO)
    data = {"project": "orders", "ref": "main", field: value}
    answer = client_of(world.people.developer).post("/pipelines/start/", data)
    assert answer.status_code == 422
    (error,) = re.findall(
        rf'id="id_{field}-error">.*?<span>(.*?)</span>', answer.content.decode(), re.DOTALL
    )
    assert message in error
    assert not Pipeline.objects.exists()


def test_the_job_page_shows_why_it_ran_and_its_log(world: World) -> None:
    pipeline = make_pipeline(world.project)
    job = make_job(pipeline, "build", status="failed", reason="exit code 1", runs=2)
    make_attempt(job, b"first\n", status="failed", message="exit code 3")
    make_attempt(job, b"\x1b[31msecond\x1b[0m <b>\n", status="failed")
    client = client_of(world.people.viewer)
    path = f"/pipelines/jobs/{job.pk}/"
    page = client.get(path).content.decode()
    assert '<span class="ansi-red">second</span> &lt;b&gt;' in page
    assert "exit code 3" in page
    assert "No rule keeps it out" in page
    assert "first" in text_of(client, f"{path}?attempt=1")
    saved = client.get(f"{path}log/?attempt=1")
    assert (saved.content, saved["X-Content-Type-Options"]) == (b"first\n", "nosniff")


def test_red_tests_lead_to_their_history_and_owner(world: World) -> None:
    pipeline = make_pipeline(world.project, status="failed")
    slow = make_job(pipeline, "unit: [slow]", status="failed")
    fast = make_job(pipeline, "unit: [fast]")
    client = client_of(world.people.viewer)
    path = f"/pipelines/{pipeline.pk}/"
    commit = f"/pipelines/commits/orders/{pipeline.sha}/"
    assert commit not in client.get(path).content.decode()
    for job, outcome in ((slow, "failed"), (fast, "passed")):
        more = {"job": job.name, "name": f"{job.name}: r.xml"}
        upload(world.developer, world.project, junit(adds=outcome), pipeline.sha, **more)
    test = f'href="/pipelines/tests/{reports.TestCase.objects.get().pk}/"'
    for where in (path, f"/pipelines/jobs/{slow.pk}/"):
        page = client.get(where).content.decode()
        assert test in page
        assert f"team {world.project.team.name}</span>" in page
    assert "1 failed test" in text_of(client, path)
    assert commit in client.get(path).content.decode()
    assert test not in client.get(f"/pipelines/jobs/{fast.pk}/").content.decode()


def test_the_shell_knows_pipelines(world: World) -> None:
    pipeline = make_pipeline(world.project, world.people.developer, status="failed")
    actor = Actor(world.people.developer)
    assert [hit.title for hit in find(actor, "hello", 5)] == ["orders #1"]
    assert find(Actor(world.people.stranger), "hello", 5) == []
    component = Component.objects.create(
        name="orders-api", owner=world.project.team, project=world.project
    )
    tab = of_component(actor, component)
    assert [row["pipeline"] for row in tab["rows"]] == [pipeline]
    with CaptureQueriesContext(connection) as captured:
        panel = mine(actor)
    assert panel is not None
    assert (len(captured), panel["count"]) == (1, 1)
    assert mine(Actor(world.people.viewer)) is None
    assert "start-pipeline" in {one.key for one in host.commands}


def test_an_artifact_is_browsed_and_its_files_run_nowhere(world: World) -> None:
    job = make_job(make_pipeline(world.project), "build")
    attempt = make_attempt(job)
    files = {"out/app.html": b"<script>", "out/deep/x": b"1", "top": b"2"}
    make_artifact(attempt, files)
    make_artifact(attempt, files, kind="sast", access="maintainer")
    client = client_of(world.people.viewer)
    path = f"/pipelines/jobs/{job.pk}/artifacts/archive/"
    assert "archive" in text_of(client, f"/pipelines/jobs/{job.pk}/")
    root, inside = text_of(client, path), text_of(client, f"{path}?folder=out")
    assert ("top" in root, "app.html" in root) == (True, False)
    assert "app.html" in inside
    assert "deep" in inside
    answer = client.get(f"{path}file/?path=out/app.html")
    assert b"".join(answer.streaming_content) == b"<script>"  # type: ignore[attr-defined]
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"] == 'attachment; filename="app.html"'
    assert answer["X-Content-Type-Options"] == "nosniff"
    for wrong in ("?folder=absent", "file/?path=../x", "file/?path=out/", "file/"):
        assert client.get(f"{path}{wrong}").status_code == 404, wrong
    kept = path.replace("archive", "sast")
    assert client.get(kept).status_code == client.get(f"{kept}file/?path=top").status_code == 403


def test_the_page_and_rest_say_what_of_the_file_nothing_acts_on(world: World) -> None:
    pipeline = world.start("a: {script: [x], when: manual, services: [b]}")
    client = client_of(world.people.viewer)
    text = text_of(client, f"/pipelines/{pipeline.pk}/")
    assert "What the file says and nothing acts on" in text
    assert ".gitlab-ci.yml:1: warning [not-run] “services” of “a”" in text
    (line,) = client.get(f"/api/v1/pipelines/{pipeline.pk}/").json()["not_run"]
    assert "“services” of “a”" in line


def test_the_question_of_a_manual_job_stands_before_its_start(world: World) -> None:
    text = "a: {script: [x], when: manual, manual_confirmation: 'Is <b>$CI_JOB_NAME</b> ready?'}"
    pipeline = world.start(text)
    job = world.job(pipeline, "a")
    client = client_of(world.people.developer)
    for path in (f"/pipelines/{pipeline.pk}/", f"/pipelines/jobs/{job.pk}/"):
        body = client.get(path).content.decode()
        assert "Is &lt;b&gt;a&lt;/b&gt; ready?" in body
        assert "Yes, start it" in body
    answer = client.get(f"/api/v1/jobs/{job.pk}/").json()
    assert answer["manual_confirmation"] == "Is <b>a</b> ready?"


def test_a_job_that_no_hand_starts_asks_nothing(world: World) -> None:
    pipeline = world.start("a: {script: [x], manual_confirmation: 'Sure?'}")
    assert world.job(pipeline, "a").manual_confirmation == ""
