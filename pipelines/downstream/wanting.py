"""What a trigger job asks for, judged: the commit, the file, the variables of its pipeline.

Reads rows, repositories and artifacts and writes nothing, so that it may be done again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import msgspec

from idp.common.errors import NotVisible, SlipwayError, TemporaryBackendError
from pipelines.downstream import hierarchy
from pipelines.downstream.refusing import INVALID, NOT_ALLOWED, NOT_FOUND, NOT_MADE, Refused
from pipelines.engine import children
from pipelines.engine.problems import ConfigError, Where, short
from pipelines.engine.source import MAX_BYTES
from pipelines.engine.values.expanding import expanded, putter
from pipelines.engine.values.trigger import Trigger, TriggerInclude
from pipelines.engine.variables import substitute
from pipelines.executors.files import ARCHIVE
from pipelines.executors.local import sources_of
from pipelines.permissions import RUN
from pipelines.running.masking import Masker
from pipelines.runs import browsing, commits, persisted, work
from pipelines.runs.models import Artifact, Attempt, Job, Pipeline
from pipelines.runs.services.starting import At
from portal.permissions import keeper_scope
from rbac.access import can
from rbac.actors import Actor
from rbac.models import Project

PLACE = Where("trigger")
NOT_SHOWN = (
    "No pipeline is made, and the reason would show a masked value of trigger."
    " Name project and branch by variables that are not masked, and run it again."
)


@dataclass(frozen=True)
class Wanted:
    """A pipeline that may be begun."""

    project: Project
    at: At
    source: str
    trigger: Trigger
    root: int
    level: int = 0
    given: dict[str, str] = field(default_factory=dict, repr=False)
    inputs: dict[str, Any] = field(default_factory=dict)
    made: dict[str, str] = field(default_factory=dict, repr=False)
    secrets: list[str] = field(default_factory=list, repr=False)


def wanted(job: Job) -> Wanted:
    """What the job starts; raises `Refused` where it starts nothing, with the reason."""
    stored = work.decode(job.work)
    if stored.work.trigger is None:
        raise Refused(INVALID, "It triggers nothing.")
    values = _values(job)
    try:
        put = putter({**stored.variables, **values}, PLACE)
        trigger = expanded(stored.work.trigger, put)
        passed = {name: substitute(text, values, PLACE) for name, text in stored.forwarded.items()}
    except ConfigError as fault:
        raise Refused(INVALID, str(fault.problems[0])) from fault
    begun = json.loads(job.pipeline.given) if job.pipeline.given else {}
    given = children.passed(trigger, passed, begun)
    secrets = sorted({one for one in stored.secrets if one and _among(one, given)})
    found = hierarchy.above(job.pipeline)
    hierarchy.judge_size(found.root)
    if trigger.project:
        return _of_project(job.pipeline, trigger, found, given, secrets)
    return _child(job, trigger, found, given, secrets)


def told(job: Job, text: str) -> str:
    """A reason as the job's page may show it: without what is masked in the job's file.

    A reason may cut what it names, so that no mask finds the rest: where the keyword itself holds
    a masked value, the failure's name has to do.
    """
    stored = work.decode(job.work)
    masker = Masker(stored.secrets)
    try:
        put = putter({**stored.variables, **_values(job)}, PLACE)
        trigger = expanded(stored.work.trigger, put)
    except ConfigError:
        return NOT_SHOWN
    return masker.whole(text) if expanded(trigger, masker.whole) == trigger else NOT_SHOWN


def _among(secret: str, given: dict[str, str]) -> bool:
    return any(secret in text for text in given.values())


def _values(job: Job) -> dict[str, str]:
    """What was not known when the pipeline was planned: its number, what jobs before handed on."""
    found: dict[str, str] = {}
    for attempt in sources_of(job):
        found |= json.loads(attempt.dotenv or "{}")
    return found | persisted.of_pipeline(job.pipeline)


# -- children ------------------------------------------------------------------------------------


def _child(
    job: Job,
    trigger: Trigger,
    found: hierarchy.Above,
    given: dict[str, str],
    secrets: list[str],
) -> Wanted:
    """A child runs for the commit of its parent, with its parent's rights."""
    pipeline = job.pipeline
    hierarchy.judge_child(found, trigger, given)
    repository = commits.of_pipeline(pipeline)
    if repository is None:
        raise Refused(NOT_MADE, "The project has no repository.")
    at = At(
        ref=pipeline.ref,
        facts=commits.facts(repository, pipeline.sha),
        is_tag=pipeline.is_tag,
        before=pipeline.before_sha,
        hosted=pipeline.hosted,
        request=pipeline.merge_request,
        head=pipeline.head_sha,
        default_branch=pipeline.default_branch,
        foreign=pipeline.foreign,
    )
    made = {
        children.artifact_of(one): _made(job, one)
        for one in trigger.include
        if one.kind == "artifact"
    }
    return Wanted(
        pipeline.project, at, Pipeline.Source.PARENT, trigger, found.root, found.level + 1,
        given, {}, made, secrets,
    )  # fmt: skip


