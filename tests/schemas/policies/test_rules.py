"""Rules as people write them: what is taken, and what each refusal names."""

from __future__ import annotations

from typing import Any

import pytest

from idp.common.errors import Invalid
from schemas.policies.rules import Rules, parse

NAME = {"pattern": "^[a-z.]+-value$", "example": "orders-value"}


def test_rules_are_frozen_values_with_sentences() -> None:
    found = parse(
        {
            "default_level": "FULL",
            "formats": ["AVRO", "PROTOBUF"],
            "subject_name": NAME,
            "require": ["docs", "owner"],
            "required_tags": ["tier-1"],
            "one_of_tags": ["public", "internal"],
            "field_tags": [{"tags": ["PII"], "keep_out_of": ["preview"], "removal": "approval"}],
        }
    )
    assert hash(found)
    assert found.sentences == [
        "Compatibility is FULL unless the subject says another.",
        "New subjects are AVRO or PROTOBUF.",
        "New subjects are called like orders-value (^[a-z.]+-value$).",
        "Docs and owner must be said of a subject.",
        "A subject carries tier-1.",
        "A subject carries public or internal.",
        "Fields tagged PII stay out of preview.",
        "PII is taken from a field only with somebody else’s leave.",
    ]
    assert Rules.from_json({}) == Rules()


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({}, "rules"),
        ([], "rules"),
        ("docs", "rules"),
        ({"colour": "red"}, "rules.colour"),
        ({"formats": ["XML"]}, "rules.formats.0"),
        ({"formats": ["AVRO", "AVRO"]}, "rules.formats"),
        ({"default_level": "SOME"}, "rules.default_level"),
        ({"require": ["luck"]}, "rules.require.0"),
        ({"required_tags": [" "]}, "rules.required_tags.0"),
        ({"required_tags": ["x" * 61]}, "rules.required_tags.0"),
        ({"subject_name": {"pattern": "a"}}, "rules.subject_name.example"),
        (
            {"subject_name": {"pattern": "(", "example": "a"}},
            "rules.subject_name.pattern",
        ),
        (
            {"subject_name": {"pattern": r"^(a+)\1$", "example": "aa"}},
            "rules.subject_name.pattern",
        ),
        ({"subject_name": {**NAME, "example": "Orders"}}, "rules.subject_name.example"),
        ({"field_tags": [{"tags": []}]}, "rules.field_tags.0.tags"),
        ({"field_tags": [{"tags": ["PII"]}]}, "rules.field_tags.0"),
        (
            {"field_tags": [{"tags": ["PII"], "keep_out_of": ["moon"]}]},
            "rules.field_tags.0.keep_out_of.0",
        ),
    ],
)
def test_a_wrong_rule_is_named(data: Any, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse(data)
    assert [error.field for error in caught.value.errors] == [field]
    assert all(error.message for error in caught.value.errors)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"default_level": "FULL"}, "rules.default_level"),
        ({"field_tags": [{"tags": ["PII"], "removal": "approval"}]}, "rules.field_tags"),
        ({"field_tags": [{"tags": ["PII"], "keep_out_of": ["staging"]}]}, "rules.field_tags"),
    ],
)
def test_a_tier_takes_no_rule_about_registering(data: Any, field: str) -> None:
    assert parse(data)
    with pytest.raises(Invalid) as caught:
        parse(data, tier="production")
    assert caught.value.errors[0].field == field
