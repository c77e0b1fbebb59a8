"""XML as a stream of starts and ends by expat: no entities, no DTD read, everything bounded.

Expat keeps one token in memory and reads it anew with each chunk (CVE-2023-52425), so a token has
a bound of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol
from xml.parsers import expat

from pipelines.reports.formats.base import CHUNK, ReportRefused, Source, not_utf8

MAX_DEPTH = 64
MAX_TOKEN = 1024 * 1024  # bytes of one tag with its attributes
KEPT_TEXT = 4_000  # letters at the start, and as many at the end, of an element's text
_INVALID_TOKEN = 4  # expat's XML_ERROR_INVALID_TOKEN


class Reader(Protocol):
    """What is called for each element; texts are kept for the tags named in `texts` alone."""

    roots: frozenset[str]
    texts: frozenset[str]

    def start(self, tag: str, attributes: Mapping[str, str]) -> None: ...

    def end(self, tag: str, text: str) -> None: ...


class _Text:
    """Head and tail of an element's own text."""

    def __init__(self) -> None:
        self.head, self.tail, self.cut = "", "", False

    def add(self, data: str) -> None:
        room = KEPT_TEXT - len(self.head)
        self.head += data[:room]
        tail = self.tail + data[room:] if room > 0 else self.tail + data
        self.cut = self.cut or len(tail) > KEPT_TEXT
        self.tail = tail[-KEPT_TEXT:]

    def __str__(self) -> str:
        return f"{self.head}\n[…]\n{self.tail}" if self.cut else self.head + self.tail


class _Events:
    """Expat's handlers: local names, depth, texts."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.open: list[_Text | None] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        tag = name.rpartition(":")[2]
        if not self.open and tag not in self.reader.roots:
            expected = " or ".join(sorted(self.reader.roots))
            raise ReportRefused("root", f"The root is <{tag[:60]}>, not <{expected}>.")
        if len(self.open) >= MAX_DEPTH:
            raise ReportRefused("depth", f"Elements are nested deeper than {MAX_DEPTH}.")
        self.open.append(_Text() if tag in self.reader.texts else None)
        self.reader.start(tag, attributes)

    def end(self, name: str) -> None:
        text = self.open.pop()
        self.reader.end(name.rpartition(":")[2], str(text) if text is not None else "")

    def data(self, text: str) -> None:
        if self.open and self.open[-1] is not None:
            self.open[-1].add(text)


def _entity(*_: object) -> None:
    raise ReportRefused(
        "entity", "The XML declares or uses an entity.", "Write it without a DTD of its own."
    )


def _external(*_: object) -> int:
    _entity()
    return 0


def _doctype(_name: str, _system: str | None, _public: str | None, internal: int) -> None:
    if internal:
        _entity()


def read(source: Source, reader: Reader) -> None:
    """Feed the reader; raises `ReportRefused` for what is malformed, too deep or has entities."""
    parser = expat.ParserCreate()
    events = _Events(reader)
    parser.buffer_text = True
    parser.buffer_size = CHUNK
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    parser.StartDoctypeDeclHandler = _doctype
    parser.EntityDeclHandler = _entity
    parser.UnparsedEntityDeclHandler = _entity
    parser.ExternalEntityRefHandler = _external
    parser.SkippedEntityHandler = _entity
    parser.StartElementHandler = events.start
    parser.EndElementHandler = events.end
    parser.CharacterDataHandler = events.data
    _feed(parser, source.chunks())


def _feed(parser: expat.XMLParserType, chunks: Iterable[bytes]) -> None:
    fed, chunk = 0, b""
    try:
        for chunk in chunks:
            parser.Parse(chunk, False)
            fed += len(chunk)
            if fed - parser.CurrentByteIndex > MAX_TOKEN:
                raise ReportRefused("tag", f"One tag has more than {MAX_TOKEN:,} bytes.")
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise _malformed(error, chunk[max(parser.ErrorByteIndex - fed, 0) :][:4]) from None
    except (UnicodeError, ValueError, LookupError) as error:  # an encoding that Python lacks
        raise ReportRefused("encoding", f"The XML cannot be decoded: {str(error)[:120]}.") from None


def _malformed(error: expat.ExpatError, there: bytes) -> ReportRefused:
    where = f"line {error.lineno}, column {error.offset + 1}"
    if error.code == _INVALID_TOKEN and there[:1] >= b"\x80":
        return not_utf8(where)
    reason = expat.ErrorString(error.code) or "malformed"
    fix = "Send the report whole, as the tool wrote it; if it is of another kind, name that."
    if error.code == _INVALID_TOKEN:
        fix = "Have the tool replace control characters."
    return ReportRefused("xml", f"The XML is malformed at {where}: {reason}.", fix)
