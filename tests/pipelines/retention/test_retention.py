"""Old pipelines go as their project says, in steps that may be killed; some always stay."""

from __future__ import annotations

import io
import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from idp.common.errors import Invalid, NotVisible
from pipelines.backends import blobs
from pipelines.backends.files import Folder
from pipelines.downstream.models import Downstream
from pipelines.environs.models import JobEnvironment
from pipelines.retention import removing, selectors, services
from pipelines.retention.models import Retention
from pipelines.runs import claiming
from pipelines.runs.models import Artifact, Attempt, Job, LogChunk, Pipeline
from pipelines.runs.services import acting, ending, expiring
from pipelines.runs.services.ending import End
from rbac.access import AccessForbidden
from rbac.actors import Actor
from rbac.models import AuditRecord
from tests.pipelines.deploys.factories import make_bundle
from tests.pipelines.runs.conftest import World, _places, world

__all__ = ["_places", "world"]
JOB = "job: {script: [echo]}"
PATH = "/pipelines/retention/orders/"
REST = "/api/v1/projects/orders/pipeline-retention/"


def content(number: int) -> Path:
    """Where the content of an artifact of the n-th pipeline is."""
    digest, _ = blobs.put(io.BytesIO(b"artifact %d" % number))
    path = Folder(Path(settings.BLOBS_DIR)).path_of(digest)
    os.utime(path, (1, 1))
    return path


def old(world: World, days: float = 100, ref: str = "main") -> Pipeline:
    """A pipeline that ended so long ago, with a log and an artifact."""
    pipeline = world.start(f"{JOB}  # {Pipeline.objects.count()}", ref=ref)
    (taken,) = claiming.take(1)
    LogChunk.objects.create(attempt=taken.attempt, start=0, data=b"said")
    path = content(pipeline.number)
    Artifact.objects.create(
        attempt=taken.attempt, kind="archive", name="a", digest=path.name, size=1, entries=1
    )
    ending.finish(taken.lease, End("success"))
    then = timezone.now() - timedelta(days=days)
    Pipeline.objects.filter(pk=pipeline.pk).update(finished_at=then)
    pipeline.refresh_from_db()
    return pipeline


def numbers() -> list[int]:
    return list(Pipeline.objects.order_by("number").values_list("number", flat=True))


