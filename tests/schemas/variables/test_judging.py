"""Texts of variables against a schema of them, in words; secrets by presence alone."""

from __future__ import annotations

import contextlib
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.formats.base import TooComplex
from schemas.variables.coercion import Declared, coerced
from schemas.variables.judging import judge, spoken
from schemas.variables.settings import Settings, Source, Value, parse_text
from tests.schemas.variables.world import NAME, judged, schema, sentences, values

SECRET = "hunter2-hunter2"


class TestCoercion:
    @pytest.mark.parametrize(
        ("types", "text", "value"),
        [
            ({"integer"}, "8080", 8080),
            ({"integer"}, "-3", -3),
            ({"integer"}, "0x1f", "0x1f"),
            ({"integer"}, "eighty", "eighty"),
            ({"integer"}, "", ""),
            ({"integer"}, " 80", " 80"),
            ({"integer"}, "٣", "٣"),
            ({"integer"}, "9" * 500, "9" * 500),
            ({"number"}, "8080", 8080),
            ({"number"}, "0.5", 0.5),
            ({"number"}, "1e3", 1000.0),
            ({"number"}, "1e9999", "1e9999"),
            ({"number"}, "nan", "nan"),
            ({"number"}, "inf", "inf"),
            ({"boolean"}, "true", True),
            ({"boolean"}, "FALSE", False),
            ({"boolean"}, "yes", "yes"),
            ({"boolean"}, "1", "1"),
            ({"null", "integer"}, "", None),
            ({"array"}, '["a"]', ["a"]),
            ({"array"}, "{}", "{}"),
            ({"array"}, "[" * 100_000, "[" * 100_000),
            ({"object"}, '{"a": 1}', {"a": 1}),
            ({"string"}, "8080", "8080"),
            ({"string", "integer"}, "8080", 8080),
            (set(), "8080", "8080"),
        ],
    )
    def test_declared_types_say_how_a_text_is_read(
        self, types: set[str], text: str, value: Any
    ) -> None:
        found = coerced(text, Declared(types=types))
        assert found == value
        assert type(found) is type(value)

    def test_options_say_it_where_no_type_does(self) -> None:
        assert coerced("2", Declared(options=[0, 1, 2])) == 2
        assert coerced("true", Declared(options=[True])) is True
        assert coerced("2", Declared(options=["1", "2"])) == "2"

    @given(st.text(max_size=60), st.sets(st.sampled_from(["integer", "number", "boolean"])))
    def test_no_text_is_too_strange(self, text: str, types: set[str]) -> None:
        assert coerced(text, Declared(types=types)) is not NotImplemented


