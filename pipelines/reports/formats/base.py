"""How hostile input is refused: by name, with the fix, before it costs much."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import IO

from idp.common.errors import FieldError, Invalid

MAX_BYTES = 50 * 1024 * 1024
CHUNK = 64 * 1024


class ReportRefused(Invalid):
    """The report breaks a rule; `rule` is its name."""

    code, title = "report_refused", "The report was not taken"

    def __init__(self, rule: str, message: str, fix: str = "") -> None:
        super().__init__(message, fix=fix, errors=[FieldError("file", rule, message, fix)])
        self.rule = rule


class TooLarge(ReportRefused):
    status, code, title = 413, "too_large", "The report is too large"


def require_size(size: int) -> None:
    if size > MAX_BYTES:
        raise TooLarge(
            "size",
            f"A report has at most {MAX_BYTES // 1024 // 1024} MB.",
            "Split it by suite or by module, and send each part.",
        )


class Source:
    """A report's bytes, read once in chunks; what is longer than the limit is refused there."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def chunks(self, limit: int = MAX_BYTES) -> Iterator[bytes]:
        size = 0
        while chunk := self._stream.read(CHUNK):
            size += len(chunk)
            require_size(size)
            if size > limit:
                raise TooLarge("size", f"Such a report has at most {limit:,} bytes.")
            yield chunk

    def whole(self, limit: int = MAX_BYTES) -> bytes:
        return b"".join(self.chunks(limit))

    def lines(self, *, longest: int = 64 * 1024) -> Iterator[str]:
        """Lines of UTF-8 without their ends; raises for other encodings and for endless lines."""
        decoder = codecs.getincrementaldecoder("utf-8-sig")()
        rest, number = "", 0
        for chunk in self.chunks():
            rest += _decoded(decoder, chunk, number)
            *whole, rest = rest.split("\n")
            for line in whole:
                number += 1
                yield _bounded(line, number, longest).removesuffix("\r")
            _bounded(rest, number + 1, longest)
        rest += _decoded(decoder, b"", number, final=True)
        if rest:
            yield rest.removesuffix("\r")


def _decoded(
    decoder: codecs.IncrementalDecoder, chunk: bytes, number: int, *, final: bool = False
) -> str:
    try:
        return decoder.decode(chunk, final)
    except UnicodeDecodeError:
        raise not_utf8(f"after line {number}") from None


def _bounded(line: str, number: int, longest: int) -> str:
    if len(line) > longest:
        raise ReportRefused("line", f"Line {number} has more than {longest:,} letters.")
    return line


def not_utf8(where: str) -> ReportRefused:
    return ReportRefused(
        "encoding", f"The report is not UTF-8 ({where}).", "Write it in UTF-8, or say its encoding."
    )


def clipped(text: str, longest: int) -> str:
    """The text without NUL, its middle left out where it is too long."""
    text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    if len(text) <= longest:
        return text
    half = (longest - 5) // 2
    return f"{text[:half]}\n[…]\n{text[-half:]}"[:longest]


def whole_number(text: object, most: int = 2_000_000_000) -> int:
    """A count as tools write it; 0 for what is none."""
    if isinstance(text, bool) or not isinstance(text, (int, float, str)):
        return 0
    word = str(text).strip().removesuffix(".0")
    if not word.isascii() or not word.isdecimal() or len(word) > 18:  # noqa: PLR2004  # 64 bits
        return 0
    return min(int(word), most)
