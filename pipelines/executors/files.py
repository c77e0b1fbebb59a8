"""The files of one attempt on the server's side: the commit, artifacts, caches, reports."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import IO

from django.conf import settings
from django.utils import timezone

from gitops.hosts.local import LocalRepository
from idp.changes import leases
from idp.common.errors import SlipwayError, TemporaryBackendError
from pipelines.backends import blobs
from pipelines.engine.values.work import Work
from pipelines.executors import caches
from pipelines.executors.checkouts import COMMITS, kept_in
from pipelines.reports.formats import dotenv
from pipelines.reports.formats.base import ReportRefused, Source
from pipelines.reports.models import MAX_JOB, MAX_LABEL
from pipelines.reports.services import Upload, take
from pipelines.running import archives
from pipelines.running.afresh import FilesError
from pipelines.running.collecting import RELEASE
from pipelines.running.files import OutsideError, open_file
from pipelines.running.stores import untracked
from pipelines.runs.claiming import Taken
from pipelines.runs.models import Artifact, Attempt, Pipeline
from rbac.actors import Actor

log = logging.getLogger(__name__)
ARCHIVE = "archive"
DEFAULT_DAYS = 30
DEFAULT_DEPTH = 20
_DIGEST = 10
_DEPTH_DIGITS = 9
READ = frozenset({"junit", "codequality", "cyclonedx", "metrics", "sarif"})


def report_name(job: str, path: str) -> str:
    """What a retry of the job replaces; the same file of another job of the matrix stays beside it.

    One too long for a label keeps its beginning and a digest of all of it.
    """
    name = f"{job}: {path}"
    if len(name) <= MAX_LABEL:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST]
    return f"{name[: MAX_LABEL - _DIGEST - 1]} {digest}"


def depth_of(given: str) -> int:
    """How many commits `GIT_DEPTH` asks for, 0 for all; so many that nobody has them are all."""
    if not (given.isascii() and given.isdecimal()):
        return DEFAULT_DEPTH
    return int(given) if len(given) <= _DEPTH_DIGITS else 0


def _ref(pipeline: Pipeline) -> str:
    """What its reports are kept under: a tag that is called as the default branch is not that."""
    alike = pipeline.is_tag and pipeline.ref == pipeline.default_branch
    return f"tags/{pipeline.ref}" if alike else pipeline.ref


class ServerFiles:
    """The keeper of one attempt (`pipelines.running.attempt.Keeper`)."""

    def __init__(
        self,
        taken: Taken,
        work: Work,
        before: Sequence[Attempt],
        repository: LocalRepository,
        variables: Mapping[str, str],
    ) -> None:
        self._lease, self._attempt = taken.lease, taken.attempt
        self._work = work
        self._repository = repository
        self._variables = variables
        self._before = before
        self.dotenv: dict[str, str] = {}
        pipeline = taken.attempt.job.pipeline
        apart = "protected" if pipeline.is_protected else "unprotected"
        if pipeline.foreign:  # no fork gets what another one left
            apart = f"foreign-{pipeline.merge_request_id or pipeline.pk}"
        self._caches = caches.of(pipeline.project_id, apart)

    def sources(self, folder: Path) -> str:
        strategy = self._variables.get("GIT_STRATEGY", "clone")
        if strategy in {"none", "empty"}:
            return f"GIT_STRATEGY is {strategy}."
        depth = depth_of(self._variables.get("GIT_DEPTH", ""))
        sha = self._attempt.job.pipeline.sha
        try:
            kept_in(Path(settings.CI_CACHES_DIR) / COMMITS).put(
                self._repository, sha, folder, depth=depth
            )
        except SlipwayError as error:
            again = isinstance(error, TemporaryBackendError)
            raise FilesError(error.message, again=again) from error
        return f"{sha[:8]} is checked out."

    def take(self, folder: Path) -> Sequence[str]:
        if not self._before:
            return ()
        lines = []
        rows = Artifact.objects.filter(attempt__in=self._before, kind=ARCHIVE)
        for artifact in rows.select_related("attempt__job").order_by("attempt__job__position"):
            name = artifact.attempt.job.name
            try:
                with blobs.open_blob(artifact.digest) as file:
                    count = archives.unpack(file, folder)
            except (SlipwayError, archives.ArchiveError) as error:
                message = f"The artifacts of {name} cannot be had: {error}"
                raise FilesError(message, "missing_dependency_failure") from error
            lines.append(f"{count} files and folders of {name}.")
        return lines

    def pull(self, keys: Sequence[str], folder: Path) -> str | None:
        return next((key for key in keys if self._caches.get(key, folder)), None)

    def push(self, key: str, folder: Path, entries: Sequence[str]) -> None:
        self._caches.put(key, folder, entries)
        caches.sweep_now_and_then()

    def keep(
        self, folder: Path, entries: Sequence[str], reports: Mapping[str, list[str]]
    ) -> Sequence[str]:
        self.hand_on(folder, reports.get("dotenv", ()))
        if entries:
            self._store(ARCHIVE, folder, entries)
        for kind, paths in reports.items():
            self._store(kind, folder, paths)
        return [
            line
            for kind, paths in reports.items()
            for line in self.read(kind, folder, paths, str(folder))
        ]

    def hand_on(self, folder: Path, paths: Sequence[str]) -> None:
        """Note the variables of dotenv reports for the jobs behind."""
        for path in paths:
            try:
                with open_file(folder, path) as file:
                    self.dotenv.update(dotenv.read(Source(file)).values)
            except ReportRefused as error:
                message = f"{path} is no dotenv report: {error.message}"
                raise FilesError(message, "script_failure") from error

    def read(self, kind: str, folder: Path, paths: Sequence[str], checkout: str) -> Iterator[str]:
        """Hand the reports of a kind to whoever follows tests and coverage; what is wrong."""
        asked = self._kind(kind)
        pipeline = self._attempt.job.pipeline
        actor = Actor(pipeline.actor, pipeline.token)
        for path in paths if asked and pipeline.actor else ():
            upload = Upload(
                commit=pipeline.sha,
                ref=_ref(pipeline),
                target=pipeline.merge_request.target_branch if pipeline.merge_request else "",
                kind=asked,
                name=report_name(self._attempt.job.name, path),
                job=self._attempt.job.name[:MAX_JOB],
                checkout=checkout,
                foreign=pipeline.foreign,
            )
            try:
                with open_file(folder, path) as file:
                    report, _ = take(actor, pipeline.project, upload, file)
            except (SlipwayError, OSError, OutsideError) as error:
                yield f"{path} is not taken as a {asked} report: {error}"
            else:
                if more := report.summary.get("left_out"):
                    yield f"{path}: {more:,} of its entries are counted, and not kept one by one."

    def _kind(self, kind: str) -> str:
        if kind != "coverage_report":
            return kind if kind in READ else ""
        reports = self._work.artifacts.reports if self._work.artifacts else ()
        return next((one.format for one in reports if one.kind == kind), "")

    def untracked(self, folder: Path) -> Iterable[str]:
        try:
            known = self._repository.changed("", self._attempt.job.pipeline.sha)
        except SlipwayError as error:
            raise FilesError(error.message) from error
        return untracked(folder, known)

    def _store(self, kind: str, folder: Path, entries: Sequence[str]) -> None:
        try:
            with archives.pack(folder, entries) as packed:
                self.store(kind, packed, len(entries))
        except (archives.ArchiveError, OSError) as error:
            raise FilesError(f"The artifacts cannot be kept: {error}", "script_failure") from error

    def store(self, kind: str, packed: IO[bytes], entries: int) -> None:
        """Keep an archive as the attempt's; the same once more changes nothing."""
        artifacts = self._work.artifacts
        digest, size = blobs.put(packed)
        seconds = artifacts.expire_in if artifacts else None
        if seconds is None:
            seconds = DEFAULT_DAYS * 86_400
        access = artifacts.access if artifacts else "all"
        facts = {
            "name": (artifacts.name if artifacts and artifacts.name else "artifacts")[:255],
            "digest": digest,
            "size": size,
            "entries": entries,
            "access": "none" if kind == RELEASE else access,  # shown masked, in the release
            "expires_at": timezone.now() + timedelta(seconds=seconds) if seconds else None,
        }
        with leases.fenced(self._lease):
            Artifact.objects.get_or_create(attempt=self._attempt, kind=kind, defaults=facts)
