"""JSON Schema in the registry: parsing, comparison, checking and examples of documents."""

from __future__ import annotations

from schemas.formats.json.examples import example
from schemas.formats.json.language import JsonFormat, JsonSchema
from schemas.formats.json.records import check_record

__all__ = ["JsonFormat", "JsonSchema", "check_record", "example"]
