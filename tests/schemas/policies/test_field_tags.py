"""Tags on fields: beside them in each format, by paths of the metadata, through references."""

from __future__ import annotations

import json
from typing import Any

import pytest

from schemas.formats import registry
from schemas.formats.base import Dependency, FormatName, TooComplex
from schemas.policies.fieldtags import tags_of

AVRO = json.dumps(
    {
        "type": "record",
        "name": "Order",
        "namespace": "shop",
        "fields": [
            {"name": "id", "type": "long"},
            {"name": "mail", "type": "string", "confluent:tags": ["PII"]},
            {
                "name": "customer",
                "type": [
                    "null",
                    {
                        "type": "record",
                        "name": "Customer",
                        "fields": [{"name": "ssn", "type": "string"}],
                    },
                ],
            },
        ],
    }
)
JSON = json.dumps(
    {
        "title": "Order",
        "type": "object",
        "properties": {
            "mail": {"type": "string", "confluent:tags": ["PII"]},
            "lines": {
                "type": "array",
                "items": {"type": "object", "properties": {"card": {"type": "string"}}},
            },
            "customer": {"$ref": "#/$defs/Customer"},
            "mode": {"enum": [{"properties": {"trap": {}}}]},
        },
        "$defs": {"Customer": {"properties": {"ssn": {"type": "string"}}}},
    }
)
PROTOBUF = """
syntax = "proto3";
package shop;
import "confluent/meta.proto";
message Order {
  int64 id = 1;
  string mail = 2 [(confluent.field_meta) = { tags: "PII", tags: "MAIL" }];
  message Line { string card = 1; }
}
"""
OPENAPI = json.dumps(
    {
        "openapi": "3.0.3",
        "info": {"title": "Orders", "version": "1"},
        "paths": {},
        "components": {
            "schemas": {
                "Order": {
                    "type": "object",
                    "properties": {"mail": {"type": "string", "x-tags": ["PII"]}},
                }
            }
        },
    }
)


def read(
    name: FormatName, text: str, metadata: Any = None, dependencies: Any = ()
) -> dict[str, frozenset[str]]:
    parsed = registry.get(name).parse(text, dependencies)
    return dict(tags_of(parsed, metadata, dependencies).fields)


@pytest.mark.parametrize(
    ("name", "text", "paths", "tagged"),
    [
        (
            FormatName.AVRO,
            AVRO,
            ["shop.Customer.ssn", "shop.Order.customer", "shop.Order.id", "shop.Order.mail"],
            {"shop.Order.mail": {"PII"}},
        ),
        (
            FormatName.JSON,
            JSON,
            ["Customer.ssn", "customer", "lines", "lines.card", "mail", "mode"],
            {"mail": {"PII"}},
        ),
        (
            FormatName.PROTOBUF,
            PROTOBUF,
            ["shop.Order.Line.card", "shop.Order.id", "shop.Order.mail"],
            {"shop.Order.mail": {"PII", "MAIL"}},
        ),
        (FormatName.OPENAPI, OPENAPI, ["Order.mail"], {"Order.mail": {"PII"}}),
    ],
)
def test_tags_stand_beside_fields(
    name: FormatName, text: str, paths: list[str], tagged: dict[str, set[str]]
) -> None:
    found = read(name, text)
    assert sorted(found) == paths
    assert {path: set(tags) for path, tags in found.items() if tags} == tagged


@pytest.mark.parametrize(
    ("path", "met"),
    [
        ("shop.Customer.ssn", ["shop.Customer.ssn"]),
        ("Customer.ssn", ["shop.Customer.ssn"]),
        ("**.ssn", ["shop.Customer.ssn"]),
        ("*.Customer.*", ["shop.Customer.ssn"]),
        ("**.Order.*", ["shop.Order.customer", "shop.Order.id", "shop.Order.mail"]),
        ("nowhere.at.all", ["nowhere.at.all"]),
        ("sn", ["sn"]),
    ],
)
def test_the_metadata_tags_by_path(path: str, met: list[str]) -> None:
    found = read(FormatName.AVRO, AVRO, {"tags": {path: ["SECRET"]}})
    assert sorted(at for at, tags in found.items() if "SECRET" in tags) == met


