"""Answers of strangers over HTTP, read within bounds: another registry, a git host.

Called by backends that a person pointed somewhere. What an answer's status means is theirs to say.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from idp.common.errors import PermanentBackendError, TemporaryBackendError

QUOTED = 200  # characters of a path or a message in an error


class Answer(Protocol):
    """What an HTTP client streams."""

    @property
    def headers(self) -> Mapping[str, str]: ...

    def iter_raw(self) -> Iterator[bytes]: ...


def read(answer: Answer, host: str, *, most: int, seconds: float) -> bytes:
    """The body, at most `most` bytes; one that is packed is refused: it may hold any size."""
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise PermanentBackendError(f"{host} packs its answers unasked.")
    ends, parts, size = time.monotonic() + seconds, [], 0
    for part in answer.iter_raw():
        parts.append(part)
        size += len(part)
        if size > most:
            raise PermanentBackendError(f"{host} answers with more than {most} bytes.")
        if time.monotonic() > ends:
            raise TemporaryBackendError(f"{host} did not answer in time.")
    return b"".join(parts)


def decoded(body: bytes, host: str, path: str, *, fix: str) -> Any:
    """The JSON of a body; raises `PermanentBackendError` with `fix` for anything else."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise PermanentBackendError(
            f"{host} answers {path[:QUOTED]} with something else than JSON.", fix=fix
        ) from error
