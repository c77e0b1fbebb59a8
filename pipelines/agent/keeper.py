"""The files of an attempt, from and to Slipway: `pipelines.running.attempt.Keeper` by the wire."""

from __future__ import annotations

import tarfile
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, TypeVar

from pipelines.agent.clients import (
    AgentRefused,
    AttemptLost,
    Connection,
    Rejected,
    Unreachable,
    again,
    cache_key,
)
from pipelines.agent.forms import Order
from pipelines.running import archives
from pipelines.running.afresh import FilesError
from pipelines.running.stores import untracked

T = TypeVar("T")
TRY_SECONDS = 300.0
_SPOOL = 8 * 1024 * 1024


class RemoteFiles:
    """Streams, never whole files in memory; nothing that comes leads out of the workspace."""

    def __init__(self, connection: Connection, order: Order) -> None:
        self._connection = connection
        self._order = order
        self._known: list[str] = []

    def sources(self, folder: Path) -> str:
        strategy = self._order.variables.get("GIT_STRATEGY", "clone")
        if strategy in {"none", "empty"}:
            return f"GIT_STRATEGY is {strategy}."

        def fetch() -> None:
            with (
                tempfile.TemporaryFile(dir=folder.parent) as file,
                self._connection.fetched(self._order, "source", file),
                tarfile.open(fileobj=file, mode="r:gz") as archive,
            ):
                archive.extractall(folder, filter="tar")
                names = [one.name for one in archive.getmembers() if not one.isdir()]
                self._known = [name for name in names if not name.startswith(".git/")]

        try:
            self._tried(fetch, "the sources")
        except (tarfile.TarError, OSError) as error:
            raise FilesError(f"The sources cannot be unpacked: {error}") from error
        return f"{self._order.sha[:8]} is checked out."

    def take(self, folder: Path) -> Sequence[str]:
        lines = []
        for need in self._order.needs:

            def fetch(path: str = f"needs/{need.artifact}") -> int:
                with (
                    self._temporary() as file,
                    self._connection.fetched(self._order, path, file),
                ):
                    return archives.unpack(file, folder)

            try:
                count = self._tried(fetch, f"the artifacts of {need.job}")
            except (FilesError, archives.ArchiveError) as error:
                message = f"The artifacts of {need.job} cannot be had: {error}"
                raise FilesError(message, "missing_dependency_failure") from error
            lines.append(f"{count} files and folders of {need.job}.")
        return lines

    def pull(self, keys: Sequence[str], folder: Path) -> str | None:
        def fetch() -> str | None:
            with (
                self._temporary() as file,
                self._connection.fetched(self._order, "cache", file, key=list(keys)) as headers,
            ):
                if headers is None:
                    return None
                archives.unpack(file, folder)
                return cache_key(headers)

        try:
            return self._tried(fetch, "the cache")
        except archives.ArchiveError as error:
            raise FilesError(f"The cache cannot be unpacked: {error}") from error

    def push(self, key: str, folder: Path, entries: Sequence[str]) -> None:
        self._send("cache", folder, entries, key=key)

    def keep(
        self, folder: Path, entries: Sequence[str], reports: Mapping[str, list[str]]
    ) -> Sequence[str]:
        lines: list[str] = []
        kept = {"archive": list(entries), **reports} if entries else dict(reports)
        for kind, paths in kept.items():
            lines += self._send(f"artifacts/{kind}", folder, paths, checkout=str(folder))
        return lines

    def untracked(self, folder: Path) -> Iterable[str]:
        return untracked(folder, self._known)

    def _send(
        self, path: str, folder: Path, entries: Sequence[str], **params: str
    ) -> Sequence[str]:
        try:
            with archives.pack(folder, entries) as packed:
                return self._tried(
                    lambda: self._connection.send(self._order, path, packed, **params).lines,
                    "artifacts or caches",
                    refused="script_failure",
                )
        except (archives.ArchiveError, OSError) as error:
            what = "cache" if path == "cache" else "artifacts"
            raise FilesError(f"The {what} cannot be kept: {error}", "script_failure") from error

    @staticmethod
    def _temporary() -> IO[bytes]:
        return tempfile.SpooledTemporaryFile(max_size=_SPOOL)

    def _tried(
        self, do: Callable[[], T], what: str, *, refused: str = "runner_system_failure"
    ) -> T:
        """Do it, again while the server is away; `refused` is the reason where it says no."""
        closed: threading.Event = self._connection.closed
        try:
            found: T = again(do, seconds=TRY_SECONDS, stop=closed)
        except Unreachable as error:
            raise FilesError(f"Slipway was away while {what} were moved: {error}") from error
        except (AttemptLost, AgentRefused) as error:
            raise FilesError(f"The attempt is no longer this agent's: {error}") from error
        except Rejected as error:
            raise FilesError(str(error), refused) from error
        return found
