"""The files of an agent's attempt: the commit out, artifacts and caches in both directions.

Bodies are streamed to a file, counted and compared with the digest that their sender names, before
anybody looks into them.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

from django.conf import settings

from idp.changes.leases import Lease
from idp.common.errors import FieldError, Invalid
from pipelines.backends import blobs
from pipelines.executors.files import ARCHIVE, ServerFiles
from pipelines.executors.local import sources_of
from pipelines.executors.variables import for_job
from pipelines.running import archives, files
from pipelines.running.afresh import FilesError
from pipelines.running.collecting import RELEASE
from pipelines.running.stores import TooLarge
from pipelines.runs import commits, work
from pipelines.runs.claiming import Taken
from pipelines.runs.models import Artifact, Attempt

CHUNK = 256 * 1024
MAX_REPORTS = 200 * 1024 * 1024  # of one kind, unpacked
MAX_KEY, MAX_KEYS = 2_000, 10


class Stream(Protocol):
    """A request's body."""

    def read(self, size: int, /) -> bytes:
        """The next bytes, none at the end."""


def keeper(attempt: Attempt, lease: Lease) -> ServerFiles:
    """The server's side of the attempt's files; `FilesError` where its repository is gone."""
    stored = work.decode(attempt.job.work)
    before = sources_of(attempt.job)
    repository = commits.of_pipeline(attempt.job.pipeline)
    if repository is None:
        raise FilesError("The repository is gone.")
    variables = for_job(attempt, stored, before)
    return ServerFiles(Taken(lease, attempt), stored.work, before, repository, variables)


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder that is gone afterwards."""
    root = Path(settings.CI_SCRATCH_DIR)
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder = Path(tempfile.mkdtemp(dir=root, prefix="agent-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def source(attempt: Attempt, lease: Lease) -> IO[bytes]:
    """The commit's files and their shallow repository, as a tar archive."""
    with scratch() as folder:
        keeper(attempt, lease).sources(folder)
        packed: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - the answer closes it
        with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as archive:
            archive.add(folder, arcname="")
    packed.seek(0)
    return packed


@contextmanager
def received(stream: Stream, length: int, digest: str) -> Iterator[IO[bytes]]:
    """A body as a file; `Invalid` where it is not what its sender says."""
    if not 0 <= length <= settings.CI_AGENT_UPLOAD:
        raise _wrong(
            "Content-Length",
            f"At most {settings.CI_AGENT_UPLOAD} bytes may be sent at once.",
            "Keep fewer files, or have SLIPWAY_CI_AGENT_UPLOAD raised.",
        )
    with tempfile.TemporaryFile() as file:
        found, left = hashlib.sha256(), length
        while left and (chunk := stream.read(min(CHUNK, left))):
            found.update(chunk)
            left -= len(chunk)
            file.write(chunk)
        if left or found.hexdigest() != digest.lower():
            raise _wrong("Slipway-Digest", "The body is not what its digest says.", "Send it anew.")
        file.seek(0)
        yield file


def artifact(
    attempt: Attempt, lease: Lease, kind: str, file: IO[bytes], checkout: str
) -> list[str]:
    """Keep an archive of artifacts, or the files of a report; what is wrong with the report."""
    if kind not in _kinds(attempt):
        raise _wrong("kind", f"The job keeps no “{kind[:40]}”.", "Send what its file asks for.")
    kept = keeper(attempt, lease)
    try:
        if kind == ARCHIVE:
            kept.store(kind, file, archives.judge(file))
            return []
        with scratch() as folder:
            count = archives.unpack(file, folder, MAX_REPORTS)
            paths = [path for path, _ in files.walk(folder) if files.is_file(folder, path)]
            if kind == "dotenv":
                kept.hand_on(folder, paths)
                _hand_on(attempt, kept.dotenv)
            kept.store(kind, file, count)
            return list(kept.read(kind, folder, paths, checkout[:1000] or str(folder)))
    except (archives.ArchiveError, FilesError) as error:
        raise _wrong("body", str(error), "Keep files of the workspace alone.") from error


def _kinds(attempt: Attempt) -> set[str]:
    asked = work.decode(attempt.job.work).work
    found = {ARCHIVE, *(one.kind for one in asked.artifacts.reports)} if asked.artifacts else set()
    return found | ({RELEASE} if asked.release else set())


def _hand_on(attempt: Attempt, found: dict[str, str]) -> None:
    known = json.loads(attempt.dotenv or "{}")
    rows = Attempt.objects.filter(pk=attempt.pk, lease_token=attempt.lease_token)
    rows.update(dotenv=json.dumps({**known, **found}))


def needed(attempt: Attempt, pk: int) -> tuple[IO[bytes], Artifact]:
    """The artifacts of a job before, for this attempt; `FilesError` for any other, and for none."""
    rows = Artifact.objects.filter(attempt__in=sources_of(attempt.job), kind=ARCHIVE)
    found = rows.filter(pk=pk).first()
    if found is None:
        raise FilesError("The artifacts are gone, or they are not for this job.")
    return blobs.open_blob(found.digest), found


def cached(attempt: Attempt, lease: Lease, keys: list[str]) -> tuple[str, IO[bytes]] | None:
    """The first of the caches that is there, packed."""
    with scratch() as folder:
        found = keeper(attempt, lease).pull(_judged(keys), folder)
        if found is None:
            return None
        try:
            packed = archives.pack(folder, [path for path, _ in files.walk(folder)])
        except archives.ArchiveError as error:
            raise _wrong("key", f"The cache cannot be sent: {error}", "Keep less in it.") from error
    packed.seek(0)
    return found, packed


def cache(attempt: Attempt, lease: Lease, key: str, file: IO[bytes]) -> None:
    """Keep a cache."""
    (key,) = _judged([key])
    with scratch() as folder:
        try:
            archives.unpack(file, folder)
        except archives.ArchiveError as error:
            raise _wrong("body", str(error), "Keep files of the workspace alone.") from error
        entries = [path for path, _ in files.walk(folder)]
        try:
            keeper(attempt, lease).push(key, folder, entries)
        except TooLarge as error:
            raise _wrong("body", f"The cache is not kept: {error}.", "Keep less in it.") from error


def _judged(keys: list[str]) -> list[str]:
    if not keys or len(keys) > MAX_KEYS or any(not key or len(key) > MAX_KEY for key in keys):
        raise _wrong("key", f"1 to {MAX_KEYS} keys of at most {MAX_KEY} letters.", "Shorten them.")
    return keys


def _wrong(field: str, message: str, fix: str) -> Invalid:
    return Invalid(message, fix=fix, errors=[FieldError(field, "value", message, fix)])
