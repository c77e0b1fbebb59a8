"""What jobs say of Slipway's own environments becomes changes of these."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from environments.models import Environment
from environments.services import day2
from idp.changes.models import Change
from pipelines.environs.models import JobEnvironment
from pipelines.environs.services import following, stopping
from pipelines.runs.models import Pipeline
from rbac.actors import Actor
from rbac.models import Role
from tests.environments.factories import settle
from tests.pipelines.deploys.conftest import Places
from tests.pipelines.environs.conftest import Work
from tests.rbac.factories import bind
from tests.support.changes import run_until_settled

FILE = """
start: {script: [x], environment: {name: NAME, auto_stop_in: 2 days, on_stop: end}}
end: {script: [x], when: manual, environment: {name: NAME, action: stop}}
"""


def begun(places: Places, work_off: Work, name: str, **options: str) -> JobEnvironment:
    work_off(places.world.start(FILE.replace("NAME", name), **options))
    following.follow()
    return JobEnvironment.objects.get()


def changed(environment: Environment) -> Environment:
    for change in Change.objects.filter(state__in=Change.OPEN):
        run_until_settled(change)
    environment.refresh_from_db()
    return environment


def test_auto_stop_in_lets_the_environment_expire_by_a_change(
    places: Places, work_off: Work
) -> None:
    environment = places.make("development")
    row = begun(places, work_off, "development-1")
    assert (row.environment, row.wanted, row.problem) == (environment, "", "")
    change = Change.objects.latest("pk")
    assert (change.verb, change.actor) == ("environment.extend", places.world.people.developer)
    changed(environment)
    assert environment.expires_at is not None
    assert row.auto_stop_at is not None
    assert abs(environment.expires_at - row.auto_stop_at) < timedelta(seconds=2)
    assert following.follow() == 0


def test_after_its_environment_was_stopped_the_stop_job_runs(
    places: Places, work_off: Work
) -> None:
    environment = places.make("development")
    row = begun(places, work_off, "development-1")
    changed(environment)
    assert stopping.stop_due() == 0
    settle(places.lead, day2.stop(places.lead, environment))
    assert stopping.stop_due() == 1
    assert row.job is not None
    work_off(row.job.pipeline)
    count = Change.objects.count()
    assert following.follow() == 1  # it is stopped already, so nothing is asked
    row.refresh_from_db()
    assert (row.state, row.problem, Change.objects.count()) == ("stopped", "", count)


def test_a_stop_job_that_passed_stops_the_environment(places: Places, work_off: Work) -> None:
    environment = places.make("development")
    row = begun(places, work_off, "development-1")
    changed(environment)
    stopping.stop(places.dana, row)
    assert row.job is not None
    work_off(row.job.pipeline)
    following.follow()
    assert changed(environment).state == "stopped"


NO_JOB = "start: {script: [x], environment: development-1}"


def stops(places: Places, *more: str) -> Actor:
    """Somebody who runs pipelines, and has these rights beside."""
    names = ["project.view", "pipeline.view", "pipeline.run", *more]
    role = Role.objects.create(name="runner", permissions=names)
    bind(role.name, places.world.people.scope, user=places.world.people.stranger)
    return Actor(places.world.people.stranger)


def test_without_a_stop_job_it_takes_the_right_to_stop_the_environment(
    places: Places, work_off: Work
) -> None:
    environment = places.make("development")
    work_off(places.world.start(NO_JOB))
    row = JobEnvironment.objects.get()
    stopping.stop(stops(places, "environment.view", "environment.stop"), row)
    assert (row.state, row.wanted, row.problem) == ("stopped", "stop", "")
    following.follow()
    assert changed(environment).state == "stopped"


@pytest.mark.parametrize("sees", [True, False])
def test_nobody_stops_an_environment_by_the_rights_of_who_deployed_it(
    places: Places, work_off: Work, sees: bool
) -> None:
    environment = places.make("development")
    work_off(places.world.start(NO_JOB))
    row, count = JobEnvironment.objects.get(), Change.objects.count()
    stopping.stop(stops(places, *["environment.view"] * sees), row)
    assert (row.state, row.wanted) == ("stopped", "")
    assert ("environment.stop" in row.problem) is sees
    assert following.follow() == 0
    assert Change.objects.count() == count
    assert changed(environment).state != "stopped"


def test_what_nobody_is_there_to_stop_is_only_marked(places: Places, work_off: Work) -> None:
    places.make("development")
    work_off(places.world.start(NO_JOB))
    Pipeline.objects.update(actor=None)
    row = JobEnvironment.objects.get()
    stopping.stop(places.dana, row)
    assert (row.wanted, "nobody's rights" in row.problem) == ("", True)


def test_no_unprotected_branch_ends_production(places: Places, work_off: Work) -> None:
    environment = places.make("production")
    row = begun(places, work_off, "production-1", ref="topic")
    assert "No job of an unprotected branch" in row.problem
    assert row.environment is None
    assert not Change.objects.filter(scope=environment.scope, state__in=Change.OPEN).exists()


def test_the_rights_are_those_of_whoever_started_the_pipeline(
    places: Places, work_off: Work
) -> None:
    places.make("staging")
    work_off(places.world.start(FILE.replace("NAME", "staging-1")))
    Pipeline.objects.update(actor=places.world.people.viewer)
    following.follow()
    row = JobEnvironment.objects.get()
    assert "environment.extend" in row.problem
    assert row.environment is None


def test_an_environment_that_slipway_has_not_is_no_problem(places: Places, work_off: Work) -> None:
    row = begun(places, work_off, "review/other")
    assert (row.environment, row.problem, row.wanted) == (None, "", "")
    assert row.auto_stop_at is not None
    assert row.auto_stop_at > timezone.now()


def test_a_job_that_only_looks_deploys_nothing(places: Places, work_off: Work) -> None:
    """The refusal of `slipway deploy` in it is in tests/pipelines/deploys/test_identity.py."""
    places.make("development")
    work_off(
        places.world.start(
            "a: {script: [x], environment: {name: development-1, action: verify, auto_stop_in: 1h}}"
        )
    )
    assert following.follow() == 0
    assert not JobEnvironment.objects.exists()
