"""Import from a registry: what would come, what came, and where it went."""

from __future__ import annotations

import json
from typing import Any

import pytest

from idp.common.errors import Clash, Invalid
from rbac.actors import Actor
from rbac.models import AuditRecord
from schemas import naming, selectors
from schemas.models import Context, Mode, Schema, Subject, SubjectVersion
from schemas.transfer import services
from schemas.transfer.models import ImportRun, ImportVersion
from schemas.transfer.selectors import report, summary
from tests.rbac.factories import Characters, bind, make_project
from tests.schemas.factories import V1, V2, record, register
from tests.schemas.transfer.conftest import Other, Rest, carried

pytestmark = pytest.mark.loopback
ITEM = record(("sku", "string"), name="Item")
LINE = '{"type":"record","name":"Line","fields":[{"name":"item","type":"Item"}]}'


def begun(actor: Actor, people: Characters, other: Other, **options: Any) -> ImportRun:
    return services.import_registry(actor, people.project, registry=other.url, **options)


def brought(actor: Actor, people: Characters, other: Other, **options: Any) -> ImportRun:
    """A run that was read, confirmed and carried to its end."""
    run = carried(begun(actor, people, other, **options))
    assert run.state == "ready", run.reason
    return carried(services.confirm(actor, run))


def held(name: str) -> list[tuple[int, int]]:
    """Version and id of a subject's living versions."""
    found = naming.parse(name)
    rows = SubjectVersion.objects.filter(
        subject__context__name=found.context, subject__name=found.name, deleted_at=None
    )
    return list(rows.order_by("number").values_list("number", "schema__number"))


def refused(run: ImportRun) -> dict[str, str]:
    rows = ImportVersion.objects.filter(run=run, outcome="refused").select_related("subject")
    return {f"{row.subject.source}@{row.number}": row.reason for row in rows}


@pytest.fixture
def full(other: Other) -> Other:
    """References against the order of names, two contexts, gaps, deletions and settings."""
    other.add("a-line", (30, LINE))
    other.subjects["a-line"][0]["references"] = [
        {"name": "Item", "subject": "z-item", "version": 1}
    ]
    other.add("z-item", (7, ITEM))
    other.add("orders-value", (11, V1), (12, V2))
    other.subjects["orders-value"][1]["version"] = 4
    other.add(":.legacy:orders", (11, V2))
    other.add("gone", (50, record(("x", "int"), name="Gone")), deleted=True)
    other.config = {
        "orders-value": {"compatibilityLevel": "FULL", "normalize": True},
        "": {"compatibilityLevel": "BACKWARD_TRANSITIVE"},
        ":.legacy:": {"compatibilityLevel": "NONE"},
    }
    other.modes = {"z-item": "READONLY"}
    return other


def test_everything_comes_with_its_ids(people: Characters, mia: Actor, full: Other) -> None:
    run = carried(begun(mia, people, full))
    assert run.state == "ready"
    assert summary(run).sentence == "4 subjects, 5 versions."
    assert not Subject.objects.exists()
    assert not Context.objects.filter(name=".legacy").exists()
    run = carried(services.confirm(mia, run))
    assert run.state == "done"
    assert refused(run) == {}
    assert held("a-line") == [(1, 30)]
    assert held("z-item") == [(1, 7)]
    assert held("orders-value") == [(1, 11), (4, 12)]
    assert held(":.legacy:orders") == [(1, 11)]
    assert held("gone") == []
    assert Context.objects.get(name=".").next_id == 31
    line = Schema.objects.get(number=30)
    assert line.references == [{"name": "Item", "subject": "z-item", "version": 1}]
    assert not ImportVersion.objects.exclude(text="").exists()


