"""Avro object container files: header, codecs and blocks, read from a stream within bounds.

Specification, "Object Container Files". Only codecs of the standard library are unpacked, and
never further than a block may reach, whatever a bomb promises.
"""

from __future__ import annotations

import bz2
import itertools
import lzma
import zlib
from collections.abc import Iterator
from typing import IO, Any, Final

from schemas.datafiles.binary import Corrupt, Decoder, Steps
from schemas.formats.base import MAX_TEXT, TooComplex

MAGIC: Final = b"Obj\x01"
MAX_BLOCK: Final = 16 * 1024 * 1024  # bytes, packed and unpacked
MAX_UNPACKED: Final = 256 * 1024 * 1024  # bytes of one file
MAX_BLOCKS = 100_000
MAX_METADATA = 200  # entries of the header
_SYNC = 16
CODECS: Final = ("null", "deflate", "bzip2", "xz")


class Container:
    """A file's header, and its blocks in turn."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        if self._exactly(len(MAGIC)) != MAGIC:
            raise Corrupt("it does not begin as an Avro container does")
        self.metadata = self._header()
        self._sync = self._exactly(_SYNC)
        self.codec = self.metadata.get("avro.codec", b"null").decode(errors="replace") or "null"
        self._unpacked = 0

    @property
    def schema(self) -> str:
        """The writer's schema as text."""
        try:
            return self.metadata["avro.schema"].decode()
        except (KeyError, UnicodeDecodeError):
            raise Corrupt("its header holds no schema") from None

    def blocks(self, steps: Steps) -> Iterator[tuple[int, Decoder]]:
        """The number of records in each block, and its bytes; raises `Corrupt`, `TooComplex`."""
        if self.codec not in CODECS:
            raise TooComplex(
                f"Blocks packed with {self.codec[:20]} are not unpacked here.",
                fix=f"Write the file with one of {', '.join(CODECS)}.",
            )
        for number in itertools.count():
            first = self._file.read(1)
            if not first:
                return
            if number >= MAX_BLOCKS:
                raise TooComplex(
                    f"The file has more than {MAX_BLOCKS:,} blocks.", fix="Check a part of it."
                )
            count = self._long(first)
            data = self._exactly(self._size())
            if self._exactly(_SYNC) != self._sync:
                raise Corrupt("a block does not end with the file's sync marker")
            if count < 0:
                raise Corrupt(f"a block of {count} records is announced")
            yield count, Decoder(self._plain(data), steps)

    def _size(self) -> int:
        size = self._long()
        if size < 0:
            raise Corrupt(f"a block of {size} bytes is announced")
        if size > MAX_BLOCK:
            raise TooComplex(
                f"A block has {size:,} bytes; {MAX_BLOCK:,} are the most.",
                fix="Write smaller blocks.",
            )
        return size

    def _plain(self, data: bytes) -> bytes:
        found = data if self.codec == "null" else _unpacked(self.codec, data)
        self._unpacked += len(found)
        if self._unpacked > MAX_UNPACKED:
            raise TooComplex(
                f"The file unpacks to more than {MAX_UNPACKED:,} bytes.", fix="Check a part of it."
            )
        return found

    # -- header -----------------------------------------------------------------------------------

    def _header(self) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        entries = 0
        while count := self._long():
            if count < 0:
                count = -count
                self._long()
            entries += count
            if entries > MAX_METADATA:
                raise Corrupt(f"its header announces {entries} entries")
            for _ in range(count):
                name = self._bytes(1000).decode(errors="replace")
                found[name] = self._bytes(4 * MAX_TEXT)
        return found

    def _bytes(self, most: int) -> bytes:
        size = self._long()
        if not 0 <= size <= most:
            raise Corrupt(f"its header announces {size} bytes where {most} are the most")
        return self._exactly(size)

    def _exactly(self, count: int) -> bytes:
        data = self._file.read(count) if count else b""
        while len(data) < count:
            more = self._file.read(count - len(data))
            if not more:
                raise Corrupt("it ends in the middle")
            data += more
        return data

    def _long(self, first: bytes = b"") -> int:
        data = first or self._exactly(1)
        while data[-1] & 0x80 and len(data) < 10:  # noqa: PLR2004  # bytes of a long
            data += self._exactly(1)
        return Decoder(data, Steps()).long()


def _unpacked(codec: str, data: bytes) -> bytes:
    """A block unpacked, at most `MAX_BLOCK` bytes of it and one more."""
    try:
        if codec == "deflate":
            inflater = zlib.decompressobj(-zlib.MAX_WBITS)
            found = inflater.decompress(data, MAX_BLOCK + 1)
            complete = inflater.eof
        else:
            other: Any = (
                bz2.BZ2Decompressor()
                if codec == "bzip2"
                else lzma.LZMADecompressor(memlimit=4 * MAX_BLOCK)
            )
            found = other.decompress(data, MAX_BLOCK + 1)
            complete = other.eof
    except (zlib.error, lzma.LZMAError, OSError, ValueError, MemoryError) as error:
        raise Corrupt(f"a block cannot be unpacked ({codec}: {error})") from None
    if len(found) > MAX_BLOCK:
        raise TooComplex(
            f"A block unpacks to more than {MAX_BLOCK:,} bytes.", fix="Write smaller blocks."
        )
    if not complete:
        raise Corrupt(f"a block ends in the middle ({codec})")
    return found
