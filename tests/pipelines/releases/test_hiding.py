"""No release, tag or reason shows what a job was given in secret, whoever ran it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gitops import secrets
from pipelines.agent.forms import Finish
from pipelines.deploys import identity
from pipelines.fleet import finishing, orders
from pipelines.releases.models import Release
from pipelines.runs import claiming
from pipelines.runs.models import Artifact, Attempt, Pipeline
from rbac.actors import Actor
from rbac.models import AuditRecord
from tests.pipelines.deploys.conftest import _places, _quick_cluster, finished, runs, world
from tests.pipelines.runs.conftest import World

__all__ = ["_places", "_quick_cluster", "finished", "runs", "world"]
Finished = Callable[[Pipeline], Pipeline]
VALUE = "hunter2-and-more"
FILE = """
job:
  secrets: {KEY: {slipway: stripe-key, file: false}}
  script: [SCRIPT]
  release:
    tag_name: TAG
    name: n $KEY
    tag_message: m $KEY of $CI_JOB_TOKEN
    description: DESCRIPTION
"""


@pytest.fixture
def here(transactional_db: None, world: World) -> World:
    admin = Actor(world.people.administrator)
    secrets.put(admin, world.project.scope, "stripe-key", VALUE)
    return world


def start(here: World, tag: str = "v1", description: str = "d $KEY", script: str = "echo") -> None:
    text = FILE.replace("TAG", tag).replace("DESCRIPTION", description)
    here.start(text.replace("SCRIPT", script))
    Pipeline.objects.update(actor=here.people.administrator)


def by_agent(more: Callable[[], object] = lambda: None) -> Attempt:
    """What an agent does with the one job that waits."""
    (taken,) = claiming.take(1)
    assert VALUE in orders.order(taken.attempt, taken.lease).secrets
    more()
    finishing.finish(taken.attempt, taken.lease, Finish(status="success", exit_code=0))
    return Attempt.objects.get(pk=taken.attempt.pk)


def is_hidden(here: World) -> None:
    row = Release.objects.get()
    tag = here.repository._run("cat-file", "tag", "refs/tags/v1").decode()
    assert (row.name, row.description) == ("n [MASKED]", "d [MASKED]")
    assert "m [MASKED] of [MASKED]" in tag


def test_of_slipways_own_runner(here: World, finished: Finished) -> None:
    start(here)
    finished(Pipeline.objects.get())
    is_hidden(here)


def test_of_an_agent_even_where_the_value_is_set_anew_meanwhile(here: World) -> None:
    start(here)

    def anew() -> None:
        admin = Actor(here.people.administrator)
        secrets.put(admin, here.project.scope, "stripe-key", "quite another value")

    uses = AuditRecord.objects.filter(action="secret.use")
    assert by_agent(anew).status == "success"
    is_hidden(here)
    assert uses.count() == 1  # as the job was told, and no more


def test_an_agents_description_may_hold_an_older_version(here: World) -> None:
    start(here, description=f"d {VALUE}")
    admin = Actor(here.people.administrator)
    by_agent(lambda: secrets.put(admin, here.project.scope, "stripe-key", "another value"))
    assert Release.objects.get().description == "d [MASKED]"


def test_without_the_secret_an_agents_job_releases_nothing(here: World) -> None:
    start(here)
    values = secrets.SecretValue.objects.all()
    row = by_agent(values.delete)
    assert row.status == "failed"
    assert "the release was not made: The secret KEY is not given" in row.job.reason
    assert not Release.objects.exists()


def test_a_file_is_shown_masked_and_not_kept_for_people(here: World, finished: Finished) -> None:
    start(here, description="./notes.md", script='"echo d $KEY > notes.md"')
    pipeline = finished(Pipeline.objects.get())
    assert pipeline.status == "success", pipeline.jobs.get().reason
    assert Release.objects.get().description == "d [MASKED]\n"
    assert Artifact.objects.get(kind="release").access == "none"


def test_reasons_hide_it(here: World, finished: Finished) -> None:
    start(here, tag="$KEY..x")
    pipeline = finished(Pipeline.objects.get())
    reason = pipeline.jobs.get().reason
    assert "is no name of a tag" in reason
    assert VALUE not in reason


def test_signed_tokens_and_other_forms_are_hidden(here: World) -> None:
    token = f"eyJ{'a' * 20}.{'b' * 20}.{'c' * 20}"
    here.start(
        "job: {script: [x], id_tokens: {ID: {aud: here}}, release: {tag_name: v1,"
        f" name: $ID, description: {token} and $CI_JOB_TOKEN}}}}"
    )
    (taken,) = claiming.take(1)
    finishing.finish(taken.attempt, taken.lease, Finish(status="success", exit_code=0))
    row = Release.objects.get()
    assert (row.name, row.description) == ("[MASKED]", "[MASKED] and [MASKED]")
    assert identity.text_of(taken.attempt) not in row.description
