"""Makes bundles and brings them to environments; each deployment is one change there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction
from django.db.models import Max

from environments.models import Environment
from environments.services.deploys import DEPLOY, deploy
from environments.services.edits import Options
from gitops.hosts.local import LocalRepository
from idp.changes.models import Change
from idp.changes.services.proposals import made_before
from idp.common.errors import Clash, FieldError, Forbidden, Invalid
from pipelines.deploys import content, identity
from pipelines.deploys.content import Content
from pipelines.deploys.gates import ORDER
from pipelines.deploys.models import MAX_LABEL, Bundle, Deployment
from pipelines.deploys.selectors import is_meant
from pipelines.permissions import RUN
from pipelines.runs import commits, work
from pipelines.runs.models import PROTECTED, Job, Pipeline
from portal.permissions import keeper_scope
from rbac import audit
from rbac.access import can, require
from rbac.actors import Actor
from rbac.models import Project, Tier, User
from rbac.scopes import tier_scope

_DEFAULT = Options()
MAX_OWN = 200  # commits of changes in a row
MAX_AUTHORS = 5  # accounts that one address may lead to


@dataclass(frozen=True)
class Origin:
    """The commit that a bundle is of, and the pipeline that built it, where one did."""

    repository: LocalRepository
    sha: str
    ref: str
    protected: bool
    pipeline: Pipeline | None = None


def origin_of(actor: Actor, project: Project, ref: str) -> Origin:
    """A running job's own commit; a person names a branch or tag, or means `main`."""
    job = identity.job_of(actor)
    if job is None:
        return _named(project, ref or _default(project))
    pipeline = job.pipeline
    if pipeline.project_id != project.pk:
        raise Forbidden(f"This job is one of {pipeline.project.name}, not of {project.name}.")
    if ref and commits.short(ref) != pipeline.ref:
        message = f"This job runs for {pipeline.ref}; it makes bundles of nothing else."
        raise Invalid.of([FieldError("ref", "own", message, "Leave the reference out.")])
    repository = commits.of_pipeline(pipeline)
    if repository is None:
        raise Clash(f"The repository of {project.name} is gone.", fix="Push the commit again.")
    return Origin(repository, pipeline.sha, pipeline.ref, pipeline.is_protected, pipeline)


def _default(project: Project) -> str:
    source = commits.source_of(project)
    return source.default_branch if source else PROTECTED


def _named(project: Project, ref: str) -> Origin:
    try:
        found = commits.resolve(project, ref)
    except Invalid as error:
        raise Invalid.of([FieldError("ref", "unknown", error.message, error.fix)]) from error
    sha = _written(found.repository, found.sha)
    built = Pipeline.objects.filter(project=project, sha=sha).order_by("-number")
    built = built.exclude(source=Pipeline.Source.PARENT)
    return Origin(
        found.repository,
        sha,
        found.ref,
        not found.is_tag and found.ref == found.default_branch,
        built.defer("given").first(),
    )


def _written(repository: LocalRepository, sha: str) -> str:
    """The newest commit from here that people wrote: Slipway's own bring out what is there."""
    for _ in range(MAX_OWN):
        facts = commits.facts(repository, sha)
        if facts.change is None or not facts.parents:
            return sha
        sha = facts.parents[0]
    return sha


def make_bundle(
    actor: Actor, project: Project, given: Mapping[str, Any], *, ref: str = ""
) -> Bundle:
    """The bundle of a commit with this content, made now or before; raises `Invalid` by field."""
    _require_maker(actor, project)
    made = Content.judged(given)
    origin = origin_of(actor, project, ref)
    digest = made.digest_at(origin.sha, protected=origin.protected)
    rows = Bundle.objects.filter(project=project)
    if (known := rows.filter(digest=digest).first()) is not None:
        return known
    facts = commits.facts(origin.repository, origin.sha)
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=project.pk)
        bundle, new = rows.get_or_create(
            project=project,
            digest=digest,
            defaults={
                "number": (rows.aggregate(last=Max("number"))["last"] or 0) + 1,
                "sha": origin.sha,
                "ref": origin.ref,
                "protected": origin.protected,
                "title": facts.subject,
                "author": facts.author[:MAX_LABEL],
                "author_email": facts.email[:254],
                "committed_at": facts.at,
                "content": made.to_json(),
                "pipeline": origin.pipeline,
                "actor": actor.user,
                "actor_label": actor.label[:MAX_LABEL],
            },
        )
        if new:
            after = {"sha": origin.sha, "digest": digest, "images": dict(made.images)}
            audit.record(actor, "bundle.create", target=bundle, scope=project.scope, after=after)
    return bundle