class TestWhatGoes:
    def test_with_it_go_jobs_logs_and_artifacts(self, world: World) -> None:
        for _ in range(3):
            old(world)
        assert removing.sweep() == 2
        assert numbers() == [3]
        rows = (Job, Attempt, LogChunk, Artifact)
        assert [row.objects.count() for row in rows] == [1, 1, 1, 1]
        kept = {Path(one).name for one in Folder(Path(settings.BLOBS_DIR)).root.glob("*/*")}
        assert kept == {Artifact.objects.get().digest}
        assert removing.sweep() == 0

    def test_a_forks_request_replaces_no_branchs_latest(self, world: World) -> None:
        old(world)
        fork = old(world)
        request = Pipeline.Source.MERGE_REQUEST
        Pipeline.objects.filter(pk=fork.pk).update(foreign=True, source=request)
        assert removing.sweep() == 0

    def test_one_that_an_environment_stands_by_stays(self, world: World) -> None:
        first = old(world)
        old(world)
        environment = JobEnvironment.objects.create(
            project=world.project, name="review/a", tier="development", job=first.jobs.get()
        )
        assert removing.sweep() == 0
        environment.state = "stopped"
        environment.save()
        assert removing.sweep() == 1

    def test_one_above_a_pipeline_that_runs_stays(self, world: World) -> None:
        first, _ = old(world), old(world)
        below = world.start(JOB, ref="below")
        Downstream.objects.create(job=first.jobs.get(), run=1, pipeline=below, root=first, level=0)
        assert removing.sweep() == 0
        Pipeline.objects.filter(pk=below.pk).update(status="success")
        assert removing.sweep() == 1

    def test_the_latest_of_each_branch_stays(self, world: World) -> None:
        old(world)
        old(world, ref="other")
        old(world)
        old(world, ref="other")
        assert removing.sweep() == 2
        assert numbers() == [3, 4]

    def test_one_whose_time_is_not_over_stays_and_one_that_runs(self, world: World) -> None:
        old(world, days=80)
        waits = world.start("job: {script: [echo], when: manual, allow_failure: false}")
        assert waits.status == "manual"
        Pipeline.objects.filter(pk=waits.pk).update(created_at=timezone.now() - timedelta(1000))
        old(world)
        old(world)
        assert removing.sweep() == 1
        assert numbers() == [1, 2, 4]

    @pytest.mark.parametrize("named", ["pipeline", "commit"])
    def test_what_a_bundle_names_stays(self, world: World, named: str) -> None:
        first = old(world)
        old(world)
        by_pipeline = named == "pipeline"
        make_bundle(
            world.project,
            sha="0" * 40 if by_pipeline else first.sha,
            pipeline=first if by_pipeline else None,
        )
        assert removing.sweep() == 0

    def test_a_child_is_no_latest_and_goes_after_its_parent(self, world: World) -> None:
        parent, child = old(world), old(world)
        Downstream.objects.create(
            job=parent.jobs.get(), run=1, pipeline=child, root=parent, level=1
        )
        Pipeline.objects.filter(pk=child.pk).update(source=Pipeline.Source.PARENT)
        assert removing.sweep() == 0
        old(world)
        assert removing.sweep() == 1
        assert numbers() == [2, 3]
        assert removing.sweep() == 1
        assert numbers() == [3]

    def test_content_that_another_pipeline_has_stays(self, world: World) -> None:
        first, second = old(world), old(world)
        shared = Artifact.objects.get(attempt__job__pipeline=first)
        Artifact.objects.filter(attempt__job__pipeline=second).update(digest=shared.digest)
        assert removing.sweep() == 1
        with blobs.open_blob(shared.digest) as file:
            assert file.read()


class TestHowLong:
    def test_the_project_says_or_the_installation(self, world: World, settings: Settings) -> None:
        other = world.other()
        for one in (world, other):
            old(one, days=40)
            old(one, days=40)
        manager = Actor(world.people.maintainer)
        assert removing.sweep() == 0
        services.set_days(manager, world.project, 30)
        assert selectors.going(world.project, 30) == 1
        assert removing.sweep() == 1
        assert Pipeline.objects.filter(project=other.project).count() == 2
        settings.CI_PIPELINE_DAYS = 20
        services.set_days(manager, world.project, None)
        assert removing.sweep() == 1
        assert Pipeline.objects.filter(project=world.project).count() == 1

    def test_for_ever(self, world: World, settings: Settings) -> None:
        settings.CI_PIPELINE_DAYS = 0
        old(world, days=3000)
        old(world, days=3000)
        assert (removing.sweep(), selectors.going(world.project, None)) == (0, 0)

    @pytest.mark.parametrize("days", [0, -1, 3651])
    def test_bounds(self, world: World, days: int) -> None:
        with pytest.raises(Invalid, match="1 to 3650 days"):
            services.set_days(Actor(world.people.maintainer), world.project, days)

    def test_who_may_and_what_is_noted(self, world: World) -> None:
        with pytest.raises(AccessForbidden):
            services.set_days(world.developer, world.project, 1)
        services.set_days(Actor(world.people.maintainer), world.project, 30)
        row = AuditRecord.objects.get(action="pipeline_retention.update")
        assert (row.before["days"], row.after["days"]) == (90, 30)
        assert row.actor_label == Retention.objects.get().changed_by


