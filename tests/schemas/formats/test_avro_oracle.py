"""Random pairs of schemas: our verdict against another checker's, and against real bytes."""

import contextlib
import io
import json
import re
from random import Random
from typing import Any

import avro.compatibility
import avro.schema
import fastavro
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from test_avro_pairs import APART, PRIMITIVES, pair_of, repeatable

from idp.common.errors import Invalid
from schemas.formats.avro import FORMAT, check_record, example, fingerprint
from schemas.formats.avro.model import Record, Type
from schemas.formats.avro.model import label as tag
from schemas.formats.avro.resolution import Verdicts
from schemas.formats.base import Budget, Difference, InvalidSchema, TooComplex

# A seed for each pair: a failure names the texts, and building one costs no draws.
SCHEMA_PAIRS = st.integers(0, 2**32).map(lambda seed: pair_of(repeatable(seed)))


def parse_or_skip(text: str) -> Any:
    try:
        return FORMAT.parse(text)
    except InvalidSchema:
        assume(False)


MANY = settings(
    max_examples=300,
    deadline=None,
    derandomize=True,  # the libraries have faults of their own, which must not come by chance
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def compatible(reader: Any, writer: Any) -> bool:
    return all(one.strict for one in FORMAT.differences(reader, writer))


@MANY
@given(pair=SCHEMA_PAIRS)
def test_the_verdict_is_that_of_the_python_library(pair: tuple[str, str]) -> None:
    old, new = pair
    writer, reader = parse_or_skip(old), parse_or_skip(new)
    differences = FORMAT.differences(reader, writer)
    # Deviation, specification "Aliases": a writer's field becomes the alias's field, so that two
    # of them become one; the library takes the first.
    assume(all(one.kind != "FIELD_ALIAS_AMBIGUOUS" for one in differences))
    checker = avro.compatibility.ReaderWriterCompatibilityChecker()
    theirs = checker.get_compatibility(avro.schema.parse(new), avro.schema.parse(old))
    expected = theirs.compatibility is avro.compatibility.SchemaCompatibilityType.compatible
    assert all(one.strict for one in differences) == expected, (old, new, theirs.messages)


@MANY
@given(pair=SCHEMA_PAIRS)
def test_the_walk_and_the_verdict_agree(pair: tuple[str, str]) -> None:
    writer, reader = (parse_or_skip(text) for text in pair)
    assume(reader.canonical != writer.canonical)
    assert compatible(reader, writer) == Verdicts(Budget()).readable(reader.root, writer.root)


@MANY
@given(pair=SCHEMA_PAIRS)
def test_a_schema_reads_its_own_data_and_its_texts_say_the_same(pair: tuple[str, str]) -> None:
    parsed = parse_or_skip(pair[1])
    again = FORMAT.parse(parsed.canonical)
    assert again.canonical == parsed.canonical
    assert FORMAT.differences(again, parsed) == ()
    normal = FORMAT.parse(parsed.normalised)
    assert normal.normalised == parsed.normalised
    assert fingerprint(parsed) == fingerprint(again) == fingerprint(normal)


@MANY
@given(pair=SCHEMA_PAIRS)
def test_an_example_has_no_fault(pair: tuple[str, str]) -> None:
    parsed = parse_or_skip(pair[0])
    try:
        value = example(parsed)
    except TooComplex:
        assume(False)
    assert check_record(parsed, value) == []


class NoValue(Exception):
    """The type has no value, or only very deep ones."""


def datum(node: Type, random: Random, depth: int = 0) -> Any:
    """A random value as fastavro writes it: unions are tagged."""
    if depth > 12:
        raise NoValue
    if node.kind == "union":
        return union_datum(node, random, depth)
    if node.kind == "record":
        return {one.name: datum(one.type, random, depth + 1) for one in node.fields}
    if node.kind == "array":
        length = random.randint(0, 2) if depth < 6 else 0
        return [datum(node.items, random, depth + 1) for _ in range(length)]
    if node.kind == "map":
        filled = depth < 6 and random.random() < 0.7
        return {"k": datum(node.values, random, depth + 1)} if filled else {}
    return simple_datum(node, random)


def simple_datum(node: Type, random: Random) -> Any:
    if node.kind == "enum":
        return random.choice(node.symbols)
    if node.kind == "fixed":
        return random.randbytes(node.size)
    if node.kind in {"int", "long"}:
        bound = 2 ** (31 if node.kind == "int" else 63)
        return random.randint(-bound, bound - 1)
    simple = {"null": None, "boolean": True, "float": 0.5, "double": 1.25}
    return ({"bytes": b"ab", "string": "xyz"} | simple)[node.kind]


def union_datum(node: Type, random: Random, depth: int) -> Any:
    branches = list(node.branches)
    if depth > 6:
        branches = [one for one in branches if not isinstance(one, Record)] or branches
    if not branches:
        raise NoValue
    branch = random.choice(branches)
    return (tag(branch), datum(branch, random, depth + 1))


def refutation(writer: Any, texts: tuple[str, str], random: Random) -> tuple[Any, Any] | None:
    """A datum that the writer can write and the reader cannot read, with the error."""
    old, new = (fastavro.parse_schema(json.loads(text)) for text in texts)
    for _ in range(6):
        try:
            value = datum(writer.root, random)
        except NoValue:
            continue
        buffer = io.BytesIO()
        fastavro.schemaless_writer(buffer, old, value)
        buffer.seek(0)
        try:
            fastavro.schemaless_reader(buffer, old, new)
        except fastavro.read.SchemaResolutionError as exc:
            return value, exc
        except (KeyError, TypeError):
            continue  # fastavro 1.13 trips over names inside a reader's union
    return None


@MANY
@given(seed=st.integers(0, 2**32))
def test_compatible_data_is_readable(seed: int) -> None:
    random = repeatable(seed)
    texts = pair_of(random, APART)
    writer, reader = (parse_or_skip(text) for text in texts)
    differences = FORMAT.differences(reader, writer)
    assume(all(one.strict for one in differences))
    # Registries and clients differ: what a client reads is under another field's name by then.
    assume(all(one.kind != "FIELD_READ_TWICE" for one in differences))
    assert refutation(writer, texts, random) is None, texts


MANDATORY = re.compile(r"(/fields/\d+(/type)?)*(/fields|/name|/size)?")


def certain(one: Difference) -> bool:
    """Whether every datum meets it, and fastavro looks (it reads some bytes as a record)."""
    kinds = {"READER_FIELD_MISSING_DEFAULT_VALUE", "FIXED_SIZE_MISMATCH"}
    simple = one.kind == "TYPE_MISMATCH" and {one.old, one.new} <= {*PRIMITIVES}
    return (simple or one.kind in kinds) and bool(MANDATORY.fullmatch(one.writer_at))


@settings(MANY, max_examples=50)
@given(seed=st.integers(0, 2**32))
def test_incompatible_data_is_not(seed: int) -> None:
    """Where each datum meets the difference: on the way to it stand only fields."""
    random = repeatable(seed)
    texts = pair_of(random, APART)
    writer, reader = (parse_or_skip(text) for text in texts)
    breaking = [one for one in FORMAT.differences(reader, writer) if not one.strict]
    assume(any(certain(one) for one in breaking))
    try:
        datum(writer.root, repeatable(seed))
    except NoValue:
        assume(False)
    assert refutation(writer, texts, random) is not None, texts


JUNK: list[Any] = [
    None,
    True,
    0,
    -1,
    2**70,
    1.5,
    "",
    "int",
    "R",
    "\x00",
    "a.b",
    [],
    {},
    [[]],
    ["R"],
]
JUNK += [{"type": "R"}, {"name": 5}, {"type": "array"}, ["null", "null"], {"type": []}, "\ud800"]
KEYS = ["type", "name", "namespace", "fields", "symbols", "items", "values", "default", "size"]
KEYS += ["aliases", "order", "doc", "logicalType", "precision", "scale"]


def spoilt(node: Any, random: Random) -> Any:
    """The document with junk in places."""
    if random.random() < 0.04:
        return random.choice(JUNK)
    if isinstance(node, list):
        return [spoilt(entry, random) for entry in node]
    if isinstance(node, dict):
        made = {key: spoilt(value, random) for key, value in node.items()}
        if random.random() < 0.15:
            made[random.choice(KEYS)] = random.choice(JUNK)
        return made
    return node


@MANY
@given(seed=st.integers(0, 2**32))
def test_junk_is_refused_or_understood(seed: int) -> None:
    random = repeatable(seed)
    texts = [json.dumps(spoilt(json.loads(text), random)) for text in pair_of(random)]
    parsed = []
    for text in texts:
        with contextlib.suppress(Invalid):
            parsed.append(FORMAT.parse(text))
    for one in parsed:
        assert FORMAT.parse(one.canonical).canonical == one.canonical
        assert FORMAT.parse(one.normalised).normalised == one.normalised
        assert fingerprint(FORMAT.parse(one.text)) == fingerprint(one)
        check_record(one, random.choice(JUNK))
    if len(parsed) == 2:
        assert all(item.kind for item in FORMAT.differences(*parsed))