def test_settings_come_and_mode_import_is_over(people: Characters, mia: Actor, full: Other) -> None:
    run = brought(mia, people, full)
    orders = Subject.objects.get(name="orders-value")
    assert (orders.level, orders.normalize, orders.mode) == ("FULL", True, "")
    assert Subject.objects.get(name="z-item").mode == Mode.READONLY
    assert "needs registry.configure" in run.notes[0]
    assert not selectors.registry().level


def test_an_administrator_takes_over_the_registrys_settings_too(
    people: Characters, ada: Actor, full: Other
) -> None:
    run = brought(ada, people, full)
    assert run.notes == []
    assert selectors.registry().level == "BACKWARD_TRANSITIVE"
    assert Context.objects.get(name=".legacy").level == "NONE"


def test_without_settings_none_comes(people: Characters, ada: Actor, full: Other) -> None:
    brought(ada, people, full, with_settings=False)
    assert not any("config" in path or "mode" in path for path in full.asked)
    assert Subject.objects.get(name="orders-value").level == ""


def test_deleted_versions_come_as_deleted(people: Characters, mia: Actor, full: Other) -> None:
    full.add("orders-value", (13, record(("id", "long"), name="Third")))
    full.subjects["orders-value"][2]["version"] = 5
    full.subjects["orders-value"][0]["deleted"] = True
    run = brought(mia, people, full, deleted=True)
    assert refused(run) == {}
    assert held("orders-value") == [(4, 12), (5, 13)]
    assert held("gone") == []
    gone = Subject.objects.get(name="gone")
    assert (gone.latest, gone.last_version) == (0, 1)
    assert gone.deleted_at is not None
    assert ImportVersion.objects.filter(run=run, removed=True).count() == 2


def test_a_schema_that_came_back_after_its_deletion_is_two_versions(
    people: Characters, mia: Actor, other: Other
) -> None:
    other.add("back", (1, V1), (2, V2), (1, V1))
    other.subjects["back"][0]["deleted"] = True
    run = brought(mia, people, other, deleted=True)
    assert refused(run) == {}
    assert held("back") == [(2, 2), (3, 1)]


def test_ids_that_collide_are_named_before_anything_is_written(
    people: Characters, mia: Actor, other: Other
) -> None:
    register(mia, "mine", ITEM)
    register(mia, "other", V2)
    other.add("orders", (1, V1), (9, V2))
    other.add("uses", (5, LINE.replace("Item", "Order")))
    other.subjects["uses"][0]["references"] = [{"name": "Order", "subject": "orders", "version": 1}]
    run = carried(begun(mia, people, other))
    assert summary(run).sentence == "2 subjects, 3 versions; 2 ids collide (1, 9)."
    assert refused(run) == {
        "orders@1": "Id 1: it belongs to another schema here.",
        "orders@2": "Id 9: the same schema has id 2 here.",
        "uses@1": "It refers to orders version 1, which cannot be imported.",
    }
    run = carried(services.confirm(mia, run))
    assert run.state == "done"
    assert not Subject.objects.filter(name="orders").exists()


def test_in_a_context_of_its_own_nothing_collides(
    people: Characters, mia: Actor, full: Other
) -> None:
    register(mia, "mine", record(("y", "int"), name="Mine"))
    Schema.objects.update(number=7)
    full.subjects["a-line"][0]["references"][0]["subject"] = ":.:z-item"
    full.add("b-line", (31, LINE.replace("Line", "Other").replace("Item", "Order")))
    full.subjects["b-line"][0]["references"] = [
        {"name": "Order", "subject": ":.legacy:orders", "version": 1}
    ]
    run = brought(mia, people, full, into="old")
    assert refused(run) == {}
    assert held(":.old:z-item") == [(1, 7)]
    assert held(":.old.legacy:orders") == [(1, 11)]
    assert Schema.objects.get(number=30).references[0]["subject"] == "z-item"
    assert Schema.objects.get(number=31).references[0]["subject"] == ":.old.legacy:orders"


