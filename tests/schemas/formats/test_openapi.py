"""OpenAPI texts: what is read, what identifies them, where errors are, what sentences say."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from schemas.formats import registry
from schemas.formats.base import Difference, Format, FormatName, InvalidSchema, Parsed
from schemas.formats.json import JsonFormat
from schemas.formats.openapi import FORMAT, lifecycle
from schemas.formats.openapi.effects import (
    ERROR,
    INFORMATION,
    WARNING,
    Effect,
    Side,
    level_of,
)

YAML = """
openapi: 3.0.3
info: {title: Orders, version: "1.0"}
paths:
  /orders/{id}:
    get:
      description: |
        200: is a line of text, no key
      parameters:
        - {name: id, in: path, required: true, schema: {type: string}}
        - {name: limit, in: query, schema: {type: integer}}
      responses:
        200:
          description: found
          content:
            application/json:
              schema: {$ref: "#/components/schemas/Order"}
        4XX: {description: no}
        default: {description: other}
components:
  schemas:
    Order:
      type: object
      required: [id]
      properties:
        id: {type: string, example: 200}
        day: {type: string, enum: [2020-01-01]}
"""


def differences(new: str, old: str = YAML) -> list[Difference]:
    return list(FORMAT.differences(FORMAT.parse(new), FORMAT.parse(old)))


def breaking(new: str, old: str = YAML) -> list[Difference]:
    return [one for one in differences(new, old) if not one.strict]


def test_it_is_a_format_of_the_registry() -> None:
    language: Format = registry.get(FormatName.OPENAPI)
    assert language is FORMAT
    parsed: Parsed = language.parse(YAML)
    assert isinstance(parsed, Parsed)
    assert parsed.format is FormatName.OPENAPI
    assert parsed.name == "Orders"
    assert parsed.text == YAML


def test_yaml_and_json_of_the_same_description_are_one() -> None:
    parsed = FORMAT.parse(YAML)
    again = FORMAT.parse(parsed.canonical)
    assert again.canonical == parsed.canonical
    assert FORMAT.differences(parsed, again) == ()
    value = json.loads(parsed.canonical)
    operation = value["paths"]["/orders/{id}"]["get"]
    assert list(operation["responses"]) == ["200", "4XX", "default"]
    assert operation["description"].startswith("200: is")
    properties = value["components"]["schemas"]["Order"]["properties"]
    assert properties["id"]["example"] == 200
    assert properties["day"]["enum"] == ["2020-01-01"]


def test_order_counts_for_the_identity_and_not_for_the_normal_form() -> None:
    one = FORMAT.parse('{"openapi":"3.1.0", "info":{"title":"a","version":"1"}, "paths":{}}')
    other = FORMAT.parse('{"info":{"version":"1","title":"a"},"paths":{},"openapi":"3.1.0"}')
    assert one.canonical == '{"openapi":"3.1.0","info":{"title":"a","version":"1"},"paths":{}}'
    assert one.canonical != other.canonical
    assert one.normalised == other.normalised


def test_every_error_has_its_pointer() -> None:
    text = YAML.replace("in: query", "in: body").replace("required: [id]", "required: true")
    text = text.replace("type: integer", "type: int").replace("  /orders", "  orders:\n  /orders")
    with pytest.raises(InvalidSchema) as caught:
        FORMAT.parse(text)
    assert {(error.field, error.rule) for error in caught.value.errors} == {
        ("/paths/orders", "path"),
        ("/paths/~1orders~1{id}/get/parameters/1", "in"),
        ("/paths/~1orders~1{id}/get/parameters/1/schema/type", "type"),
        ("/components/schemas/Order/required", "required"),
    }


@pytest.mark.parametrize("version", ["2.0", "3.2.0", "4.0.0", "3.1", "3.0.0.0", ""])
def test_other_versions_are_refused(version: str) -> None:
    document = {"openapi": version, "info": {"title": "a", "version": "1"}, "paths": {}}
    with pytest.raises(InvalidSchema, match=r"3\.0 and 3\.1"):
        FORMAT.parse(json.dumps(document))


def test_a_description_of_3_1_may_have_no_paths() -> None:
    head: dict[str, Any] = {"openapi": "3.1.0", "info": {"title": "a", "version": "1"}}
    assert FORMAT.parse(json.dumps(head)).name == "a"
    with pytest.raises(InvalidSchema, match="paths"):
        FORMAT.parse(json.dumps({**head, "openapi": "3.0.0"}))


def test_other_formats_are_not_compared() -> None:
    with pytest.raises(InvalidSchema):
        FORMAT.differences(JsonFormat().parse("{}"), FORMAT.parse(YAML))


# -- sentences and places --------------------------------------------------------------------------


def test_a_sentence_says_who_is_hurt_and_what_to_do() -> None:
    new = YAML.replace("in: query, schema", "in: query, required: true, schema")
    (found,) = breaking(new)
    assert found.kind == "REQUEST_PARAMETER_BECOME_REQUIRED"
    assert found.advice == (
        "Clients of GET /orders/{id} that do not send `limit` are refused: leave it optional."
    )
    assert found.reader_at == "/paths/~1orders~1{id}/get/parameters/1"
    assert (found.old, found.new) == (False, True)


def test_places_are_where_each_text_has_them() -> None:
    new = YAML.replace("{id}", "{order}").replace("name: id", "name: order")
    new = new.replace("type: integer", "type: integer, maximum: 10")
    (found,) = breaking(new)
    assert found.reader_at == "/paths/~1orders~1{order}/get/parameters/1/schema/maximum"
    assert found.writer_at == "/paths/~1orders~1{id}/get/parameters/1/schema"
    assert found.advice == (
        "Clients of GET /orders/{order} that send `limit` beyond `maximum` 10 are refused:"
        " keep `maximum` as it was."
    )


def test_a_shared_schema_is_told_once() -> None:
    more = YAML.replace("components:", "  /all:\n    get:\n      responses:\n        200:\n"
        "          description: d\n          content:\n            application/json:\n"
        '              schema: {type: array, items: {$ref: "#/components/schemas/Order"}}\n'
        "components:")  # fmt: skip
    found = breaking(more.replace("required: [id]", "required: []"), more)
    assert [one.kind for one in found] == ["RESPONSE_PROPERTY_BECAME_OPTIONAL"]
    assert found[0].advice.startswith("Clients that rely on `id` may not get it")


def test_a_draft_may_change_in_any_way_even_where_a_stable_operation_may_not() -> None:
    draft = YAML.replace("    get:\n", "    get:\n      x-stability-level: draft\n")
    changed = draft.replace("required: [id]", "required: []")
    assert breaking(changed, draft) == []
    both = (
        draft.replace("  /orders/{id}:", "  /x/{id}:").split("components:", maxsplit=1)[0]
        + YAML.split("paths:\n")[1]
    )
    found = breaking(both.replace("required: [id]", "required: []"), both)
    assert [one.kind for one in found] == ["RESPONSE_PROPERTY_BECAME_OPTIONAL"]


def test_harmful_changes_come_first() -> None:
    new = YAML.replace("title: Orders", "title: O").replace("required: [id]", "required: []")
    new = new.replace("get:\n", "get:\n      tags: [a]\n", 1)
    kinds = [one.kind for one in differences(new)]
    assert kinds == ["RESPONSE_PROPERTY_BECAME_OPTIONAL", "API_TAG_ADDED"]


# -- levels and days -------------------------------------------------------------------------------


def test_levels_follow_from_effect_and_side() -> None:
    assert level_of(Effect.NARROWS, Side.REQUEST) == ERROR
    assert level_of(Effect.NARROWS, Side.RESPONSE) == INFORMATION
    assert level_of(Effect.WIDENS, Side.REQUEST) == INFORMATION
    assert level_of(Effect.WIDENS, Side.RESPONSE) == ERROR
    for side in Side:
        assert level_of(Effect.INCOMPARABLE, side) == ERROR
        assert level_of(Effect.UNKNOWN, side) == WARNING
        assert level_of(Effect.NONE, side) == INFORMATION


def test_a_removal_is_fine_from_the_day_of_its_sunset(monkeypatch: pytest.MonkeyPatch) -> None:
    old = YAML.replace(
        "    get:\n", '    get:\n      deprecated: true\n      x-sunset: "2026-06-30"\n'
    )
    new = YAML.replace("    get:", "    put:")

    def kinds_on(day: date) -> set[str]:
        monkeypatch.setattr(lifecycle, "today", lambda: day)
        return {one.kind for one in breaking(new, old)}

    assert kinds_on(date(2026, 6, 29)) == {"API_REMOVED_BEFORE_SUNSET"}
    assert kinds_on(date(2026, 6, 30)) == set()


def test_the_engine_is_a_new_one_every_day_since_sunsets_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lifecycle, "today", lambda: date(2026, 6, 30))
    first = FORMAT.version
    monkeypatch.setattr(lifecycle, "today", lambda: date(2026, 7, 1))
    assert FORMAT.version > first
