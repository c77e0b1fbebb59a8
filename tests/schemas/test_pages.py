from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portal.models import Component
from rbac.actors import Actor
from rbac.models import User
from schemas import listing, naming, rows, services
from schemas.addresses import page_of
from schemas.formats.base import FormatName
from schemas.models import Subject, SubjectVersion
from schemas.parsing import Reference
from tests.rbac.factories import Characters
from tests.schemas.factories import BROKEN, V1, V2, register
from tests.schemas.pages import html, posted, signed_in

State = Subject.State


@pytest.fixture
def dana(people: Characters) -> Actor:
    return Actor(people.developer)


@pytest.fixture
def orders(dana: Actor) -> Subject:
    return register(dana, "orders-value", V1, V2)


@pytest.fixture
def as_dana(people: Characters) -> Client:
    return signed_in(people.developer)


# -- the list -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {"orders-value", "customers", ":.ctx:payments"}),
        ("?q=ORDERS", {"orders-value"}),
        ("?type=JSON", {"customers"}),
        ("?type=json", {"customers"}),
        ("?context=.ctx", {":.ctx:payments"}),
        ("?lifecycle=deprecated", {"customers"}),
        ("?owner=orders&project=orders", {"orders-value", "customers", ":.ctx:payments"}),
        ("?owner=elsewhere", set()),
        ("?name=orders-value", {"orders-value"}),
        ("?name=:.ctx:payments", {":.ctx:payments"}),
        ("?component=orders-api", {"orders-value"}),
        ("?deleted=1", {"gone"}),
        ("?after=nonsense&before=x~y", {"orders-value", "customers", ":.ctx:payments"}),
        ("?type=XML%00", set()),
    ],
)
def test_the_address_narrows_list_and_exports(
    as_dana: Client, dana: Actor, orders: Subject, query: str, expected: set[str]
) -> None:
    services.describe_subject(dana, orders, component="orders-api")
    customers = register(dana, "customers", '{"type": "object"}', format=FormatName.JSON)
    services.move_subject(dana, customers, State.DEPRECATED)
    register(dana, ":.ctx:payments", V1)
    services.delete_subject(dana, naming.parse(register(dana, "gone", V1).name))
    text = html(as_dana, f"/schemas/{query}")
    found = Subject.objects.select_related("context")
    assert {str(row) for row in found if f'href="{page_of(row)}"' in text} == expected
    exported = as_dana.get(f"/schemas/{query}{'&' if query else '?'}export=json")
    wanted = {row["subject"] for row in json.loads(exported.getvalue())}
    assert wanted == expected


def test_csv_holds_no_formula(as_dana: Client, dana: Actor) -> None:
    row = register(dana, "=cmd()", V1)
    services.describe_subject(dana, row, tags=["pii", "money"], contact="@here")
    answer = as_dana.get("/schemas/?export=csv")
    assert answer["Content-Disposition"] == 'attachment; filename="subjects.csv"'
    lines = list(csv.DictReader(io.StringIO(answer.getvalue().decode())))
    assert [line["subject"] for line in lines] == ["'=cmd()"]
    assert lines[0]["contact"] == "'@here"
    assert lines[0]["tags"] == "pii money"


def many(like: Subject, count: int) -> None:
    """Subjects with one version each, made without the services: 10,000 take minutes there."""
    schema = like.versions.order_by("number")[0].schema
    same = ("context_id", "project_id", "keeper_id", "owner_id", "format")
    values = {name: getattr(like, name) for name in same}
    rows = Subject.objects.bulk_create(
        Subject(name=f"bulk.{at:05}-value", latest=1, last_version=1, **values)
        for at in range(count)
    )
    SubjectVersion.objects.bulk_create(
        SubjectVersion(subject=row, number=1, schema=schema) for row in rows
    )


def test_every_page_forth_and_back_and_few_queries(as_dana: Client, orders: Subject) -> None:
    many(orders, 60)
    actor = Actor(User.objects.get(username="dana.dev"))
    every = listing.Filters()
    names, after, pages = [], "", []
    while True:
        found = rows.part(actor, every, after=after)
        pages.append([row.name for row in found.rows])
        names += pages[-1]
        if not found.later:
            break
        after = found.later
    assert names == sorted(row.name for row in Subject.objects.all())
    back = rows.part(actor, every, before=rows.part(actor, every, after=after).earlier)
    assert [row.name for row in back.rows] == pages[-2]
    text = html(as_dana, "/schemas/?q=bulk")
    assert "after=" in text
    assert "before=" not in text
    with CaptureQueriesContext(connection) as captured:
        html(as_dana, "/schemas/")
    assert len(captured) <= 10, [query["sql"][:150] for query in captured]


