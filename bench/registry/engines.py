"""The engines alone: Avro beside PyPI's `avro`, JSON Schema beside its own validation."""

from __future__ import annotations

import json
from collections.abc import Iterator

import avro.compatibility
import avro.schema
import jsonschema_rs

from bench.figures import Figure, side_by_side
from schemas.formats import registry
from schemas.formats.base import FormatName


def record(fields: int, *, extra: bool) -> str:
    """An Avro record of everyday fields; with `extra` one more that has a default."""
    kinds = ["string", "int", "double", ["null", "string"], {"type": "array", "items": "long"}]
    made = [{"name": f"field_{n}", "type": kinds[n % len(kinds)]} for n in range(fields)]
    if extra:
        made.append({"name": "note", "type": "string", "default": ""})
    return json.dumps({"type": "record", "name": "Order", "fields": made})


def document(properties: int, *, extra: bool) -> str:
    """A closed JSON Schema of everyday properties; with `extra` an optional one more."""
    kinds = [
        {"type": "string", "maxLength": 40},
        {"type": "integer", "minimum": 0},
        {"enum": ["new", "paid", "sent"]},
        {"type": "array", "items": {"type": "number"}},
        {"type": "object", "properties": {"street": {"type": "string"}}},
    ]
    made = {f"property_{n}": kinds[n % len(kinds)] for n in range(properties)}
    required = list(made)[: properties // 2]
    if extra:
        made["note"] = {"type": "string"}
    return json.dumps(
        {
            "type": "object",
            "properties": made,
            "required": required,
            "additionalProperties": False,
        }
    )


def _avro() -> Figure:
    engine = registry.get(FormatName.AVRO)
    old, new = record(20, extra=False), record(20, extra=True)

    def ours() -> None:
        if not all(d.strict for d in engine.differences(engine.parse(new), engine.parse(old))):
            raise SystemExit("A field with a default is compatible.")

    def theirs() -> None:
        checker = avro.compatibility.ReaderWriterCompatibilityChecker()
        found = checker.get_compatibility(avro.schema.parse(new), avro.schema.parse(old))
        if found.compatibility is not avro.compatibility.SchemaCompatibilityType.compatible:
            raise SystemExit("A field with a default is compatible.")

    mine, peer = side_by_side(ours, theirs, 100)
    beside = f"ours {mine * 1000:.2f} ms, PyPI avro {peer * 1000:.2f} ms"
    return Figure("Avro, 20 fields: parse, validate, check", peer / mine, "×", 2, beside=beside)


def _json(properties: int) -> tuple[float, float]:
    """Seconds of our parse, validation and check of a pair, and of validation alone by a peer."""
    engine = registry.get(FormatName.JSON)
    old, new = document(properties, extra=False), document(properties, extra=True)

    def ours() -> None:
        if not all(d.strict for d in engine.differences(engine.parse(new), engine.parse(old))):
            raise SystemExit("An optional property of a closed model is compatible.")

    def floor() -> None:
        for text in (old, new):
            if not jsonschema_rs.meta.is_valid(json.loads(text)):
                raise SystemExit("The schema is valid.")

    return side_by_side(ours, floor, max(2, 1000 // properties))


def figures() -> Iterator[Figure]:
    yield _avro()
    mine, floor = _json(20)
    beside = f"its validation alone by jsonschema-rs: {1 / floor:,.0f}/s"
    yield Figure("JSON Schema, 20 properties", 1 / mine, "/s", 340, beside=beside)
    mine, floor = _json(500)
    beside = f"its validation alone by jsonschema-rs: {floor * 1000:.1f} ms"
    yield Figure("JSON Schema, 500 properties", mine * 1000, "ms", 60, most=True, beside=beside)
