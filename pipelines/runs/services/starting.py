"""Begins pipelines: one row, from which a worker makes the plan."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import transaction
from django.db.models import Max

from gitops.hosts.local import ZERO, CommitFacts
from gitops.models import HostedMergeRequest, HostedRepository
from idp.common import jobs
from idp.common.errors import Clash, FieldError, Invalid
from pipelines.permissions import RUN
from pipelines.runs import asking, commits
from pipelines.runs.models import PROTECTED, Pipeline
from pipelines.runs.services.telling import tell
from portal.permissions import keeper_scope
from rbac import audit
from rbac.access import require
from rbac.actors import Actor
from rbac.models import Project

TASK = "pipelines.plan"
MAX_OPEN = 500  # pipelines of one project that are not over
MAX_VARIABLES = 100
MAX_VALUE = 10_000
Source = Pipeline.Source


def start(
    actor: Actor,
    project: Project,
    ref: str,
    *,
    source: str = Source.WEB,
    variables: Mapping[str, str] | None = None,
    inputs: Mapping[str, Any] | None = None,
    before: str = "",
    sha: str = "",
    key: str = "",
    by: str = "",
    schedule: int | None = None,
) -> Pipeline:
    """Begin a pipeline for a branch or tag as it is now, or as it was at `sha`, which a push made.

    `inputs` are judged by what the file of that commit declares; without a mapping its plan says
    what lacks. The same again for a `key` seen before. `by` is who pushed at a git host, or the
    schedule whose id is `schedule`, for the label.

    Raises `Invalid` with the field for a reference, variable or input that cannot be, and `Clash`
    past `MAX_OPEN` pipelines that are not over.
    """
    require(actor, RUN, keeper_scope(project))
    asked = Asked(ref, source, checked(variables or {}), inputs, key, by, schedule)
    if made := made_before(actor, project, asked):
        return made
    return write(actor, project, asked, look(project, asked, before=before, sha=sha))


@dataclass(frozen=True)
class Asked:
    """What a pipeline is begun with."""

    ref: str
    source: str
    given: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, Any] | None = None
    key: str = ""
    by: str = ""
    schedule: int | None = None


@dataclass(frozen=True)
class At:
    """The commit that a pipeline is for, and how it came to be looked at."""

    ref: str
    facts: CommitFacts
    is_tag: bool = False
    before: str = ""
    hosted: HostedRepository | None = None
    request: HostedMergeRequest | None = None
    head: str = ""
    default_branch: str = PROTECTED
    foreign: bool = False  # of a fork


def look(project: Project, asked: Asked, *, before: str = "", sha: str = "") -> At:
    """Read what git has to say, outside of any transaction; `Invalid` as `start`."""
    found = resolved(project, asked.ref)
    found = replace(found, sha=sha or found.sha)
    if asked.inputs is not None:
        asking.judge(found, asked.inputs)
    return At(
        ref=found.ref,
        facts=commits.facts(found.repository, found.sha),
        is_tag=found.is_tag,
        before="" if before == ZERO else before,
        hosted=found.hosted,
        default_branch=found.default_branch,
    )


@transaction.atomic
def write(actor: Actor, project: Project, asked: Asked, at: At) -> Pipeline:
    """Begin what was looked at; who may is decided before. The same again for a known `key`."""
    lock(project)
    return made_before(actor, project, asked) or begin(actor, project, asked, at)


def lock(project: Project) -> None:
    """One transaction at a time begins pipelines of a project."""
    Project.objects.select_for_update().get(pk=project.pk)


def begin(actor: Actor, project: Project, asked: Asked, at: At) -> Pipeline:
    """The row of a new pipeline, in the caller's transaction and behind `lock`."""
    rows = Pipeline.objects.filter(project=project)
    if rows.exclude(status__in=Pipeline.ENDED).count() >= MAX_OPEN:
        raise Clash(
            f"{project.name} has {MAX_OPEN} pipelines that are not over.",
            fix="Cancel some, or wait for them.",
        )
    given, inputs = asked.given, asked.inputs
    pipeline = Pipeline.objects.create(
        project=project,
        number=(rows.aggregate(last=Max("number"))["last"] or 0) + 1,
        ref=at.ref,
        is_tag=at.is_tag,
        sha=at.facts.sha,
        before_sha=at.before,
        head_sha=at.head,
        title=at.facts.subject,
        author=at.facts.author[:200],
        source=asked.source,
        hosted=at.hosted,
        merge_request=at.request,
        foreign=at.foreign or (at.request is not None and at.request.fork),
        default_branch=at.default_branch,
        given=json.dumps(given) if given else "",
        inputs=json.dumps(inputs) if inputs else "",
        actor=actor.user,
        actor_label=(f"{asked.by}, for {actor.label}" if asked.by else actor.label)[:200],
        token=actor.token,
        idempotency_key=asked.key,
        schedule_id=asked.schedule,
    )
    audit.record(
        actor,
        "pipeline.start",
        target=pipeline,
        after={
            "ref": at.ref,
            "sha": at.facts.sha,
            "source": asked.source,
            "variables": sorted(given),
            "inputs": sorted(inputs or {}),
        },
    )
    jobs.enqueue(TASK, pipeline_id=pipeline.pk)
    tell(pipeline)
    return pipeline


def resolved(project: Project, ref: str) -> commits.Found:
    """`commits.resolve`, its refusal naming the field."""
    try:
        return commits.resolve(project, ref)
    except Invalid as error:
        found = [FieldError("ref", "unknown", error.message, error.fix)]
        raise Invalid(error.message, fix=error.fix, errors=found) from error


def made_before(actor: Actor, project: Project, asked: Asked) -> Pipeline | None:
    """What a request with this key made; `Invalid` where the key came with another request."""
    made = begun_by(actor, project, asked.key)
    if made is None:
        return None
    before = (made.ref, json.loads(made.given or "{}"), json.loads(made.inputs or "{}"))
    now = (commits.short(asked.ref), dict(asked.given), dict(asked.inputs or {}))
    if made.source == Source.MERGE_REQUEST or before != now:
        raise key_reused(made)
    return made


def begun_by(actor: Actor, project: Project, key: str) -> Pipeline | None:
    """The pipeline that a request of this actor with this key began."""
    if not key:
        return None
    rows = Pipeline.objects.filter(project=project, actor=actor.user, idempotency_key=key)
    return rows.select_related("project__scope").first()


def key_reused(made: Pipeline) -> Invalid:
    """The refusal of a key that came with another request."""
    message = f"The key came with another request, which began pipeline #{made.number}."
    fix = "Send another key for another request."
    found = FieldError("Idempotency-Key", "reused", message, fix)
    return Invalid(message, fix=fix, errors=[found])


def checked(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables of whoever starts; `Invalid` names each that cannot be."""
    problems = []
    if len(variables) > MAX_VARIABLES:
        message = f"A pipeline takes at most {MAX_VARIABLES} variables."
        problems.append(FieldError("variables", "count", message, "Put them into the file."))
    for name, value in variables.items():
        if not name.isidentifier() or not name.isascii():
            message = f"“{name[:60]}” is no name of a variable."
            fix = "Use letters, digits and underscores, not a digit first."
            problems.append(FieldError("variables", "name", message, fix))
        elif len(value) > MAX_VALUE or "\0" in value:
            message = f"{name} has more than {MAX_VALUE} characters, or a NUL."
            problems.append(FieldError("variables", "value", message, "Shorten it."))
    if problems:
        raise Invalid(problems[0].message, fix=problems[0].fix, errors=problems)
    return dict(variables)
