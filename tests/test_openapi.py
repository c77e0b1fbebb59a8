"""The OpenAPI document: valid 3.1, complete, without a warning; every error is a problem."""

from __future__ import annotations

from typing import Any

import pytest
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from idp.openapi import add_problems
from idp.rest import PREFIX, routes

VERBS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    GENERATOR_STATS.reset()
    found: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return found


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{verb} {path}", operation)
        for path, item in document["paths"].items()
        for verb, operation in item.items()
        if verb in VERBS
    ]


def test_it_is_valid_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    validate_schema(document)


def test_generating_it_warns_of_nothing(document: dict[str, Any]) -> None:
    assert list(GENERATOR_STATS._warn_cache) == []
    assert list(GENERATOR_STATS._error_cache) == []


def test_every_address_below_the_root_is_in_it(document: dict[str, Any]) -> None:
    rest = {route for route, _ in routes() if route.startswith(PREFIX)}
    rest -= {f"{PREFIX}schema/", f"{PREFIX}docs/"}
    assert len(document["paths"]) == len(rest)


def test_operation_ids_are_unique(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, operation in operations(document)]
    assert len(ids) == len(set(ids))


def test_every_operation_says_what_its_errors_look_like(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        content = operation["responses"]["default"]["content"]
        assert list(content) == ["application/problem+json"], name


def test_what_answers_202_takes_an_idempotency_key(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        if "202" in operation["responses"]:
            names = {parameter["name"] for parameter in operation["parameters"]}
            assert "Idempotency-Key" in names, name


def test_an_operation_keeps_its_own_default() -> None:
    own = {"description": "x"}
    operation = {"responses": {"default": own, "202": {}}}
    add_problems({"paths": {"/x": {"post": operation, "parameters": []}}})
    assert operation["responses"]["default"] is own
