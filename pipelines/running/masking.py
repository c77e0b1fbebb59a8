"""Takes secrets out of a stream of bytes before anybody stores it, across the borders of chunks.

A secret is known by its text, by base64 of it at each of its three offsets (and as the `base64`
tool breaks its lines), and by its URL-encoded forms. What is shorter than four bytes stays: masking
it would tell more than it hides.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

import re2

MASK = b"[MASKED]"
LEAST = 4
_LEAST_LINE = 8  # a line of a secret with several
_WIDTHS = (64, 76)  # where tools break lines of base64
_ALTPLUS = b"-_"


def forms(secret: str) -> set[bytes]:
    """Everything that stands for a secret in a log."""
    raw = secret.encode(errors="surrogateescape")
    found = {raw, raw.strip()}
    lines = [line.strip() for line in raw.splitlines()]
    if len(lines) > 1:
        found |= {line for line in lines if len(line) >= _LEAST_LINE and not _is_frame(line)}
    for text in (secret, secret.strip()):
        encoded = {quote(text, safe="", errors="replace"), quote_plus(text, errors="replace")}
        encoded |= {quote(text, errors="replace")}
        found |= {one.encode() for one in encoded} | {_lower(one).encode() for one in encoded}
    for one in {raw, raw.strip()}:
        found |= set(_encoded(one))
    return {one for one in found if len(one) >= LEAST}


def _is_frame(line: bytes) -> bool:
    """Whether a line only says what kind of key follows."""
    return line.startswith(b"-----") and line.endswith(b"-----")


def _lower(text: str) -> str:
    """The same with the percent signs' digits in lower case."""
    head, *rest = text.split("%")
    return "%".join([head, *(part[:2].lower() + part[2:] for part in rest)])


def _encoded(raw: bytes) -> Iterator[bytes]:
    """Base64 of it wherever it stands: only those letters that no neighbour changes."""
    for offset in range(3):
        start = (0, 2, 3)[offset]
        whole = base64.b64encode(bytes(offset) + raw)
        bits = (offset + len(raw)) * 8
        certain = whole[start : bits // 6]
        yield from {certain, certain.translate(bytes.maketrans(b"+/", _ALTPLUS))}
    alone = base64.b64encode(raw)
    for text in {alone, base64.b64encode(raw + b"\n")}:
        for width in _WIDTHS:
            if len(text) > width:
                yield from (text[at : at + width] for at in range(0, len(text), width))


class Masker:
    """Masks a stream: `feed` gives what is certain by now, `close` the rest."""

    def __init__(self, secrets: Iterable[str]) -> None:
        found = {form for secret in secrets for form in forms(secret)}
        self._forms = sorted(found, key=len, reverse=True)
        self._held = b""
        self._longest = len(self._forms[0]) if self._forms else 0
        if self._forms:
            options = re2.Options()
            options.encoding = re2.Options.Encoding.LATIN1
            options.max_mem = 256 << 20
            options.longest_match = True
            literal = b"|".join(map(re2.escape, self._forms))
            self._any = re2.compile(literal, options)
            self._by_head: dict[bytes, list[bytes]] = {}
            for form in self._forms:
                self._by_head.setdefault(form[:LEAST], []).append(form)
            heads = b"|".join(map(re2.escape, self._by_head))
            self._head = re2.compile(heads, options)

    def feed(self, data: bytes) -> bytes:
        if not self._forms:
            return data
        text = self._held + data
        end = len(text) - self._unsure(text)
        parts, at = [], 0
        for found in self._any.finditer(text):
            if found.start() >= end:
                break
            parts += [text[at : found.start()], MASK]
            at = found.end()
        if at > end:
            end = len(text) - self._unsure(text[at:])
        self._held = text[end:]
        return b"".join([*parts, text[at:end]])

    def whole(self, text: str) -> str:
        """A text of which all is there, masked."""
        if not self._forms:
            return text
        parts, at, data = [], 0, text.encode(errors="surrogateescape")
        for found in self._any.finditer(data):
            parts += [data[at : found.start()], MASK]
            at = found.end()
        return b"".join([*parts, data[at:]]).decode(errors="surrogateescape")

    def close(self) -> bytes:
        """What was held back; the beginning of a secret is masked, too."""
        held, self._held = self._held, b""
        return MASK if len(held) >= LEAST else held

    def _unsure(self, text: bytes) -> int:
        """How many bytes at the end may be the beginning of a secret."""
        tail = text[max(len(text) - self._longest + 1, 0) :]
        found = self._head.search(tail)
        while found is not None:
            rest = tail[found.start() :]
            longer = self._by_head[found.group()]
            if any(len(form) > len(rest) and form.startswith(rest) for form in longer):
                return len(rest)
            found = self._head.search(tail, found.start() + 1)
        for size in range(min(LEAST - 1, len(tail)), 0, -1):
            if any(head.startswith(tail[-size:]) for head in self._by_head):
                return size
        return 0
