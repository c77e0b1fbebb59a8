"""Canonical, normal and parsing canonical forms; figures are those of Java Avro 1.12."""

import json
from typing import Any

import pytest

from schemas.formats.avro import FORMAT, fingerprint, parsing_canonical_form
from schemas.formats.avro.text import compact, number, single
from schemas.formats.avro.writing import rabin
from schemas.formats.base import Dependency, TooComplex

CANONICAL = [
    ('"string"', '"string"'),
    (' "string"\n', '"string"'),
    ('{"type":"string"}', '"string"'),
    ('{"type":"string","doc":"x","name":"y"}', '"string"'),
    (
        '{"type":"string","a":null,"b":1.50,"c":1e20,"d":{"z":1,"a":2},"n":-0.0}',
        '{"type":"string","a":null,"b":1.5,"c":1.0E20,"d":{"z":1,"a":2},"n":-0.0}',
    ),
    ("[]", "[]"),
    ('["null",{"type":"int"}]', '["null","int"]'),
    ('{"z":1,"items":"string","type":"array"}', '{"type":"array","items":"string","z":1}'),
    ('{"values":{"type":"int"},"type":"map"}', '{"type":"map","values":"int"}'),
    (
        '{"aliases":["a.X","X"],"x":1,"size":4,"doc":"d","name":"a.F","type":"fixed"}',
        '{"type":"fixed","name":"F","namespace":"a","doc":"d","size":4,"x":1,"aliases":["X"]}',
    ),
    (
        '{"type":"enum","default":"A","symbols":["A","B"],"name":"E","namespace":""}',
        '{"type":"enum","name":"E","symbols":["A","B"],"default":"A"}',
    ),
    (
        (
            '{"type":"record","name":"R","doc":"","fields":[{"order":"Descending","default":0,'
            '"x":true,"aliases":["g","h","g"],"doc":"d","type":"int","name":"f"}],"p":[1.0]}'
        ),
        (
            '{"type":"record","name":"R","doc":"","fields":[{"name":"f","type":"int","doc":"d",'
            '"default":0,"order":"descending","aliases":["g","h"],"x":true}],"p":[1.0]}'
        ),
    ),
    (
        (
            '{"type":"record","name":"R","namespace":"n","fields":[{"name":"a","type":{"type":"fixed",'
            '"name":"x.F","size":1}},{"name":"b","type":"x.F"},{"name":"c","type":{"type":"R"}},'
            '{"name":"d","type":{"type":"fixed","name":"G","namespace":"","size":1}}]}'
        ),
        (
            '{"type":"record","name":"R","namespace":"n","fields":[{"name":"a","type":{"type":"fixed",'
            '"name":"F","namespace":"x","size":1}},{"name":"b","type":"x.F"},{"name":"c","type":"R"},'
            '{"name":"d","type":{"type":"fixed","name":"G","namespace":"","size":1}}]}'
        ),
    ),
    (
        (
            '{"type":"record","name":"record","namespace":"n","fields":[{"name":"f","type":'
            '["null","record"]}]}'
        ),
        (
            '{"type":"record","name":"record","namespace":"n","fields":[{"name":"f","type":'
            '["null","n.record"]}]}'
        ),
    ),
    (
        (
            '{"type":"error","name":"E","doc":5,"fields":[{"name":"f","type":"float","default":"NaN"},'
            '{"name":"g","type":"double","default":1e7},{"name":"h","type":"float","default":1}]}'
        ),
        (
            '{"type":"error","name":"E","fields":[{"name":"f","type":"float","default":"NaN"},'
            '{"name":"g","type":"double","default":1.0E7},{"name":"h","type":"float","default":1}]}'
        ),
    ),
]


@pytest.mark.parametrize(("text", "expected"), CANONICAL)
def test_the_canonical_text_is_laid_out_as_registries_do(text: str, expected: str) -> None:
    assert FORMAT.parse(text).canonical == expected
    assert FORMAT.parse(expected).canonical == expected


