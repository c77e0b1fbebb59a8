"""Forms with files: what announces too much is refused before a byte of it is read."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler

MAX_BYTES = 64 * 1024 * 1024  # of a whole form; each use has its own bound below it


class BoundedUploads(FileUploadHandler):
    """The first of `FILE_UPLOAD_HANDLERS`; those after it keep the files."""

    def handle_raw_input(
        self,
        input_data: Any,
        META: dict[str, Any],  # noqa: N803  # Django's name
        content_length: Any,
        boundary: Any,
        encoding: str | None = None,
    ) -> None:
        if content_length > MAX_BYTES:
            raise RequestDataTooBig(f"The form has more than {MAX_BYTES:,} bytes.")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None
