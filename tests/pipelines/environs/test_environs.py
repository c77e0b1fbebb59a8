"""Environments as jobs name them: who makes one, how long it lasts, what stops it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from idp.common.errors import Clash
from pipelines.environs.models import JobEnvironment
from pipelines.environs.services import stopping
from pipelines.runs.models import Pipeline
from pipelines.runs.services import acting
from pipelines.variables.models import Variable
from rbac.access import AccessForbidden
from rbac.actors import Actor
from rbac.models import AuditRecord
from tests.pipelines.environs.conftest import Work
from tests.pipelines.runs.conftest import World
from tests.pipelines.runs.factories import make_job, make_pipeline
from tests.pipelines.runs.test_pages import client_of, text_of

FILE = """
review:
  script: [x]
  environment:
    name: review/$CI_COMMIT_REF_NAME
    url: 'https://$HOST/'
    on_stop: stop
    auto_stop_in: 2 days
stop:
  script: [x]
  when: manual
  environment: {name: review/$CI_COMMIT_REF_NAME, action: stop}
"""


def started(world: World, work_off: Work, text: str = FILE, **dotenv: str) -> JobEnvironment:
    work_off(world.start(text), **dotenv)
    return JobEnvironment.objects.get()


def test_a_job_that_passed_starts_it_with_its_end_and_what_it_handed_on(
    world: World, work_off: Work
) -> None:
    row = started(world, work_off, HOST="fix.example.test")
    assert (row.name, row.tier, row.state) == ("review/main", "development", "available")
    assert row.url == "https://fix.example.test/"
    assert row.job is not None
    assert (row.job.name, row.on_stop, row.wanted) == ("review", "stop", "extend")
    assert row.auto_stop_at is not None
    left = row.auto_stop_at - timezone.now()
    assert timedelta(days=1, hours=23) < left <= timedelta(days=2)


def test_a_job_that_failed_or_a_forks_starts_none(world: World, work_off: Work) -> None:
    work_off(world.start(FILE), "review")
    foreign = world.start(FILE)
    Pipeline.objects.filter(pk=foreign.pk).update(foreign=True)
    work_off(foreign)
    assert not JobEnvironment.objects.exists()


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)", "https://user@example.test/", "ftp://example.test/", "https:///x",
        "https://[x/", "https://a.test/" + "a" * 500, "$HOST",
    ],
)  # fmt: skip
def test_an_address_that_is_none_to_link_is_left_out(
    world: World, work_off: Work, url: str
) -> None:
    text = f"a: {{script: [x], environment: {{name: r, url: '{url}'}}}}"
    assert started(world, work_off, text, HOST="javascript:x").url == ""


def test_a_masked_value_is_in_no_address(world: World, work_off: Work) -> None:
    Variable.objects.create(project=world.project, name="KEY", value="abcdefgh1", masked=True)
    text = "a: {script: [x], environment: {name: r, url: 'https://a.test/$KEY'}}"
    assert started(world, work_off, text).url == ""


@pytest.mark.parametrize(
    ("action", "renews"), [("prepare", True), ("access", True), ("verify", False)]
)
def test_other_actions_start_none_and_some_begin_its_time_anew(
    world: World, work_off: Work, action: str, renews: bool
) -> None:
    other = f"a: {{script: [x], environment: {{name: r, action: {action}, auto_stop_in: 3 days}}}}"
    work_off(world.start(other))
    assert not JobEnvironment.objects.exists()
    started(world, work_off, "a: {script: [x], environment: {name: r, auto_stop_in: 1 day}}")
    work_off(world.start(other))
    row = JobEnvironment.objects.get()
    assert row.auto_stop_at is not None
    assert (row.auto_stop_at > timezone.now() + timedelta(days=2)) is renews


def test_stopping_runs_the_stop_job_and_its_end_stops_it(world: World, work_off: Work) -> None:
    row = started(world, work_off)
    with pytest.raises(AccessForbidden):
        stopping.stop(Actor(world.people.viewer), row)
    stopping.stop(world.developer, row)
    assert row.state == "stopping"
    assert row.job is not None
    pipeline = row.job.pipeline
    assert world.words(pipeline)["stop"] == "pending"
    assert AuditRecord.objects.filter(action="job-environment.stop").exists()
    with pytest.raises(Clash, match="cannot be started now"):
        stopping.stop(world.developer, row)
    work_off(pipeline)
    row.refresh_from_db()
    assert (row.state, row.auto_stop_at, row.wanted) == ("stopped", None, "stop")
    with pytest.raises(Clash, match="stopped already"):
        stopping.stop(world.developer, row)


def test_a_stop_job_started_by_hand_stops_it_too_and_a_new_start_brings_it_back(
    world: World, work_off: Work
) -> None:
    row = started(world, work_off)
    assert row.job is not None
    acting.play(world.developer, world.job(row.job.pipeline, "stop").pk)
    work_off(row.job.pipeline)
    row.refresh_from_db()
    assert row.state == "stopped"
    assert started(world, work_off).state == "available"


def test_a_stop_job_that_fails_leaves_it_there_and_says_why(world: World, work_off: Work) -> None:
    row = started(world, work_off)
    stopping.stop(world.developer, row)
    assert row.job is not None
    work_off(row.job.pipeline, "stop")
    row.refresh_from_db()
    assert row.state == "available"
    assert "“stop” did not pass: it ended with exit code 1" in row.problem
    stopping.stop(world.developer, row)
    work_off(row.job.pipeline)
    row.refresh_from_db()
    assert (row.state, row.problem) == ("stopped", "")


@pytest.mark.parametrize("broken", [(), ("stop",)])
def test_a_stop_jobs_end_overwrites_nothing_that_came_meanwhile(
    world: World, work_off: Work, monkeypatch: pytest.MonkeyPatch, broken: tuple[str, ...]
) -> None:
    row = started(world, work_off)
    stopping.stop(world.developer, row)
    assert row.job is not None
    save, now = JobEnvironment.save, timezone.now()

    def late(self: JobEnvironment, *args: Any, **options: Any) -> None:
        JobEnvironment.objects.filter(pk=self.pk).update(tried_at=now, url="https://a.test/")
        save(self, *args, **options)

    monkeypatch.setattr(JobEnvironment, "save", late)
    with CaptureQueriesContext(connection) as done:
        work_off(row.job.pipeline, *broken)
    row.refresh_from_db()
    assert row.state == ("available" if broken else "stopped")
    assert (row.tried_at, row.url) == (now, "https://a.test/")
    table = JobEnvironment._meta.db_table
    locked = any(f'FROM "{table}"' in q["sql"] and "FOR UPDATE" in q["sql"] for q in done)
    assert locked is connection.features.has_select_for_update


def test_without_a_stop_job_it_is_stopped_at_once(world: World, work_off: Work) -> None:
    row = started(world, work_off, "a: {script: [x], environment: r}")
    assert stopping.stop(world.developer, row).state == "stopped"


def test_at_its_time_it_is_stopped_once_as_whoever_started_it(world: World, work_off: Work) -> None:
    row = started(world, work_off)
    assert stopping.stop_due() == 0
    past = timezone.now() - timedelta(seconds=1)
    JobEnvironment.objects.update(auto_stop_at=past, wanted="")
    assert (stopping.stop_due(), stopping.stop_due()) == (1, 0)
    row.refresh_from_db()
    assert row.state == "stopping"
    assert row.job is not None
    work_off(row.job.pipeline, "stop")
    assert stopping.stop_due() == 0  # a job that fails is not run over and over
    assert world.job(row.job.pipeline, "stop").started_by == world.developer.label


def test_who_started_it_and_is_gone_stops_nothing(world: World, work_off: Work) -> None:
    row = started(world, work_off)
    JobEnvironment.objects.update(auto_stop_at=timezone.now(), wanted="")
    world.people.developer.is_active = False
    world.people.developer.save()
    assert stopping.stop_due() == 1
    row.refresh_from_db()
    assert (row.state, "nobody's rights" in row.problem) == ("available", True)


def test_the_page_and_rest_show_it_and_stop_it(world: World, work_off: Work) -> None:
    row = started(world, work_off, HOST="fix.example.test")
    client = client_of(world.people.developer)
    page = client.get("/pipelines/environments/").content.decode()
    assert 'href="https://fix.example.test/" rel="noopener noreferrer nofollow"' in page
    assert "The job <b>stop</b>" in page
    assert f'action="/pipelines/environments/{row.pk}/stop/"' in page
    watching = client_of(world.people.viewer)
    assert "Stop it" not in text_of(watching, "/pipelines/environments/")
    assert watching.post(f"/pipelines/environments/{row.pk}/stop/").status_code == 403
    path = f"/api/v1/job-environments/{row.pk}/"
    assert watching.get(path).json()["url"] == "https://fix.example.test/"
    assert watching.post(f"{path}stop/").status_code == 403
    (listed,) = client.get("/api/v1/job-environments/?project=orders").json()["results"]
    assert (listed["name"], listed["on_stop"]) == ("review/main", "stop")
    assert client_of(world.people.stranger).get(path).status_code == 404
    assert client.post(f"/pipelines/environments/{row.pk}/stop/").status_code == 302
    assert client.post(f"{path}stop/").status_code == 409
    job = row.job_id
    assert "available" not in text_of(client, f"/pipelines/jobs/{job}/")


def test_a_job_of_another_project_is_no_stop_job(world: World) -> None:
    make_job(make_pipeline(world.other().project), "stop")
    job = make_job(make_pipeline(world.project), "a")
    row = JobEnvironment(project=world.project, name="r", job=job, on_stop="stop")
    assert stopping.stop_job(row) is None
