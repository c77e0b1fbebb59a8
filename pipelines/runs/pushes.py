"""A push starts pipelines: of each branch or tag that moved to a commit with a CI file."""

from __future__ import annotations

from collections.abc import Sequence

from gitops import repositories
from gitops.hosts.local import ZERO
from gitops.models import ConfigRepository
from idp.common.errors import SlipwayError
from pipelines.permissions import RUN
from pipelines.runs import commits
from pipelines.runs.models import Pipeline
from pipelines.runs.services import starting
from portal.permissions import keeper_scope
from rbac.access import can
from rbac.actors import Actor

MOST = 5  # pipelines of one push
_KINDS = ("refs/heads/", "refs/tags/")


def pushed(
    actor: Actor, repo: ConfigRepository, updates: Sequence[tuple[str, str, str]]
) -> list[str]:
    """Start what a push asks for; lines for whoever pushed."""
    lines: list[str] = []
    moved = [one for one in updates if one[1] != ZERO and one[2].startswith(_KINDS)]
    for old, new, ref in moved[:MOST]:
        files = commits.CommitFiles(repositories.local(repo), new)
        if not files.has_pipeline:
            continue
        if not can(actor, RUN, keeper_scope(repo.project)):
            lines.append("Slipway: no pipeline: you may not run pipelines of this project.")
            continue
        try:
            pipeline = starting.start(
                actor, repo.project, ref, source=Pipeline.Source.PUSH, before=old, sha=new
            )
        except SlipwayError as error:
            lines.append(f"Slipway: no pipeline of {ref}: {error.message}")
            continue
        lines.append(f"Slipway: pipeline {pipeline} of {pipeline.ref} begins.")
    return lines
