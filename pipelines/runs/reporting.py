"""What git hosts are told of pipelines: a status beside the commit, one comment below the request.

Names come from files and reports that anybody may write: they stand as code, so that they neither
format the comment nor call people.
"""

from __future__ import annotations

from django.urls import reverse

from gitops.hosted.notices import Report
from gitops.hosts.base import State, Status
from gitops.models import HostedMergeRequest
from idp.common.addresses import whole
from pipelines.reports import facts
from pipelines.reports.facts import Comparison, Failure
from pipelines.runs.addresses import page_of
from pipelines.runs.models import Job, Pipeline
from pipelines.runs.words import label_of, lasted

MOST = 10  # of each list
_NAME = 120
_STATES = {
    Pipeline.Status.CREATED: State.PENDING,
    Pipeline.Status.MANUAL: State.PENDING,
    Pipeline.Status.SCHEDULED: State.PENDING,
    Pipeline.Status.RUNNING: State.RUNNING,
    Pipeline.Status.SUCCESS: State.SUCCESS,
    Pipeline.Status.SKIPPED: State.SUCCESS,
    Pipeline.Status.FAILED: State.FAILED,
    Pipeline.Status.CANCELED: State.FAILED,
}
_CONTEXTS = {Pipeline.Source.MERGE_REQUEST: "slipway/merge-request"}


def of_pipeline(pk: int) -> Report | None:
    """The commit's status; None for a pipeline that is gone, or not the newest of its commit.

    A child says nothing by itself: the job that started it does, where it waits.
    """
    row = Pipeline.objects.filter(pk=pk).first()
    if row is None or row.source == Pipeline.Source.PARENT:
        return None
    sha = row.head_sha or row.sha
    newer = Pipeline.objects.filter(
        hosted=row.hosted_id, source=row.source, ref=row.ref, sha=row.sha, pk__gt=row.pk
    )
    if newer.exists():
        return None
    said = row.reason or f"Pipeline #{row.number}: {label_of(row).lower()}"
    if row.finished_at and row.seconds is not None:
        said = f"{said} in {lasted(row.seconds)}"
    context = _CONTEXTS.get(Pipeline.Source(row.source), "slipway/pipeline")
    state = _STATES[Pipeline.Status(row.status)]
    return Report(sha=sha, status=Status(state, context, said, whole(page_of(row))))


def of_request(pk: int) -> Report | None:
    """The comment below a merge request: its newest pipeline, and what reports say."""
    request = HostedMergeRequest.objects.filter(pk=pk).first()
    rows = Pipeline.objects.filter(merge_request=pk).exclude(source=Pipeline.Source.PARENT)
    rows = rows.select_related("project")
    pipeline = rows.order_by("-pk").first()
    if request is None or pipeline is None:
        return None
    return Report(request=request, comment=_comment(pipeline, request))


def _comment(pipeline: Pipeline, request: HostedMergeRequest) -> str:
    link = f"[#{pipeline.number}]({whole(page_of(pipeline))})"
    lines = [f"**Pipeline {link}: {label_of(pipeline).lower()}** {_for(pipeline, request)}"]
    if pipeline.reason:
        lines.append(f"Reason: {code(pipeline.reason)}")
    lines += _jobs(pipeline)
    known = facts.compare(pipeline.project, pipeline.sha, foreign=pipeline.foreign)
    lines += [*_tests(known), *_coverage(known)]
    if known.reports:
        path = reverse("pipelines:commit", args=[pipeline.project.name, pipeline.sha])
        lines.append(f"[All that was reported]({whole(path)})")
    return "\n\n".join(lines)


def _for(pipeline: Pipeline, request: HostedMergeRequest) -> str:
    head = code((pipeline.head_sha or pipeline.sha)[:10])
    if pipeline.head_sha not in {"", pipeline.sha}:
        return f"of {head} merged into {code(request.target_branch)}"
    if request.unmergeable:
        return f"of {head} alone: {request.unmergeable}"
    return f"of {head}"


def _jobs(pipeline: Pipeline) -> list[str]:
    rows = pipeline.jobs.filter(status=Job.Status.FAILED, allowed=False).defer("work")
    failed = list(rows.order_by("position")[: MOST + 1])
    lines = [
        f"- [{code(job.name)}]({whole(page_of(job))}) failed"
        + (f": {code(job.reason)}" if job.reason else "")
        for job in failed[:MOST]
    ]
    if len(failed) > MOST:
        lines.append("- … and more")
    return ["\n".join(lines)] if lines else []


def _tests(known: Comparison) -> list[str]:
    tests = known.facts.tests
    if tests is None:
        return []
    said = f"Tests: {tests.passed} passed, {tests.failed} failed"
    if tests.failed:
        said += f" ({tests.new_failures} new, {tests.known_failures} on the target branch too)"
    said += f", {tests.fixed} fixed" if tests.fixed else ""
    shown = [*known.new_failures, *known.known_failures][:MOST]
    return [said, *(["\n".join(map(_failure, shown))] if shown else [])]


def _failure(one: Failure) -> str:
    where = whole(reverse("pipelines:test", args=[one.case.pk]))
    marks = [
        word for word, said in (("flaky", one.flaky), ("quarantined", one.quarantined)) if said
    ]
    return f"- [{code(one.case.name)}]({where})" + (f" ({', '.join(marks)})" if marks else "")


def _coverage(known: Comparison) -> list[str]:
    whole, changed = known.facts.coverage, known.facts.changed
    said = []
    if changed is not None and changed.percent is not None:
        said.append(
            f"{changed.percent:.1f} % of the changed lines ({changed.covered} of {changed.lines})"
        )
    if whole is not None and whole.percent is not None:
        target = whole.target_percent
        before = f", {target:.1f} % on the target branch" if target is not None else ""
        said.append(f"{whole.percent:.1f} % of all lines{before}")
    return [f"Coverage: {'; '.join(said)}"] if said else []


def code(text: str) -> str:
    """Text as code in Markdown, whatever stands in it."""
    plain = " ".join(text.replace("`", "'").split())[:_NAME] or " "
    return f"`{plain}`"
