"""Files of other projects of this Slipway, as far as the person of a pipeline may read them."""

from __future__ import annotations

import re

from gitops.hosts.local import LocalRepository
from idp.common.errors import SlipwayError, TemporaryBackendError
from pipelines.engine.sources import Files, NoSources, SourceError
from pipelines.runs import commits
from pipelines.runs.models import Pipeline
from rbac.access import visible
from rbac.actors import Actor
from rbac.models import Project

READ = "repository.read"
MAX_PROJECTS = 20  # of one pipeline, each at one ref
_SHA = re.compile(r"[0-9a-f]{40}")
FORK = "pipelines of forks read no other project"


class ProjectSources(NoSources):
    """What `include: project` and `exists: project` read; nothing else is known to the server."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._actor = Actor(pipeline.actor, pipeline.token)
        self._fork = pipeline.foreign
        self._asked: set[tuple[str, str]] = set()

    def project(self, path: str, ref: str) -> Files | None:
        """None alike for a project that is not there, one that may not be read, and its refs."""
        if self._fork:
            raise SourceError(FORK, "Copy the file into this project.")
        self._asked.add((path, ref))
        if len(self._asked) > MAX_PROJECTS:
            message = f"one pipeline reads at most {MAX_PROJECTS} projects"
            raise SourceError(message, "Include fewer.")
        rows = Project.objects.filter(name=path.replace("\0", ""))
        found = visible(self._actor, READ, rows).first() if self._actor.user else None
        return None if found is None else _files(found, ref)


def _files(project: Project, ref: str) -> Files | None:
    source = commits.source_of(project)
    if source is None:
        return None
    try:
        if sha := _commit(source.repository, ref):
            return commits.CommitFiles(source.repository, sha)
        found = commits.resolve(project, ref or source.default_branch)
    except TemporaryBackendError:
        raise
    except SlipwayError:
        return None
    return commits.CommitFiles(found.repository, found.sha)


def _commit(repository: LocalRepository, ref: str) -> str:
    """The commit itself, where the ref is a whole name of one that is there."""
    return ref if _SHA.fullmatch(ref) and repository.ref(ref) else ""
