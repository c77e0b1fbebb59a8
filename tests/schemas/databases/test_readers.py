"""Who declared that they read a table or column: by the environment, by a check-in, and told."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from environments import services as environments
from environments.models import Environment
from gitops.models import Cluster
from idp.changes.models import Change
from idp.common.errors import Clash, Forbidden, Invalid, NotVisible, Refusal
from portal.models import Component
from rbac.actors import Actor
from rbac.models import AuditRecord
from schemas.databases import readers
from schemas.databases.models import Database, DatabaseInstance, DatabaseReader
from tests.environments.factories import IMAGE, bring, settle
from tests.rbac.factories import Characters, bind, make_project, member_of
from tests.schemas.databases.conftest import Rest, signed_in
from tests.schemas.databases.factories import (
    SHOP,
    declare_model,
    drifted,
    live,
    look,
    without_column,
)
from tests.schemas.databases.test_gate import RISKY, deploy, gate

As = Callable[[str], Rest]
SAID = "Declared to be read by billing-api of team billing in billing/stage."
READS = [{"database": "orders/main", "tables": ["lines.note"]}]


@pytest.fixture
def dana(people: Characters) -> Actor:
    return Actor(people.developer)


@pytest.fixture
def bill(people: Characters) -> Actor:
    """Deploys billing, and sees what orders has."""
    project = make_project("billing")
    developer = member_of(project.team, "bill.dev")
    bind("viewer", people.scope, user=developer)
    bind("deployer", project.scope, user=developer)
    bind("developer", project.scope, user=developer)
    Component.objects.create(name="billing-api", project=project, owner=project.team)
    return Actor(developer)


@pytest.fixture
def billing(bill: Actor, cluster: Cluster) -> Environment:
    project = Component.objects.get(name="billing-api").project
    assert project is not None
    web = {"web": {"component": "billing-api"}}
    parameters = {"image": IMAGE}
    return bring(bill, project, name="stage", tier="staging", workloads=web, parameters=parameters)


@pytest.fixture
def place(mia: Actor, database: Database) -> DatabaseInstance:
    declare_model(mia, database, SHOP)
    return live(mia, database, "staging", SHOP)


def say(actor: Actor, environment: Environment, reads: list[dict[str, Any]]) -> Change:
    change = environments.set_schemas(actor, environment, produces=[], consumes=[], reads=reads)
    return settle(actor, change)


def check_in(actor: Actor, database: Database, environment: Environment, *tables: str) -> bool:
    scope = environment.scope
    return readers.check_in(actor, database, scope, holder="billing-api", tables=tables)[1]


def test_an_environment_declares_it_until_its_next_change(
    bill: Actor, billing: Environment, database: Database
) -> None:
    change = say(bill, billing, READS)
    assert change.state == Change.State.SUCCEEDED, change.reason
    row = DatabaseReader.objects.get()
    assert (row.holder, row.paths, row.known, row.change) == (
        "billing-api",
        ["lines.note"],
        "declared",
        change,
    )
    assert readers.words(row) == "billing-api of team billing in billing/stage"
    with pytest.raises(Clash, match="declares it in environment"):
        readers.check_out(bill, row)
    deploy(bill, billing)
    assert DatabaseReader.objects.count() == 1
    say(bill, billing, [])
    assert not DatabaseReader.objects.exists()


def test_a_deleted_environment_reads_nothing(
    bill: Actor, billing: Environment, database: Database
) -> None:
    say(bill, billing, READS)
    check_in(bill, database, billing, "orders")
    change = settle(bill, environments.delete_environment(bill, billing))
    assert change.state == Change.State.SUCCEEDED, change.reason
    assert not DatabaseReader.objects.exists()


@pytest.mark.parametrize("name", ["orders/absent", "secret/main"])
def test_what_is_not_to_be_seen_closes_the_gate(
    name: str, bill: Actor, billing: Environment, mia: Actor, people: Characters
) -> None:
    hidden = make_project("secret")
    Database.objects.create(project=hidden, keeper=hidden.scope, name="main")
    change = say(bill, billing, [{"database": name, "tables": ["a"]}])
    assert change.state == Change.State.WAITING
    assert gate(change)["sentence"] == f"It reads {name}: not registered, or you may not see it."


@pytest.mark.parametrize(
    ("reads", "field"),
    [
        ([{"database": "main", "tables": ["a"]}], "spec.schemas.reads.0.database"),
        ([{"database": "orders/main", "tables": []}], "spec.schemas.reads.0.tables"),
        ([{"database": "orders/main"}], "spec.schemas.reads.0"),
        ([{**READS[0], "workload": "web2"}], "spec.schemas.reads.0.workload"),
        ([{**READS[0], "tables": ["x" * 201]}], "spec.schemas.reads.0.tables.0"),
    ],
)
def test_wrong_reads_are_refused_by_field(
    reads: list[dict[str, Any]], field: str, bill: Actor, billing: Environment
) -> None:
    with pytest.raises(Invalid) as caught:
        environments.set_schemas(bill, billing, produces=[], consumes=[], reads=reads)
    assert field in caught.value.errors[0].field


def test_it_is_set_by_rest(bill: Actor, billing: Environment, database: Database) -> None:
    api = APIClient()
    api.force_authenticate(bill.user)
    answer = api.post("/api/v1/environments/billing/stage/schemas/", {"reads": READS})
    assert answer.status_code == 202, answer.json()
    settle(bill, Change.objects.get(pk=answer.json()["id"]))
    assert DatabaseReader.objects.get().paths == ["lines.note"]


def test_a_program_checks_in_and_out(
    rest: As, bill: Actor, billing: Environment, database: Database, people: Characters
) -> None:
    one = Rest(signed_in(bill.user))  # type: ignore[arg-type]  # she is a person
    path = f"databases/{database.pk}/readers/"
    body = {"environment": "billing/stage", "holder": "billing-api", "tables": ["lines", "lines"]}
    made = one("POST", path, body, 201)
    assert (made["tables"], made["known"]) == (["lines"], "check-in")
    assert one("POST", path, {**body, "ttl_hours": 48}, 200)["id"] == made["id"]
    assert AuditRecord.objects.filter(action="subject.check-in").count() == 1
    assert [row["holder"] for row in rest("viewer")("GET", path)["results"]] == ["billing-api"]
    page = signed_in(people.viewer).get(f"/databases/{database.pk}/?tab=readers").content.decode()
    assert "<code>lines</code>" in page
    rest("developer")("POST", path, body, 422)  # billing is nowhere for her
    rest("stranger")("GET", path, None, 404)
    for wrong in ({"tables": []}, {"holder": "No Name"}, {"ttl_hours": 9999}):
        one("POST", path, {**body, **wrong}, 422)
    one("POST", path, {**body, "environment": "billing/staging"}, 422)
    rest("viewer")("DELETE", f"{path}{made['id']}/", None, 404)  # nor for him
    one("DELETE", f"{path}{made['id']}/", None, 204)
    one("DELETE", f"{path}{made['id']}/", None, 404)
    assert (
        "Nobody said that they read it"
        in signed_in(people.viewer).get(f"/databases/{database.pk}/?tab=readers").content.decode()
    )


def test_check_ins_end_and_are_bounded(
    bill: Actor, billing: Environment, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert check_in(bill, database, billing, "orders")
    DatabaseReader.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert readers.readers_of(database) == []
    assert not check_in(bill, database, billing, "orders"), "the same one, again"
    assert len(readers.readers_of(database)) == 1
    monkeypatch.setattr(readers, "MAX_READERS", 1)
    with pytest.raises(Refusal, match="1 readers already"):
        readers.check_in(bill, database, billing.scope, holder="other", tables=["a"])
    DatabaseReader.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    readers.sweep()
    assert not DatabaseReader.objects.exists()


def test_who_may_not_say_it(
    dana: Actor, people: Characters, billing: Environment, database: Database
) -> None:
    with pytest.raises(NotVisible):
        check_in(Actor(people.viewer), database, billing, "orders")
    bind("viewer", billing.project.scope, user=people.viewer)
    with pytest.raises(Forbidden):
        check_in(Actor(people.viewer), database, billing, "orders")


@pytest.mark.parametrize(
    ("read", "path", "meets"),
    [
        ("orders", "orders", True),
        ("orders", "orders.note", True),
        ("orders.note", "orders", True),
        ("orders.note", "orders.notes", False),
        ("orders", "orders_old", False),
        ("audit.log", "audit", True),
        ("orders", "", False),
    ],
)
def test_what_meets_what(read: str, path: str, meets: bool) -> None:
    row = DatabaseReader(paths=[read])
    assert bool(readers.touching([row], path)) is meets


def test_many_readers_are_counted(database: Database, mia: Actor) -> None:
    rows = [
        DatabaseReader(holder=f"r{n}", scope=database.project.scope, paths=["a"]) for n in range(5)
    ]
    assert readers.read_by(rows, "a").endswith(" and 2 more.")


def test_dropping_a_column_names_them_everywhere(
    rest: As, dana: Actor, bill: Actor, billing: Environment, place: DatabaseInstance
) -> None:
    database = place.database
    check_in(bill, database, billing, "lines.note")
    found = rest("viewer")("POST", "migrations/lint/", {"sql": RISKY, "database": database.pk})
    assert [one["readers"] for one in found["findings"]] == [SAID]
    client = rest("viewer").client
    page = client.post("/databases/lint/", {"sql": RISKY, "database": str(database.pk)})
    assert SAID in page.content.decode()
    stranger = rest("stranger").client.post("/databases/lint/", {"sql": RISKY, "database": "1"})
    assert stranger.status_code in {403, 422}
    declare_model(dana, database, without_column("note"), RISKY, on_top=True)
    path = f"databases/{database.pk}/"
    version = rest("viewer")("GET", f"{path}versions/2/")
    assert [(one["refuses"], one["readers"]) for one in version["findings"]] == [(True, SAID)]
    compared = rest("viewer")("GET", f"{path}differences/?from=1&to=2")
    assert [one["readers"] for one in compared["differences"]] == [SAID]
    viewer = rest("viewer").client
    for tab in ("differences&from=1&to=2", "versions"):
        assert SAID in viewer.get(f"/{path}?tab={tab}").content.decode()


def test_the_gate_names_them_and_tells_them_where_it_is_acknowledged(
    dana: Actor,
    bill: Actor,
    people: Characters,
    billing: Environment,
    place: DatabaseInstance,
) -> None:
    check_in(bill, place.database, billing, "lines")
    stage = bring(dana, people.project, name="stage", tier="staging", parameters={"image": IMAGE})
    declare_model(dana, place.database, without_column("note"), RISKY, on_top=True)
    change = deploy(dana, stage)
    assert change.state == Change.State.WAITING
    assert gate(change)["sentence"].endswith(f"breaks code that reads it. {SAID}")
    allowed = RISKY.replace("ALTER", "-- slipway: allow ban-drop-column nobody does\nALTER")
    declare_model(dana, place.database, without_column("note"), allowed, on_top=True, base=1)
    told = gate(deploy(dana, stage, "3.0.0"))
    assert told["outcome"] == "pass"
    assert f"{SAID} Acknowledged: nobody does." in told["sentence"]


def test_an_environments_page_tells_what_a_change_would_meet(
    dana: Actor, bill: Actor, mia: Actor, billing: Environment, place: DatabaseInstance
) -> None:
    project = place.database.project
    stage = bring(dana, project, name="stage", tier="staging", parameters={"image": IMAGE})
    check_in(bill, place.database, billing, "lines")
    declare_model(dana, place.database, without_column("note"), RISKY, on_top=True, file="7.sql")
    viewer = signed_in(dana.user)  # type: ignore[arg-type]  # she is a person
    page = viewer.get(f"/environments/orders/{stage.name}/?tab=databases").content.decode()
    text = " ".join(re.sub(r"<[^>]*>", "", page).split())
    assert "orders/main in staging" in text
    assert "Behind" in text
    assert "It was last seen with version 1. It waits for version 2." in text
    assert "version 2, 7.sql line 3: Dropping column lines.note loses its data" in text
    assert SAID in text
    look(place, drifted())
    page = viewer.get(f"/environments/orders/{stage.name}/?tab=databases").content.decode()
    assert "from what is declared;</b> a change is told." in page
    other = signed_in(bill.user)  # type: ignore[arg-type]  # he is one too
    page = other.get("/environments/billing/stage/?tab=databases").content.decode()
    assert "What it reads" in page
    assert "<code>lines</code>" in page
    Database.objects.all().delete()
    page = other.get("/environments/billing/stage/?tab=databases").content.decode()
    assert "No database that you can see lives here" in page
