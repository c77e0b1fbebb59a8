"""A bundle's way from development to production, and who may let it through."""

from __future__ import annotations

import pytest

from environments.services.edits import Options
from idp.changes import services as changes
from idp.changes.models import ApprovalRule, Change
from idp.common.errors import Clash, Forbidden, Invalid
from pipelines.deploys import services
from pipelines.deploys.models import Deployment
from rbac.actors import Actor
from schemas.databases.models import Database, DatabaseInstance
from tests.environments.factories import settle
from tests.pipelines.deploys.conftest import Places, image
from tests.support.changes import run_until_settled

ALONE = Options(interactive=False)


def live_image(places: Places, environment: object) -> str:
    return environment.workloads.get(name="web").image  # type: ignore[attr-defined, no-any-return]


def gate(change: Change, name: str) -> dict[str, str]:
    return next(one for one in change.gates if one["gate"] == name)


def test_it_is_deployed_as_a_change_and_recorded(places: Places) -> None:
    development = places.make("development")
    bundle = places.bundle(variables={"web": {"FEATURE": "on"}})
    made = places.promote(bundle, development)
    change = settle(places.dana, made.change)
    assert change.state == Change.State.SUCCEEDED, change.reason
    workload = development.workloads.get(name="web")
    assert workload.image == image()
    assert workload.spec["variables"]["FEATURE"] == "on"
    made = Deployment.objects.select_related("change", "bundle").get()
    assert made.lead_seconds is not None
    assert made.lead_seconds > 0


def test_staging_waits_until_development_was_healthy(places: Places) -> None:
    development, staging = places.make("development"), places.make("staging")
    bundle = places.bundle()
    made = services.promote(places.lead, bundle, staging, options=ALONE)
    change = run_until_settled(made.change)
    assert change.state == Change.State.WAITING
    assert "was not yet brought to development" in gate(change, "path")["sentence"]
    places.healthy(bundle, development)
    change = run_until_settled(change)
    assert change.state == Change.State.SUCCEEDED, change.reason
    assert live_image(places, staging) == image()


class TestProduction:
    """Production asks for one approval; the complaint first as it would be elsewhere."""

    @pytest.fixture(autouse=True)
    def _rule(self, places: Places) -> None:
        places.production = places.make("production")  # type: ignore[attr-defined]
        ApprovalRule.objects.create(
            name="production", scope=places.world.project.scope, needed=1, condition="true"
        )

    def waiting(self, places: Places, actor: Actor) -> Change:
        made = services.promote(
            actor,
            places.bundle(),
            places.production,  # type: ignore[attr-defined]
            options=ALONE,
        )
        change = run_until_settled(made.change)
        assert change.state == Change.State.WAITING, change.reason
        return change

    def test_it_goes_by_itself_once_a_second_person_approved(self, places: Places) -> None:
        change = self.waiting(places, places.lead)
        second = Actor(places.world.people.administrator)
        changes.approve(second, change, change.plan_hash)
        change = run_until_settled(change)
        assert change.state == Change.State.SUCCEEDED, change.reason
        assert live_image(places, places.production) == image()  # type: ignore[attr-defined]

    def test_the_author_of_the_commit_cannot_approve_it(self, places: Places) -> None:
        """Elsewhere whoever did not press the button may, the author too."""
        places.world.people.administrator.email = "dana@localhost"  # who wrote the commit
        places.world.people.administrator.save()
        change = self.waiting(places, places.lead)
        author = Actor(places.world.people.administrator)
        with pytest.raises(Forbidden, match="someone else"):
            changes.approve(author, change, change.plan_hash)
        assert run_until_settled(change).state == Change.State.WAITING

    def test_a_commit_after_the_approval_is_not_what_was_approved(self, places: Places) -> None:
        """Elsewhere the approval holds for the branch, whatever comes onto it."""
        change = self.waiting(places, places.lead)
        places.world.commit("build: {script: [echo, evil]}")
        later = places.bundle("6.6.6")
        changes.approve(Actor(places.world.people.administrator), change, change.plan_hash)
        change = run_until_settled(change)
        assert change.state == Change.State.SUCCEEDED, change.reason
        assert live_image(places, places.production) == image()  # type: ignore[attr-defined]
        made = services.promote(places.lead, later, places.production, options=ALONE)  # type: ignore[attr-defined]
        assert run_until_settled(made.change).state == Change.State.WAITING


def test_a_bundle_is_on_its_way_once(places: Places) -> None:
    development = places.make("development")
    bundle = places.bundle()
    places.promote(bundle, development)
    with pytest.raises(Clash, match="on its way"):
        places.promote(bundle, development)


def test_the_same_key_answers_with_the_same_deployment(places: Places) -> None:
    development = places.make("development")
    bundle, options = places.bundle(), Options(idempotency_key="k-1")
    made = services.promote(places.dana, bundle, development, options=options)
    assert services.promote(places.dana, bundle, development, options=options) == made
    with pytest.raises(Clash):
        services.promote(places.dana, places.bundle("3.0.0"), development, options=options)


def test_no_bundle_leaves_its_project(places: Places) -> None:
    bundle = places.bundle()
    other = places.world.other()
    development = places.make("development")
    development.project = other.project
    with pytest.raises(Invalid):
        places.promote(bundle, development)


def test_who_may_not_deploy_there_does_not(places: Places) -> None:
    production = places.make("production")
    viewer = Actor(places.world.people.viewer)
    with pytest.raises(Forbidden):
        places.promote(places.bundle(), production, viewer)
    assert not Deployment.objects.exists()


def test_a_bundle_waits_for_the_migrations_that_it_needs(places: Places) -> None:
    development, project = places.make("development"), places.world.project
    keeper = places.world.people.project.scope
    database = Database.objects.create(project=project, keeper=keeper, name="main", last_version=7)
    bundle = places.bundle(migrations={"orders/main": 7})
    made = services.promote(places.dana, bundle, development, options=ALONE)
    change = run_until_settled(made.change)
    assert "nobody said where orders/main lives" in gate(change, "migrations")["sentence"]
    lives = DatabaseInstance.objects.create(
        database=database, scope=development.scope, url="x", reached=5
    )
    change = run_until_settled(change)
    assert "was seen to have version 5" in gate(change, "migrations")["sentence"]
    DatabaseInstance.objects.filter(pk=lives.pk).update(reached=7)
    change = run_until_settled(change)
    assert change.state == Change.State.SUCCEEDED, change.reason
