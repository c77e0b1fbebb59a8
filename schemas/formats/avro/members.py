"""What named types hold, compared: a record's fields, an enum's symbols, a fixed type's size.

Called by the walk of `schemas.formats.avro.comparison`, once for each pair of named types.
"""

from __future__ import annotations

from collections import Counter

from schemas.formats.avro import advice
from schemas.formats.avro.findings import Findings, Place
from schemas.formats.avro.model import Enum, Field, Fixed, Record, alike, described
from schemas.formats.avro.resolution import sources


def compare_fields(findings: Findings, reader: Record, writer: Record, place: Place) -> None:
    """Specification: fields by name or the reader's alias, else by the reader's default."""
    positions: list[int] = []
    for index, field in enumerate(reader.fields):
        findings.budget.spend()
        position = None if field.aliases else writer.positions.get(field.name)
        if position is not None and same(field, writer.fields[position]):
            positions.append(position)
            continue
        found = sources(field, writer)
        steps = f"/fields/{index}", f"/fields/{found[0]}" if found else "/fields"
        inside = place.down(*steps, field.name)
        if not found:
            _added(findings, field, inside)
        else:
            positions += found[:1]
            if len(found) > 1:
                _ambiguous(findings, [writer.fields[number].name for number in found], inside)
            _field(findings, field, writer.fields[found[0]], inside)
    _whole(findings, reader, writer, positions, place)


def _whole(
    findings: Findings, reader: Record, writer: Record, positions: list[int], place: Place
) -> None:
    """What shows only in all fields together; `positions` are the written ones that are read."""
    if positions != sorted(positions):
        inside = place.down("/fields", "/fields")
        names = [field.name for field in writer.fields], [field.name for field in reader.fields]
        findings.add("FIELDS_REORDERED", inside, *names)
    read = Counter(positions)
    for position, field in enumerate(writer.fields):
        if read[position] == 1:
            continue
        inside = place.down("/fields", f"/fields/{position}", field.name)
        if not read[position]:
            findings.add("FIELD_REMOVED", inside, described(field.type), None)
        else:
            # Registries take it as compatible: no reader's field is without a written one.
            tell = advice.read_twice(inside.path)
            findings.add("FIELD_READ_TWICE", inside, field.name, None, tell=tell)


def same(reader: Field, writer: Field) -> bool:
    """Whether two fields of one name are equal at a glance, as most are in two versions."""
    return (
        reader.doc == writer.doc
        and reader.default is writer.default
        and reader.order == writer.order
        and reader.aliases == writer.aliases
        and reader.props == writer.props
        and alike(reader.type, writer.type)
    )


def _added(findings: Findings, field: Field, place: Place) -> None:
    new = described(field.type)
    if field.has_default:
        findings.add("FIELD_ADDED_WITH_DEFAULT", place, None, new)
        return
    tell = advice.missing_default(place.path)
    findings.add("READER_FIELD_MISSING_DEFAULT_VALUE", place, None, new, ok=False, tell=tell)


def _ambiguous(findings: Findings, names: list[str], place: Place) -> None:
    tell = advice.ambiguous(place.path, names)
    findings.add("FIELD_ALIAS_AMBIGUOUS", place, names, None, ok=False, tell=tell)


def _field(findings: Findings, reader: Field, writer: Field, place: Place) -> None:
    if reader.name != writer.name:
        findings.add("FIELD_RENAMED", place, writer.name, reader.name)
    findings.attributes(reader, writer, place)
    if reader.order != writer.order:
        findings.add("SORT_ORDER_CHANGED", place, writer.order, reader.order)
    _default(findings, reader, writer, place)
    findings.visit(reader.type, writer.type, place.down("/type", "/type"))


def _default(findings: Findings, reader: Field, writer: Field, place: Place) -> None:
    if not writer.has_default and not reader.has_default:
        return
    if not writer.has_default:
        findings.add("DEFAULT_ADDED", place, None, reader.default)
    elif not reader.has_default:
        findings.add("DEFAULT_REMOVED", place, writer.default, None)
    elif reader.default != writer.default or type(reader.default) is not type(writer.default):
        findings.add("DEFAULT_CHANGED", place, writer.default, reader.default)


def compare_symbols(findings: Findings, reader: Enum, writer: Enum, place: Place) -> None:
    """Specification: a symbol that the reader lacks is its default, or an error without one."""
    inside = place.down("/symbols", "/symbols")
    if lost := [symbol for symbol in writer.symbols if symbol not in reader.known]:
        if reader.default is None:
            tell = advice.missing_symbols(place.path, lost)
            findings.add("MISSING_ENUM_SYMBOLS", inside, lost, None, ok=False, tell=tell)
        else:
            tell = advice.defaulted_symbols(lost, reader.default)
            findings.add("ENUM_SYMBOL_REMOVED", inside, lost, None, tell=tell)
    if gained := [symbol for symbol in reader.symbols if symbol not in writer.known]:
        findings.add("ENUM_SYMBOL_ADDED", inside, None, gained)
    elif not lost and reader.symbols != writer.symbols:
        symbols = list(writer.symbols), list(reader.symbols)
        findings.add("ENUM_SYMBOLS_REORDERED", inside, *symbols)
    if reader.default != writer.default:
        findings.add("ENUM_DEFAULT_CHANGED", place, writer.default, reader.default)


def compare_sizes(findings: Findings, reader: Fixed, writer: Fixed, place: Place) -> None:
    if reader.size != writer.size:
        inside = place.down("/size", "/size")
        tell = advice.fixed_size(reader.full, reader.size, writer.size)
        findings.add("FIXED_SIZE_MISMATCH", inside, writer.size, reader.size, ok=False, tell=tell)
