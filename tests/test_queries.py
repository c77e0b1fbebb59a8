"""No list or page needs more queries than it did, however many rows there are."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client

from environments.models import Environment, Workload
from gitops.models import Application
from idp.changes.models import Change
from pipelines.environs.models import JobEnvironment
from pipelines.releases.models import Release
from pipelines.runs.models import ResourceGroup
from pipelines.variables.models import Variable
from portal.models import Component
from rbac.scopes import environment_scope
from schemas.databases.models import Database, DatabaseInstance
from tests.pipelines.deploys.factories import make_bundle
from tests.pipelines.evidence.making import promoted, rule
from tests.pipelines.fleet.factories import make_agent
from tests.pipelines.runs.factories import make_job, make_pipeline
from tests.pipelines.schedules.factories import make_schedule
from tests.support import queries
from tests.support.world import World, make_world

ROUTES = [
    "/",
    "/changes/",
    "/catalog/",
    "/inbox/",
    "/audit/",
    "/access/",
    "/api/v1/changes/",
    "/api/v1/components/",
    "/api/v1/inbox/",
    "/api/v1/audit/",
    "/environments/",
    "/api/v1/environments/",
    "/repositories/",
    "/repositories/orders/",
    "/api/v1/hosted-repositories/",
    "/repositories/orders/merge-requests/4/",
    "/api/v1/repositories/orders/merge-requests/",
    "/schemas/",
    "/api/v1/subjects/",
    "/databases/",
    "/api/v1/databases/",
    "/pipelines/tests/",
    "/pipelines/coverage/",
    "/api/v1/tests/",
    "/pipelines/",
    "/api/v1/pipelines/",
    "/pipelines/agents/",
    "/api/v1/agents/",
    "/pipelines/gates/",
    "/api/v1/evidence-rules/",
    "/pipelines/board/",
    "/api/v1/bundles/",
    "/api/v1/deployments/",
    "/pipelines/variables/",
    "/pipelines/schedules/",
    "/pipelines/resource-groups/",
    "/pipelines/retention/",
    "/pipelines/environments/",
    "/pipelines/releases/",
    "/api/v1/releases/",
    "/api/v1/job-environments/",
    "/api/v1/pipeline-schedules/",
]
MANY = 30


@pytest.fixture
def world(db: None) -> World:
    found = make_world()
    change = found.change
    for number in range(MANY):
        another(found, f"more-{number}")
        Component.objects.create(
            name=f"component-{number}",
            owner=found.people.project.team,
            project=found.people.project,
        )
        lives = Database.objects.create(
            project=found.people.project,
            keeper=found.database.keeper,
            name=f"database-{number}",
        )
        make_agent(found.people.project, found.people.developer, f"agent-{number}")
        rule(found.people.project.scope, "tests.failed == 0", f"rule-{number}")
        bundle = make_bundle(found.people.project, found.people.developer)
        promoted(bundle, found.environment, found.people.developer)
        made = make_pipeline(found.people.project, found.people.developer)
        ran = make_job(made, "build")
        Release.objects.create(
            project=found.people.project, tag=f"v0.{number}", sha="a" * 40, name="x",
            description="x", pipeline=made,
        )  # fmt: skip
        JobEnvironment.objects.create(
            project=found.people.project, name=f"review/{number}", tier="development", job=ran
        )
        make_job(made, "test", "test", status="failed")
        Variable.objects.create(project=found.people.project, name=f"V{number}", value="x")
        ResourceGroup.objects.create(project=found.people.project, key=f"group-{number}")
        make_schedule(found.people.project, found.people.maintainer, last_pipeline=made)
        DatabaseInstance.objects.create(database=lives, scope=found.environment.scope, url="x")
        Change.objects.create(
            kind=change.kind,
            verb=change.verb,
            title=f"Change {number}",
            scope=change.scope,
            actor=change.actor,
            actor_label=change.actor_label,
            origin=change.origin,
            state=Change.State.SUCCEEDED,
        )
    return found


def another(world: World, name: str) -> None:
    """An environment like the one that is there, with a workload and an open change."""
    like = world.environment
    made = Application.objects.get(pk=like.application_id)
    scope = environment_scope(like.project, "development", name)
    made.pk, made.scope, made.directory = None, scope, f"environments/{name}"
    made.namespace = f"orders-{name}"
    made.save(force_insert=True)
    row = Environment.objects.get(pk=like.pk)
    row.pk, row.scope, row.application, row.name = None, scope, made, name
    row.tier = "development"
    row.save(force_insert=True)
    Workload.objects.create(environment=row, name="web", kind="Deployment", image="x:1")
    change = Change.objects.get(pk=world.change.pk)
    change.pk, change.scope, change.idempotency_key = None, scope, ""
    change.save(force_insert=True)


def test_no_route_needs_more_queries_than_it_did(world: World) -> None:
    client = Client()
    client.force_login(world.people.maintainer)
    wrong = []
    for route in ROUTES:
        try:
            queries.judge(route, queries.count(client, route))
        except AssertionError as error:
            wrong.append(str(error))
    assert wrong == []


def test_more_queries_than_the_ceiling_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "queries.json"
    file.write_text('{"/x/": 5}')
    monkeypatch.setattr(queries, "CEILINGS", file)
    monkeypatch.delenv("SLIPWAY_TEST_RATCHET", raising=False)
    queries.judge("/x/", 5)
    with pytest.raises(AssertionError, match="/x/ needs 6 queries; 5 are allowed"):
        queries.judge("/x/", 6)
    with pytest.raises(AssertionError, match="/y/ has no ceiling"):
        queries.judge("/y/", 1)


def test_the_ratchet_only_goes_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "queries.json"
    file.write_text('{"/x/": 5}')
    monkeypatch.setattr(queries, "CEILINGS", file)
    monkeypatch.setenv("SLIPWAY_TEST_RATCHET", "write")
    queries.judge("/x/", 7)
    assert queries.ceilings() == {"/x/": 5}
    queries.judge("/x/", 4)
    queries.judge("/y/", 3)
    assert queries.ceilings() == {"/x/": 4, "/y/": 3}
