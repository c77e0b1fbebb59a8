"""A push starts pipelines: of each branch or tag that moved to a commit with a CI file."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from django.urls import reverse

from gitops.hosted.mirrors import of_project
from gitops.hosts.local import ZERO
from gitops.listeners import MOST, Pushed
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

LOOKED_AT = 50  # references of one push
NAMED = 10  # of those that start nothing
_KINDS = ("refs/heads/", "refs/tags/")


def pushed(actor: Actor, what: Pushed) -> list[str]:
    """Start what a push asks for; lines for whoever pushed, of what is not started, too."""
    moved = [one for one in what.updates if one[1] != ZERO and one[2].startswith(_KINDS)]
    asked = [one for one in moved[:LOOKED_AT] if _asks(what, one)]
    if not asked:
        return _not_begun(moved[LOOKED_AT:])
    if what.hosted is None and of_project(what.project) is not None:
        return ["Slipway: no pipeline: those of this project are of its git host's pushes."]
    if not can(actor, RUN, keeper_scope(what.project)):
        return ["Slipway: no pipeline: you may not run pipelines of this project."]
    lines = [_begun(actor, what, one) for one in asked[:MOST]]
    return lines + _not_begun([*asked[MOST:], *moved[LOOKED_AT:]])


def _asks(what: Pushed, update: tuple[str, str, str]) -> bool:
    return commits.CommitFiles(what.repository, update[1]).has_pipeline


def _begun(actor: Actor, what: Pushed, update: tuple[str, str, str]) -> str:
    """Start the pipeline of one reference; the line about it."""
    old, new, ref = update
    commit = what.repository.ref(new) or new  # of an annotated tag, what it names
    try:
        pipeline = starting.start(
            actor, what.project, ref, source=Pipeline.Source.PUSH, before=old, sha=commit,
            key=_key(what, update) if what.hosted else "", by=what.by,
        )  # fmt: skip
    except SlipwayError as error:
        return f"Slipway: no pipeline of {ref}: {error.message}"
    told = f"Slipway: pipeline {pipeline} of {pipeline.ref} begins:"
    return f"{told} {whole(page_of(pipeline))}"


def _not_begun(left: Sequence[tuple[str, str, str]]) -> list[str]:
    """What one push does not start, by name, and where to start it."""
    if not left:
        return []
    named = ", ".join(commits.short(ref) for _, _, ref in left[:NAMED])
    more = f" and {len(left) - NAMED} more" if len(left) > NAMED else ""
    where = whole(reverse("pipelines:start"))
    return [f"Slipway: no pipeline of {named}{more}: one push starts {MOST}. Start them at {where}"]


def _key(what: Pushed, update: tuple[str, str, str]) -> str:
    """The same push is told twice where a worker was killed meanwhile."""
    old, new, ref = update
    text = f"{old} {new} {ref} {what.telling}"
    return f"push-{hashlib.sha256(text.encode()).hexdigest()[:32]}"