def test_people_s_words_make_another_schema() -> None:
    plain = '{"type":"record","name":"R","fields":[{"name":"f","type":"int"}]}'
    texts = [
        plain,
        plain.replace('"R"', '"R","doc":"x"'),
        plain.replace('"int"', '"int","doc":"x"'),
        plain.replace('"int"', '"int","default":1'),
        plain.replace('"int"', '"int","aliases":["g"]'),
        plain.replace('"int"', '"int","order":"ignore"'),
        plain.replace('"int"', '"int","x":1'),
        plain.replace('"int"', '{"type":"int","x":1}'),
    ]
    parsed = [FORMAT.parse(text) for text in texts]
    assert len({one.canonical for one in parsed}) == len(texts)
    assert len({fingerprint(one) for one in parsed}) == 1


NORMAL = [
    ('{"type":"string","b":{"z":1,"a":2},"a":1}', '{"type":"string","a":1,"b":{"a":2,"z":1}}'),
    (
        '{"scale":2,"a":1,"precision":4,"type":"bytes","logicalType":"decimal"}',
        '{"type":"bytes","logicalType":"decimal","precision":4,"scale":2,"a":1}',
    ),
    (
        '{"scale":0,"z":1,"precision":4,"type":"bytes","logicalType":"decimal"}',
        '{"type":"bytes","logicalType":"decimal","precision":4,"scale":0,"z":1}',
    ),
    (
        '{"logicalType":"decimal","a":1,"type":"bytes"}',
        '{"type":"bytes","a":1,"logicalType":"decimal"}',
    ),
    (
        (
            '{"type":"record","name":"n.R","doc":"","aliases":["z","b"],"y":1,"x":2,"fields":['
            '{"name":"f","type":"double","doc":"","default":1,"aliases":["h","g"],"order":"ascending"},'
            '{"name":"m","type":{"type":"map","values":"float"},"default":{"b":0.1,"a":1}}]}'
        ),
        (
            '{"type":"record","name":"R","namespace":"n","fields":['
            '{"name":"f","type":"double","doc":"","default":1.0,"aliases":["g","h"]},'
            '{"name":"m","type":{"type":"map","values":"float"},"default":{"a":1.0,"b":0.1}}],'
            '"x":2,"y":1,"aliases":["b","z"]}'
        ),
    ),
    (
        (
            '{"type":"record","name":"R","fields":[{"name":"f","type":["null","double"],"default":1},'
            '{"name":"g","type":{"type":"array","items":"float"},"default":[0.123456789012]},'
            '{"name":"h","type":{"type":"record","name":"Q","fields":[{"name":"a","type":"double"}]},'
            '"default":{"b":2,"a":1}}]}'
        ),
        (
            '{"type":"record","name":"R","fields":[{"name":"f","type":["null","double"],"default":1.0},'
            '{"name":"g","type":{"type":"array","items":"float"},"default":[0.12345679]},'
            '{"name":"h","type":{"type":"record","name":"Q","fields":[{"name":"a","type":"double"}]},'
            '"default":{"a":1.0,"b":2}}]}'
        ),
    ),
]


@pytest.mark.parametrize(("text", "expected"), NORMAL)
def test_the_normal_form_sorts_what_is_free(text: str, expected: str) -> None:
    assert FORMAT.parse(text).normalised == expected
    assert FORMAT.parse(expected).normalised == expected


FINGERPRINTS = [  # the specification's test data, and a record
    ('"null"', '"null"', 0x63DD24E7CC258F8A),
    ('{"type":"int","x":1}', '"int"', 0x7275D51A3F395C8F),
    ('"string"', '"string"', 0x8F014872634503C7),
    (
        (
            '{"type":"record","name":"R","doc":"x","namespace":"n","fields":[{"name":"f","type":'
            '{"type":"enum","name":"E","symbols":["A"],"default":"A"},"default":"A"},{"name":"g",'
            '"type":{"type":"map","values":["E","R"]}}]}'
        ),
        (
            '{"name":"n.R","type":"record","fields":[{"name":"f","type":{"name":"n.E","type":"enum",'
            '"symbols":["A"]}},{"name":"g","type":{"type":"map","values":["n.E","n.R"]}}]}'
        ),
        None,
    ),
]


