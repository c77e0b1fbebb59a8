"""OpenAPI descriptions, 3.0 and 3.1: what `schemas.formats.registry` knows of them."""

from __future__ import annotations

from schemas.formats.openapi.language import FORMAT, OpenApiDescription, OpenApiFormat

__all__ = ["FORMAT", "OpenApiDescription", "OpenApiFormat"]
