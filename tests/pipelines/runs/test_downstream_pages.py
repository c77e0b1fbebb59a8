"""What pages and REST show above and below a pipeline: as much as the person sees."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from pipelines.downstream.models import Downstream
from pipelines.runs.models import Job, Pipeline
from rbac.models import User
from tests.pipelines.runs.factories import make_job, make_pipeline
from tests.rbac.factories import Characters, make_characters, make_project

pytestmark = pytest.mark.django_db


class Started:
    """A pipeline with a trigger job that ran twice, and one of another project below it."""

    def __init__(self) -> None:
        self.people: Characters = make_characters()
        project = self.people.project
        self.parent = make_pipeline(project, self.people.developer)
        self.go = make_job(self.parent, "go", triggers=True, runs=2)
        self.away = make_job(self.parent, "away", "test", triggers=True)
        source = Pipeline.Source.PARENT
        self.first = make_pipeline(project, source=source, status="failed")
        self.child = make_pipeline(project, source=source, status="running", title="Child")
        self.other = make_pipeline(make_project("secret"), source="pipeline", title="Apart")
        for run, (job, made) in enumerate(
            [(self.go, self.first), (self.go, self.child), (self.away, self.other)], 1
        ):
            link(job, run, made, self.parent)

    def get(self, path: str, user: User | None = None) -> str:
        client = Client()
        client.force_login(user or self.people.developer)
        answer = client.get(path)
        assert answer.status_code == 200
        return answer.content.decode()

    def json(self, path: str, user: User | None = None) -> Any:
        client = Client()
        client.force_login(user or self.people.developer)
        return client.get(path).json()


def link(job: Job, run: int, made: Pipeline, root: Pipeline) -> Downstream:
    return Downstream.objects.create(job=job, run=run, pipeline=made, root=root, level=1)


@pytest.fixture
def started(db: None) -> Started:
    return Started()


def test_a_pipelines_page_shows_what_its_jobs_started_last(started: Started) -> None:
    page = started.get(f"/pipelines/{started.parent.pk}/")
    assert "Downstream pipelines" in page
    assert f'href="/pipelines/{started.child.pk}/"' in page
    assert f'href="/pipelines/{started.first.pk}/"' not in page
    assert f"Pipeline #{started.child.number}: Running, started by go" in page  # in the graph
    assert "A pipeline of a project that you do not see" in page
    assert "secret" not in page
    page = started.get(f"/pipelines/{started.parent.pk}/", started.people.administrator)
    assert f'href="/pipelines/{started.other.pk}/"' in page
    assert "secret #1" in page


def test_a_childs_page_leads_up(started: Started) -> None:
    page = started.get(f"/pipelines/{started.child.pk}/")
    assert f'data-live-row="pipeline-{started.parent.pk}"' in page
    assert f'href="/pipelines/jobs/{started.go.pk}/"' in page
    page = started.get(f"/pipelines/{started.other.pk}/", started.people.administrator)
    assert "orders #1" in page


def test_what_stands_above_in_a_project_that_is_not_seen(started: Started) -> None:
    made = make_pipeline(started.people.project, source="pipeline")
    upper = make_pipeline(started.other.project, title="Apart")
    link(make_job(upper, "hidden-job", triggers=True), 1, made, upper)
    page = started.get(f"/pipelines/{made.pk}/")
    assert "A pipeline of a project that you do not see" in page
    assert "hidden-job" not in page
    answer = started.json(f"/api/v1/pipelines/{made.pk}/")
    assert answer["upstream"] == {
        "job": "", "run": 1, "pipeline": "", "status": "", "child": False,
    }  # fmt: skip


def test_a_jobs_page_shows_all_that_it_started(started: Started) -> None:
    page = started.get(f"/pipelines/jobs/{started.go.pk}/")
    assert "What it started" in page
    for made in (started.first, started.child):
        assert f'href="/pipelines/{made.pk}/"' in page


def test_rest_says_the_same(started: Started) -> None:
    answer = started.json(f"/api/v1/pipelines/{started.parent.pk}/")
    child, hidden = answer["downstream"]
    assert answer["upstream"] is None
    assert child == {
        "job": f"/api/v1/jobs/{started.go.pk}/",
        "run": 2,
        "pipeline": f"/api/v1/pipelines/{started.child.pk}/",
        "status": "running",
        "child": True,
    }
    assert (hidden["pipeline"], hidden["status"]) == ("", "")
    answer = started.json(f"/api/v1/pipelines/{started.child.pk}/")
    assert answer["upstream"]["pipeline"] == f"/api/v1/pipelines/{started.parent.pk}/"
    answer = started.json(f"/api/v1/jobs/{started.go.pk}/")
    assert [one["run"] for one in answer["downstream"]] == [2, 1]


def test_lists_hide_children_until_they_are_asked_for(started: Started) -> None:
    numbers = [one["number"] for one in started.json("/api/v1/pipelines/")["results"]]
    assert numbers == [1]
    found = started.json("/api/v1/pipelines/?source=parent_pipeline")["results"]
    assert [one["number"] for one in found] == [3, 2]
    assert ">child</span>" not in started.get("/pipelines/")
    page = started.get("/pipelines/?source=parent_pipeline")
    assert page.count(">child</span>") == 2
    assert "Children" in page
    page = started.get("/pipelines/?q=%233")
    assert f"/pipelines/{started.child.pk}/" in page


def test_a_page_costs_as_many_queries_for_one_child_as_for_many(
    started: Started, django_assert_max_num_queries: Any
) -> None:
    for at in range(10):
        job = make_job(started.parent, f"more-{at}", triggers=True)
        made = make_pipeline(started.people.project, source=Pipeline.Source.PARENT)
        link(job, 1, made, started.parent)
    client = Client()
    client.force_login(started.people.developer)
    client.get(f"/pipelines/{started.parent.pk}/")
    with django_assert_max_num_queries(14):
        client.get(f"/pipelines/{started.parent.pk}/")
