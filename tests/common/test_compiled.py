"""Statements compiled once write and read what Django's own would."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F
from django.forms.models import model_to_dict
from django.utils import timezone

from idp.common.compiled import (
    CompiledInsert,
    CompiledModels,
    CompiledValues,
    Statement,
    compile_rows,
    compile_update,
)
from rbac.models import AuditRecord, Team, User

pytestmark = pytest.mark.django_db


def test_a_row_is_written_as_save_writes_it() -> None:
    insert = CompiledInsert(AuditRecord)
    said = {"actor_label": "dana", "action": "x.y", "outcome": "allowed", "after": {"a": [1, None]}}
    at = timezone.now()
    mine, theirs = (AuditRecord(**said, at=at, address="10.0.0.1") for _ in range(2))
    insert.insert(mine)
    theirs.save(force_insert=True)
    first, second = (AuditRecord.objects.get(pk=row.pk) for row in (mine, theirs))
    assert model_to_dict(first) == model_to_dict(second)
    assert first.after == {"a": [1, None]}
    assert not mine._state.adding


def test_a_counted_key_comes_from_the_database() -> None:
    insert = CompiledInsert(Team)
    rows = [Team(name=name) for name in ("orders", "billing")]
    for row in rows:
        insert.insert(row)
    assert [Team.objects.get(name=row.name).pk for row in rows] == [row.pk for row in rows]


def test_a_failed_insert_voids_its_transaction() -> None:
    insert = CompiledInsert(Team)
    insert.insert(Team(name="orders"))
    with pytest.raises(IntegrityError), transaction.atomic():
        insert.insert(Team(name="orders"))
    assert Team.objects.filter(name="orders").count() == 1


def test_an_update_takes_its_values_in_the_order_of_the_markers() -> None:
    one, two = (User.objects.create_user(name, f"{name}@example.test") for name in ("ann", "bob"))
    update = compile_update(
        User.objects.filter(pk=7_654_321),
        {"first_name": "\x01first", "last_name": F("username")},
        [7_654_321, "\x01first"],
    )
    update.write(two.pk, "Bobby")
    found = {user.username: (user.first_name, user.last_name) for user in User.objects.all()}
    assert (found[one.username], found[two.username]) == (("", ""), ("Bobby", "bob"))


def test_a_moment_is_a_value_like_any_other() -> None:
    marker = datetime(1999, 1, 1, tzinfo=UTC)
    user = User.objects.create_user("ann", "ann@example.test")
    rows = User.objects.filter(date_joined__lte=marker)
    people, names = CompiledModels(rows, [marker]), compile_rows(rows.values_list("pk"), [marker])
    assert people.list(user.date_joined) == [user]
    assert names.rows(user.date_joined) == [(user.pk,)]
    assert people.list(datetime(2001, 1, 1, tzinfo=UTC)) == []


def test_a_query_that_finds_nothing_by_its_text_asks_nothing() -> None:
    assert CompiledModels(User.objects.none(), []).list() == []
    assert compile_rows(User.objects.none().values_list("pk"), []).rows() == []


def test_values_and_annotations_come_as_a_query_gives_them() -> None:
    AuditRecord.objects.create(
        actor_label="dana 100%", action="x.y", outcome="allowed", after={"a": [1]}
    )
    rows = AuditRecord.objects.filter(actor_label__contains="\x01label")
    columns = rows.values_list("pk", "at", "after", "actor_label")
    found = CompiledValues(columns, ["%\x01label%"]).rows("%100\\%%")
    assert [tuple(row) for row in found] == list(
        AuditRecord.objects.values_list("pk", "at", "after", "actor_label")
    )
    assert list(CompiledValues(rows.none().values_list("pk"), []).rows()) == []
    User.objects.create_user("ann", "ann@example.test")
    named = User.objects.annotate(called=F("username")).filter(username="\x01name")
    (user,) = CompiledModels(named, ["\x01name"]).list("ann")
    assert user.called == "ann"


def test_writes_beside_a_row_stand_and_fall_with_it() -> None:
    insert, teams = CompiledInsert(AuditRecord), CompiledInsert(Team)
    user = User.objects.create_user("ann", "ann@example.test")
    update = compile_update(
        User.objects.filter(pk=7_654_321), {"first_name": "\x01"}, [7_654_321, "\x01"]
    )

    def beside(name: str) -> list[Statement]:
        record = AuditRecord(actor_label=name, action="x.y", outcome="allowed")
        return [update.filled(user.pk, name), insert.filled(record)]

    row = Team(name="orders")
    teams.insert(row, *beside("first"))
    with pytest.raises(IntegrityError), transaction.atomic():
        teams.insert(Team(name="orders"), *beside("second"))
    assert Team.objects.get(name="orders").pk == row.pk
    assert User.objects.get(pk=user.pk).first_name == "first"
    assert [one.actor_label for one in AuditRecord.objects.all()] == ["first"]
