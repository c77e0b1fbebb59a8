"""A commit in a project's repository as the engine asks for it: files, what changed, its facts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from gitops import repositories
from gitops.hosts.local import ZERO, CommitFacts, LocalRepository
from gitops.models import ConfigRepository
from idp.common.errors import Invalid
from pipelines.engine.config import FILE
from rbac.models import Project

_SHA = re.compile(r"[0-9a-f]{40}")


def of_project(project: Project) -> LocalRepository | None:
    """The project's repository on this disk; None before its first use."""
    repo = ConfigRepository.objects.select_related("project").filter(project=project).first()
    return None if repo is None else repositories.local(repo)


def resolve(project: Project, ref: str) -> tuple[LocalRepository, str, bool, str]:
    """The repository, the reference's short name, whether it is a tag, and its commit."""
    on_disk = of_project(project)
    bare = short(ref)
    if on_disk is not None and bare and not bare.startswith("-"):
        for kind in ("heads", "tags"):
            if ref.startswith("refs/") and not ref.startswith(f"refs/{kind}/"):
                continue
            if sha := on_disk.ref(f"refs/{kind}/{bare}"):
                return on_disk, bare, kind == "tags", sha
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
            return self.repository.read_file(self.sha, path)
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
