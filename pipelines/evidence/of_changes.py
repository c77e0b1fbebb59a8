"""Facts of pipelines, bundles, changes and the calendar."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db.models import Count, Q

from idp.changes import builtin_gates
from pipelines.deploys.models import Bundle
from pipelines.evidence.registry import (
    Case,
    Read,
    Type,
    Unknown,
    Value,
    register_evidence,
    register_source,
)
from pipelines.runs.models import Job, Pipeline
from rbac.models import Scope

MAX_PIPELINES = 1_000
FRIDAY, OPENS, CLOSES = 5, 9, 17  # business hours: Monday to Friday, in UTC
_COLUMNS = (
    "project", "number", "ref", "sha", "is_tag", "status", "created_at", "started_at",
    "finished_at",
)  # fmt: skip


def _hours(since: datetime, at: datetime) -> float:
    return round(max((at - since).total_seconds(), 0) / 3600, 1)


# -- pipelines ----------------------------------------------------------------------------------


def _pipelines(cases: Sequence[Case]) -> Sequence[Any]:
    """The one that built the bundle, else the newest of the commit."""
    own = {case.bundle.pipeline_id for case in cases if case.bundle}
    place = Q(
        project__in={case.project.pk for case in cases}, sha__in={case.commit for case in cases}
    )
    place &= ~Q(source=Pipeline.Source.PARENT)  # the job that started it speaks for a child
    red = Count("jobs", filter=Q(jobs__status=Job.Status.FAILED, jobs__allowed=False))
    rows = Pipeline.objects.filter(Q(pk__in=own - {None}) | place).only(*_COLUMNS)
    found = list(rows.annotate(red=red).order_by("-pk")[:MAX_PIPELINES])[::-1]
    by_id = {row.pk: row for row in found}
    newest = {(row.project_id, row.sha): row for row in found}
    return [
        by_id.get((case.bundle and case.bundle.pipeline_id) or 0)
        or newest.get((case.project.pk, case.commit))
        or Unknown(
            f"No pipeline ran for {case.commit[:8]}.",
            "Start one for its branch on the Pipelines page.",
        )
        for case in cases
    ]


def _of_ended(count: Callable[[Case, Pipeline], Value]) -> Read:
    def read(case: Case, found: Pipeline) -> Value | Unknown:
        if not found.ended or found.finished_at is None:
            return Unknown(f"Pipeline #{found.number} has not ended.", "Wait for its end.")
        return count(case, found)

    return read


def _register_pipelines() -> None:
    register_source("pipelines", _pipelines)
    told: dict[str, Any] = {"source": "pipelines", "moves": True}
    register_evidence(
        "pipeline.status",
        Type.TEXT,
        "How the pipeline stands that built the bundle, or the commit’s newest: success, failed,"
        " running … While one of its own jobs deploys, it is running.",
        lambda _case, found: str(found.status),
        example="success",
        **told,
    )
    register_evidence(
        "pipeline.failed_jobs",
        Type.NUMBER,
        "Its jobs that failed and may not.",
        lambda _case, found: int(found.red),
        example=0,
        **told,
    )
    register_evidence(
        "pipeline.protected",
        Type.FLAG,
        "Whether it ran on the protected branch.",
        lambda _case, found: found.is_protected,
        example=True,
        source="pipelines",
    )
    register_evidence(
        "pipeline.age_hours",
        Type.NUMBER,
        "Hours since it ended.",
        _of_ended(lambda case, found: _hours(found.finished_at or case.at, case.at)),
        example=2.5,
        **told,
    )
    register_evidence(
        "pipeline.duration_seconds",
        Type.NUMBER,
        "How long it took.",
        _of_ended(lambda _case, found: round(found.seconds or 0.0, 1)),
        example=94.0,
        source="pipelines",
    )


# -- bundles ------------------------------------------------------------------------------------


def _of_bundle(read: Callable[[Bundle, datetime], Value]) -> Read:
    def found(case: Case, _loaded: Any) -> Value | Unknown:
        if case.bundle is None:
            fix = "slipway deploy makes one of a commit."
            return Unknown(f"No bundle was made of {case.commit[:8]}.", fix)
        return read(case.bundle, case.at)

    return found


def _author(case: Case, _loaded: Any) -> Value | Unknown:
    if case.bundle is None or not case.bundle.author:
        return Unknown("The commit’s author is not known.", "Make a bundle of it.")
    return case.bundle.author


def _unsigned(_case: Case, _loaded: Any) -> Value | Unknown:
    """An app that checks signatures takes this fact over."""
    return Unknown("Nothing here checks signatures.", "Leave the clause out until something does.")


def _register_bundles() -> None:
    register_evidence(
        "bundle.age_hours",
        Type.NUMBER,
        "Hours since the bundle was made.",
        _of_bundle(lambda bundle, at: _hours(bundle.created_at, at)),
        example=26.0,
        moves=True,
    )
    register_evidence(
        "bundle.protected",
        Type.FLAG,
        "Whether it was made on the protected branch.",
        _of_bundle(lambda bundle, _at: bundle.protected),
        example=True,
    )
    register_evidence(
        "bundle.ref",
        Type.TEXT,
        "The branch or tag that it was made on.",
        _of_bundle(lambda bundle, _at: bundle.ref),
        example="main",
    )
    register_evidence(
        "bundle.commit",
        Type.TEXT,
        "Its commit, 40 hexadecimal digits.",
        lambda case, _loaded: case.commit,
        example="3f2a9c41" + "0" * 32,
    )
    register_evidence(
        "bundle.author", Type.TEXT, "Who wrote its commit.", _author, example="Dana Okafor"
    )
    register_evidence(
        "bundle.migrations",
        Type.NUMBER,
        "Databases of which it needs a version.",
        _of_bundle(lambda bundle, _at: len(bundle.content.get("migrations") or {})),
        example=1,
    )
    register_evidence(
        "images.signed",
        Type.FLAG,
        "Whether all its images are signed. Not known as long as no app says so.",
        _unsigned,
        example=True,
    )


# -- changes and the calendar -------------------------------------------------------------------


def _approvals(cases: Sequence[Case]) -> Sequence[Any]:
    changes = {case.change.pk: case.change for case in cases if case.change is not None}
    found = builtin_gates.approvals_of(list(changes.values())) if changes else {}
    return [
        len(found[case.change.pk])
        if case.change is not None
        else Unknown("Approvals are given to a change.", "Promote it.")
        for case in cases
    ]


def _scope(kind: Scope.Kind) -> Read:
    def read(case: Case, _loaded: Any) -> Value | Unknown:
        place = case.change.scope if case.change is not None else None
        if place is None:
            return Unknown("It is known of a deployment.", "Promote it.")
        if kind == Scope.Kind.TIER:
            return place.tier_scope.name if place.tier_scope else place.name
        return place.name

    return read


def _register_changes() -> None:
    register_source("approvals", _approvals)
    register_evidence(
        "approvals.given",
        Type.NUMBER,
        "Approvals of exactly this plan, of people who neither asked for it nor wrote it.",
        lambda _case, found: found,
        example=1,
        source="approvals",
        moves=True,
    )
    register_evidence(
        "deploy.tier",
        Type.TEXT,
        "Tier that it goes to: development, staging or production.",
        _scope(Scope.Kind.TIER),
        example="production",
    )
    register_evidence(
        "deploy.environment",
        Type.TEXT,
        "Environment that it goes to.",
        _scope(Scope.Kind.ENVIRONMENT),
        example="production-1",
    )


def _business(at: datetime) -> bool:
    return at.isoweekday() <= FRIDAY and OPENS <= at.hour < CLOSES


def _register_calendar() -> None:
    def of(read: Callable[[datetime], Value]) -> Read:
        return lambda case, _loaded: read(case.at.astimezone(UTC))

    register_evidence(
        "calendar.weekday",
        Type.NUMBER,
        "1 on Monday to 7 on Sunday, in UTC.",
        of(lambda at: at.isoweekday()),
        example=2,
        moves=True,
    )
    register_evidence(
        "calendar.hour",
        Type.NUMBER,
        "0 to 23, in UTC.",
        of(lambda at: at.hour),
        example=10,
        moves=True,
    )
    register_evidence(
        "calendar.business_hours",
        Type.FLAG,
        f"Monday to Friday from {OPENS} to {CLOSES} o’clock, in UTC.",
        of(_business),
        example=True,
        moves=True,
    )


def register() -> None:
    _register_pipelines()
    _register_bundles()
    _register_changes()
    _register_calendar()
