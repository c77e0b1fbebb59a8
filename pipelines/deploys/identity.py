"""A running job's token: narrower than whoever started the pipeline, and dead when the job ends.

Its text is `slj_<attempt>_<code>`: an HMAC over the attempt and the lease that runs it. Nothing is
written for a job that never uses it; the first use makes the `ApiToken` that audit and decisions
name.
"""

from __future__ import annotations

import re

from django.db.models.functions import Now
from django.utils.crypto import constant_time_compare, salted_hmac

from pipelines.runs.models import Attempt, Job, Pipeline
from rbac import tokens
from rbac.actors import Actor
from rbac.models import ApiToken, Scope
from rbac.requests import request_id
from rbac.tokens import NO_DIGEST

CARRIES = (
    "change.view", "component.view", "database.declare", "database.snapshot", "database.view",
    "environment.deploy", "environment.view", "pipeline.view", "project.view", "report.upload",
    "repository.read", "subject.check-in", "subject.register", "subject.view",
)  # fmt: skip
_TEXT = re.compile(r"slj_([0-9]{1,18})_([0-9a-f]{64})")
_MARK = "attempt "


def text_of(attempt: Attempt) -> str:
    """The token of an attempt that runs; another lease has another one."""
    return f"slj_{attempt.pk}_{_code(attempt.pk, attempt.lease_token)}"


def authenticate(text: str, address: str | None) -> Actor | None:
    """Whoever started the pipeline, narrowed to what a job may; None unless its attempt runs."""
    found = _TEXT.fullmatch(text.strip())
    if found is None:
        return None
    rows = Attempt.objects.select_related(
        "job__pipeline__actor", "job__pipeline__token__scope", "job__pipeline__project__scope"
    ).defer("job__work", "job__pipeline__given")
    attempt = rows.filter(
        pk=int(found[1]), status=Attempt.Status.RUNNING, lease_until__gt=Now()
    ).first()
    known = _code(attempt.pk, attempt.lease_token) if attempt else NO_DIGEST
    if not constant_time_compare(known, found[2]) or attempt is None:
        return None
    token = _token(attempt)
    if token is None:
        return None
    return Actor(user=token.user, token=token, address=address, request_id=request_id())


def job_of(actor: Actor) -> Job | None:
    """The job that acts, where the actor is one."""
    mark = actor.token.issued_for if actor.token else ""
    if not mark.startswith(_MARK):
        return None
    rows = Job.objects.select_related("pipeline__project").defer("work", "pipeline__given")
    return rows.filter(attempts=int(mark.removeprefix(_MARK))).first()


def _code(attempt: int, lease: int) -> str:
    return salted_hmac("pipelines.identity", f"{attempt}:{lease}", algorithm="sha256").hexdigest()


def _token(attempt: Attempt) -> ApiToken | None:
    pipeline = attempt.job.pipeline
    user, by = pipeline.actor, pipeline.token
    if (
        pipeline.foreign
        or user is None
        or not user.is_active
        or (by is not None and by.revoked_at is not None)
    ):
        return None  # a fork's job is nobody
    carried = _carried(pipeline)
    if not carried:
        return None  # and neither is one whose starter's token opens nothing of a job's
    return tokens.issued(
        user,
        issued_for=f"{_MARK}{attempt.pk}",
        name=f"job {attempt.job.name} of #{pipeline.number}"[:80],
        permissions=carried,
        scope=_reach(pipeline),
        created_by=by.created_by if by else None,
    )


def _carried(pipeline: Pipeline) -> list[str]:
    """What the token of whoever started the pipeline lets through, where they had one."""
    narrowed = pipeline.token.permissions if pipeline.token else ()
    return [name for name in CARRIES if not narrowed or name in narrowed]


def _reach(pipeline: Pipeline) -> Scope:
    """The project, or the narrower place that the token of whoever started it reaches."""
    own, given = pipeline.project.scope, pipeline.token.scope if pipeline.token else None
    return given if given is not None and own.pk in given.lineage else own


tokens.register_issuer("slj_", authenticate)
