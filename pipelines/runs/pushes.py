"""A push starts pipelines: of each branch or tag that moved to a commit with a CI file."""

from __future__ import annotations

import hashlib

from gitops.hosted.mirrors import of_project
from gitops.hosts.local import ZERO
from gitops.listeners import Pushed
from idp.common.addresses import whole
from idp.common.errors import SlipwayError
from pipelines.permissions import RUN
from pipelines.runs import commits
from pipelines.runs.addresses import page_of
from pipelines.runs.models import Pipeline
from pipelines.runs.services import starting
from portal.permissions import keeper_scope
from rbac.access import can
from rbac.actors import Actor

MOST = 5  # pipelines of one push
_KINDS = ("refs/heads/", "refs/tags/")


def pushed(actor: Actor, what: Pushed) -> list[str]:
    """Start what a push asks for; lines for whoever pushed."""
    lines: list[str] = []
    project = what.project
    moved = [one for one in what.updates if one[1] != ZERO and one[2].startswith(_KINDS)]
    for old, new, ref in moved[:MOST]:
        files = commits.CommitFiles(what.repository, new)
        if not files.has_pipeline:
            continue
        if what.hosted is None and of_project(project) is not None:
            return ["Slipway: no pipeline: those of this project are of its git host's pushes."]
        if not can(actor, RUN, keeper_scope(project)):
            lines.append("Slipway: no pipeline: you may not run pipelines of this project.")
            continue
        try:
            pipeline = starting.start(
                actor, project, ref, source=Pipeline.Source.PUSH, before=old, sha=new,
                key=_key(old, new, ref) if what.hosted else "", by=what.by,
            )  # fmt: skip
        except SlipwayError as error:
            lines.append(f"Slipway: no pipeline of {ref}: {error.message}")
            continue
        told = f"Slipway: pipeline {pipeline} of {pipeline.ref} begins:"
        lines.append(f"{told} {whole(page_of(pipeline))}")
    return lines


def _key(old: str, new: str, ref: str) -> str:
    """The same push is told twice where a worker was killed meanwhile."""
    return f"push-{hashlib.sha256(f'{old} {new} {ref}'.encode()).hexdigest()[:32]}"
