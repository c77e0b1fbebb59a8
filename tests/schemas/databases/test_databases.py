"""Declare, look, drift and compare by REST, with a real PostgreSQL."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from idp.changes import leases
from rbac.actors import Actor
from rbac.models import AuditRecord
from schemas.databases import declaring, measuring, portal_parts, services, snapshots
from schemas.databases.models import Database, DatabaseInstance, DatabaseSnapshot
from schemas.relational.model import Model
from tests.rbac.factories import Characters
from tests.schemas.databases.conftest import Rest, Run, signed_in
from tests.schemas.databases.factories import declare, measure
from tests.schemas.relational.test_relational_postgres import SEEDED, SENTENCES, SHOP

As = Callable[[str], Rest]


def told() -> list[str]:
    rows = AuditRecord.objects.filter(action=measuring.DRIFT).order_by("at", "pk")
    return [row.reason for row in rows]


def declared(one: Rest, database: Database, body: dict[str, Any]) -> dict[str, Any]:
    """By REST: handed in, read by a worker, and asked for again."""
    asked = one("POST", f"databases/{database.pk}/versions/", body, 202)
    assert (asked["state"], asked["version"]) == ("queued", None)
    assert declaring.work(asked["id"])
    measure(database)
    return dict(one("GET", asked["url"].removeprefix("/api/v1/")))


def test_a_version_is_declared_from_sql(rest: As, database: Database, scratch_url: str) -> None:
    body = {"sql": SHOP + "GRANT SELECT ON tags TO bob;"}
    made = declared(rest("developer"), database, body)
    assert (made["state"], made["version"], made["is_new"]) == ("declared", 1, True)
    path = f"databases/{database.pk}/versions/"
    first = rest("viewer")("GET", f"{path}1/")
    assert first["skipped"] == [{"line": 21, "text": "GRANT SELECT ON tags TO bob"}]
    again = declared(rest("deployer"), database, body)
    assert (again["version"], again["is_new"]) == (1, False)
    more = {"sql": "ALTER TABLE tags ADD colour text;", "on_top": True}
    assert declared(rest("developer"), database, more)["version"] == 2
    instead = {"sql": "ALTER TABLE tags ADD shade text;", "on_top": True, "base": 1}
    assert declared(rest("developer"), database, instead)["version"] == 3
    rows = rest("viewer")("GET", path)["results"]
    assert [(row["version"], row["base"]) for row in rows] == [(3, 1), (2, 1), (1, 0)]
    compared = rest("viewer")("GET", f"databases/{database.pk}/differences/?from=1&to=2")
    assert [one["sentence"] for one in compared["differences"]] == [
        "Column `tags.colour` (`text`) is declared in version 2, but missing declared in version 1."
    ]


def test_wrong_sql_is_refused_with_its_line(rest: As, database: Database, scratch_url: str) -> None:
    one = rest("developer")
    made = declared(one, database, {"sql": "SELECT 1;\nCREATE TABEL x ();"})
    assert made["state"] == "refused"
    assert made["problem"]["status"] == 422
    assert made["problem"]["errors"][0]["field"] == "line 2"
    began = time.monotonic()
    for sql in (
        "SELECT 1;\nCOPY x FROM PROGRAM 'id';",
        "SELECT 1;\nCREATE EXTENSION dblink;",
        "SELECT 1;\nSELECT 2; DROP DATABASE postgres;",
    ):
        made = declared(one, database, {"sql": sql})
        assert (made["state"], made["version"]) == ("refused", None)
        assert made["problem"]["errors"][0]["field"] == "line 2"
    assert time.monotonic() - began < 30
    assert not database.versions.exists()
    one("POST", f"databases/{database.pk}/versions/", {"sql": "SELECT 1", "base": 9}, 422)


def test_without_a_scratch_server_it_is_read_in_part_and_what_is_not_is_named(
    rest: As, people: Characters, staging: DatabaseInstance, run: Run
) -> None:
    database, extra = staging.database, "CREATE DOMAIN code AS text;\n"
    made = declared(rest("developer"), database, {"sql": SHOP + extra})
    assert made["state"] == "declared"
    version = rest("viewer")("GET", f"databases/{database.pk}/versions/1/")
    assert version["reader"] == "sqlglot"
    assert version["unread"] == ["line 21: CREATE DOMAIN code AS text"]
    run(SHOP, extra, *SEEDED)
    assert snapshots.look(staging.pk)
    found = rest("viewer")("GET", f"databases/{database.pk}/instances/{staging.pk}/")
    assert found["drift_count"] == 12, "but for the texts of check, view and function"
    compared = rest("viewer")("GET", f"databases/{database.pk}/differences/?from=staging&to=1")
    assert compared["count"] == 12
    assert compared["not_compared"][-1] == "line 21: CREATE DOMAIN code AS text"
    viewer = signed_in(people.viewer)
    for tab in ("versions", "differences&from=staging&to=1"):
        page = viewer.get(f"/databases/{database.pk}/?tab={tab}").content.decode()
        assert "Compared in part:" in page
        assert "<li>line 21: CREATE DOMAIN code AS text</li>" in page
    assert "compared in part" in viewer.get(f"/databases/{database.pk}/").content.decode()


def test_fifteen_differences_are_told_by_rest_and_none_else(
    rest: As,
    people: Characters,
    staging: DatabaseInstance,
    scratch_url: str,
    run: Run,
) -> None:
    run(SHOP)
    one = f"databases/{staging.database_id}/"
    declared(rest("developer"), staging.database, {"sql": SHOP})
    assert snapshots.look(staging.pk)
    assert rest("viewer")("GET", f"{one}instances/{staging.pk}/")["state"] == "in step"
    assert told() == []
    run(*SEEDED)
    assert not snapshots.look(staging.pk)  # it was just looked at
    asked = rest("qa")("POST", f"{one}instances/{staging.pk}/look/", None, 403)
    assert asked["permission"] == "database.snapshot"
    rest("developer")("POST", f"{one}instances/{staging.pk}/look/")
    assert snapshots.look(staging.pk)
    found = rest("viewer")("GET", f"{one}instances/{staging.pk}/")
    assert found["state"] == "drifted"
    assert found["drift_count"] == len(SENTENCES) == 15
    assert {one["kind"]: one["sentence"] for one in found["drift"]} == {
        str(kind): sentence for kind, sentence in SENTENCES.items()
    }
    assert "password" not in str(found)
    assert told() == ["orders/main in staging differs from its declaration (15)."]
    panel = portal_parts.drifted(Actor(people.viewer))
    assert panel is not None
    assert panel["headline"] == "one database has drifted"
    assert portal_parts.drifted(Actor(people.stranger)) is None


def test_a_drift_is_told_once_and_its_end_too(
    database: Database, staging: DatabaseInstance, mia: Actor, scratch_url: str, run: Run
) -> None:
    declare(mia, database, "CREATE TABLE a (x int);")
    run("CREATE TABLE a (x int)", "CREATE INDEX i ON a (x)")
    for _ in range(2):
        services.ask(mia, staging)
        assert snapshots.look(staging.pk)
    assert len(told()) == 1
    assert DatabaseSnapshot.objects.count() == 1
    declare(mia, database, "CREATE TABLE a (x int); CREATE INDEX i ON a (x);")
    staging.refresh_from_db()
    assert staging.drift == []
    assert told()[1:] == ["orders/main in staging is as declared in version 2."]
    staging.refresh_from_db()
    services.change_instance(mia, staging, expected=1)
    measure(database)
    assert len(told()) == 3
    services.change_instance(mia, staging, ignoring=["i", "a.*"])
    measure(database)
    staging.refresh_from_db()
    assert staging.drift_count in {0, 1}


def test_two_environments_are_compared(
    rest: As,
    staging: DatabaseInstance,
    mia: Actor,
    scratch_url: str,
    run: Run,
) -> None:
    run("CREATE TABLE orders (id int PRIMARY KEY, note text)", "CREATE INDEX n ON orders (note)")
    other = services.add_instance(mia, staging.database, environment="production", url=scratch_url)
    assert snapshots.look(staging.pk)
    assert snapshots.look(other.pk)
    path = f"databases/{staging.database_id}/differences/?from=staging&to=production"
    compared = rest("viewer")("GET", path)
    assert compared["differences"][0]["sentence"] == (
        "Table `orders` exists in staging, but is not in production."
    )


def test_a_database_that_hangs_leaves_words_and_the_last_snapshot(
    database: Database,
    staging: DatabaseInstance,
    mia: Actor,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run("CREATE TABLE a ()")
    assert snapshots.look(staging.pk)
    monkeypatch.setattr(snapshots, "SECONDS", 2.0)
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        url = f"postgresql://u:secret@127.0.0.1:{port}/db"
        services.change_instance(mia, staging, url=url)
        began = time.monotonic()
        assert snapshots.look(staging.pk)
        assert time.monotonic() - began < 6
    staging.refresh_from_db()
    assert staging.state == "unreachable"
    assert "did not answer" in staging.error
    assert "secret" not in staging.error
    assert staging.taken_at is not None
    assert staging.snapshots.count() == 1


def test_only_one_looks_at_a_time(staging: DatabaseInstance) -> None:
    assert leases.claim(DatabaseInstance, staging.pk, seconds=60)
    assert not snapshots.look(staging.pk)
    assert snapshots.send_due() == []
    DatabaseInstance.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert snapshots.send_due() == [staging.pk], "its worker was killed"
    assert snapshots.send_due() == [], "it was just sent"


def test_a_look_that_lost_its_lease_writes_nothing(
    staging: DatabaseInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken_over(_: str) -> Model:
        DatabaseInstance.objects.update(lease_token=99)
        return Model()

    monkeypatch.setattr(snapshots, "_read", taken_over)
    assert snapshots.look(staging.pk)
    staging.refresh_from_db()
    assert staging.checked_at is None
    assert not staging.snapshots.exists()


def test_the_name_is_looked_up_once(
    mia: Actor, staging: DatabaseInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second answer of its name server could lead to a place that was not judged."""
    port = urlsplit(staging.url).port
    url = staging.url.replace("127.0.0.1", "db.example.test")
    assert url != staging.url
    services.change_instance(mia, staging, url=url)
    asked = []

    def once(host: str, *_: object, **__: object) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", once)
    assert snapshots.look(staging.pk)
    staging.refresh_from_db()
    assert (asked, staging.error) == (["db.example.test"], "")


