"""Secrets that Slipway keeps, in real jobs: as files and values, masked, by right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from environments.models import Environment
from gitops import secrets
from pipelines.fleet import orders
from pipelines.runs import claiming, logs
from pipelines.runs.models import Attempt, Pipeline
from rbac.actors import Actor
from rbac.models import AuditRecord
from tests.pipelines.deploys.conftest import (
    Places,
    _places,
    _quick_cluster,
    finished,
    runs,
    world,
)

__all__ = ["_places", "_quick_cluster", "finished", "runs", "world"]
Finished = Callable[[Pipeline], Pipeline]
VALUE = "hunter2-and-more"
FILE = """
job:
  environment: NAME
  secrets:
    KEY: {slipway: stripe-key, file: false}
    OLD: {slipway: {name: stripe-key, version: '1'}, file: false}
    PLACE: {slipway: $WHICH}
  variables: {WHICH: stripe-key}
  script:
    - echo "KEY=$KEY"
    - test "$OLD" = "${OLD_IS}"
    - test "$(cat "$PLACE")" = "$KEY"
    - echo "$PLACE" | grep -v "$CI_PROJECT_DIR"
"""


@pytest.fixture
def places(transactional_db: None, world: Any) -> Places:
    return Places(world)


def kept(places: Places, tier: str) -> Environment:
    environment = places.make(tier)
    secrets.put(places.lead, environment.scope, "stripe-key", "an older value")
    secrets.put(places.lead, environment.scope, "stripe-key", VALUE)
    return environment


def log_of(pipeline: Pipeline) -> str:
    return logs.read(Attempt.objects.get(job__pipeline=pipeline).pk)[0].decode()


def started(places: Places, name: str, **options: Any) -> Pipeline:
    given = {"OLD_IS": "an older value"}
    return places.world.start(FILE.replace("NAME", name), variables=given, **options)


def refused(places: Places, finished: Finished, pipeline: Pipeline) -> str:
    assert finished(pipeline).status == "failed"
    job = places.world.job(pipeline, "job")
    assert job.failure == "unmet_prerequisites"
    assert VALUE not in job.reason
    return job.reason


def test_a_job_gets_file_and_value_and_no_log_shows_them(
    places: Places,
    finished: Finished,
) -> None:
    kept(places, "development")
    pipeline = finished(started(places, "development-1", ref="topic"))
    text = log_of(pipeline)
    assert pipeline.status == "success", text
    assert "KEY=[MASKED]" in text
    assert VALUE not in text
    read = AuditRecord.objects.filter(action="secret.use")
    assert sorted(one.after["secret"] for one in read) == [
        "stripe-key@1", "stripe-key@2", "stripe-key@2",
    ]  # fmt: skip
    assert VALUE not in str(list(read.values()))


def test_productions_are_for_the_protected_branch(
    places: Places,
    finished: Finished,
) -> None:
    kept(places, "production")
    pipeline = started(places, "production-1", ref="topic")
    Pipeline.objects.update(actor=places.world.people.administrator)
    said = refused(places, finished, pipeline)
    assert "is for the protected branch alone" in said


def test_a_forks_job_gets_none(places: Places, finished: Finished) -> None:
    kept(places, "development")
    pipeline = started(places, "development-1")
    Pipeline.objects.filter(pk=pipeline.pk).update(foreign=True)
    assert refused(places, finished, pipeline) == "Jobs of forks get no secrets."


def test_who_started_it_needs_the_right(places: Places, finished: Finished) -> None:
    kept(places, "development")
    pipeline = started(places, "development-1")
    Pipeline.objects.filter(pk=pipeline.pk).update(actor=places.world.people.viewer)
    assert "secret.use" in refused(places, finished, pipeline)


@pytest.mark.parametrize(
    ("written", "word"),
    [
        ("{slipway: absent}", "There is no secret absent"),
        ("{slipway: {name: stripe-key, version: '9'}}", "stripe-key@9"),
        ("{slipway: {name: stripe-key, version: x}}", "no version of stripe-key"),
        ("{slipway: short}", "less than 8 characters"),
    ],
)
def test_what_cannot_be_given_fails_the_job_and_says_why(
    places: Places,
    finished: Finished,
    written: str,
    word: str,
) -> None:
    environment = kept(places, "development")
    secrets.put(places.lead, environment.scope, "short", "seven77")
    text = f"job: {{script: [x], environment: development-1, secrets: {{A: {written}}}}}"
    assert word in refused(places, finished, places.world.start(text))


def test_another_environments_secret_is_not_seen(
    places: Places,
    finished: Finished,
) -> None:
    kept(places, "staging")
    places.make("development")
    said = refused(places, finished, started(places, "development-1"))
    assert "There is no secret stripe-key" in said


def test_an_agent_is_given_them_in_its_order_or_the_job_fails(places: Places) -> None:
    kept(places, "development")
    started(places, "development-1")
    (taken,) = claiming.take(1)
    (order,) = orders.told(taken.attempt, taken.lease)
    assert order.variables["KEY"] == VALUE
    assert order.files["PLACE"] == VALUE
    assert order.secrets.count(VALUE) >= 2
    Pipeline.objects.update(actor=places.world.people.viewer)
    attempt = Attempt.objects.select_related("job__pipeline__project").get(pk=taken.attempt.pk)
    assert orders.told(attempt, taken.lease) == []
    attempt.refresh_from_db()
    assert (attempt.status, attempt.failure) == ("failed", "unmet_prerequisites")


def test_the_nearest_scope_and_the_latest_version_count(places: Places) -> None:
    environment = kept(places, "development")
    tier = environment.scope.tier_scope
    assert tier is not None
    boss = Actor(places.world.people.administrator)
    secrets.put(boss, tier, "stripe-key", "of the tier, version one")
    secrets.put(boss, tier, "other", "of the tier, the other")
    assert secrets.newest(environment.scope, "stripe-key").value == VALUE
    assert secrets.newest(environment.scope, "other").value == "of the tier, the other"
