"""Does what workers do with trigger jobs, until nothing more is to be done."""

from __future__ import annotations

from pipelines.downstream import creating, mirroring, sweeping
from pipelines.downstream.models import Downstream
from pipelines.runs import claiming, work
from pipelines.runs.models import Attempt, Job, Pipeline
from pipelines.runs.services import ending, planning

ROUNDS = 12


def settle() -> None:
    """Plan, trigger, mirror and cancel as far as it goes without a runner."""
    for _ in range(ROUNDS):
        before = _state()
        for pk in Pipeline.objects.filter(status="created").values_list("pk", flat=True):
            planning.work_on(pk)
        for pk in Job.objects.filter(triggers=True, status="pending").values_list("pk", flat=True):
            creating.work_on(pk)
        for pk in Downstream.objects.exclude(cancel="").values_list("pk", flat=True):
            sweeping.cancel(pk)
        for pk in Downstream.objects.order_by("-pk").values_list("pipeline_id", flat=True):
            mirroring.work_on(pk)
        if _state() == before:
            return
    raise AssertionError("it does not come to rest")


def _state() -> list[object]:
    return [
        *Pipeline.objects.order_by("pk").values_list("pk", "status"),
        *Job.objects.order_by("pk").values_list("pk", "status", "runs"),
        *Downstream.objects.order_by("pk").values_list("pk", "seen", "cancel"),
    ]


def run_all(status: str = "success", failure: str = "") -> None:
    """End every attempt that waits, and those that come of it."""
    settle()
    while taken := claiming.take(5, name="tests"):
        for one in taken:
            ending.finish(one.lease, ending.End(status, failure))
        settle()
    assert not Attempt.objects.filter(status="running").exists()


def below(job: Job) -> Pipeline:
    """The pipeline that the newest run of a job started."""
    return job.downstreams.order_by("-run")[0].pipeline


def given(job: Job, name: str) -> str:
    """A variable of a planned job."""
    return work.decode(job.work).variables.get(name, "")