def test_a_path_may_begin_with_the_title() -> None:
    found = read(FormatName.JSON, JSON, {"tags": {"$.Order.lines.card": "PCI"}})
    assert found["lines.card"] == {"PCI"}


def test_what_is_referenced_carries_its_tags_along() -> None:
    used = AVRO.replace("Order", "Base")
    text = json.dumps(
        {
            "type": "record",
            "name": "Event",
            "fields": [{"name": "base", "type": "shop.Base"}],
        }
    )
    found = read(FormatName.AVRO, text, dependencies=(Dependency("shop.Base", used),))
    assert found["shop.Base.mail"] == {"PII"}
    assert found["Event.base"] == frozenset()


@pytest.mark.parametrize("tags", [None, [], "x", {"a": 1}, {"a": [1, None]}, {"": [""]}])
def test_odd_metadata_tags_nothing(tags: Any) -> None:
    found = read(FormatName.AVRO, AVRO, {"tags": tags})
    assert {path for path, words in found.items() if words} == {"shop.Order.mail"}


def test_hostile_paths_end_within_bounds() -> None:
    fields = [{"name": f"f{n}", "type": "int"} for n in range(3000)]
    text = json.dumps({"type": "record", "name": "R", "fields": fields})
    paths = {f"**.*.**.{n}" + ".**.*" * 100: ["T"] for n in range(1000)}
    with pytest.raises(TooComplex, match="processor time"):
        read(FormatName.AVRO, text, {"tags": paths})


def read_json(schema: dict[str, Any]) -> dict[str, set[str]]:
    found = read(FormatName.JSON, json.dumps({"title": "T", "type": "object", **schema}))
    return {path: set(tags) for path, tags in found.items() if tags}


PII = {"type": "string", "confluent:tags": ["PII"]}


@pytest.mark.parametrize(
    "value",
    [
        {"$ref": "#/$defs/Mail"},
        {"allOf": [{"minLength": 1}, {"$ref": "#/$defs/Mail"}]},
        {"type": "array", "items": PII},
        {"type": "array", "items": {"$ref": "#/$defs/Mail"}},
        {"type": "object", "additionalProperties": PII},
        {"type": "object", "patternProperties": {"^m": PII}},
        {"anyOf": [{"type": "null"}, {"type": "array", "prefixItems": [PII]}]},
    ],
)
def test_a_tag_is_found_wherever_the_value_is_described(value: dict[str, Any]) -> None:
    found = read_json({"properties": {"mail": value, "id": {}}, "$defs": {"Mail": PII}})
    assert found == {"mail": {"PII"}}


def test_an_objects_tag_is_its_members() -> None:
    inner = {"properties": {"a": {}}, "confluent:tags": ["PII"]}
    assert read_json({"properties": {"x": inner}}) == {"x": {"PII"}, "x.a": {"PII"}}


def test_a_reference_to_itself_ends() -> None:
    assert read_json({"properties": {"a": {"$ref": "#/properties/a"}}}) == {}


def test_types_of_avro_carry_their_tags() -> None:
    mail = {"type": "enum", "name": "Kind", "symbols": ["A"], "confluent:tags": ["PII"]}
    fields = [
        {"name": "one", "type": ["null", mail]},
        {"name": "two", "type": {"type": "array", "items": "Kind"}},
        {"name": "three", "type": "int"},
    ]
    text = json.dumps({"type": "record", "name": "R", "namespace": "n", "fields": fields})
    found = read(FormatName.AVRO, text)
    assert {path for path, tags in found.items() if tags} == {"n.R.one", "n.R.two"}


def test_two_schemas_with_one_path_carry_the_tags_of_both() -> None:
    other = json.dumps({"$id": "o.json", "properties": {"mail": PII}})
    text = json.dumps({"properties": {"mail": {}, "x": {"$ref": "o.json"}}})
    found = read(FormatName.JSON, text, dependencies=(Dependency("o.json", other),))
    assert found["mail"] == {"PII"}


def test_too_many_fields_are_refused_rather_than_passed_over() -> None:
    padding = {f"f{n}": {} for n in range(20_001)}
    with pytest.raises(TooComplex, match="too many to look for tags"):
        read_json({"properties": {**padding, "ssn": PII}})