class TestSentences:
    @pytest.mark.parametrize(
        ("name", "text", "sentence"),
        [
            ("PORT", "eighty", "is `eighty`, the schema wants an integer"),
            ("PORT", "80", "is `80`, the schema wants at least 1024"),
            ("PORT", "", "is empty, the schema wants an integer"),
            ("RATIO", "1.5", "is `1.5`, the schema wants at most 1"),
            ("DEBUG", "yes", "is `yes`, the schema wants true or false"),
            ("LOG_LEVEL", "loud", 'is `loud`, the schema wants one of "debug", "info"'),
            ("RETRIES", "7", "is `7`, the schema wants one of 0, 1, 2"),
            ("REGION", "Mars", "is `Mars`, the schema wants it to match the pattern"),
            ("FEATURES", "a,b", "is `a,b`, the schema wants a list in JSON"),
            ("FEATURES", '["a", 1]', "the schema wants a text at /1"),
            ("LIMITS", '{"cpu": "x"}', "the schema wants an integer at /cpu"),
            ("TIMEOUT", "soon", "is `soon`, the schema wants an empty text or an integer"),
            ("API_KEY", "short", "is set (its value is not shown), the schema wants at least 10"),
        ],
    )
    def test_a_mistyped_variable_is_told_in_words(
        self, name: str, text: str, sentence: str
    ) -> None:
        found = judged(schema(), *values(**{name: text}))
        (fault,) = found.faults
        assert fault.sentence.startswith(f"web: variable {name} ")
        assert sentence in fault.sentence
        assert fault.fix == f"Set it in environment.yaml, spec.workloads.web.variables.{name}."

    def test_what_fits_has_no_fault(self) -> None:
        texts = {
            "PORT": "8080", "RATIO": "0.5", "DEBUG": "True", "LOG_LEVEL": "info",
            "REGION": "eu-central-1", "RETRIES": "2", "FEATURES": '["a"]', "LIMITS": '{"cpu": 1}',
            "TIMEOUT": "", "API_KEY": SECRET, "URL": "https://example.com",
        }  # fmt: skip
        found = judged(schema(*texts), *values(**texts))
        assert sentences(found) == []
        assert [row.name for row in found.rows] == list(texts)
        assert not any(SECRET in str(row) for row in found.rows if row.shown == SECRET)

    def test_a_missing_one_names_both_places(self) -> None:
        (fault,) = judged(schema("PORT")).faults
        assert fault.sentence == f"web: variable PORT is missing; {NAME} version 2 needs it"
        assert fault.fix == (
            "Set it in environment.yaml, spec.workloads.web.variables, or with “set secret”."
        )

    def test_a_missing_secret_belongs_among_the_secrets(self) -> None:
        (fault,) = judged(schema("API_KEY")).faults
        assert fault.fix == "Set it with “set secret” for web."

    def test_a_misspelling_is_recognised(self) -> None:
        found = judged(schema(additionalProperties=False), *values(PROT="80"))
        (fault,) = found.faults
        assert fault.sentence == f"web: variable PROT is not known to {NAME} version 2"
        assert fault.fix.startswith("Did you mean PORT? Remove it from environment.yaml, spec.")

    def test_what_the_platform_adds_is_no_misspelling(self) -> None:
        extra = (Value("EXPORTS_BUCKET_NAME", Source.OUTPUT), Value("HOST", Source.BLUEPRINT, "x"))
        assert judged(schema(additionalProperties=False), *extra).fine

    def test_a_blueprints_own_value_is_changed_where_it_comes_from(self) -> None:
        value = Value("PORT", Source.BLUEPRINT, "80", "blueprint web-service")
        (fault,) = judged(schema(), value).faults
        assert fault.fix.startswith("It is set by blueprint web-service")

    def test_long_values_are_cut_and_faults_counted(self) -> None:
        found = judged(schema(), *values(PORT="x" * 5000))
        assert len(found.faults[0].sentence) < 200
        many = {"type": "object", "required": [f"V{n}" for n in range(12)]}
        said = spoken(judged(many).faults)
        assert "V7" in said
        assert said.endswith("and 4 more.")

    def test_markup_and_half_characters_stay_text(self) -> None:
        found = judged(schema(), *values(PORT="<b>\ud800</b>"))
        assert "`<b>?</b>`" in found.faults[0].sentence


