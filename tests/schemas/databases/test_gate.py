"""The gate through changes of a real environment over the simulated cluster."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from environments import services as environments
from environments.models import Environment
from gitops.models import Cluster
from idp.changes import services as changes
from idp.changes.models import Change
from idp.common.errors import TemporaryBackendError
from rbac.actors import Actor
from schemas.databases import selectors, services
from schemas.databases.models import Database, DatabaseInstance
from tests.environments.factories import IMAGE, bring, settle
from tests.rbac.factories import Characters
from tests.schemas.databases.conftest import signed_in
from tests.schemas.databases.factories import (
    SHOP,
    declare_model,
    drifted,
    live,
    look,
    measure,
    without_column,
)
from tests.support.changes import run_until_settled

State = Change.State
RISKY = "SET lock_timeout = '2s';\n\nALTER TABLE lines DROP COLUMN note;\n"
ALLOW = "-- slipway: allow ban-drop-column no release reads it since 4.2\nALTER"
LOST = without_column("note")


@pytest.fixture
def dana(people: Characters) -> Actor:
    return Actor(people.developer)


@pytest.fixture
def stage(people: Characters, dana: Actor, cluster: Cluster) -> Environment:
    return bring(dana, people.project, name="stage", tier="staging", parameters={"image": IMAGE})


@pytest.fixture
def place(mia: Actor, database: Database) -> DatabaseInstance:
    """The database as it lives in the tier, with version 1."""
    declare_model(mia, database, SHOP)
    return live(mia, database, "staging", SHOP)


def deploy(actor: Actor, environment: Environment, tag: str = "2.0.0") -> Change:
    image = f"{IMAGE.rpartition(':')[0]}:{tag}"
    return settle(actor, environments.set_image(actor, environment, image=image))


def gate(change: Change) -> dict[str, Any]:
    (found,) = [one for one in change.gates if one["gate"] == "databases"]
    return dict(found)


def risky(actor: Actor, database: Database, sql: str = RISKY, **how: Any) -> None:
    made = {"on_top": True, "file": "migrations/0007.sql", **how}
    declare_model(actor, database, LOST, sql, **made)


def test_where_no_database_lives_it_is_open(dana: Actor, stage: Environment) -> None:
    change = deploy(dana, stage)
    assert change.state == State.SUCCEEDED
    assert gate(change)["sentence"] == "No database is known to live there."


def test_a_risky_migration_closes_it_with_file_line_statement_and_ways_out(
    dana: Actor, stage: Environment, place: DatabaseInstance
) -> None:
    assert gate(deploy(dana, stage))["sentence"] == "Its databases are as declared."
    risky(dana, place.database)
    change = deploy(dana, stage, "3.0.0")
    assert change.state == State.WAITING
    found = gate(change)
    assert found["sentence"] == (
        "orders/main version 2, migrations/0007.sql line 3, `ALTER TABLE lines DROP COLUMN note`: "
        "Dropping column `lines.note` loses its data and breaks code that reads it."
    )
    assert found["fact"] == [found["sentence"]]
    for words in (
        "Mend it: Stop using it in the code first",
        "“-- slipway: allow ban-drop-column REASON” on the line above",
        "slipway schemas declare orders/main FILE --after 1",
        "waive gate “databases” for this change",
    ):
        assert words in found["lift"]


def test_it_opens_when_the_migration_is_acknowledged_instead(
    dana: Actor, stage: Environment, place: DatabaseInstance
) -> None:
    risky(dana, place.database)
    change = deploy(dana, stage)
    assert change.state == State.WAITING
    risky(dana, place.database, RISKY.replace("ALTER", ALLOW), base=1)
    place.refresh_from_db()
    assert [row.number for row in selectors.awaited(place)] == [3], "3 took the place of 2"
    change = run_until_settled(change)
    assert change.state == State.SUCCEEDED, change.reason
    assert gate(change)["sentence"] == "Beware: orders/main in staging still has version 1."


def test_it_opens_when_the_place_has_had_it(
    dana: Actor, stage: Environment, place: DatabaseInstance
) -> None:
    risky(dana, place.database)
    change = deploy(dana, stage)
    assert change.state == State.WAITING
    assert look(place, LOST).reached == 2
    assert run_until_settled(change).state == State.SUCCEEDED


def test_a_waiver_lets_it_past(
    dana: Actor, people: Characters, stage: Environment, place: DatabaseInstance
) -> None:
    risky(dana, place.database)
    change = deploy(dana, stage)
    row = changes.ask_waiver(
        dana,
        scope=stage.scope,
        gate="databases",
        reason="The table is empty.",
        ends_at=timezone.now() + timedelta(hours=4),
        change=change,
    )
    changes.grant_waiver(Actor(people.maintainer), row)
    assert run_until_settled(change).state == State.SUCCEEDED


def test_a_pinned_place_awaits_nothing(
    dana: Actor, mia: Actor, stage: Environment, place: DatabaseInstance
) -> None:
    risky(dana, place.database)
    services.change_instance(mia, place, expected=1)
    measure(place.database)
    assert deploy(dana, stage).state == State.SUCCEEDED


def test_scaling_and_deleting_bring_no_code(
    dana: Actor, stage: Environment, place: DatabaseInstance
) -> None:
    risky(dana, place.database)
    change = settle(dana, environments.scale(dana, stage, replicas=3))
    assert change.state == State.SUCCEEDED, change.reason
    assert gate(change)["sentence"] == "It brings no code to a database."
    assert settle(dana, environments.delete_environment(dana, stage)).state == State.SUCCEEDED


def test_a_whole_schema_that_loses_something_closes_it(
    dana: Actor, stage: Environment, place: DatabaseInstance
) -> None:
    declare_model(dana, place.database, LOST, "-- the whole schema", file="schema.sql")
    change = deploy(dana, stage)
    assert change.state == State.WAITING
    found = gate(change)
    assert found["sentence"] == (
        "orders/main version 2: Column `lines.note` (`text`) exists in version 1, "
        "but is not declared now."
    )
    assert "on top of that version, with the loss acknowledged" in found["lift"]


def test_a_place_that_was_never_read_awaits_every_version(
    dana: Actor, mia: Actor, stage: Environment, database: Database
) -> None:
    declare_model(mia, database, SHOP)
    risky(dana, database)
    declare_model(dana, database, LOST, "SELECT 1", on_top=True)
    live(mia, database, "staging", TemporaryBackendError("The database did not answer."))
    found = gate(deploy(dana, stage))
    assert found["outcome"] == "refuse"
    assert "orders/main version 2" in found["sentence"]


def test_a_drift_is_told_or_refused_as_the_database_says(
    dana: Actor, mia: Actor, stage: Environment, place: DatabaseInstance
) -> None:
    assert look(place, drifted()).state == "drifted"
    change = deploy(dana, stage)
    assert change.state == State.SUCCEEDED
    found = gate(change)
    told = "orders/main in staging has drifted (1 difference). Index `by_note` of `customers`"
    assert found["sentence"].startswith(f"Beware: {told}")
    assert len(found["fact"]) == 1
    services.change_database(mia, place.database, on_drift="refuse")
    change = deploy(dana, stage, "3.0.0")
    assert change.state == State.WAITING
    found = gate(change)
    assert found["sentence"].startswith(told)
    assert found["lift"].startswith("Bring it back to what is declared, or declare what is there.")
    look(place, SHOP)
    assert run_until_settled(change).state == State.SUCCEEDED


def test_what_is_awaited_is_no_drift(
    dana: Actor, mia: Actor, people: Characters, place: DatabaseInstance
) -> None:
    risky(dana, place.database)
    place.refresh_from_db()
    assert (place.state, place.reached, place.drift) == ("behind", 1, [])
    page = signed_in(people.viewer).get(f"/databases/{place.database_id}/").content.decode()
    assert "It still has version 1." in page
    assert "tab=differences&amp;from=staging&amp;to=2" in page
    other = live(mia, place.database, "production", SHOP)
    assert (other.state, other.reached) == ("behind", 1), "by its digest, though never seen before"
    page = signed_in(people.viewer).get(f"/databases/{place.database_id}/?tab=versions")
    text = page.content.decode()
    assert "1 closes the gate of every environment that waits for this version" in text
    assert "migrations/0007.sql" in text