@pytest.mark.loopback
def test_a_scratch_server_that_hangs_puts_a_declaration_off_in_bounded_time(
    rest: As, database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(declaring, "SECONDS", 2.0)
    monkeypatch.setattr("schemas.backends.scratch._CLEANING_SECONDS", 0.0)
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        settings.SCHEMAS_SCRATCH_URL = f"postgresql://u:secret@127.0.0.1:{port}/db"
        path = f"databases/{database.pk}/versions/"
        asked = rest("developer")("POST", path, {"sql": "SELECT 1"}, 202)
        began = time.monotonic()
        assert not declaring.work(asked["id"])
        assert time.monotonic() - began < 8
    shown = rest("viewer")("GET", asked["url"].removeprefix("/api/v1/"))
    assert shown["state"] == "queued"
    assert "did not answer" in shown["problem"]["detail"]
    assert "secret" not in str(shown)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u@localhost/db",
        "postgresql://u@127.0.0.1/db",
        "postgresql://u@[::1]/db",
        "postgresql://u@[::ffff:127.0.0.1]/db",
        "postgresql://u@169.254.169.254/db",
        "postgresql:///db",
        "mysql://u@db/db",
        "postgresql://u@db/db?sslkey=/etc/passwd",
    ],
)
def test_addresses_that_lead_inside_are_refused(rest: As, database: Database, url: str) -> None:
    body = {"environment": "staging", "url": url}
    answer = rest("maintainer")("POST", f"databases/{database.pk}/instances/", body, 422)
    assert answer["errors"][0]["field"] == "url"


