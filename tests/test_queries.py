"""No list or page needs more queries than it did, however many rows there are."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client
from django.urls import get_resolver
from django.urls.exceptions import Resolver404

from environments.models import Environment, Workload
from gitops.models import Application
from idp.changes.models import Change
from portal.models import Component
from rbac.scopes import environment_scope
from schemas.databases.models import Database, DatabaseInstance
from tests.pipelines.runs.factories import make_job, make_pipeline
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
    "/schemas/",
    "/api/v1/subjects/",
    "/databases/",
    "/api/v1/databases/",
    "/pipelines/tests/",
    "/pipelines/coverage/",
    "/api/v1/tests/",
    "/pipelines/",
    "/api/v1/pipelines/",
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
        made = make_pipeline(found.people.project, found.people.developer)
        make_job(made, "build")
        make_job(made, "test", "test", status="failed")
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


@pytest.mark.parametrize("route", ROUTES)
def test_no_route_needs_more_queries_than_it_did(world: World, route: str) -> None:
    try:
        get_resolver().resolve(route)
    except Resolver404:
        pytest.skip(f"{route} does not exist")
    client = Client()
    client.force_login(world.people.maintainer)
    queries.judge(route, queries.count(client, route))


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
