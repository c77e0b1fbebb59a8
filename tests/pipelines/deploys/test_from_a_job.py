"""`slipway deploy` in a real job: its own token, its own environment, followed to the end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from idp.changes.models import Change
from pipelines.deploys.models import Deployment
from pipelines.runs.logs import read
from tests.pipelines.deploys.conftest import Places, image
from tests.support.changes import run_until_settled

OWN = f"variables: {{PYTHONPATH: {Path(__file__).parents[3]}}}"  # the code under test, wherever
FILE = f"""
{OWN}
deploy:
  script: ["slipway deploy --image web={image()}", "echo token $SLIPWAY_TOKEN"]
  environment: ENVIRONMENT
"""


@pytest.fixture
def places(transactional_db: None, world: Any) -> Places:
    return Places(world)


def work(holds: Callable[[], bool]) -> Callable[[], bool]:
    def over() -> bool:
        for change in Change.objects.filter(state__in=Change.OPEN):
            run_until_settled(change)
        return holds()

    return over


@pytest.fixture
def address(live_server: Any, settings: Settings) -> None:
    settings.BASE_URL = live_server.url


@pytest.mark.usefixtures("address")
@pytest.mark.parametrize("name", ["development", "development-1"])
def test_a_job_brings_its_commit_to_its_environment(
    places: Places, runs: Callable[..., None], name: str
) -> None:
    development = places.make("development")
    pipeline = places.world.start(FILE.replace("ENVIRONMENT", name))

    def over() -> bool:
        pipeline.refresh_from_db()
        return pipeline.ended

    runs(work(over))
    job = pipeline.jobs.get()
    text = read(job.attempts.get().pk)[0].decode()
    assert job.status == "success", text
    made = Deployment.objects.select_related("change", "bundle").get()
    assert (made.change.state, made.environment, made.job) == ("succeeded", development, job)
    assert (made.bundle.sha, made.bundle.pipeline) == (pipeline.sha, pipeline)
    assert "Bundle 1 of" in text
    assert "token [MASKED]" in text
    assert "slj_" not in text
    client = Client()
    client.force_login(places.world.people.developer)
    page = client.get(f"/pipelines/jobs/{job.pk}/").content.decode()
    assert f'href="/pipelines/board/bundles/{made.bundle_id}/"' in page
    assert f'href="/changes/{made.change_id}/"' in page


@pytest.mark.usefixtures("address")
def test_a_job_brings_nothing_elsewhere(places: Places, runs: Callable[..., None]) -> None:
    places.make("development")
    staging = places.make("staging")
    line = f"slipway deploy {places.world.project.name}/staging --image web={image()}"
    pipeline = places.world.start(
        f"{OWN}\ndeploy: {{script: ['{line}'], environment: development}}"
    )

    def over() -> bool:
        pipeline.refresh_from_db()
        return pipeline.ended

    runs(work(over))
    job = pipeline.jobs.get()
    text = read(job.attempts.get().pk)[0].decode()
    assert job.status == "failed"
    assert "is for development" in text
    assert not Deployment.objects.filter(environment=staging).exists()
