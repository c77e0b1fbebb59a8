"""OpenAPI from people who mean harm, or who mistype: a refusal in bounded time, never a crash."""

from __future__ import annotations

import contextlib
import copy
import json
import random
import time
from pathlib import Path
from typing import Any

import pytest

from idp.common.errors import Invalid
from schemas.formats.base import Dependency, InvalidSchema, TooComplex
from schemas.formats.openapi import FORMAT

CORPUS = Path(__file__).parents[1] / "corpus" / "openapi"
SECONDS = 8.0  # of processor time: parsing twice and comparing
HEAD = {"openapi": "3.1.0", "info": {"title": "T", "version": "1"}}
JUNK: list[Any] = [
    None, True, False, 0, -1, 1.5, 10**40, "", "x", "#", "$ref", [], {}, [[]], [{}], {"": {}},
    [None], {"$ref": "#"}, {"$ref": "#/paths"}, {"$ref": "#/nowhere"}, {"$ref": 3},
    {"$ref": "https://example.test/a"}, ["string", 3], {"x-a": 1}, {"200": None}, {"type": {}},
]  # fmt: skip


def described(**members: Any) -> str:
    return json.dumps({**HEAD, **members})


def with_schema(schema: Any, **members: Any) -> str:
    content = {"application/json": {"schema": schema}}
    answer = {"200": {"description": "d", "content": content}}
    operation = {"requestBody": {"content": content}, "responses": answer}
    return described(paths={"/a": {"post": operation}}, **members)


def refused(text: str) -> Invalid:
    begun = time.thread_time()
    with pytest.raises(Invalid) as caught:
        FORMAT.parse(text)
    assert time.thread_time() - begun < SECONDS
    assert isinstance(caught.value, InvalidSchema | TooComplex)
    return caught.value


def judged(old: str, new: str) -> Any:
    begun = time.thread_time()
    try:
        return FORMAT.differences(FORMAT.parse(new), FORMAT.parse(old))
    except TooComplex as error:
        return error
    finally:
        assert time.thread_time() - begun < SECONDS


@pytest.mark.parametrize("depth", [300, 10_000, 200_000])
@pytest.mark.parametrize("opening", ['{"a":', "[", "{a: "])
def test_nesting(depth: int, opening: str) -> None:
    text = described()[:-1] + ', "x": ' + opening * depth
    refused(text + "1" + "}]"["[" in opening] * depth + "}")
    refused(opening * depth)


def test_nesting_in_yaml() -> None:
    assert isinstance(refused("openapi: 3.0.0\nx: " + "[" * 5_000 + "]" * 5_000), TooComplex)
    lines = "\n".join(" " * level + "a:" for level in range(900))
    assert isinstance(refused(lines), TooComplex)


def test_size() -> None:
    assert isinstance(refused('{"a": "' + "x" * 50_000_000 + '"}'), TooComplex)
    assert isinstance(refused("a: " + "x" * 2_000_000), TooComplex)


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x, x, x, x, x, x, x, x, x]\n"
        + "".join(
            f"{chr(98 + i)}: &{chr(98 + i)} [{('*' + chr(97 + i) + ', ') * 9}]\n" for i in range(9)
        ),
        "a: &a " + "x" * 500_000 + "\nb: [" + "*a, " * 1_000 + "]\n",
        "a: &a {b: *a}\n",
    ],
)
def test_aliases_that_grow(text: str) -> None:
    refused(text)


