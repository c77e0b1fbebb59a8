"""Stored archives as downloads, for pages and REST alike."""

from __future__ import annotations

from django.http import FileResponse, HttpResponseBase

from pipelines.backends import blobs


def archive(digest: str, name: str) -> HttpResponseBase:
    """An archive, never shown in the browser."""
    return FileResponse(
        blobs.open_blob(digest),
        content_type="application/zip",
        as_attachment=True,
        filename=name.replace("/", "-"),
    )
