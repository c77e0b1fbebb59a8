"""Pipelines of merge requests in a project's own repository."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from gitops import repositories
from gitops.arriving import admit, arrived
from gitops.hosts.local import MAIN, ZERO
from gitops.models import HostedMergeRequest
from gitops.review import following, merging, services
from idp.common.errors import Refusal
from pipelines.reports.models import Report
from pipelines.runs import work
from pipelines.runs.models import Pipeline
from pipelines.runs.services import planning
from rbac.actors import Actor
from rbac.models import ApiToken, Role
from tests.pipelines.runs.conftest import World
from tests.rbac.factories import bind
from tests.support.world import connect_repository

CI = "job:\n  script: [echo]\n  rules: [{if: $CI_PIPELINE_SOURCE == 'merge_request_event'}]"


def push(world: World, who: Actor, name: str, text: str, branch: str = "topic") -> list[str]:
    ref = f"refs/heads/{branch}"
    old = world.repository.ref(ref)
    here, repo = following.on_disk(world.project), repositories.ensure(world.project)
    new = world.commit(CI, "refs/slipway/tests", **{name: text})
    if old:
        new = world.repository.write(
            "refs/slipway/tests", base=old, files={f"{name}.txt": text.encode()},
            author=("Dana", "dana@localhost"), message="More",
        )  # fmt: skip
    updates = [(old or ZERO, new, ref)]
    assert admit(who, repo, here, updates) == []
    here.update_ref(ref, new, old)
    return arrived(who, repo, updates)


def opened(world: World) -> HostedMergeRequest:
    return services.open_request(
        world.developer, world.project, source_branch="topic", title="Sell more"
    )


def newest() -> Pipeline:
    for row in Pipeline.objects.filter(status="created"):
        planning.work_on(row.pk)
    return Pipeline.objects.filter(source="merge_request_event").latest("pk")


@pytest.fixture
def request_(world: World) -> HostedMergeRequest:
    push(world, world.developer, "a__txt", "1\n")
    world.repository.write(
        MAIN, base=world.repository.head(), files={"b.txt": b"2"},
        author=("Dana", "dana@localhost"), message="Beside",
    )  # fmt: skip
    return opened(world)


def test_it_runs_on_what_merging_would_make(world: World, request_: HostedMergeRequest) -> None:
    pipeline = newest()
    assert pipeline.merge_request == request_
    assert (pipeline.sha, pipeline.head_sha) == (request_.merged_sha, request_.sha)
    assert pipeline.sha != request_.sha
    assert pipeline.actor == world.people.developer
    assert not pipeline.is_protected


def test_its_variables(world: World) -> None:
    push(world, world.developer, "a__txt", "1\n")
    request = opened(world)
    pipeline = newest()
    assert (pipeline.sha, pipeline.head_sha) == (request.sha, request.sha)
    found = work.decode(pipeline.jobs.get().work).variables
    assert found["CI_MERGE_REQUEST_IID"] == "1"
    assert found["CI_MERGE_REQUEST_PROJECT_PATH"] == "orders"
    assert found["CI_MERGE_REQUEST_TARGET_BRANCH_NAME"] == "main"
    assert found["CI_MERGE_REQUEST_TITLE"] == "Sell more"
    assert Report.objects.get().kind == "diff"


def test_a_new_head_starts_another_one(world: World) -> None:
    push(world, world.developer, "a__txt", "1\n")
    request = opened(world)
    said = push(world, world.developer, "b", "2\n")
    request.refresh_from_db()
    pipeline = newest()
    assert pipeline.head_sha == request.sha
    assert any(f"of {request} begins" in line for line in said)
    following.sweep()
    assert Pipeline.objects.filter(source="merge_request_event").count() == 2


@pytest.mark.parametrize("limited", [True, False])
def test_who_pushes_to_anothers_request_runs_it_with_their_own_rights(
    world: World, request_: HostedMergeRequest, limited: bool
) -> None:
    newest()
    token = None
    if limited:
        token = ApiToken.objects.create(
            user=world.people.mate, name="ci", prefix="abcdefghijkl", digest="d" * 64,
            expires_at=timezone.now() + timedelta(days=1),
        )  # fmt: skip
    said = push(world, Actor(world.people.mate, token), "c", "2\n")
    assert any(f"of {request_} begins" in line for line in said)
    pipeline = newest()
    request_.refresh_from_db()
    assert (pipeline.actor, pipeline.token) == (world.people.mate, token)
    assert pipeline.actor_label == Actor(world.people.mate, token).label
    assert (pipeline.head_sha, pipeline.sha) == (request_.sha, request_.merged_sha)
    push(world, world.developer, "c", "3\n")
    assert newest().actor == world.people.developer


def test_no_target_of_whoever_opened_it_runs_with_a_pushers_rights(world: World) -> None:
    push(world, world.developer, "a", "1\n")
    mate = Actor(world.people.mate)
    first = world.repository.write(
        "refs/heads/evil", base=world.repository.head(), files={"evil.txt": b"1"},
        author=("Mate", "mate@localhost"), message="Beside",
    )  # fmt: skip
    assert world.repository.ref("refs/heads/evil") == first
    request = services.open_request(
        mate, world.project, source_branch="topic", target_branch="evil", title="Sell more"
    )
    assert request.merged_sha
    pipeline = newest()
    assert pipeline.actor == world.people.developer
    assert (pipeline.sha, pipeline.head_sha) == (request.sha, request.sha)


def test_whoever_may_not_run_starts_none_by_another_ones_rights(world: World) -> None:
    push(world, world.developer, "a__txt", "1\n")
    opened(world)
    newest()
    role = Role.objects.create(name="pusher", permissions=["repository.read", "repository.push"])
    bind(role.name, world.people.scope, user=world.people.viewer)
    said = push(world, Actor(world.people.viewer), "b", "2\n")
    assert any("whoever pushed its head may not run pipelines" in line for line in said)
    assert Pipeline.objects.filter(source="merge_request_event").count() == 1


def test_whoever_opened_it_and_left(world: World) -> None:
    push(world, world.developer, "a__txt", "1\n")
    opened(world)
    newest()
    world.people.developer.is_active = False
    world.people.developer.save()
    said = push(world, Actor(world.people.mate), "b", "2\n")
    assert any("whoever opened it is no longer here" in line for line in said)


@pytest.mark.parametrize(
    ("status", "said"),
    [("running", "is not over"), ("failed", "failed or was cancelled"), ("success", "")],
)
def test_its_pipeline_decides_whether_it_is_merged(world: World, status: str, said: str) -> None:
    push(world, world.developer, "a__txt", "1\n")
    request = opened(world)
    pipeline = newest()
    Pipeline.objects.filter(pk=pipeline.pk).update(status=status)
    if said:
        with pytest.raises(Refusal, match=said):
            merging.merge(world.developer, request, sha=request.sha)
    else:
        assert merging.merge(world.developer, request, sha=request.sha).request.state == "merged"


def test_the_page_has_its_pipeline_and_starts_another(world: World) -> None:
    push(world, world.developer, "a__txt", "1\n")
    opened(world)
    pipeline = newest()
    client = Client()
    client.force_login(world.people.developer)
    address = "/repositories/orders/merge-requests/1/"
    assert f"/pipelines/{pipeline.pk}/" in client.get(address).content.decode()
    answer = client.post(f"{address}start/")
    assert answer["Location"] == f"/pipelines/{newest().pk}/"
    assert newest().pk != pipeline.pk


def test_beside_a_git_host_none_begins_and_none_is_offered(world: World) -> None:
    connect_repository(world.project, world.people.maintainer)
    push(world, world.developer, "a__txt", "1\n")
    opened(world)
    assert not Pipeline.objects.exists()
    client = Client()
    client.force_login(world.people.developer)
    address = "/repositories/orders/merge-requests/"
    assert f"{address}1/start/" not in client.get(f"{address}1/").content.decode()
    listed = client.get("/repositories/orders/").content.decode()
    assert f"{address}3/start/" in listed
    assert f"{address}1/start/" not in listed
    assert client.post(f"{address}1/start/").status_code == 404