INFO = '{"openapi": "3.0.0", "info": '


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "null",
        "3",
        "[]",
        "true",
        "'",
        "{",
        "{}",
        "\0",
        "a: b: c",
        "- a\n- b",
        "!!python/x y",
        "a: 1\na: 2",
        '{"openapi": "2.0"}',
        '{"swagger": "2.0"}',
        "openapi: 3.1",
        "\ud800",
        "? [a]\n: b",
        "%YAML 9.9\n---\na",
        "{a: [}",
        INFO + "[]}",
        INFO + '{"title": 3}, "paths": {}}',
        INFO + '{"title": "a", "version": "1"}}',
        INFO + '{"title": "a", "version": "\\ud800"}, "paths": {}}',
    ],
)
def test_no_description(text: str) -> None:
    refused(text)


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("https://example.test/a.json", "not fetched"),
        ("file:///etc/passwd", "not fetched"),
        ("../../secret.yaml#/a", "not fetched"),
        ("//example.test/a", "not fetched"),
        ("#/components/schemas/Missing", "there is nothing"),
        ("#/paths/0/~9", "there is nothing"),
        ("#anchor", "only JSON pointers"),
        ("#/components/schemas/A", "in a circle"),
        ("#/components/schemas/B", "in a circle"),
        ("#/info/title", "has to be a schema"),
    ],
)
def test_references_that_lead_nowhere(reference: str, said: str) -> None:
    there = {"A": {"$ref": "#/components/schemas/A"}, "B": {"$ref": "#/components/schemas/C"},
             "C": {"$ref": "#/components/schemas/B"}}  # fmt: skip
    error = refused(with_schema({"$ref": reference}, components={"schemas": there}))
    assert any(said in found.message for found in error.errors), error.errors
    assert all(found.field for found in error.errors)


def test_references_where_none_may_stand_are_not_followed() -> None:
    away = {"$ref": "https://example.test/a"}
    assert judged(described(paths={}, components=away), described(paths={})) is not None
    data = {"const": away, "enum": [away], "default": away, "example": away, "x-more": away}
    one = {"oneOf": [{"type": "string"}, {**data, "unheard-of": away}, {"maxLength": 1}]}
    other = {"oneOf": [{"type": "string"}, {**data, "unheard-of": [away]}, {"maxLength": 2}]}
    assert judged(with_schema(one), with_schema(other))


def test_a_chain_of_references_is_cut() -> None:
    chain = {f"S{i}": {"$ref": f"#/components/schemas/S{i + 1}"} for i in range(500)}
    refused(
        with_schema(
            {"$ref": "#/components/schemas/S0"}, components={"schemas": {**chain, "S500": {}}}
        )
    )


def test_references_to_dependencies_by_name() -> None:
    text = with_schema({"$ref": "./common.yaml#/components/schemas/Order"})
    order = "{type: object, required: [a], properties: {a: {type: string}}}"
    common = f"components:\n  schemas:\n    Order: {order}\n"
    old = FORMAT.parse(text, [Dependency("common.yaml", common)])
    new = FORMAT.parse(text, [Dependency("common.yaml", common.replace("required: [a], ", ""))])
    (found,) = [one for one in FORMAT.differences(new, old) if not one.strict]
    assert found.kind == "RESPONSE_PROPERTY_BECAME_OPTIONAL"
    assert found.reader_at == "common.yaml#/components/schemas/Order/properties/a"
    with pytest.raises(InvalidSchema):
        FORMAT.parse(text)
    with pytest.raises(InvalidSchema, match=r"common\.yaml"):
        FORMAT.parse(text, [Dependency("common.yaml", "{")])
    with pytest.raises(TooComplex):
        FORMAT.parse(text, [Dependency(str(i), "{}") for i in range(1_000)])


def test_recursion() -> None:
    def tree(extra: dict[str, Any]) -> str:
        node = {"type": "object", "properties": {"a": {"$ref": "#/components/schemas/N"}, **extra},
                "oneOf": [{"$ref": "#/components/schemas/N"}, {"type": "object"}],
                "allOf": [{"$ref": "#/components/schemas/N"}],
                "items": {"$ref": "#/components/schemas/N"}}  # fmt: skip
        only = {"W": {"allOf": [{"$ref": "#/components/schemas/W"}]}, "N": node}
        return with_schema({"$ref": "#/components/schemas/N"}, components={"schemas": only})

    assert judged(tree({}), tree({})) == ()
    kinds = {one.kind for one in judged(tree({}), tree({"b": {"type": "string"}}))}
    assert kinds >= {"NEW_OPTIONAL_REQUEST_PROPERTY"}


def test_a_wrapper_of_itself() -> None:
    loop = {"W": {"allOf": [{"$ref": "#/components/schemas/W"}]}}
    text = with_schema({"$ref": "#/components/schemas/W"}, components={"schemas": loop})
    other = with_schema({"type": "string"}, components={"schemas": loop})
    assert isinstance(judged(text, other), tuple)
    assert isinstance(judged(other, text), tuple)