def broken_at(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """The process is killed there, the first time."""

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    places: dict[str, tuple[object, str]] = {
        "content": (expiring, "release"),
        "logs": (LogChunk.objects, "filter"),
        "jobs": (Job.objects, "filter"),
    }
    monkeypatch.setattr(*places[where], killed)


class TestKilled:
    @pytest.mark.parametrize("where", ["content", "logs", "jobs"])
    def test_in_the_middle_the_next_run_goes_on(
        self, world: World, monkeypatch: pytest.MonkeyPatch, where: str
    ) -> None:
        first, _ = old(world), old(world)
        with monkeypatch.context() as patch:
            broken_at(patch, where)
            with pytest.raises(KeyboardInterrupt):
                removing.sweep()
        assert numbers() == [1, 2]
        with pytest.raises(NotVisible, match="being removed"):
            acting.retry(world.developer, first.jobs.get().pk)
        Retention.objects.create(project=world.project, days=None)  # no way back for what has begun
        assert removing.sweep() == 1
        assert numbers() == [2]
        left = set(Folder(Path(settings.BLOBS_DIR)).root.glob("*/*"))
        assert {path.name for path in left} == {Artifact.objects.get().digest}

    def test_a_store_that_is_away_leaves_the_pipeline_for_the_next_run(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        old(world)
        old(world)
        with monkeypatch.context() as patch:
            patch.setattr(expiring, "release", lambda _: 0)
            assert removing.sweep() == 0
        assert Artifact.objects.count() == 2
        assert removing.sweep() == 1

    def test_one_that_runs_again_meanwhile_stays(self, world: World) -> None:
        first, _ = old(world), old(world)
        acting.retry(world.developer, first.jobs.get().pk)
        assert removing._mark(first.pk) is False

    def test_a_run_has_an_end(self, world: World) -> None:
        old(world)
        old(world)
        assert removing.sweep(seconds=-1) == 0
        assert numbers() == [1, 2]


class TestPagesAndRest:
    def client(self, person: object) -> Client:
        client = Client()
        client.force_login(person)  # type: ignore[arg-type]
        return client

    def test_what_goes_is_said_before_it_is_saved(self, world: World) -> None:
        old(world, days=40)
        old(world, days=40)
        client = self.client(world.people.maintainer)
        asked = client.post(PATH, {"days": "30"})
        assert asked.status_code == 422
        assert "With 30 days, 1 pipeline goes within the next hours" in asked.content.decode()
        assert not Retention.objects.exists()
        done = client.post(PATH, {"days": "30", "sure": "30"}, follow=True)
        assert "Pipelines of orders are kept for 30 days." in done.content.decode()
        assert Retention.objects.get().days == 30

    def test_where_nothing_goes_it_is_saved_at_once(self, world: World) -> None:
        client = self.client(world.people.maintainer)
        assert client.post(PATH, {"for_ever": "on"}).status_code == 302
        assert Retention.objects.get().days is None
        assert "for ever" in client.get("/pipelines/retention/").content.decode()
        assert client.post(PATH, {"days": "0"}).status_code == 422
        assert client.post(PATH, {}).status_code == 422

    def test_who_only_sees_it_changes_nothing(self, world: World) -> None:
        client = self.client(world.people.developer)
        assert (
            "by who manages its pipelines" in client.get("/pipelines/retention/").content.decode()
        )
        assert client.get(PATH).status_code == 403
        assert client.put(REST, {"days": 1}, "application/json").status_code == 403
        assert client.get(REST).json()["days"] == 90

    def test_one_that_is_being_removed_is_not_there(self, world: World) -> None:
        pipeline = old(world)
        Pipeline.objects.filter(pk=pipeline.pk).update(removing=True)
        client = self.client(world.people.maintainer)
        job = pipeline.jobs.get().pk
        for path in (f"/pipelines/{pipeline.pk}/", f"/pipelines/jobs/{job}/"):
            assert client.get(path).status_code == 404
        assert client.get("/api/v1/pipelines/").json()["results"] == []

    def test_by_rest(self, world: World) -> None:
        old(world, days=40)
        old(world, days=40)
        client = self.client(world.people.maintainer)
        assert client.get(REST).json() == {
            "project": "orders", "days": 90, "own": False, "changed_by": "", "changed_at": None,
            "going": 0,
        }  # fmt: skip
        answer = client.put(REST, {"days": 30}, "application/json").json()
        assert (answer["days"], answer["own"], answer["going"]) == (30, True, 1)
        assert client.put(REST, {"days": None}, "application/json").json()["days"] is None
        assert client.put(REST, {"days": 0}, "application/json").status_code == 422
        assert client.put(REST, {}, "application/json").status_code == 422