def test_a_second_run_finds_everything_there(people: Characters, mia: Actor, full: Other) -> None:
    brought(mia, people, full)
    counts = [model.objects.count() for model in (Subject, SubjectVersion, Schema)]
    records = AuditRecord.objects.filter(target_type="schemas.subject").count()
    run = carried(begun(mia, people, full))
    assert summary(run).outcomes == {"there": 5}
    run = carried(services.confirm(mia, run))
    assert run.state == "done"
    assert counts == [model.objects.count() for model in (Subject, SubjectVersion, Schema)]
    assert AuditRecord.objects.filter(target_type="schemas.subject").count() == records


def test_rules_send_subjects_to_projects(people: Characters, mia: Actor, full: Other) -> None:
    legacy = make_project("legacy")
    bind("maintainer", legacy.scope, user=people.maintainer)
    rules = [
        {"prefix": ":.legacy:", "project": "legacy"},
        {"prefix": "z-", "project": "orders"},
        {"prefix": "z-item", "project": "legacy"},
    ]
    brought(mia, people, full, rules=rules)
    homes = dict(Subject.objects.values_list("name", "project__name"))
    assert homes == {
        "a-line": "orders", "z-item": "legacy", "orders-value": "orders", "orders": "legacy",
    }  # fmt: skip


def test_a_rule_needs_rights_in_its_project(people: Characters, mia: Actor, other: Other) -> None:
    make_project("secret")
    rules = [{"prefix": "s-", "project": "secret"}]
    with pytest.raises(Invalid, match="no project “secret” that you may see") as error:
        begun(mia, people, other, rules=rules)
    assert error.value.errors[0].field == "rules"
    with pytest.raises(Invalid, match="same beginning"):
        begun(mia, people, other, rules=[{"prefix": "a", "project": "orders"}] * 2)


def test_a_subject_of_somebody_else_is_left_alone(
    people: Characters, mia: Actor, ada: Actor, full: Other
) -> None:
    make_project("secret")
    register(ada, "z-item", V1, project="secret")
    run = brought(mia, people, full)
    assert "in a project where you may not import" in refused(run)["z-item@1"]
    assert "cannot be imported" in refused(run)["a-line@1"]
    assert held("z-item") == [(1, 1)]
    assert Subject.objects.get(name="z-item").mode == ""


def test_only_a_prefix_comes(people: Characters, mia: Actor, full: Other) -> None:
    run = brought(mia, people, full, prefix=":.legacy:or")
    assert [row["subject"] for row in report(mia, run)] == [":.legacy:orders"]
    run = carried(begun(mia, people, full, prefix="a-"))
    assert "neither here nor comes with it" in refused(run)["a-line@1"]


def test_what_is_no_schema_is_refused_with_its_place(
    people: Characters, mia: Actor, other: Other
) -> None:
    other.add("bad", (1, '{"type":"record"}'), (2, V1))
    other.add("rules", (3, V2))
    other.subjects["rules"][0]["ruleSet"] = {"domainRules": [{"kind": "no name"}]}
    other.add("a\x07bell", (4, V1))
    other.add("circle", (6, LINE))
    other.subjects["circle"][0]["references"] = [
        {"name": "Item", "subject": "circle", "version": 1}
    ]
    run = brought(mia, people, other)
    assert set(refused(run)) == {"bad@1", "circle@1"}
    assert refused(run)["circle@1"] == "It refers to itself in a circle."
    assert held("bad") == [(2, 2)]
    assert "each with a name" in run.subjects.get(source="rules").problem
    assert "left out" in run.notes[0]
    assert "bell" in run.notes[0]


def test_what_happens_between_looking_and_importing_is_said(
    people: Characters, mia: Actor, full: Other
) -> None:
    run = carried(begun(mia, people, full))
    register(mia, "taken", record(("q", "int"), name="Taken"))
    Schema.objects.update(number=7)
    run = carried(services.confirm(mia, run))
    assert run.state == "done"
    assert "Id 7 belongs to another schema" in refused(run)["z-item@1"]
    assert "a-line@1" in refused(run)
    assert held("orders-value") == [(1, 11), (4, 12)]


