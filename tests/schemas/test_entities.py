"""Subjects as `kind: API`: handed to other catalogs, and taken from a project's own file."""

from __future__ import annotations

import json

import pytest

from idp.common import yaml
from idp.common.errors import Invalid
from portal.catalog import Imported, import_document
from rbac.actors import Actor
from schemas import naming
from schemas import services as registry
from schemas.formats.base import FormatName
from schemas.models import Subject, SubjectVersion
from tests.rbac.factories import Characters
from tests.schemas.dependants.test_rest import client_of as rest_of
from tests.schemas.factories import record, register
from tests.schemas.test_beside import YAML as API

pytestmark = pytest.mark.django_db
ONE, TWO = record(("id", "long")), record(("id", "long"), ("note", "string", ""))
BROKEN = record(("id", "long"), ("amount", "double"))


@pytest.fixture
def dana(people: Characters) -> Actor:
    return Actor(people.developer)


def document(definition: str, name: str = "orders", kind: str = "avro", subject: str = "") -> str:
    made = {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "API",
        "metadata": {"name": name},
        "spec": {
            "type": kind,
            "lifecycle": "production",
            "owner": "orders",
            "definition": definition,
        },
    }
    if subject:
        made["metadata"]["annotations"] = {"slipway.dev/subject": subject}  # type: ignore[index]
    return f"---\n{yaml.dump(made)}"


def brought(dana: Actor, people: Characters, text: str) -> Imported:
    return import_document(dana, people.project, text, "orders.git:catalog-info.yaml")


def test_an_api_of_the_file_becomes_a_version(dana: Actor, people: Characters) -> None:
    text = document(ONE, subject="orders-value")
    assert brought(dana, people, text).others == ["API orders-value: version 1 registered."]
    assert brought(dana, people, text).others == ["API orders-value: version 1 already."]
    text = document(TWO, subject="orders-value") + document(ONE, "other")
    done = brought(dana, people, text)
    assert done.others == [
        "API orders-value: version 2 registered.",
        "API other: version 1 registered.",
    ]
    assert done.sentence == " ".join(done.others)
    assert done.warnings == []
    assert Subject.objects.get(name="orders-value").project == people.project


def test_the_other_formats(dana: Actor, people: Characters) -> None:
    schema = json.dumps({"type": "object", "properties": {"id": {"type": "integer"}}})
    proto = 'syntax = "proto3";\nmessage Order { int64 id = 1; }\n'
    text = document(schema, "a", "jsonschema") + document(proto, "b", "grpc")
    brought(dana, people, text + document(API, "c", "openapi"))
    found = dict(Subject.objects.values_list("name", "format"))
    assert found == {"a": "JSON", "b": "PROTOBUF", "c": "OPENAPI"}


@pytest.mark.parametrize(
    ("definition", "kind", "field"),
    [
        ("{", "avro", "documents.1.spec.definition"),
        (BROKEN, "avro", "documents.1.spec.definition"),
        (TWO, "soap", "documents.1.spec.type"),
        ("", "avro", "documents.1.spec.definition"),
    ],
)
def test_a_wrong_one_takes_nothing_of_the_file(
    dana: Actor, people: Characters, definition: str, kind: str, field: str
) -> None:
    register(dana, "orders-value", ONE)
    wrong = document(definition, kind=kind, subject="orders-value")
    with pytest.raises(Invalid) as caught:
        brought(dana, people, document(ONE, "new") + wrong)
    assert [error.field for error in caught.value.errors] == [field]
    assert SubjectVersion.objects.count() == 1


def test_somebody_elses_subject_stays_theirs(dana: Actor, people: Characters) -> None:
    register(dana, "orders-value", ONE)
    stranger = Actor(people.stranger)
    with pytest.raises(Exception, match=r"may|visible|nothing here"):
        import_document(stranger, people.project, document(TWO, "orders-value"), "x.git:c.yaml")
    assert Subject.objects.get().latest == 1


def test_subjects_go_out_as_entities_and_come_back(dana: Actor, people: Characters) -> None:
    row = register(dana, "shop/orders ✓", ONE, TWO)
    registry.describe_subject(dana, row, docs="Orders.")
    register(dana, "api", API, format=FormatName.OPENAPI)
    answer = rest_of(people.viewer).get("/api/v1/subjects/catalog-info/")
    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    api, orders = yaml.load_all(text)
    assert (api["spec"]["type"], orders["spec"]["type"]) == ("openapi", "avro")
    assert orders["metadata"] == {
        "name": "shop-orders",
        "title": "shop/orders ✓",
        "annotations": {"slipway.dev/subject": "shop/orders ✓", "slipway.dev/version": "2"},
        "description": "Orders.",
    }
    assert orders["spec"]["owner"] == "group:orders"
    assert orders["spec"]["lifecycle"] == "production"
    assert brought(dana, people, text).others == [
        "API api: version 1 already.",
        "API shop/orders ✓: version 2 already.",
    ]
    assert naming.parse("shop/orders ✓").name == row.name


def test_who_sees_nothing_gets_nothing(dana: Actor, people: Characters) -> None:
    register(dana, "orders-value", ONE)
    answer = rest_of(people.stranger).get("/api/v1/subjects/catalog-info/")
    assert b"".join(answer.streaming_content) == b""  # type: ignore[attr-defined]
