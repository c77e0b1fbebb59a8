"""A commit in a project's repository as the engine asks for it: files, what changed, its facts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from gitops import repositories
from gitops.hosted.mirrors import mirror_of
from gitops.hosts.local import ZERO, CommitFacts, FileTooLarge, LocalRepository
from gitops.hosts.mirror import Mirror
from gitops.models import ConfigRepository, HostedMergeRequest, HostedRepository
from gitops.review.following import on_disk
from idp.common.errors import Clash, Invalid
from pipelines.engine.config import FILE
from pipelines.engine.source import MAX_BYTES
from pipelines.engine.sources import Oversize
from pipelines.runs.models import PROTECTED, Pipeline
from rbac.models import Project

_SHA = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Source:
    """Where a project's code is on this disk: the mirror of its host's repository, or its own."""

    repository: LocalRepository
    hosted: HostedRepository | None
    default_branch: str


@dataclass(frozen=True)
class Found(Source):
    """A branch or tag of it: the short name and the commit."""

    ref: str
    is_tag: bool
    sha: str


def source_of(project: Project) -> Source | None:
    """Where the project's code is; None before its first use."""
    rows = Project.objects.select_related("repository", "hosted")
    row = rows.get(pk=project.pk)
    if (hosted := getattr(row, "hosted", None)) is not None:
        return Source(mirror_of(hosted), hosted, hosted.default_branch)
    if (repo := getattr(row, "repository", None)) is not None:
        return Source(repositories.local(repo), None, PROTECTED)
    return None


def of_project(project: Project) -> LocalRepository | None:
    """The repository of the project's code; None before its first use."""
    found = source_of(project)
    return found.repository if found else None


def of_pipeline(pipeline: Pipeline) -> LocalRepository | None:
    """The repository that has a pipeline's commit; None where that is gone.

    That of the git host where it was begun for one, else the project's own: one whose connection
    was taken away meanwhile is looked for there, too.
    """
    if pipeline.hosted is not None:
        return mirror_of(pipeline.hosted)
    repo: ConfigRepository | None = getattr(pipeline.project, "repository", None)
    return None if repo is None else repositories.local(repo)


def of_request(request: HostedMergeRequest) -> Mirror:
    """The repository that a merge request's commits are in."""
    return mirror_of(request.repository) if request.repository else on_disk(request.project)


def resolve(project: Project, ref: str) -> Found:
    """The branch or tag of that name as it is now; raises `Invalid` where there is none.

    `Clash` while a host's repository was not looked at yet.
    """
    source = source_of(project)
    if source is not None and source.hosted is not None and not mirror_of(source.hosted).made:
        raise Clash(
            f"The commits of {source.hosted.path} did not arrive yet.",
            fix="Wait for the first look at the host; the repository's page says how it goes.",
        )
    bare = short(ref)
    if source is not None and bare and not bare.startswith("-"):
        for kind in ("heads", "tags"):
            if ref.startswith("refs/") and not ref.startswith(f"refs/{kind}/"):
                continue
            if sha := source.repository.ref(f"refs/{kind}/{bare}"):
                return Found(
                    source.repository, source.hosted, source.default_branch,
                    bare, kind == "tags", sha,
                )  # fmt: skip
    raise Invalid(
        f"The repository of {project.name} has no branch or tag “{bare[:80]}”.",
        fix="Push it, or name another one.",
    )


def short(ref: str) -> str:
    """A branch's or tag's name without the folder of its kind."""
    return ref.removeprefix("refs/heads/").removeprefix("refs/tags/")


@dataclass(frozen=True)
class CommitFiles:
    """The files of one commit; `pipelines.engine.sources.Files`."""

    repository: LocalRepository
    sha: str

    def read(self, path: str) -> bytes | None:
        try:
            return self.repository.read_file(self.sha, path, most=MAX_BYTES)
        except FileTooLarge as error:
            return Oversize(error.size)
        except Invalid:
            return None  # a link, or a path that leads outside

    def paths(self) -> Sequence[str]:
        return self._paths

    @cached_property
    def _paths(self) -> tuple[str, ...]:
        return tuple(self.repository.changed(ZERO, self.sha))

    @property
    def has_pipeline(self) -> bool:
        return self.read(FILE) is not None


def changed(repository: LocalRepository, before: str, sha: str) -> tuple[str, ...] | None:
    """What a push changed; None where that cannot be said, as for a new branch."""
    if not _SHA.fullmatch(before) or before == ZERO or not repository.ref(before):
        return None
    return tuple(repository.changed(before, sha))


def facts(repository: LocalRepository, sha: str) -> CommitFacts:
    return repository.commit(sha)
