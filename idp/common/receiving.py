"""Files as REST gets them: the body itself or one part of a form, on disk once they are large."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from typing import IO, Any

from rest_framework.parsers import BaseParser, MultiPartParser

from idp.common.errors import Invalid

IN_MEMORY = 1024 * 1024  # bytes; larger bodies wait in a temporary file
_CHUNK = 256 * 1024


class BodyParser(BaseParser):
    """Any body as a file, read as it comes; `require_size` raises for what is too large."""

    media_type = "*/*"

    def require_size(self, size: int) -> None:
        """Raise for more bytes than may be sent."""
        raise NotImplementedError

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        return {"file": spooled(stream, self.require_size)}


class FormParser(MultiPartParser):
    """A form with the part `file`; refused by its announced length before it is read."""

    def require_size(self, size: int) -> None:
        """Raise for more bytes than may be sent."""
        raise NotImplementedError

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        request = (parser_context or {})["request"]
        self.require_size(announced(request.META) - IN_MEMORY)  # of what stands around the file
        return super().parse(stream, media_type, parser_context)


def announced(headers: Mapping[str, Any]) -> int:
    """The length that a request names; 0 for none."""
    text = str(headers.get("CONTENT_LENGTH") or "0")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0  # noqa: PLR2004  # 64 bits


def spooled(stream: IO[bytes], require_size: Callable[[int], None]) -> IO[bytes]:
    """The stream's bytes as a file that can be read twice; raises what `require_size` does."""
    file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115  # closed by the caller
    size = 0
    while chunk := stream.read(_CHUNK):
        size += len(chunk)
        try:
            require_size(size)
        except Exception:
            file.close()
            raise
        file.write(chunk)
    file.seek(0)
    return file


def file_of(data: Any, require_size: Callable[[int], None]) -> tuple[IO[bytes], str]:
    """The file of a parsed body and its name; raises `Invalid` where there is none."""
    file = data.get("file") if hasattr(data, "get") else None
    if file is None or isinstance(file, str):
        raise Invalid("There is no file.", fix="Send it as the body, or as the form's part “file”.")
    require_size(getattr(file, "size", 0) or 0)
    return file, str(getattr(file, "name", "") or "")
