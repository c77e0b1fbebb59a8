"""A live PostgreSQL against its declaration, seen whole: by REST, in the pages, and by a person."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

import pytest

from rbac.actors import Actor
from schemas.databases import services, snapshots
from schemas.databases.models import DatabaseInstance
from tests.rbac.factories import Characters
from tests.schemas.databases.conftest import Rest, Run, signed_in
from tests.schemas.databases.factories import declare
from tests.schemas.relational.test_relational_postgres import SEEDED, SENTENCES, SHOP

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
