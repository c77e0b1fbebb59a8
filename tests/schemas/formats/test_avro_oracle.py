"""Random pairs of schemas: our verdict against another checker's, and against real bytes."""

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

from schemas.formats.avro import FORMAT, check_record, example, fingerprint
from schemas.formats.avro.model import Record, Type
from schemas.formats.avro.model import label as tag
from schemas.formats.avro.resolution import Verdicts
from schemas.formats.base import Budget, Difference, InvalidSchema, TooComplex

PRIMITIVES = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"]
PROMOTED = {
    "int": "long",
    "long": "double",
    "float": "double",
    "string": "bytes",
    "bytes": "string",
}
# All have a namespace: the library takes the empty one for none given (specification, "Names").
NAMES = ["x.A", "x.B", "x.C", "y.A", "y.C", "z.B"]
# fastavro takes the first branch of the same unqualified name, where the specification's "Unions"
# goes on to one that matches: each name stands in one namespace.
APART = ["x.A", "x.B", "y.C", "z.D"]
FIELDS = ["f", "g", "h", "i"]
SYMBOLS = ["P", "Q", "R", "S"]


class Maker:
    """Random schemas of few names, so that pairs often meet."""

    def __init__(self, random: Random, names: list[str] = NAMES) -> None:
        self.random = random
        self.names = names
        self.defined: list[str] = []

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def some(self, values: list[str], least: int = 0) -> list[str]:
        return self.random.sample(values, self.random.randint(least, min(len(values), 3)))

    def type(self, depth: int, *, in_union: bool = False) -> Any:
        if depth <= 0 or self.chance(0.35):
            return self.random.choice(PRIMITIVES)
        if self.defined and self.chance(0.15):
            return self.random.choice(self.defined)
        kinds = ["record", "record", "enum", "fixed", "array", "map"]
        kind = self.random.choice(kinds if in_union else [*kinds, "union", "union"])
        return getattr(self, kind)(depth - 1)

    def naming(self, kind: str) -> dict[str, Any] | None:
        free = [name for name in self.names if name not in self.defined]
        if not free:
            return None
        name = self.random.choice(free)
        self.defined.append(name)
        namespace, _, short = name.rpartition(".")
        made = {"type": kind, "name": short, "namespace": namespace}
        if self.chance(0.2):
            # Full names only: the library does not resolve others (specification, "Aliases").
            aliases = [alias for alias in self.some(self.names) if alias != name]
            made["aliases"] = aliases
        return made

    def record(self, depth: int) -> Any:
        made = self.naming("record")
        if made is None:
            return "int"
        made["fields"] = [self.field(name, depth) for name in self.some(FIELDS)]
        return made

    def field(self, name: str, depth: int) -> dict[str, Any]:
        made: dict[str, Any] = {"name": name, "type": self.type(depth)}
        if self.chance(0.5):
            set_default(made)
        if self.chance(0.15):
            made["aliases"] = [a for a in self.some(FIELDS, 1) if a != name][:1]
        return made

    def enum(self, depth: int) -> Any:
        made = self.naming("enum")
        if made is None:
            return "string"
        made["symbols"] = self.some(SYMBOLS, 1)
        if self.chance(0.3):
            made["default"] = made["symbols"][0]
        return made

    def fixed(self, depth: int) -> Any:
        made = self.naming("fixed")
        return {**made, "size": self.random.randint(1, 3)} if made else "bytes"

    def array(self, depth: int) -> Any:
        return {"type": "array", "items": self.type(depth)}

    def map(self, depth: int) -> Any:
        return {"type": "map", "values": self.type(depth)}

    def union(self, depth: int) -> Any:
        branches: list[Any] = []
        seen = set()
        for _ in range(self.random.randint(0, 4)):
            branch = self.type(depth, in_union=True)
            key = label(branch)
            if key not in seen:
                seen.add(key)
                branches.append(branch)
        return branches

    def changed(self, node: Any) -> Any:
        """A later version of a schema: most parts stay, some change."""
        if self.chance(0.12):
            return self.wrapped(node)
        if isinstance(node, list):
            return self.changed_union(node)
        if isinstance(node, str):
            return PROMOTED.get(node, node) if self.chance(0.15) else node
        made = dict(node)
        for key in ("items", "values"):
            if key in made:
                made[key] = self.changed(made[key])
        if "fields" in made:
            made["fields"] = self.changed_fields(made["fields"])
        if "symbols" in made and self.chance(0.3):
            self.change_symbols(made)
        if "size" in made and self.chance(0.1):
            made["size"] += 1
        if "name" in made and self.chance(0.1):
            self.rename(made)
        return made

    def change_symbols(self, made: dict[str, Any]) -> None:
        made["symbols"] = self.some(SYMBOLS, 1)
        made.pop("default", None)
        if self.chance(0.4):
            made["default"] = made["symbols"][-1]

    def rename(self, made: dict[str, Any]) -> None:
        if self.chance(0.7):
            made["aliases"] = [f"{made['namespace']}.{made['name']}"]
        made["namespace"] = self.random.choice(["x", "y", "z"])
        if self.chance(0.6):
            made["name"] += "2"

    def wrapped(self, node: Any) -> Any:
        if isinstance(node, list):
            return node[0] if len(node) == 1 else node
        return [node] if label(node) == "null" else self.random.choice([["null", node], [node]])

    def changed_union(self, node: list[Any]) -> Any:
        made = [self.changed(branch) for branch in node]
        made = [branch for branch in made if not isinstance(branch, list)]
        if self.chance(0.3):
            made.append(self.random.choice(PRIMITIVES))
        if made and self.chance(0.2):
            made.pop(self.random.randrange(len(made)))
        return list({label(branch): branch for branch in made}.values())

    def changed_fields(self, fields: list[Any]) -> list[Any]:
        made = []
        for field in fields:
            if self.chance(0.12):
                continue
            later = {**field, "type": self.changed(field["type"])}
            later.pop("default", None)
            if self.chance(0.5):
                set_default(later)
            if self.chance(0.12) and not any(f["name"] == "n" for f in made):
                later |= {"name": "n", "aliases": [field["name"]]}
            made.append(later)
        if self.chance(0.2) and not any(field["name"] == "z" for field in made):
            made.append(self.field("z", 1))
        return made


