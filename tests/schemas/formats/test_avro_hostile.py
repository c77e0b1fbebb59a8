"""Input made to hang or to crash: refused, or judged in bounded time."""

import json
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from idp.common.errors import Invalid
from schemas.formats.avro import FORMAT, check_record, example, fingerprint
from schemas.formats.base import MAX_TEXT, Dependency, TooComplex

BOUND = 6.0  # seconds: the engine's own bound is 2, other work runs beside the tests


def timed(work: Callable[[], Any]) -> Any:
    started = time.monotonic()
    try:
        return work()
    finally:
        assert time.monotonic() - started < BOUND


def nested(depth: int, opening: str, closing: str, core: str = '"int"') -> str:
    return opening * depth + core + closing * depth


ARRAY = ('{"type":"array","items":', "}")
HOSTILE = {
    "arrays": nested(10_000, *ARRAY),
    "maps": nested(10_000, '{"type":"map","values":', "}"),
    "unions": nested(10_000, "[", "]"),
    "brackets": "[" * 500_000,
    "braces": '{"a":' * 100_000,
    "default": '{"type":"record","name":"R","fields":[{"name":"f","type":"int","default":'
    + nested(10_000, "[", "]", "")
    + "}]}",
    "property": '{"type":"int","x":' + nested(10_000, '{"a":', "}", "1") + "}",
    "quotes": '{"type":"string","x":"' + '\\"' * 400_000 + "[" * 300,
    "backslashes": '"' + "\\" * 900_000 + "[" * 300,
    "million symbols": json.dumps(
        {"type": "enum", "name": "E", "symbols": [f"S{n}" for n in range(1_000_000)]}
    ),
    "fifty megabytes": '"' + "x" * 50_000_000 + '"',
    "dots": json.dumps({"type": "record", "name": "a." * 400_000, "fields": []}),
    "long name": json.dumps({"type": "record", "name": "a" * 900_000 + "-", "fields": []}),
    "digits": '{"type":"string","x":' + "1" * 900_000 + "}",
    "exponent": '{"type":"string","x":1e' + "9" * 100_000 + "}",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_it_is_refused(name: str) -> None:
    with pytest.raises(Invalid):
        timed(lambda: FORMAT.parse(HOSTILE[name]))


def test_depth_is_refused_as_such() -> None:
    with pytest.raises(TooComplex, match="nested deeper"):
        FORMAT.parse(HOSTILE["arrays"])
    with pytest.raises(TooComplex, match="characters"):
        FORMAT.parse('"' + "x" * MAX_TEXT + '"')
    with pytest.raises(TooComplex, match="references"):
        FORMAT.parse('"int"', [Dependency("a", "x" * MAX_TEXT)] * 6)


def everything(text: str, *dependencies: Dependency) -> None:
    """All that one asks of a schema; refusals are fine, anything else is not."""
    parsed = FORMAT.parse(text, dependencies)
    other = FORMAT.parse(text, dependencies)
    assert FORMAT.differences(parsed, other) == ()
    assert FORMAT.parse(parsed.canonical, dependencies).canonical == parsed.canonical
    assert parsed.normalised
    for ask in (lambda: fingerprint(parsed), lambda: check_record(parsed, example(parsed))):
        try:
            ask()
        except TooComplex:
            continue


def record(name: str, *fields: tuple[str, Any]) -> dict[str, Any]:
    made = [{"name": key, "type": kind} for key, kind in fields]
    return {"type": "record", "name": name, "fields": made}


def deep_record(depth: int) -> Any:
    made: Any = "int"
    for level in range(depth):
        made = record(f"R{level}", ("f", made), ("g", ["null", {"type": "map", "values": "int"}]))
    return made


SYMBOLS = {"type": "enum", "name": "E"}
# Sizes that a tracing run still judges within the engine's two seconds.
JUST_ALLOWED = {
    "arrays": nested(199, *ARRAY),
    "array of unions": nested(99, '{"type":"array","items":[', "]}"),
    "records": json.dumps(deep_record(65)),
    "property": '{"type":"int","x":' + nested(198, "[", "]", "1") + "}",
    "symbols": json.dumps(SYMBOLS | {"symbols": [f"S{n}" for n in range(30_000)]}),
    "fields": json.dumps(record("R", *((f"f{n}", "int") for n in range(8_000)))),
    "branches": json.dumps(
        [{"type": "fixed", "name": f"F{n}", "size": 1} for n in range(4_000)]
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", JUST_ALLOWED)
def test_what_is_just_allowed_is_judged_on_a_deep_stack(name: str) -> None:
    """Servers call with frames of their own: two hundred of them, as under middleware."""
    failures: list[BaseException] = []

    def descend(frames: int) -> None:
        if frames:
            descend(frames - 1)
        else:
            everything(JUST_ALLOWED[name])

    def run() -> None:
        try:
            descend(200)
        except BaseException as exc:  # noqa: BLE001 - handed to the test's own thread
            failures.append(exc)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert not failures, failures
    assert sys.getrecursionlimit() <= 1000


def chain(length: int, kind: Callable[[str], Any]) -> list[Dependency]:
    """Schemas of which each refers to the one before."""
    made = [Dependency("R0", json.dumps(record("R0", ("f", "int"))))]
    for number in range(1, length):
        document = record(f"R{number}", ("f", kind(f"R{number - 1}")))
        made.append(Dependency(f"R{number}", json.dumps(document)))
    return made


CHAINS = {
    "records": lambda name: name,
    "unions": lambda name: ["null", name],
    "arrays": lambda name: {"type": "array", "items": name},
    "maps of unions": lambda name: {"type": "map", "values": ["null", name, "string"]},
}


@pytest.mark.parametrize("name", CHAINS)
def test_a_chain_of_a_thousand_references(name: str) -> None:
    dependencies = chain(1000, CHAINS[name])
    timed(lambda: everything('["null","R999"]', *dependencies))


def test_a_chain_of_defaults() -> None:
    flat: list[Any] = []
    for number in range(3000):
        one = record(f"R{number}", ("f", f"R{number - 1}" if number else "int"))
        one["fields"][0]["default"] = {} if number else 1
        flat.append(one)
    assert timed(lambda: FORMAT.parse(json.dumps(flat)))
    last = record("Last", ("f", "R2999"))
    last["fields"][0]["default"] = {}
    dependencies = [Dependency(one["name"], json.dumps(one)) for one in flat]
    with pytest.raises(TooComplex, match="Defaults lead to defaults"):
        timed(lambda: FORMAT.parse(json.dumps(last), dependencies))


def test_defaults_that_fan_out_are_judged_once() -> None:
    flat = [record("R0", ("f", "int"))]
    flat[0]["fields"][0]["default"] = 1
    for number in range(1, 60):
        one = record(f"R{number}", *((f"f{n}", f"R{number - 1}") for n in range(10)))
        for field in one["fields"]:
            field["default"] = {}
        flat.append(one)
    parsed = timed(lambda: FORMAT.parse(json.dumps(flat)))
    assert timed(lambda: FORMAT.differences(parsed, parsed)) == ()


def fan(depth: int, width: int) -> str:
    """Records whose smallest full value doubles with each level."""
    flat: list[Any] = [record("R0", ("f", "int"))]
    for number in range(1, depth):
        kind = ["null", f"R{number - 1}"]
        flat.append(record(f"R{number}", *((f"f{n}", kind) for n in range(width))))
    return json.dumps(flat)


def test_an_example_is_bounded() -> None:
    parsed = FORMAT.parse(fan(60, 10))
    value = timed(lambda: example(parsed))
    assert check_record(parsed, value) == []
    assert len(json.dumps(value)) < 100_000
    wide = FORMAT.parse(json.dumps({"type": "array", "items": "R"}), [
        Dependency("R", json.dumps(record("R", ("f", {"type": "array", "items": "R"}))))
    ])  # fmt: skip
    assert example(wide) == [{"f": []}]


def test_a_type_without_a_finite_value_has_no_example() -> None:
    for kind in ("R", ["R"], {"type": "enum", "name": "E", "symbols": []}, []):
        with pytest.raises(TooComplex):
            example(FORMAT.parse(json.dumps(record("R", ("f", kind)))))
    with pytest.raises(TooComplex, match="bytes"):
        example(FORMAT.parse('{"type":"fixed","name":"F","size":2000000000}'))
    required = [
        record(f"R{level}", *((f"f{n}", f"R{level - 1}" if level else "int") for n in range(9)))
        for level in range(40)
    ]
    top = record("Top", ("skip", required), ("all", "R39"))
    with pytest.raises(TooComplex, match="too large"):
        timed(lambda: example(FORMAT.parse(json.dumps(top))))


def cross(count: int, prefix: str, kind: str) -> str:
    """A union of records of one unqualified name in many namespaces, all told apart inside."""
    return json.dumps(
        [record(f"{prefix}{number}.R", ("f", kind), ("g", ["null", f"{prefix}{number}.R"]))
         for number in range(count)]
    )  # fmt: skip


def test_unions_of_many_namesakes() -> None:
    """Each written branch may meet each read one: judged, or given up within the time."""
    reader, writer = FORMAT.parse(cross(2000, "a", "int")), FORMAT.parse(cross(2000, "b", "string"))
    try:
        found = timed(lambda: FORMAT.differences(reader, writer))
    except TooComplex:
        return
    assert sum(one.kind == "MISSING_UNION_BRANCH" for one in found) == 2000


def test_fields_and_branches_take_linear_time() -> None:
    def seconds(count: int) -> float:
        old = FORMAT.parse(
            json.dumps(record("R", *((f"f{n}", ["null", "int"]) for n in range(count))))
        )
        new = FORMAT.parse(
            json.dumps(record("R", *((f"f{n}", ["null", "long"]) for n in range(count))))
        )
        started = time.process_time()
        assert len(FORMAT.differences(new, old)) == count
        return time.process_time() - started

    small, large = min(seconds(300) for _ in range(3)), min(seconds(3000) for _ in range(3))
    assert large < 40 * small


def test_two_recursive_types_that_differ_deep_down() -> None:
    """Thirty records that refer to each other in unions, the innermost broken."""

    def schema(core: str) -> str:
        flat = [record("R0", ("f", core))]
        for number in range(1, 30):
            kinds = ["null", *(f"R{n}" for n in range(max(0, number - 8), number))]
            flat.append(
                record(f"R{number}", ("f", kinds), ("g", {"type": "array", "items": kinds}))
            )
        return json.dumps(flat)

    reader, writer = FORMAT.parse(schema("int")), FORMAT.parse(schema("string"))
    kinds = [
        one.kind for one in timed(lambda: FORMAT.differences(reader, writer)) if not one.strict
    ]
    assert "TYPE_MISMATCH" in kinds
    assert timed(lambda: FORMAT.differences(FORMAT.parse(schema("long")), reader))


def test_a_hostile_record_is_judged_in_time() -> None:
    """Each level may be read as tagged or as plain."""
    tree = record("T", ("map", ["null", {"type": "map", "values": ["null", "T", "string"]}, "T"]))
    parsed = FORMAT.parse(json.dumps(["null", tree, {"type": "map", "values": "T"}]))
    value: Any = 5
    for _ in range(60):
        value = {"map": value}
    assert timed(lambda: check_record(parsed, value))
    for _ in range(400):
        value = {"map": value}
    with pytest.raises(TooComplex, match="nested deeper"):
        timed(lambda: check_record(parsed, value))
    many = FORMAT.parse('{"type":"array","items":"int"}')
    assert len(timed(lambda: check_record(many, ["x"] * 1_000_000))) == 100


def test_a_name_of_an_unknown_type_is_shown_in_part() -> None:
    with pytest.raises(Invalid) as caught:
        FORMAT.parse(json.dumps("x" * 900_000))
    assert len(caught.value.message) < 400
