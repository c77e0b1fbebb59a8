"""JSON Schema in the registry: parsing, comparison, checking and examples of documents."""

from __future__ import annotations

from schemas.formats.json.language import JsonFormat, JsonSchema

__all__ = ["JsonFormat", "JsonSchema"]