def test_the_four_empty_lists(people: Characters, as_dana: Client, orders: Subject) -> None:
    assert "No match" in html(as_dana, "/schemas/?q=absent")
    assert "You can’t list subjects" in html(signed_in(people.stranger), "/schemas/")
    Subject.objects.all().delete()
    text = html(as_dana, "/schemas/")
    assert "schema.registry.url=http://testserver/registry" in text
    assert "basic.auth.credentials.source=USER_INFO" in text


def test_what_one_may_not_see_is_in_no_list(people: Characters, orders: Subject) -> None:
    stranger = signed_in(people.stranger)
    assert "orders-value" not in html(stranger, "/schemas/")
    assert json.loads(stranger.get("/schemas/?export=json").getvalue()) == []
    html(stranger, page_of(orders), 404)
    assert "orders-value" not in html(stranger, "/search/?q=orders-value").split("<main")[1][900:]


# -- one subject --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["a/b/c", "..", "%2F", "ä ✓ \u200d"[:3], '"><script>', "?x=1#y", "shop/money.proto", "x" * 255],
)
def test_any_name_has_a_page(as_dana: Client, dana: Actor, name: str) -> None:
    row = register(dana, name, V1)
    path = page_of(row)
    assert path.startswith(f"/schemas/{row.pk}")
    text = html(as_dana, path)
    assert "<script>" not in text
    for tab in ("differences", "data", "history"):
        html(as_dana, f"{path}?tab={tab}")
    for action in ("edit", "lifecycle", "delete"):
        html(as_dana, page_of(row, action))


def test_the_number_finds_the_page_whatever_the_words_say(as_dana: Client, orders: Subject) -> None:
    assert page_of(orders) == f"/schemas/{orders.pk}-orders-value/"
    assert "orders-value" in html(as_dana, f"/schemas/{orders.pk}/")
    assert "orders-value" in html(as_dana, f"/schemas/{orders.pk}-other-words/")
    html(as_dana, "/schemas/999999999/", 404)
    html(as_dana, "/schemas/9999999999999/", 404)


def test_the_schema_tab_tells_what_holds_and_who_uses_it(
    as_dana: Client, people: Characters, dana: Actor, orders: Subject
) -> None:
    services.describe_subject(
        dana, orders, docs="What <b>it</b> means", tags=["pii"], contact="#orders"
    )
    services.set_settings(Actor(people.administrator), naming.place(":.:"), {"level": "FULL"})
    used = json.dumps(
        {"type": "record", "name": "Basket", "fields": [{"name": "o", "type": "Order"}]}
    )
    register(dana, "baskets", used, references=(Reference("Order", "orders-value", 2),))
    text = html(as_dana, page_of(orders))
    assert "What &lt;b&gt;it&lt;/b&gt; means" in text
    assert "set by context ." in text
    assert "by default" in text
    assert "&quot;currency&quot;" in text
    assert ">baskets</a>" in text
    old = html(as_dana, f"{page_of(orders)}?version=1")
    assert "&quot;currency&quot;" not in old.split("<pre")[1].split("</pre>")[0]
    for version in ("7", "x", "0", "9" * 30):
        html(as_dana, f"{page_of(orders)}?version={version}", 404)


def test_differences_say_what_changed_for_whom(
    as_dana: Client, people: Characters, dana: Actor, orders: Subject
) -> None:
    text = html(as_dana, f"{page_of(orders)}?tab=differences")
    assert "Version 2 can follow version 1." in text
    assert "Readers of version 2 meet data of version 1" in text
    assert "BACKWARD does not ask" in text
    maintainer = Actor(people.maintainer)
    services.set_settings(maintainer, naming.parse("orders-value"), {"level": "NONE"})
    register(dana, "orders-value", BROKEN)
    services.set_settings(maintainer, naming.parse("orders-value"), {"level": "FULL"})
    text = html(as_dana, f"{page_of(orders)}?tab=differences&from=1&to=3")
    assert "Version 3 cannot follow version 1." in text
    assert "<code>customer</code>" in text
    assert 'class="was"' not in text.split("Texts")[0]
    assert "added: " in text
    whole = html(as_dana, f"{page_of(orders)}?tab=differences&from=3&to=3&whole=1")
    assert "equal" in whole
    html(as_dana, f"{page_of(orders)}?tab=differences&from=9&to=1", 404)


def test_one_version_has_nothing_to_compare(as_dana: Client, dana: Actor) -> None:
    row = register(dana, "single", V1)
    assert "Only one version" in html(as_dana, f"{page_of(row)}?tab=differences")


def test_history_needs_the_permission_to_read_the_trail(
    as_dana: Client, people: Characters, orders: Subject
) -> None:
    assert "audit.view" in html(as_dana, f"{page_of(orders)}?tab=history")
    text = html(signed_in(people.maintainer), f"{page_of(orders)}?tab=history")
    assert text.count("subject.register") == 2
    assert "version 2" in text