def test_who_confirms_a_run_is_who_registers(people: Characters, mia: Actor, full: Other) -> None:
    run = carried(begun(mia, people, full))
    run = carried(services.confirm(Actor(people.administrator), run))
    assert run.actor == people.administrator
    assert Subject.objects.filter(created_by=people.administrator).count() == 4


def test_at_most_a_few_runs_are_open(people: Characters, mia: Actor, full: Other) -> None:
    for _ in range(services.MAX_OPEN):
        last = begun(mia, people, full)
    with pytest.raises(Clash, match="5 imports that are not over"):
        begun(mia, people, full)
    services.cancel(mia, last)
    begun(mia, people, full)


def test_a_whole_import_by_rest(people: Characters, rest: Any, full: Other) -> None:
    body = {
        "registry": full.url,
        "project": "orders",
        "user_name": "reader",
        "secret": "sesame open",
        "deleted": True,
    }
    ada: Rest = rest("maintainer")
    made = ada("POST", "schemas/imports/", body, 202)
    assert made["state"] == "reading"
    assert "sesame" not in str(made)
    carried(ImportRun.objects.get(pk=made["id"]))
    assert full.authorization[0] == "Basic cmVhZGVyOnNlc2FtZSBvcGVu"
    one = f"schemas/imports/{made['id']}/"
    seen = ada("GET", one)
    assert seen["state"] == "ready"
    assert seen["counts"]["sentence"] == "5 subjects, 6 versions."
    ada("POST", one, {"action": "confirm"}, 200)
    carried(ImportRun.objects.get(pk=made["id"]))
    assert ada("GET", one)["counts"]["outcomes"] == {"taken": 6}
    rows = ada("GET", f"{one}versions/?q=orders")["results"]
    assert {(row["subject"], row["outcome"]) for row in rows} == {
        ("orders-value", "taken"), (":.legacy:orders", "taken"),
    }  # fmt: skip
    assert ada("GET", "schemas/imports/")["results"][0]["state"] == "done"
    answer = ada.client.get(f"/api/v1/{one}report/")
    lines = b"".join(answer.streaming_content).decode().splitlines()  # type: ignore[attr-defined]
    assert lines[0].startswith("source,subject,project,version,id")
    assert len(lines) == 7
    answer = ada.client.get(f"/api/v1/{one}report/?as=json")
    told = json.loads(b"".join(answer.streaming_content))  # type: ignore[attr-defined]
    assert [row["outcome"] for row in told] == ["taken"] * 6
    ada("DELETE", one, None, 204)
    assert not ImportRun.objects.exists()


def test_who_may_import(people: Characters, rest: Any, full: Other, mia: Actor) -> None:
    body = {"registry": full.url, "project": "orders"}
    rest("developer")("POST", "schemas/imports/", body, 403)
    rest("stranger")("POST", "schemas/imports/", body, 403)
    rest("viewer")("POST", "schemas/imports/", body, 403)
    run = begun(mia, people, full)
    one = f"schemas/imports/{run.pk}/"
    rest("stranger")("GET", one, None, 404)
    rest("developer")("GET", one, None, 403)
    rest("developer")("POST", one, {"action": "cancel"}, 403)
    assert rest("developer")("GET", "schemas/imports/")["results"] == []
    rest("auditor")("GET", one, None, 403)
    rest("maintainer")("POST", one, {"action": "confirm"}, 409)
    rest("maintainer")("POST", one, {"action": "nothing"}, 422)
    rest("maintainer")("POST", one, {"action": "cancel"}, 200)
    rest("maintainer")("POST", one, {"action": "cancel"}, 409)
    told = AuditRecord.objects.filter(action="subject.configure")
    assert set(told.values_list("outcome", flat=True)) == {"allowed", "denied"}