def _require_maker(actor: Actor, project: Project) -> None:
    """A running job makes bundles of its own project; a person who may run its pipelines does."""
    job = identity.job_of(actor)
    if job is None or job.pipeline.project_id != project.pk:
        require(actor, RUN, keeper_scope(project))


def require_promoter(actor: Actor, project: Project) -> None:
    """Refuse who may deploy in no tier of the project, before they say where to."""
    places = [tier_scope(project, tier) for tier in ORDER]
    if not any(can(actor, DEPLOY, place) for place in places):
        require(actor, DEPLOY, places[0])


def promote(
    actor: Actor, bundle: Bundle, environment: Environment, *, options: Options = _DEFAULT
) -> Deployment:
    """The change that brings the bundle there: planned, gated, approved and run as any other.

    A key that was used before answers with what it made. Raises `Forbidden` for a job whose
    `environment` is another one, `Clash` where the bundle is on its way there already.
    """
    if environment.project_id != bundle.project_id:
        message = f"{environment} belongs to another project than {bundle}."
        raise Invalid.of([FieldError("environment", "project", message, "Name one of its own.")])
    require(actor, DEPLOY, environment)
    if (before := _deployed_by(actor, options.idempotency_key, bundle, environment)) is not None:
        return before
    job = identity.job_of(actor)
    if job is not None:
        _judge_job(job, bundle, environment)
    _refuse_second(bundle, environment)
    propose = deploy(
        actor,
        environment,
        content.of(bundle.content).version,
        title=f"Deploy {bundle.short} to {environment}: {bundle.title}"[:200],
        intent={"bundle": bundle.pk, "bundle_digest": bundle.digest},
        options=replace(options, behind=_behind(bundle)),
    )
    with transaction.atomic():
        change = propose()
        found, _ = Deployment.objects.get_or_create(
            change=change, defaults={"bundle": bundle, "environment": environment, "job": job}
        )
    return found


def _judge_job(job: Job, bundle: Bundle, environment: Environment) -> None:
    """A job deploys to its own environment; to production only from a protected branch."""
    given = work.decode(job.work).work.environment
    if given is not None and not given.deploys:
        message = f"The job {job.name} says action: {given.action}, which deploys nothing."
        raise Forbidden(message, fix="Deploy in a job with action: start, which is the default.")
    if not is_meant(environment, job.environment):
        message = f"The job {job.name} is for {job.environment or 'no environment'}."
        raise Forbidden(message, fix=f"Write environment: {environment.name} at the job.")
    if environment.tier == Tier.PRODUCTION and not bundle.protected:
        raise Forbidden(
            f"{bundle} is of {bundle.ref}, which is not protected: no job brings it to production.",
            fix=f"Merge it, or let a person promote it: slipway promote {environment}"
            f" --bundle {bundle.number}.",
        )


def _deployed_by(
    actor: Actor, key: str, bundle: Bundle, environment: Environment
) -> Deployment | None:
    change = made_before(actor, key)
    if change is None:
        return None
    found = Deployment.objects.filter(change=change).select_related("change", "bundle").first()
    if found is None or (found.bundle_id, found.environment_id) != (bundle.pk, environment.pk):
        message = f"The Idempotency-Key was used for change {change.pk}, “{change.title}”."
        raise Clash(message, fix="Send another key for another request.")
    return found


def _refuse_second(bundle: Bundle, environment: Environment) -> None:
    open_ones = Deployment.objects.filter(
        bundle=bundle, environment=environment, change__state__in=Change.OPEN
    )
    if (other := open_ones.first()) is not None:
        raise Clash(
            f"{bundle} is on its way to {environment} already: change {other.change_id}.",
            fix=f"Follow it: slipway change watch {other.change_id}.",
        )


def _behind(bundle: Bundle) -> frozenset[int]:
    """Whose work a bundle is: the author of its commit, and who started or pushed it."""
    found = {bundle.actor_id, bundle.pipeline.actor_id if bundle.pipeline else None}
    if bundle.author_email:
        rows = User.objects.filter(email__iexact=bundle.author_email).order_by("pk")
        found |= set(rows.values_list("pk", flat=True)[:MAX_AUTHORS])
    return frozenset(pk for pk in found if pk is not None)
