"""A live PostgreSQL against its declaration, seen whole: by REST, in the pages, and by a person."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

import pytest

from idp.changes.models import Change
from rbac.actors import Actor
from schemas.databases import declaring, services, snapshots
from schemas.databases.models import DatabaseInstance
from tests.environments.factories import IMAGE, bring
from tests.rbac.factories import Characters
from tests.schemas.databases.conftest import Rest, Run, signed_in
from tests.schemas.databases.factories import declare, measure
from tests.schemas.databases.test_gate import deploy, gate
from tests.schemas.relational.test_relational_postgres import SEEDED, SENTENCES, SHOP
from tests.support.changes import run_until_settled

As = Callable[[str], Rest]
RISKY = "SET lock_timeout = '2s';\n\nALTER TABLE orders DROP COLUMN note;\n"


def sentences(page: str) -> list[str]:
    """The second column of the table of differences, as a reader sees it."""
    rows = re.findall(r'<td class="wrap full">(.*?)</td>', page, re.DOTALL)
    return [" ".join(html.unescape(re.sub(r"<[^>]*>", "", row)).split()) for row in rows]


def plain(sentence: str) -> str:
    """A sentence without the ticks that pages show as code."""
    return " ".join(sentence.replace("`", "").split())


@pytest.fixture
def places(
    mia: Actor, staging: DatabaseInstance, another_database: str, scratch_url: str, run: Run
) -> tuple[DatabaseInstance, DatabaseInstance]:
    """Staging with fifteen differences from the declaration, and production as declared."""
    production = services.add_instance(
        mia, staging.database, environment="production", url=another_database
    )
    run(SHOP, *SEEDED)
    run(SHOP, at=another_database)
    declare(mia, staging.database, SHOP)
    for place in (staging, production):
        assert snapshots.look(place.pk)
    return staging, production


def test_a_live_database_is_told_whole(
    rest: As, people: Characters, places: tuple[DatabaseInstance, DatabaseInstance]
) -> None:
    staging, production = places
    viewer, one = signed_in(people.viewer), f"databases/{staging.database_id}/"

    found = rest("viewer")("GET", f"{one}instances/{staging.pk}/")
    told = {one["kind"]: one["sentence"] for one in found["drift"]}
    assert told == {str(kind): sentence for kind, sentence in SENTENCES.items()}
    assert found["drift_count"] == 15
    same = rest("viewer")("GET", f"{one}instances/{production.pk}/")
    assert (same["state"], same["drift"]) == ("in step", [])

    page = viewer.get(f"/{one}").content.decode()
    assert sorted(sentences(page)) == sorted(map(plain, SENTENCES.values()))
    assert "15 differences from what is declared" in plain(re.sub(r"<[^>]*>", "", page))

    compared = rest("viewer")("GET", f"{one}differences/?from=staging&to=production")
    assert compared["count"] == 15
    page = viewer.get(f"/{one}?tab=differences&from=staging&to=production").content.decode()
    expected = [plain(one["sentence"]) for one in compared["differences"]]
    assert sentences(page) == expected
    assert "Table audit is in production, but missing in staging." in expected

    refused = rest("developer")(
        "POST", "migrations/lint/", {"sql": RISKY, "database": staging.database_id}
    )
    assert not refused["passes"]
    assert [(one["rule"], one["line"], one["touches"]) for one in refused["findings"]] == [
        ("ban-drop-column", 3, "orders.note")
    ]
    page = viewer.post("/databases/lint/", {"sql": RISKY, "database": "0"}).content.decode()
    assert "1 finding would refuse it" in page
    assert '<td class="num" data-label="line">3</td>' in page


@pytest.mark.usefixtures("cluster", "scratch_url")
def test_a_migration_reaches_a_live_database_through_the_gate(
    rest: As, people: Characters, staging: DatabaseInstance, run: Run
) -> None:
    dana, database = Actor(people.developer), staging.database
    run(SHOP)
    declare(dana, database, SHOP)
    assert snapshots.look(staging.pk)
    stage = bring(dana, people.project, name="stage", tier="staging", parameters={"image": IMAGE})
    body = {"sql": RISKY, "on_top": True, "file": "migrations/0007.sql"}
    asked = rest("developer")("POST", f"databases/{database.pk}/versions/", body, 202)
    assert declaring.work(asked["id"])
    measure(database)
    change = deploy(dana, stage)
    assert change.state == Change.State.WAITING
    refused = "orders/main version 2, migrations/0007.sql line 3, `ALTER TABLE orders DROP COLUMN"
    assert gate(change)["sentence"].startswith(refused)
    page = signed_in(people.developer).get(f"/changes/{change.pk}/").content.decode()
    assert "migrations/0007.sql line 3" in html.unescape(page)
    acknowledged = RISKY.replace(
        "ALTER", "-- slipway: allow ban-drop-column unread since 4.2\nALTER"
    )
    declare(dana, database, acknowledged, on_top=True, base=1)
    change = run_until_settled(change)
    assert change.state == Change.State.SUCCEEDED, change.reason
    run(acknowledged)
    services.ask(dana, staging)
    assert snapshots.look(staging.pk)
    staging.refresh_from_db()
    assert (staging.state, staging.reached) == ("in step", 3)