def _made(job: Job, include: TriggerInclude) -> str:
    """The text of a file that a job of the same pipeline left as an artifact."""
    rows = Artifact.objects.filter(
        kind=ARCHIVE,
        attempt__status=Attempt.Status.SUCCESS,
        attempt__job__pipeline=job.pipeline_id,
        attempt__job__name=include.job,
    )
    artifact = rows.order_by("-attempt__number").first()
    named = f"“{short(include.path)}” of “{short(include.job)}”"
    if artifact is None:
        message = f"There is no artifact of “{short(include.job)}” that succeeded."
        raise Refused(NOT_MADE, message, f"Add needs: [{short(include.job)}], and its artifacts.")
    try:
        data = bytearray()
        for piece in browsing.content(artifact.digest, include.path.removeprefix("/")):
            data += piece
            if len(data) > MAX_BYTES:
                raise Refused(NOT_MADE, f"{named} has more than {MAX_BYTES} bytes.", "Split it.")
        return data.decode("utf-8-sig")
    except NotVisible as error:
        fix = "Name it by its path in the artifacts."
        raise Refused(NOT_MADE, f"{named} is not among its artifacts.", fix) from error
    except UnicodeDecodeError as error:
        raise Refused(NOT_MADE, f"{named} is not UTF-8.", "Write it as UTF-8.") from error


# -- other projects --------------------------------------------------------------------------------


def _of_project(
    pipeline: Pipeline,
    trigger: Trigger,
    found: hierarchy.Above,
    given: dict[str, str],
    secrets: list[str],
) -> Wanted:
    """A pipeline of a project, its own too: what there its rules give to the same person."""
    if pipeline.foreign:
        message = "A pipeline of a fork starts no other pipeline of a project."
        raise Refused(NOT_ALLOWED, message, "Start it by hand.")
    actor = Actor(pipeline.actor, pipeline.token)
    project = _project(actor, trigger.project)
    try:
        at = commits.resolve(project, trigger.branch or _default(project))
    except TemporaryBackendError:
        raise
    except SlipwayError as error:
        raise Refused(INVALID, error.message, error.fix) from error
    if not at.is_tag and not trigger.branch.startswith("refs/"):
        _judge_clear(at)
    hierarchy.judge_project(found, project, at.ref)
    place = At(
        ref=at.ref,
        facts=commits.facts(at.repository, at.sha),
        is_tag=at.is_tag,
        hosted=at.hosted,
        default_branch=at.default_branch,
    )
    return Wanted(
        project, place, Pipeline.Source.PIPELINE, trigger, found.root,
        given=given, inputs=dict(trigger.inputs), secrets=secrets,
    )  # fmt: skip


def _project(actor: Actor, name: str) -> Project:
    """The project, where the person may run pipelines; the same words for all others."""
    rows = Project.objects.select_related("scope").filter(name=name.replace("\0", ""))
    project = rows.first() if actor.user is not None else None
    if project is None or not can(actor, RUN, keeper_scope(project)):
        message = f"There is no project “{short(name)}” in which {actor.label} may run pipelines."
        raise Refused(NOT_FOUND, message, f"Check its name, and ask there for {RUN}.")
    return project


def _default(project: Project) -> str:
    source = commits.source_of(project)
    if source is None:
        raise Refused(INVALID, f"{project.name} has no repository.", "Push a commit there.")
    return f"refs/heads/{source.default_branch}"


def _judge_clear(at: commits.Found) -> None:
    if at.repository.ref(f"refs/tags/{at.ref}"):
        message = f"“{short(at.ref)}” is a branch and a tag there."
        raise Refused(INVALID, message, "Write refs/heads/… or refs/tags/….")


def as_data(trigger: Trigger) -> Any:
    """The keyword as `Downstream.trigger` keeps it."""
    return msgspec.to_builtins(trigger)
