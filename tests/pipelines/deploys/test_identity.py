"""A job's token: what it opens, for how long, and never more than its person's own."""

from __future__ import annotations

from datetime import timedelta
from unittest import mock

import pytest
from django.utils import timezone

from idp.common.errors import Forbidden
from pipelines.deploys import identity, services
from pipelines.engine.values.environment import Environment
from pipelines.engine.values.work import Work
from pipelines.runs import claiming, work
from pipelines.runs.claiming import Taken
from pipelines.runs.services import ending, planning, starting
from pipelines.runs.services.ending import End
from rbac import tokens
from rbac.access import can
from rbac.actors import Actor
from rbac.models import ApiToken
from tests.environments.factories import bring, make_cluster
from tests.pipelines.deploys.conftest import image
from tests.pipelines.runs.conftest import World

FILE = "deploy: {script: [echo], environment: development}"


@pytest.fixture
def taken(world: World) -> Taken:
    world.start(FILE)
    (found,) = claiming.take(1)
    return found


def actor_of(taken: Taken) -> Actor | None:
    return tokens.authenticate(identity.text_of(taken.attempt), "192.0.2.1")


def test_it_is_whoever_started_the_pipeline_and_carries_little(world: World, taken: Taken) -> None:
    actor = actor_of(taken)
    assert actor is not None
    assert actor.user == world.people.developer
    assert can(actor, "pipeline.view", world.project)
    for name in ("environment.set-image", "change.approve", "pipeline.run", "token.create"):
        assert not can(actor, name, world.project.scope), name
    assert identity.job_of(actor) == taken.attempt.job


def test_nothing_is_written_before_it_is_used_and_one_row_after(taken: Taken) -> None:
    identity.text_of(taken.attempt)
    assert not ApiToken.objects.exists()
    assert actor_of(taken)
    assert actor_of(taken)
    assert ApiToken.objects.count() == 1


def test_a_job_of_another_action_than_start_deploys_nothing(world: World) -> None:
    job = world.job(world.start(FILE), "deploy")
    given = work.encode(work.Stored(Work(environment=Environment("dev", action="verify")), {}))
    job.work = given
    with pytest.raises(Forbidden, match="action: verify, which deploys nothing"):
        services._judge_job(job, mock.Mock(), mock.Mock())


def test_it_is_dead_when_the_job_ends(taken: Taken) -> None:
    assert actor_of(taken)
    ending.finish(taken.lease, End("success"))
    assert actor_of(taken) is None


def test_a_lost_lease_loses_it(taken: Taken) -> None:
    type(taken.attempt).objects.filter(pk=taken.attempt.pk).update(lease_token=99)
    assert actor_of(taken) is None


@pytest.mark.parametrize("change", ["slj_1_" + "0" * 64, "slj_x", "slj_1_", "slj_" + "9" * 400])
def test_made_up_ones_open_nothing(taken: Taken, change: str) -> None:
    assert tokens.authenticate(change, None) is None


def test_another_attempts_code_opens_nothing(taken: Taken) -> None:
    code = identity.text_of(taken.attempt).rpartition("_")[2]
    assert tokens.authenticate(f"slj_{taken.attempt.pk + 1}_{code}", None) is None


def test_a_person_who_left_takes_it_with_them(world: World, taken: Taken) -> None:
    type(world.people.developer).objects.filter(pk=world.people.developer.pk).update(
        is_active=False
    )
    assert actor_of(taken) is None


@pytest.mark.parametrize(
    ("carried", "opens"), [(["pipeline.run"], None), (["pipeline.view"], ["pipeline.view"])]
)
def test_a_narrowed_token_that_started_it_narrows_it(
    world: World, carried: list[str], opens: list[str] | None
) -> None:
    user = world.people.developer
    token = ApiToken.objects.create(
        user=user, name="narrow", digest="d" * 64, prefix="slp_narrow", permissions=carried,
        expires_at=timezone.now() + timedelta(days=1),
    )  # fmt: skip
    pipeline = world.start(FILE)
    type(pipeline).objects.filter(pk=pipeline.pk).update(token=token)
    (found,) = claiming.take(1)
    actor = actor_of(found)
    given = actor.token.permissions if actor and actor.token else None
    assert given == opens


def test_only_a_protected_branch_reaches_production_by_its_job(world: World) -> None:
    """Elsewhere whoever may push a branch may write the job that deploys it to production."""
    make_cluster()
    world.commit("build: {script: [echo]}")
    lead = Actor(world.people.maintainer)
    production = bring(lead, world.project, name="live", tier="production")
    text = "deploy: {script: [echo], environment: production}"
    for ref, refused in (("topic", True), ("main", False)):
        world.commit(text, f"refs/heads/{ref}")
        pipeline = starting.start(lead, world.project, ref)
        planning.work_on(pipeline.pk)
        (taken,) = claiming.take(1)
        actor = actor_of(taken)
        assert actor is not None
        given = {"images": {"web": image()}}
        bundle = services.make_bundle(actor, world.project, given)
        if refused:
            with pytest.raises(Forbidden, match="not protected"):
                services.promote(actor, bundle, production)
        else:
            assert services.promote(actor, bundle, production).job == taken.attempt.job
        ending.finish(taken.lease, End("success"))
