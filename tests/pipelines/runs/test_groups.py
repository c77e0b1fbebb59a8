"""Who is next in a resource group, by each of GitLab's process modes."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import Settings

from pipelines.runs import claiming, groups
from pipelines.runs.models import Job, ResourceGroup
from pipelines.runs.services import advancing, cancelling, ending
from pipelines.runs.services.ending import End
from rbac.models import AuditRecord
from tests.pipelines.runs.conftest import World

DEPLOY = "deploy: {stage: deploy, script: [echo], resource_group: production}"
LATER = f"build: {{stage: build, script: [echo]}}\n{DEPLOY}"


def deploys(world: World) -> list[str]:
    """How the deploy of each pipeline stands, the oldest first."""
    rows = Job.objects.filter(name="deploy").order_by("pipeline_id")
    return list(rows.values_list("status", flat=True))


def end(name: str = "deploy") -> None:
    """Run the one attempt that may be taken to its end."""
    taken = next(one for one in claiming.take(9) if one.attempt.job.name == name)
    ending.finish(taken.lease, End("success"))


def mode(world: World, wanted: str) -> None:
    ResourceGroup.objects.update_or_create(
        project=world.project, key="production", defaults={"process_mode": wanted}
    )


class TestModes:
    @pytest.mark.parametrize(
        ("wanted", "second"),
        [
            ("unordered", ["success", "pending", "waiting_for_resource"]),
            ("oldest_first", ["success", "pending", "waiting_for_resource"]),
            ("newest_first", ["success", "waiting_for_resource", "pending"]),
            ("newest_ready_first", ["success", "waiting_for_resource", "pending"]),
        ],
    )
    def test_who_is_next(self, world: World, wanted: str, second: list[str]) -> None:
        mode(world, wanted)
        for _ in range(3):
            world.start(DEPLOY)
        end()
        assert deploys(world) == second

    @pytest.mark.parametrize(
        ("wanted", "then"),
        [
            ("unordered", ["created", "pending"]),
            ("oldest_first", ["created", "waiting_for_resource"]),
            ("newest_ready_first", ["created", "pending"]),
        ],
    )
    def test_an_older_one_that_is_still_to_come(
        self, world: World, wanted: str, then: list[str]
    ) -> None:
        mode(world, wanted)
        world.start(LATER)
        world.start(DEPLOY)
        assert deploys(world) == then
        if wanted == "oldest_first":
            reason = Job.objects.filter(name="deploy").latest("pk").reason
            assert reason == "“deploy” of #1 comes before it in production (oldest_first)."
            end("build")
            assert deploys(world) == ["pending", "waiting_for_resource"]

    def test_a_newer_one_that_is_still_to_come(self, world: World) -> None:
        mode(world, "newest_first")
        holder = world.start(DEPLOY)
        world.start(DEPLOY)
        world.start(LATER)
        (taken,) = [one for one in claiming.take(9) if one.attempt.job.pipeline == holder]
        ending.finish(taken.lease, End("success"))
        assert deploys(world) == ["success", "waiting_for_resource", "created"]

    def test_whoever_waits_says_behind_whom(self, world: World, settings: Settings) -> None:
        for _ in range(4):
            world.start(DEPLOY)
        settings.CI_RUNNER_PROJECTS = []
        end()
        first, second, *others = Job.objects.order_by("pk").values_list("status", "reason")
        assert first == ("success", "")
        assert second[0] == "pending"
        assert second[1].startswith("Nothing runs jobs of orders. Attach an agent")
        behind = "It waits for “deploy” of #2 in production."
        assert others == [("waiting_for_resource", behind)] * 2

    def test_one_that_never_comes_lets_the_others_go(self, world: World) -> None:
        mode(world, "oldest_first")
        older = world.start(LATER)
        world.start(DEPLOY)
        cancelling.end(older.jobs.all(), "Somebody stopped it.")
        advancing.advance(advancing.locked(pk=older.pk))
        assert advancing.free_groups() == 1
        assert deploys(world)[1] == "pending"
        assert advancing.free_groups() == 0


class TestSetting:
    def test_a_first_job_makes_the_group(self, world: World) -> None:
        world.start(DEPLOY)
        row = ResourceGroup.objects.get()
        assert (row.project, row.key, row.process_mode) == (
            world.project,
            "production",
            "unordered",
        )
        found = groups.one(world.developer, world.project.name, "production")
        assert found.holder is not None
        assert found.holder.name == "deploy"

    def test_by_rest(self, world: World, client: Client) -> None:
        world.start(DEPLOY)
        waits = world.start(DEPLOY)
        url = f"/api/v1/projects/{world.project.name}/resource-groups/production/"
        client.force_login(world.people.developer)
        shown = client.get(url).json()
        assert shown["holder"]["name"] == "deploy"
        assert [job["id"] for job in shown["upcoming_jobs"]] == [world.job(waits, "deploy").pk]
        put = {"process_mode": "oldest_first"}
        assert client.put(url, put, content_type="application/json").status_code == 403
        client.force_login(world.people.maintainer)
        answer = client.put(url, put, content_type="application/json")
        assert answer.json()["process_mode"] == "oldest_first"
        assert AuditRecord.objects.filter(action="resource_group.update").count() == 1
        wrong = client.put(url, {"process_mode": "best"}, content_type="application/json")
        assert wrong.status_code == 422
        assert wrong.json()["errors"][0]["field"] == "process_mode"
        assert client.get(url.replace("production", "none")).status_code == 404
        listed = client.get(f"/api/v1/projects/{world.project.name}/resource-groups/").json()
        assert [row["key"] for row in listed["results"]] == ["production"]

    def test_nobody_sees_those_of_other_projects(self, world: World, client: Client) -> None:
        world.start(DEPLOY)
        client.force_login(world.people.stranger)
        url = f"/api/v1/projects/{world.project.name}/resource-groups/"
        assert client.get(url).status_code == 404
        assert client.get(f"{url}production/").status_code == 404
        assert "<table" not in client.get("/pipelines/resource-groups/").content.decode()

    def test_by_page(self, world: World, client: Client) -> None:
        world.start(DEPLOY)
        world.start(DEPLOY)
        row = ResourceGroup.objects.get()
        client.force_login(world.people.maintainer)
        page = client.get("/pipelines/resource-groups/").content.decode()
        assert "of #1" in page
        assert "of #2" in page
        where = f"/pipelines/resource-groups/{row.pk}/mode/"
        assert client.post(where, {"process_mode": "newest_first"}).status_code == 302
        row.refresh_from_db()
        assert row.process_mode == "newest_first"
        client.force_login(world.people.developer)
        assert (
            "<select"
            not in client.get("/pipelines/resource-groups/").content.decode().split("<table")[1]
        )
        assert client.post(where, {"process_mode": "unordered"}).status_code == 403