@pytest.mark.parametrize(("text", "form", "figure"), FINGERPRINTS)
def test_the_fingerprint_is_that_of_the_parsing_form(
    text: str, form: str, figure: int | None
) -> None:
    parsed = FORMAT.parse(text)
    assert parsing_canonical_form(parsed) == form
    assert fingerprint(parsed) == (rabin(form.encode()) if figure is None else figure)


def test_the_parsing_form_spells_references_out() -> None:
    fixed = Dependency("F", '{"type":"fixed","name":"F","size":2}')
    parsed = FORMAT.parse('["null","F"]', [fixed])
    assert parsing_canonical_form(parsed) == '["null",{"name":"F","type":"fixed","size":2}]'


def test_a_long_chain_of_references_is_too_complex_to_spell_out() -> None:
    chain = [Dependency("R0", '{"type":"record","name":"R0","fields":[]}')]
    for number_ in range(1, 400):
        earlier = {"name": "f", "type": f"R{number_ - 1}"}
        document = {"type": "record", "name": f"R{number_}", "fields": [earlier]}
        chain.append(Dependency(f"R{number_}", json.dumps(document)))
    parsed = FORMAT.parse('["null","R399"]', chain)
    assert parsed.canonical == '["null","R399"]'
    with pytest.raises(TooComplex, match="leads through"):
        fingerprint(parsed)


NUMBERS = [
    (0.0, "0.0"), (-0.0, "-0.0"), (1.0, "1.0"), (0.001, "0.001"), (0.0001, "1.0E-4"),
    (9999999.0, "9999999.0"), (1e7, "1.0E7"), (123456789.125, "1.23456789125E8"),
    (1.5e300, "1.5E300"), (-2.5e-10, "-2.5E-10"), (0.1, "0.1"), (100.0, "100.0"),
    (0.0123, "0.0123"), (1e22, "1.0E22"), (float("nan"), '"NaN"'),
    (float("inf"), '"Infinity"'), (float("-inf"), '"-Infinity"'),
]  # fmt: skip


@pytest.mark.parametrize(("value", "expected"), NUMBERS)
def test_numbers_are_written_as_java_does(value: float, expected: str) -> None:
    assert number(value) == expected


def test_numbers_of_32_bits() -> None:
    assert single(0.123456789012) == 0.12345679
    assert single(16777217.0) == 16777216.0
    assert single(3.4028234663852886e38) == 3.4028235e38
    assert single(1e300) == float("inf")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a\u0001\u001f\u007f", '"a\\u0001\\u001F\u007f"'),
        ('"\\/\n\t\u000b', '"\\"\\\\/\\n\\t\\u000B"'),
        ("é\u2028😀", '"é\u2028😀"'),
        ({"b": [True, False, None], "a": {}}, '{"b":[true,false,null],"a":{}}'),
        (123456789012345678901234567890, "123456789012345678901234567890"),
    ],
)
def test_texts_are_written_as_jackson_does(value: Any, expected: str) -> None:
    assert compact(value) == expected
    assert json.loads(compact(value)) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [True, None, "é:1.5"]}, '{"b":1,"a":[true,null,"é:1.5"]}'),
        ({"default": 1e16}, '{"default":1.0E16}'),
        ([-2.0, 3], "[-2.0,3]"),
        ({"doc": "\x1f\x7f\u2028"}, '{"doc":"\\u001F\x7f\u2028"}'),
        ({"doc": "\\u001f"}, '{"doc":"\\\\u001f"}'),
        (0.0001, "1.0E-4"),
    ],
)
def test_a_document_is_written_as_jackson_writes_it(value: object, text: str) -> None:
    assert compact(value) == text