class TestHidden:
    def test_a_secret_counts_by_its_presence(self) -> None:
        secret = Value("API_KEY", Source.SECRET)
        assert judged(schema("API_KEY"), secret).fine
        assert judged(schema("PORT"), Value("PORT", Source.SECRET)).fine

    def test_an_output_is_known_after_apply(self) -> None:
        wanted = {"required": ["EXPORTS_BUCKET_NAME"], "properties": {
            "EXPORTS_BUCKET_NAME": {"type": "string", "pattern": "^orders-"}}}  # fmt: skip
        assert judged(wanted, Value("EXPORTS_BUCKET_NAME", Source.OUTPUT)).fine
        assert not judged(wanted).fine

    def test_a_misspelt_secret_is_told_by_its_name_alone(self) -> None:
        found = judged(schema(additionalProperties=False), Value("API_KYE", Source.SECRET))
        assert sentences(found) == [f"web: variable API_KYE is not known to {NAME} version 2"]

    def test_a_rule_over_several_that_hangs_on_one_is_not_judged(self) -> None:
        ways = [{"properties": {"MODE": {"const": mode}}} for mode in "ab"]
        either = {"properties": {"MODE": {"type": "string"}}, "oneOf": ways}
        found = judged(either, Value("MODE", Source.SECRET))
        assert found.fine
        assert found.notes == ["A rule over several variables depends on MODE: not judged."]
        (fault,) = judged(either, *values(MODE="c")).faults
        assert fault.variable == ""
        assert fault.sentence == (
            f"web: {NAME} version 2 is not met as a whole: not exactly one of its alternatives fits"
        )

    def test_a_value_marked_secret_is_never_shown(self) -> None:
        wanted = {"properties": {"KEY": {"type": "integer", "format": "password"}},
                  "anyOf": [{"required": ["OTHER"]}]}  # fmt: skip
        found = judged(wanted, *values(KEY=SECRET))
        assert len(found.faults) == 2
        assert SECRET not in repr([found.faults, found.notes, [row.shown for row in found.rows]])

    def test_what_nobody_here_can_list_is_not_called_missing(self) -> None:
        found = judged(schema("PORT"), unseen=("ConfigMap shared",))
        assert found.fine
        assert found.notes == [
            "PORT may come from ConfigMap shared, which nobody here can list: not judged."
        ]


class TestSchemas:
    def test_conditions_lead_to_what_is_missing(self) -> None:
        wanted = {
            "properties": {"MODE": {"enum": ["plain", "tls"]}},
            "if": {"properties": {"MODE": {"const": "tls"}}, "required": ["MODE"]},
            "then": {"required": ["CERT"]},
        }
        assert judged(wanted, *values(MODE="plain")).fine
        assert "CERT is missing" in sentences(judged(wanted, *values(MODE="tls")))[0]

    def test_types_are_found_behind_references_and_patterns(self) -> None:
        wanted = {
            "$ref": "#/$defs/all",
            "$defs": {
                "port": {"allOf": [{"type": "integer"}]},
                "all": {
                    "properties": {"PORT": {"$ref": "#/$defs/port"}},
                    "patternProperties": {"^LIMIT_": {"type": "integer"}},
                },
            },
        }
        assert judged(wanted, *values(PORT="80", LIMIT_CPU="4")).fine
        assert len(judged(wanted, *values(PORT="x", LIMIT_CPU="y")).faults) == 2

    @pytest.mark.parametrize("what", [True, {"$ref": "#"}, {"allOf": [{"$ref": "#"}]}, {}])
    def test_schemas_that_ask_for_nothing_or_themselves_end(self, what: Any) -> None:
        assert judged(what, *values(PORT="80")).fine

    def test_what_would_take_for_ever_is_refused(self) -> None:
        rungs = {f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(40)}
        wanted = {"$ref": "#/$defs/a0", "$defs": {**rungs, "a40": {"type": "object"}}}
        with pytest.raises(TooComplex):
            judged(wanted, *values(PORT="80"))

    def test_a_catastrophic_pattern_is_bounded(self) -> None:
        wanted = {"properties": {"X": {"type": "string", "pattern": "^(a+)+$"}}}
        assert not judged(wanted, *values(X="a" * 5000 + "!")).fine

    def test_at_most_a_thousand_variables_are_judged(self) -> None:
        many = tuple(Value(f"V{n}", Source.VARIABLE, "x") for n in range(3000))
        wanted = {"properties": {f"W{n}": {"type": "integer"} for n in range(3000)}}
        found = judge(parse_text(json.dumps(wanted)), Settings("web", values=many))
        assert len(found.rows) == 2000


def test_a_wide_schema_of_many_variables_is_walked_once() -> None:
    wide = {
        "type": "object",
        "allOf": [{} for _ in range(14_000)],
        "properties": {f"V{n}": {"type": "string"} for n in range(1000)},
    }
    started = time.thread_time()
    with contextlib.suppress(TooComplex):
        judged(wide, *values(V1="x"))
    assert time.thread_time() - started < 5