@pytest.mark.parametrize(
    ("records", "status", "said"),
    [
        ('{"id": 1, "amount": 2.5, "currency": "EUR"}', 200, "1 record fits version 2."),
        (
            '{"id": 1, "amount": 2, "currency": "A"}\n{"id": "x"}',
            200,
            "1 of 2 records does not fit.",
        ),
        ('{"id": 1,', 422, "Line 1 is no JSON"),
        ('{"id": 1}\n{"id": 2', 422, "Line 2 is no JSON"),
        ("", 422, "There is no record to check."),
        ("[" * 100_000, 422, "nested too deep"),
        ('{"id": NaN}', 422, "NaN is no JSON"),
        ("1" * 5_000, 422, "no JSON"),
        ("x" * 200_001, 422, "At most 200,000 characters"),
        ("{}\n" * 101, 422, "At most 100 records"),
        ('"\\ud800"', 200, "1 of 1 record does not fit."),
    ],
)
def test_pasted_records_are_checked(
    as_dana: Client, orders: Subject, records: str, status: int, said: str
) -> None:
    text = posted(as_dana, f"{page_of(orders)}?tab=data", status, records=records)
    assert said in text


def test_records_are_checked_against_the_version_that_is_named(
    as_dana: Client, orders: Subject
) -> None:
    text = posted(as_dana, page_of(orders), 200, records='{"id": 1, "amount": 1.0}', version="1")
    assert "1 record fits version 1." in text


PROTO = 'syntax = "proto3"; message Paid { string id = 1; int32 units = 2; }'
CUSTOMER = '{"title": "Customer", "type": "object", "properties": {"id": {"type": "integer"}}}'


@pytest.mark.parametrize(
    ("format_name", "text", "code"),
    [
        (FormatName.AVRO, V2, "AvroSerializer(registry, schema"),
        (FormatName.JSON, CUSTOMER, "JSONSerializer(schema, registry"),
        (FormatName.PROTOBUF, PROTO, "ProtobufSerializer(record_pb2.Paid, registry"),
    ],
)
def test_each_format_has_example_and_code(
    as_dana: Client, dana: Actor, format_name: FormatName, text: str, code: str
) -> None:
    row = register(dana, 'odd "name"/x-value', text, format=format_name)
    api = as_dana.get(f"/api/v1/subjects/{row.pk}/versions/latest/example/").json()
    assert code in api["producer"]
    assert r'SUBJECT = "odd \"name\"/x-value"' in api["producer"]
    for part in ("producer", "consumer"):
        compile(api[part], part, "exec")
    answer = as_dana.post(page_of(row), {"records": json.dumps(api["example"])})
    assert "1 record fits version 1." in answer.content.decode()


# -- the shell ----------------------------------------------------------------------------------


def test_search_palette_and_component_know_subjects(
    as_dana: Client, people: Characters, dana: Actor, orders: Subject
) -> None:
    Component.objects.create(
        name="orders-api",
        owner=people.project.team,
        project=people.project,
        provides_apis=["orders-value"],
    )
    assert page_of(orders) in html(as_dana, "/search/?q=orders-v")
    assert "Compare a schema" in html(as_dana, "/search/?q=>compare")
    assert 'href="/schemas/"' in html(as_dana, "/")
    text = html(as_dana, "/catalog/orders-api/?tab=schemas")
    assert text.count(f'href="{page_of(orders)}"') == 1
    services.describe_subject(dana, orders, component="orders-api")
    text = html(as_dana, "/catalog/orders-api/?tab=schemas")
    assert text.count(f'href="{page_of(orders)}"') == 2


def test_no_page_carries_inline_style_or_script(as_dana: Client, orders: Subject) -> None:
    tabs = [f"{page_of(orders)}?tab={tab}" for tab in ("", "differences", "data", "history")]
    for path in ("/schemas/", "/schemas/compare/?subject=orders-value", *tabs):
        text = html(as_dana, path)
        for forbidden in (" style=", "<style", " onclick", " onload", "hx-on", "<script>"):
            assert forbidden not in text, (path, forbidden)


def test_the_subject_page_needs_few_queries(as_dana: Client, orders: Subject) -> None:
    found: dict[str, Any] = {}
    for tab, most in (("", 14), ("differences", 14), ("data", 11), ("history", 11)):
        html(as_dana, f"{page_of(orders)}?tab={tab}")
        with CaptureQueriesContext(connection) as captured:
            html(as_dana, f"{page_of(orders)}?tab={tab}")
        if len(captured) > most:
            found[tab] = [query["sql"][:120] for query in captured]
    assert not found
