"""What registry clients meet at the edges: versions in use, aliases, odd names and numbers."""

from __future__ import annotations

import pytest
from django.utils import timezone

from rbac.actors import Actor
from rbac.models import AuditRecord
from rbac.scopes import environment_scope
from schemas.dependants import checkins
from schemas.dependants.checkins import Word
from schemas.dependants.models import CheckIn, Role
from schemas.models import Subject
from tests.rbac.factories import Characters, make_project
from tests.schemas.wire import Wire, avro

pytestmark = pytest.mark.django_db


def test_a_version_that_a_program_says_it_holds_stays(wire: Wire, people: Characters) -> None:
    wire.register("orders-value", avro(("id", "int")))
    scope = environment_scope(people.project, "development", "dev")
    word = Word("orders-value", "orders-api", Role.CONSUMER, 1)
    checkins.check_in(Actor(people.developer), scope, word)
    for path in ("/subjects/orders-value/versions/1", "/subjects/orders-value"):
        said = wire("DELETE", path)
        assert (said.status, said.code) == (422, 42205)
        assert "is in use: orders-api, consumer in orders/dev" in said.json["message"]
    CheckIn.objects.update(expires_at=timezone.now())
    assert wire("DELETE", "/subjects/orders-value").json == [1]


def test_an_alias_is_read_and_never_deleted_through(wire: Wire) -> None:
    wire.register("orders-value", avro(("id", "int")))
    wire("PUT", "/config/old-orders", {"alias": "orders-value"})
    assert wire("GET", "/subjects/old-orders/versions").json == [1]
    assert wire("GET", "/subjects/old-orders/versions/latest").json["subject"] == "orders-value"
    assert wire("DELETE", "/subjects/old-orders").status == 404
    wire("PUT", "/config/loop", {"alias": "loop"})
    assert wire("GET", "/subjects/loop/versions/latest").code == 40401


@pytest.mark.parametrize("name", ["%20", "%20%09", "%E2%80%83"])
def test_a_blank_name_is_none(wire: Wire, name: str) -> None:
    said = wire.register(name, avro(("id", "int")))
    assert (said.status, said.code) == (422, 42208)


def test_a_project_that_is_none_of_them_is_named(wire: Wire) -> None:
    make_project("billing")
    said = wire("POST", "/subjects/x/versions?project=nonesuch", {"schema": avro(("id", "int"))})
    assert said.code == 42212
    assert "not in “nonesuch”" in said.json["message"]


@pytest.mark.parametrize("kind", ["JSON", "AVRO"])
def test_a_number_of_many_digits_is_told_in_words(wire: Wire, kind: str) -> None:
    said = wire.register(
        "x", '{"type": "object", "maximum": ' + "9" * 100_000 + "}", schemaType=kind
    )
    assert said.code == 42201
    assert "a number has more digits than are read" in said.json["message"]
    assert "sys." not in said.json["message"]


def test_the_last_version_that_goes_for_good_is_told_by_its_subject(wire: Wire) -> None:
    wire.register("orders-value", avro(("id", "int")))
    number = Subject.objects.get().pk
    wire("DELETE", "/subjects/orders-value/versions/1")
    assert wire("DELETE", "/subjects/orders-value/versions/1?permanent=true").json == 1
    record = AuditRecord.objects.get(action="subject.purge")
    assert (record.target_id, record.target_label) == (str(number), "orders-value")