def label(node: Any) -> str:
    if isinstance(node, dict):
        name = f"{node.get('namespace', '')}.{node['name']}" if "name" in node else node["type"]
        return name.lstrip(".")
    return node if isinstance(node, str) else "union"


def set_default(field: dict[str, Any]) -> None:
    """A default where one is at hand."""
    node = field["type"]
    node = node[0] if isinstance(node, list) and node else node
    simple = {"null": None, "boolean": True, "int": 1, "long": 2, "float": 0.5, "double": 1.5}
    kind = node["type"] if isinstance(node, dict) else str(node)
    if kind in simple:
        field["default"] = simple[kind]
    elif kind in {"bytes", "string"}:
        field["default"] = "a"
    elif kind == "enum":
        field["default"] = node["symbols"][0]
    elif kind == "fixed":
        field["default"] = "a" * node["size"]
    elif kind in {"array", "map"}:
        field["default"] = [] if kind == "array" else {}


def repeatable(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - no secret: a failure has to come again


def pair_of(random: Random, names: list[str] = NAMES) -> tuple[str, str]:
    """Writer's and reader's text."""
    maker = Maker(random, names)
    old = maker.type(4)
    new = maker.changed(old) if random.random() < 0.8 else Maker(random, names).type(4)
    return json.dumps(old), json.dumps(new)


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
        except Exception as exc:  # noqa: BLE001 - any failure to read is one
            return value, exc
    return None


@MANY
@given(seed=st.integers(0, 2**32))
def test_compatible_data_is_readable(seed: int) -> None:
    random = repeatable(seed)
    texts = pair_of(random, APART)
    writer, reader = (parse_or_skip(text) for text in texts)
    assume(compatible(reader, writer))
    assert refutation(writer, texts, random) is None, texts


MANDATORY = re.compile(r"(/fields/\d+(/type)?)*(/fields|/name|/size)?")


def certain(one: Difference) -> bool:
    """Whether every datum meets it, and fastavro looks (it reads some bytes as a record)."""
    kinds = {"READER_FIELD_MISSING_DEFAULT_VALUE", "FIXED_SIZE_MISMATCH"}
    simple = one.kind == "TYPE_MISMATCH" and {one.old, one.new} <= {*PRIMITIVES}
    return (simple or one.kind in kinds) and bool(MANDATORY.fullmatch(one.writer_at))


@MANY
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