def test_a_name_that_leads_inside_is_refused_when_it_is_read(
    database: Database, mia: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = services.add_instance(
        mia, database, environment="staging", url="postgresql://u:p@db.example.org/db"
    )
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", 5432))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    assert snapshots.look(row.pk)
    row.refresh_from_db()
    assert "reads no database at “db.example.org” (169.254.169.254)" in row.error


def test_who_may_do_what(rest: As, database: Database, settings: Settings) -> None:
    one = f"databases/{database.pk}/"
    body = {"environment": "staging", "url": "postgresql://u@db/db"}
    rest("stranger")("GET", one, None, 404)
    rest("stranger")("POST", f"{one}versions/", {"sql": "SELECT 1"}, 404)
    rest("viewer")("POST", f"{one}versions/", {"sql": "SELECT 1"}, 403)
    rest("developer")("POST", f"{one}instances/", body, 403)
    rest("developer")("POST", "databases/", {"project": "orders", "name": "x"}, 403)
    made = rest("maintainer")("POST", f"{one}instances/", body, 201)
    place = f"{one}instances/{made['id']}/"
    rest("viewer")("POST", f"{place}look/", None, 403)
    rest("developer")("PATCH", place, {"active": False}, 403)
    rest("maintainer")("PATCH", place, {"active": False})
    rest("maintainer")("POST", f"{place}look/", None, 422)
    rest("maintainer")("POST", f"{one}instances/", body, 422)
    rest("maintainer")("POST", f"{one}instances/", {**body, "environment": "nope"}, 422)
    rest("maintainer")("DELETE", place, None, 204)
    rest("maintainer")("PATCH", one, {"component": "other"})
    rest("maintainer")("DELETE", one, None, 204)
    actions = set(AuditRecord.objects.values_list("action", "outcome"))
    assert ("database.manage", "allowed") in actions
    assert ("database.declare", "denied") in actions
