"""Avro: what `schemas.formats.registry` knows of it; the standard is the 1.12 specification."""

from __future__ import annotations

from schemas.formats.avro.engine import (
    FORMAT,
    AvroFormat,
    AvroSchema,
    check_record,
    example,
    fingerprint,
    native,
    parsing_canonical_form,
)

__all__ = [
    "FORMAT",
    "AvroFormat",
    "AvroSchema",
    "check_record",
    "example",
    "fingerprint",
    "native",
    "parsing_canonical_form",
]
