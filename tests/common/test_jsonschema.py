import pytest

from idp.common import jsonschema
from idp.common.errors import FieldError, Invalid

SCHEMA = {
    "type": "object",
    "properties": {
        "replicas": {"type": "integer", "minimum": 1, "maximum": 20},
        "size": {"enum": ["small", "large"]},
        "hosts": {
            "type": "array",
            "items": {"type": "string", "pattern": "^[a-z]+$"},
            "maxItems": 2,
        },
        "name": {"type": "string", "maxLength": 5},
        "kind": {"const": "web"},
    },
    "required": ["replicas"],
    "additionalProperties": False,
}


def errors_of(instance: object, schema: dict[str, object] = SCHEMA) -> tuple[FieldError, ...]:
    with pytest.raises(Invalid) as caught:
        jsonschema.validate(instance, schema)
    return caught.value.errors


def test_what_fits_passes() -> None:
    jsonschema.validate({"replicas": 3, "size": "small", "hosts": ["a"]}, SCHEMA)


@pytest.mark.parametrize(
    ("instance", "field", "rule", "fix"),
    [
        ({"replicas": 0}, "parameters.replicas", "minimum", "Use at least 1."),
        ({"replicas": 21}, "parameters.replicas", "maximum", "Use at most 20."),
        ({"replicas": "3"}, "parameters.replicas", "type", "Use integer."),
        ({"replicas": True}, "parameters.replicas", "type", "Use integer."),
        ({}, "parameters.replicas", "required", "Give a value."),
        ({"replicas": 1, "size": "x"}, "parameters.size", "enum", 'Use one of "small", "large".'),
        ({"replicas": 1, "kind": "x"}, "parameters.kind", "const", 'Use "web".'),
        (
            {"replicas": 1, "hosts": ["a", "B"]},
            "parameters.hosts.1",
            "pattern",
            "It has to match the pattern ^[a-z]+$.",
        ),
        ({"replicas": 1, "hosts": ["a"] * 3}, "parameters.hosts", "maxItems", "Give at most 2."),
        ({"replicas": 1, "name": "abcdef"}, "parameters.name", "maxLength", "Give at most 5."),
        (
            {"replicas": 1, "replcas": 2},
            "parameters.replcas",
            "additionalProperties",
            "Remove it, or look for a misspelling.",
        ),
        ([], "parameters", "type", "Use object."),
    ],
)
def test_each_wrong_field_is_named_with_rule_and_fix(
    instance: object, field: str, rule: str, fix: str
) -> None:
    (error,) = errors_of(instance)
    assert (error.field, error.rule, error.fix) == (field, rule, fix)
    assert error.message


def test_every_wrong_field_has_its_own_error() -> None:
    found = errors_of({"replicas": 0, "size": "x", "a": 1, "b": 2})
    assert {error.field for error in found} == {
        "parameters.replicas",
        "parameters.size",
        "parameters.a",
        "parameters.b",
    }


def test_the_message_names_the_first_and_counts_the_rest() -> None:
    with pytest.raises(Invalid, match=r"0 is less than the minimum of 1\. \(and 1 more\)"):
        jsonschema.validate({"replicas": 0, "a": 1}, SCHEMA)


def test_errors_are_bounded() -> None:
    found = errors_of(["x"] * 1_000, {"type": "array", "items": {"type": "integer"}})
    assert len(found) == jsonschema.MAX_ERRORS


def test_a_pattern_that_backtracks_elsewhere_is_judged_at_once() -> None:
    (error,) = errors_of("a" * 5_000 + "!", {"pattern": "^(a+)+$"})
    assert error.rule == "pattern"
    assert len(error.message) <= 300


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"type": "objec"}, "not valid under any of the schemas"),
        ({"$ref": "http://127.0.0.1:1/x"}, "Retrieval is disabled"),
        ({"$ref": "file:///etc/passwd"}, "Retrieval is disabled"),
        ({"$ref": "#/nope"}, "Pointer '/nope' does not exist"),
        ({"pattern": "("}, 'is not a "regex"'),
        ({"pattern": "(?=a)b"}, 'is not a "regex"'),
        ({"description": "x" * 64_000}, "64000 are the most"),
    ],
)
def test_a_wrong_schema_is_refused(schema: dict[str, object], message: str) -> None:
    with pytest.raises(Invalid, match="schema") as caught:
        jsonschema.check_schema(schema)
    assert message in caught.value.message


def test_a_schema_that_refers_to_itself_ends() -> None:
    jsonschema.validate(1, {"$ref": "#"})
