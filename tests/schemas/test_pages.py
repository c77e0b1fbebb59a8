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
from schemas import listing, naming, services
from schemas.addresses import page_of
from schemas.formats.base import FormatName
from schemas.models import Subject, SubjectVersion
from schemas.parsing import Reference
from tests.rbac.factories import Characters, make_project
from tests.schemas.factories import BROKEN, V1, V2, record, register

State = Subject.State


@pytest.fixture
def dana(people: Characters) -> Actor:
    return Actor(people.developer)


@pytest.fixture
def orders(dana: Actor) -> Subject:
    return register(dana, "orders-value", V1, V2)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def as_dana(people: Characters) -> Client:
    return signed_in(people.developer)


def html(client: Client, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, answer.content[:3000]
    return answer.content.decode()


def posted(client: Client, path: str, status: int, **data: str) -> str:
    answer = client.post(path, data)
    assert answer.status_code == status, answer.content[:3000]
    return answer.content.decode() or str(answer.get("Location"))


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
    rows = listing.subjects(actor, listing.Filters())
    names, after, pages = [], "", []
    while True:
        found = listing.part(rows, after=after)
        pages.append([row.name for row in found.rows])
        names += pages[-1]
        if not found.later:
            break
        after = found.later
    assert names == sorted(row.name for row in Subject.objects.all())
    back = listing.part(rows, before=listing.part(rows, after=after).earlier)
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
        (FormatName.PROTOBUF, PROTO, "ProtobufSerializer(Record, registry"),
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


# -- changing it --------------------------------------------------------------------------------


def test_a_subject_is_described(as_dana: Client, orders: Subject) -> None:
    path = page_of(orders, "edit")
    data = {
        "owner": "orders",
        "component": "orders-api",
        "tags": "a\nb",
        "docs": "x",
        "contact": "y",
    }
    assert posted(as_dana, path, 302, **data) == page_of(orders)
    orders.refresh_from_db()
    assert (orders.component, orders.tags, orders.docs) == ("orders-api", ["a", "b"], "x")
    assert "words of 60 letters" in posted(as_dana, path, 422, **{**data, "tags": "t" * 61})
    assert "valid choice" in posted(as_dana, path, 422, **{**data, "owner": "absent"})


def test_a_subject_moves_through_its_life(as_dana: Client, orders: Subject) -> None:
    path = page_of(orders, "lifecycle")
    assert "Ends on" not in html(as_dana, path)
    assert "valid choice" in posted(as_dana, path, 422, state="retired")
    posted(as_dana, path, 302, state="deprecated")
    assert "A sunset needs its date." in posted(as_dana, path, 422, state="sunset")
    posted(as_dana, path, 302, state="sunset", sunset_on="2030-01-31")
    assert "ends on" in html(as_dana, page_of(orders))
    text = html(as_dana, page_of(orders))
    assert "?to=retired" in text
    assert "?to=draft" not in text


def test_settings_are_made_and_taken_back(people: Characters, orders: Subject) -> None:
    client, path = signed_in(people.maintainer), page_of(orders, "settings")
    given = {"level": "FULL", "mode": "READONLY", "policy": "LENIENT", "normalize": "true"}
    posted(client, path, 302, **given)
    text = html(client, page_of(orders))
    assert text.count("set by this subject") == 3
    posted(client, path, 302, level="", mode="", policy="", normalize="")
    assert html(client, page_of(orders)).count("by default") == 3
    orders.refresh_from_db()
    assert (orders.level, orders.mode, orders.normalize) == ("", "", None)


def test_deleting_says_what_is_lost_and_asks_for_the_name(
    people: Characters, dana: Actor, orders: Subject
) -> None:
    client, path = signed_in(people.maintainer), page_of(orders, "delete")
    name = naming.parse("orders-value")
    services.set_settings(Actor(people.maintainer), name, {"level": "NONE"})
    signed_in(people.viewer).get(path)
    text = html(signed_in(people.developer), path)
    assert "2 versions (1, 2) would be deleted." in text
    assert "Its own settings are cleared: level." in text
    developer = signed_in(people.developer)
    assert "That is not orders-value." in posted(developer, path, 422, confirm_name="orders")
    assert posted(developer, path, 302, confirm_name="orders-value") == page_of(orders)
    assert "Every version is deleted." in html(developer, page_of(orders))
    html(developer, path, 403)
    assert "would be deleted for good" in html(client, path)
    assert posted(client, path, 302, confirm_name="orders-value") == "/schemas/"
    assert not Subject.objects.filter(name="orders-value").exists()


def test_one_version_is_deleted_and_a_used_one_is_not(
    as_dana: Client, dana: Actor, orders: Subject
) -> None:
    used = json.dumps(
        {"type": "record", "name": "Basket", "fields": [{"name": "o", "type": "Order"}]}
    )
    register(dana, "baskets", used, references=(Reference("Order", "orders-value", 2),))
    path = page_of(orders, "delete")
    text = html(as_dana, f"{path}?version=2")
    assert "while these refer to it:</b> baskets" in text
    assert "references exist" in posted(
        as_dana, f"{path}?version=2", 422, confirm_name="orders-value"
    )
    posted(as_dana, f"{path}?version=1", 302, confirm_name="orders-value")
    assert list(orders.versions.filter(deleted_at=None).values_list("number", flat=True)) == [2]


@pytest.mark.parametrize("action", ["edit", "lifecycle", "settings", "delete"])
def test_who_may_not_is_told_what_is_missing(
    people: Characters, orders: Subject, action: str
) -> None:
    viewer = signed_in(people.viewer)
    assert "subject." in html(viewer, page_of(orders, action), 403)
    assert viewer.post(page_of(orders, action), {"confirm_name": "orders-value"}).status_code == 403
    assert f"{page_of(orders, action)}" not in html(viewer, page_of(orders))


# -- comparing ----------------------------------------------------------------------------------


HALF = '{"type": "object", "required": ["\\ud800"], "properties": {"\\ud800": {"type": "string"}}}'


def verdict(client: Client, **data: str) -> str:
    given = {"subject": "orders-value", "format": "AVRO", **data}
    return posted(client, "/schemas/compare/verdict/", 200, **given)


def test_a_candidate_is_judged_against_each_version_that_counts(
    as_dana: Client, people: Characters, orders: Subject
) -> None:
    text = verdict(as_dana, candidate=BROKEN)
    assert "It would be refused." in text
    assert "<code>customer</code>" in text
    assert 'id="v-2"' in text
    assert 'id="v-1"' not in text
    maintainer = Actor(people.maintainer)
    level = {"level": "BACKWARD_TRANSITIVE"}
    services.set_settings(maintainer, naming.parse("orders-value"), level)
    assert 'id="v-1"' in verdict(as_dana, candidate=BROKEN)
    assert "It is version 1 already." in verdict(as_dana, candidate=V1)
    assert "<html" not in text


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"candidate": "{"}, "not valid"),
        ({"candidate": ""}, "No verdict yet"),
        ({"candidate": V1, "subject": ""}, "Half of it is there"),
        ({"candidate": V1, "subject": "brand-new"}, "It would begin a new subject."),
        ({"candidate": V1, "subject": "\x00"}, "Null characters"),
        ({"candidate": "[" * 100_000}, "valid"),
        ({"candidate": V1, "references": "just-one"}, "A line is a name"),
        ({"candidate": V1, "references": "a b x"}, "version id"),
        ({"candidate": V1, "references": "a absent 1"}, "No schema reference found"),
        ({"candidate": V1, "format": "XML"}, "valid choice"),
        ({"candidate": '{"type": "\\ud800"}'}, "half of a surrogate pair"),
        ({"candidate": HALF, "format": "JSON", "subject": "halves"}, "urrogate pair"),
    ],
)
def test_what_cannot_be_judged_is_said(
    as_dana: Client, dana: Actor, orders: Subject, data: dict[str, str], said: str
) -> None:
    if data.get("subject") == "halves":
        register(dana, "halves", '{"type": "object"}', format=FormatName.JSON)
    given = {"subject": "orders-value", "format": "AVRO", **data}
    assert said in posted(as_dana, "/schemas/compare/", 200, **given)