def products(number: int, references: int, kind: str = "string") -> str:
    """A recursive `oneOf` of products that refer to one another."""
    union = [{"$ref": f"#/components/schemas/P{i}"} for i in range(number)]
    there = {
        f"P{i}": {
            "type": "object",
            "properties": {
                "kind": {"enum": [f"p{i}"]},
                **{f"r{k}": {"$ref": "#/components/schemas/Any"} for k in range(references)},
                **({"deep": {"type": kind}} if i == number - 1 else {}),
            },
        }
        for i in range(number)
    }
    schemas = {"Any": {"oneOf": union}, **there}
    return with_schema({"$ref": "#/components/schemas/Any"}, components={"schemas": schemas})


@pytest.mark.parametrize(("number", "references"), [(12, 5), (30, 8), (300, 8)])
def test_a_recursive_union_with_a_deep_change(number: int, references: int) -> None:
    begun = time.thread_time()
    assert judged(products(number, references), products(number, references)) == ()
    found = judged(products(number, references), products(number, references, "integer"))
    assert {one.kind for one in found if not one.strict} == {
        "REQUEST_PROPERTY_TYPE_CHANGED",
        "RESPONSE_PROPERTY_TYPE_CHANGED",
    }
    assert time.thread_time() - begun < 2


def test_unnamed_unions_of_many_branches() -> None:
    def union(start: int) -> str:
        branches = [obj(start + i) for i in range(250)]
        return with_schema({"oneOf": branches})

    def obj(number: int) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": {f"p{k}": {"type": "string"} for k in range(9)},
            "maxProperties": number,
        }

    judged(union(0), union(1_000))
    judged(union(0), union(120))


def test_an_enum_of_a_million() -> None:
    def numbered(first: int) -> str:
        return with_schema({"enum": list(range(first, first + 60_000))})

    found = judged(numbered(0), numbered(30_000))
    assert all(len(one.advice) < 500 for one in found)
    refused(with_schema({"enum": list(range(1_000_000))}))


def test_a_catastrophic_pattern_is_compared_as_text() -> None:
    evil = {"type": "string", "pattern": "^(([a-z])+.)+[A-Z]([a-z])+$(a+)+$("}
    found = judged(with_schema({"type": "string"}), with_schema(evil))
    assert any(one.kind == "REQUEST_BODY_PATTERN_ADDED" for one in found)


def test_too_many_operations() -> None:
    paths = {f"/{i}": {"get": {}, "put": {}} for i in range(3_000)}
    assert isinstance(refused(described(paths=paths)), TooComplex)


def test_markup_and_long_names_stay_short_in_sentences() -> None:
    name = "<script>" + "x" * 5_000
    old = with_schema({"type": "object", "properties": {name: {"type": "string"}}})
    new = with_schema({"type": "object", "properties": {name: {"type": "integer"}}})
    found = judged(old, new)
    assert found
    assert all(len(one.advice) < 600 for one in found)


def places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [way]
    members = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, child in members:
        found += places(child, (*way, key))
    return found


def spoiled(document: Any, chance: random.Random) -> Any:
    """The document with some places replaced by junk."""
    document = copy.deepcopy(document)
    for _ in range(chance.randint(1, 3)):
        way = chance.choice(places(document)[1:] or [()])
        holder = document
        for key in way[:-1]:
            holder = holder[key]
        if way:
            holder[way[-1]] = copy.deepcopy(chance.choice(JUNK))
    return document


@pytest.mark.parametrize("path", sorted(CORPUS.glob("*.json")), ids=lambda path: path.stem)
def test_junk_in_any_place(path: Path) -> None:
    chance = random.Random(path.stem)  # noqa: S311  # the same junk in every run
    for case in json.loads(path.read_text())["cases"]:
        for _ in range(12):
            old, new = (json.dumps(spoiled(case[side], chance)) for side in ("old", "new"))
            with contextlib.suppress(InvalidSchema, TooComplex):
                FORMAT.differences(FORMAT.parse(new), FORMAT.parse(old))
