"""JSON Schema: parsing, identity, references, and refusals of hostile texts in bounded time."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from idp.common.errors import Invalid
from schemas.formats.base import Dependency, Format, InvalidSchema, Parsed, TooComplex
from schemas.formats.json import JsonFormat, JsonSchema, check_record

language = JsonFormat()
D4 = "http://json-schema.org/draft-04/schema#"
D2020 = "https://json-schema.org/draft/2020-12/schema"


def parse(schema: Any, *dependencies: tuple[str, Any]) -> JsonSchema:
    text = schema if isinstance(schema, str) else json.dumps(schema)
    return language.parse(text, [Dependency(name, json.dumps(each)) for name, each in dependencies])


@pytest.fixture(autouse=True)
def bounded_time() -> Iterator[None]:
    begun = time.process_time()
    yield
    assert time.process_time() - begun < 5


def test_it_is_a_format_of_the_registry() -> None:
    listed: Format = language
    parsed = listed.parse('{"title": "Order"}')
    assert isinstance(parsed, Parsed)
    assert (listed.name, parsed.format, parsed.name) == ("JSON", "JSON", "Order")


def test_canonical_is_compact_and_keeps_the_order_and_normalised_sorts() -> None:
    parsed = parse('{ "type":\t"object",\n "b": 1.0, "a": "é" }')
    assert parsed.canonical == parsed.text == '{"type":"object","b":1.0,"a":"é"}'
    assert parsed.normalised == '{"a":"é","b":1.0,"type":"object"}'


@pytest.mark.parametrize("text", ["true", "false", "{}"])
def test_smallest_schemas(text: str) -> None:
    assert parse(text).canonical == text
    assert parse(text).name == ""


@pytest.mark.parametrize(
    "uri",
    [
        D4,
        "http://json-schema.org/draft-06/schema#",
        "http://json-schema.org/draft-07/schema",
        "https://json-schema.org/draft-07/schema#",
        "https://json-schema.org/draft/2019-09/schema",
        D2020,
        "http://json-schema.org/schema#",
    ],
)
def test_drafts(uri: str) -> None:
    assert parse({"$schema": uri, "type": "object"})


def test_meta_schema_of_the_draft_decides() -> None:
    assert parse({"properties": {"a": True}})
    with pytest.raises(InvalidSchema) as refused:
        parse({"$schema": D4, "properties": {"a": True}})
    assert refused.value.errors[0].field == "/properties/a"


@pytest.mark.parametrize(
    ("schema", "pointer"),
    [
        ("{", "/"),
        ("[]", "/"),
        ('"text"', "/"),
        ("3", "/"),
        ("null", "/"),
        ('{"minimum": NaN}', "/"),
        ('{"minimum": 1e999}', "/"),
        ('{"minimum": ' + "9" * 5000 + "}", "/"),
        ('{"title": "\\ud800"}', "/"),
        ({"$schema": "http://example.com/mine"}, "/$schema"),
        ({"$schema": 3}, "/$schema"),
        ({"type": "strin"}, "/type"),
        ({"properties": {"a/b": {"type": "strin"}}}, "/properties/a~1b/type"),
        ({"properties": {"a": {"maxLength": -1}}}, "/properties/a/maxLength"),
        ({"multipleOf": 0}, "/multipleOf"),
        ({"properties": []}, "/properties"),
        ({"pattern": "(("}, "/pattern"),
        ({"pattern": "((a{1000}){1000}){1000}"}, "/pattern"),
        ({"$ref": "http://example.com/x.json"}, "/$ref"),
        ({"items": {"$ref": "file:///etc/passwd"}}, "/items/$ref"),
        ({"items": {"$ref": "other.json"}}, "/items/$ref"),
        ({"items": {"$ref": "#/definitions/none"}}, "/items/$ref"),
        ({"items": {"$ref": "#none"}}, "/items/$ref"),
        ({"items": {"$ref": "#/required/0"}, "required": ["a"]}, "/items/$ref"),
        ({"items": {"$ref": "http://["}}, "/items/$ref"),
        ({"$id": "http://["}, "/$id"),
    ],
)
def test_refusals_name_the_place(schema: Any, pointer: str) -> None:
    with pytest.raises(InvalidSchema) as refused:
        parse(schema)
    assert refused.value.errors[0].field == pointer
    assert refused.value.message
    assert refused.value.errors[0].message


@pytest.mark.parametrize(
    "text",
    [
        '{"not":' * 10_000 + "true" + "}" * 10_000,
        '{"not":' * 300 + "true" + "}" * 300,
        '{"enum":[' + "[" * 10_000 + "]" * 10_000 + "]}",
        '{"enum":[' + ",".join(map(str, range(1_000_000))) + "]}",
        '{"title":"' + "x" * 50_000_000 + '"}',
    ],
    ids=["deep", "too deep for the engine", "deep enum", "enum of a million", "50 MB"],
)
def test_too_complex_texts(text: str) -> None:
    with pytest.raises(TooComplex):
        parse(text)


def test_large_enums_within_the_bound() -> None:
    one, other = (parse('{"enum":[' + ",".join(["1"] * n) + "]}") for n in (400_000, 399_999))
    assert language.differences(one, other) == ()


def test_cycles_are_fine() -> None:
    assert parse({"$ref": "#"})
    assert parse({"allOf": [{"$ref": "#"}]})
    assert parse({"properties": {"next": {"$ref": "#"}}})
    recursive = {"$schema": "https://json-schema.org/draft/2019-09/schema", "$recursiveRef": "#"}
    assert parse(recursive)
    dynamic = {"$schema": D2020, "$dynamicAnchor": "node", "items": {"$dynamicRef": "#node"}}
    assert parse(dynamic)


def test_long_chains_of_references() -> None:
    links = {str(n): {"$ref": f"#/definitions/{n + 1}"} for n in range(2000)}
    last = {"2000": {"type": "string"}}
    parsed = parse({"$ref": "#/definitions/0", "definitions": {**links, **last}})
    assert [error.rule for error in check_record(parsed, 3)] == ["type"]


def test_catastrophic_patterns_do_not_stall() -> None:
    for pattern in ("^(a+)+$", "^(?=a)(a+)+$", r"^(a|aa)+\1$"):
        parsed = parse({"pattern": pattern, "patternProperties": {pattern: {}}})
        assert check_record(parsed, "a" * 3000 + "!")
        other = parse({"properties": {"a" * 3000 + "!": {"type": "string"}}})
        language.differences(parsed, other)


def test_names_of_titles_are_shown_safely() -> None:
    assert parse({"title": "a\0b"}).name == "ab"
    assert len(parse({"title": "x" * 5000}).name) == 200
    assert parse({"title": "<b>"}).name == "<b>"


def test_dependencies_by_name() -> None:
    address = {"type": "object", "properties": {"zip": {"$ref": "zip.json#/definitions/zip"}}}
    codes = {"definitions": {"zip": {"type": "string"}}}
    schema = {"properties": {"to": {"$ref": "address.json"}}}
    parsed = parse(schema, ("zip.json", codes), ("address.json", address))
    assert check_record(parsed, {"to": {"zip": "1000"}}) == []
    assert [error.field for error in check_record(parsed, {"to": {"zip": 1}})] == ["/to/zip"]


def test_dependencies_by_uri_and_with_their_own_draft() -> None:
    uri = "http://example.com/schemas/point.json"
    point = {"$schema": D2020, "$defs": {"n": {"$anchor": "n", "type": "number"}}, "$ref": "#n"}
    schema = {"$id": "http://example.com/schemas/line.json", "items": {"$ref": "point.json"}}
    parsed = parse(schema, (uri, point))
    assert check_record(parsed, [1, 2.5]) == []
    assert [error.field for error in check_record(parsed, [1, "x"])] == ["/1"]


def test_a_dependency_changes_the_verdict_although_the_text_stays() -> None:
    schema = {"properties": {"to": {"$ref": "a.json"}}}
    old, new = (parse(schema, ("a.json", {"type": each})) for each in ("string", "integer"))
    found = language.differences(new, old)
    assert [each.kind for each in found] == ["TYPE_CHANGED"]
    assert found[0].reader_at == "a.json#"


@pytest.mark.parametrize(
    ("dependency", "said"),
    [
        ({"type": "strin"}, "a.json#/type"),
        ({"items": {"$ref": "b.json"}}, "a.json#/items/$ref"),
        ([], "a.json"),
    ],
)
def test_refusals_name_the_dependency(dependency: Any, said: str) -> None:
    with pytest.raises(InvalidSchema) as refused:
        parse({"$ref": "a.json"}, ("a.json", dependency))
    assert said in refused.value.message


def test_too_many_dependencies() -> None:
    with pytest.raises(TooComplex):
        parse({}, *((f"{n}.json", {}) for n in range(501)))
    with pytest.raises(TooComplex):
        parse({}, *((f"{n}.json", {"title": "x" * 900_000}) for n in range(5)))


def test_other_formats_are_refused() -> None:
    class Other:
        pass

    with pytest.raises(Invalid):
        language.differences(parse({}), Other())  # type: ignore[arg-type]