def test_two_texts_are_compared(as_dana: Client, orders: Subject) -> None:
    given = {"subject": "", "candidate": BROKEN, "earlier": V1, "level": "FORWARD"}
    text = verdict(as_dana, **given)
    assert "The new schema can follow the earlier one." in text
    text = verdict(as_dana, **{**given, "level": "BACKWARD"})
    assert "The new schema cannot follow the earlier one." in text


def test_what_was_compared_is_registered(as_dana: Client, orders: Subject) -> None:
    path = "/schemas/compare/register/"
    third = record(("id", "long"), ("amount", "double"), ("note", "string", ""))
    given = {"subject": "orders-value", "format": "AVRO", "candidate": third}
    assert posted(as_dana, path, 302, **given) == page_of(orders)
    orders.refresh_from_db()
    assert orders.latest == 3
    text = posted(as_dana, path, 422, **{**given, "candidate": BROKEN})
    assert "It was not registered." in text
    assert "Name the subject" in posted(as_dana, path, 422, **{**given, "subject": ""})
    assert "/schemas/" in posted(as_dana, path, 302, **{**given, "subject": "new/one"})


def test_a_viewer_compares_but_does_not_register(people: Characters, orders: Subject) -> None:
    viewer = signed_in(people.viewer)
    text = verdict(viewer, candidate=V1)
    assert "Register it" not in text
    given = {"subject": "orders-value", "format": "AVRO", "candidate": V1}
    assert viewer.post("/schemas/compare/register/", given).status_code == 403
    assert signed_in(people.stranger).get("/schemas/compare/").status_code == 403


def test_a_hidden_subject_is_not_judged(people: Characters, dana: Actor, orders: Subject) -> None:
    """Somebody of another project learns no more than that the name may be new."""
    other = people.stranger
    register(Actor(people.administrator), "theirs", V1, project=_project_of(other))
    text = verdict(signed_in(other), candidate=BROKEN)
    assert "amount" not in text.split("verdict")[1]
    assert "It would begin a new subject." in text


def _project_of(user: User) -> str:
    return make_project("elsewhere", user.teams.get()).name


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
