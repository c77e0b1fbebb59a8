"""One job by REST: its attempts, its log, its artifacts, and what can be done to it."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpResponse, HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from idp.common.errors import FieldError, Invalid
from pipelines.permissions import RUN, VIEW
from pipelines.runs import logs, selectors
from pipelines.runs.api.serializers import ArtifactOut, JobOut
from pipelines.runs.downloads import archive
from pipelines.runs.models import Attempt, Job
from pipelines.runs.services import acting
from portal.permissions import keeper_scope
from rbac.actors import Actor
from rbac.api.views import AccessAPIView

_DIGITS = 9
ATTEMPT = OpenApiParameter("attempt", int, description="Number of the attempt; else the newest")
OFFSET = OpenApiParameter(
    "offset", int, description="Bytes of the log to leave out: `Slipway-Log-Offset` of the last"
)
_LOG = OpenApiResponse(
    OpenApiTypes.STR,
    "At most about 1 MiB. `Slipway-Log-Offset` says where the next begins, `Slipway-Log-Complete`"
    " whether the attempt has ended and this is the last.",
)


def number(request: Request, name: str) -> int | None:
    """A number of the query string; 422 for what is none."""
    text = request.query_params.get(name, "")
    if not text:
        return None
    if text.isascii() and text.isdecimal() and len(text) <= _DIGITS:
        return int(text)
    message = f"“{text[:20]}” is no number."
    fix = "Use digits alone."
    raise Invalid(message, fix=fix, errors=[FieldError(name, "number", message, fix)])


class JobView(AccessAPIView):
    """Base of what is about one job."""

    permission = VIEW

    def job(self) -> Job:
        row = selectors.job(self.actor, self.kwargs["pk"])
        if self.permission_for(self.request.method or "GET") == RUN:
            self.require(keeper_scope(row.pipeline.project))
        return row

    def answer(self, row: Job) -> Response:
        return Response(
            JobOut(row, context={"attempts": selectors.attempts(row), "actor": self.actor}).data
        )


class JobAPI(JobView):
    """One job with its newest attempts, and why it is in the pipeline."""

    @extend_schema(operation_id="jobs_get", responses=JobOut)
    def get(self, request: Request, pk: int) -> Response:
        return self.answer(self.job())


def action(name: str, service: Callable[[Actor, int], Job], summary: str) -> type[JobView]:
    """A view that does one thing to a job and answers it."""

    @extend_schema(operation_id=f"jobs_{name}", summary=summary, request=None, responses=JobOut)
    def post(self: JobView, _: Request, pk: int) -> Response:
        row = self.job()
        service(self.actor, row.pk)
        return self.answer(selectors.job(self.actor, pk))

    body = {"permission": RUN, "post": post, "__doc__": summary, "__module__": __name__}
    return type(f"Job{name.title()}API", (JobView,), body)


ACTIONS = {
    "play": action("play", acting.play, "Start a job that waits for a hand, or for its time."),
    "retry": action("retry", acting.retry, "Run a job again that has ended."),
    "cancel": action("cancel", acting.cancel_job, "End a job, as if it had failed."),
}


class LogAPI(JobView):
    """An attempt's log as text, from an offset; secrets were masked before it was stored."""

    @extend_schema(
        operation_id="jobs_log",
        parameters=[ATTEMPT, OFFSET],
        responses={(200, "text/plain"): _LOG},
    )
    def get(self, request: Request, pk: int) -> HttpResponseBase:
        one = selectors.attempt(self.job(), number(request, "attempt"))
        offset = number(request, "offset") or 0
        data, end = (b"", 0) if one is None else logs.read(one.pk, offset)
        complete = one is not None and one.status in Attempt.ENDED and end >= one.log_size
        answer = HttpResponse(data, content_type="text/plain; charset=utf-8")
        answer["Slipway-Log-Offset"] = str(end)
        answer["Slipway-Log-Complete"] = str(complete).lower()
        return answer


class ArtifactsAPI(JobView):
    """What an attempt left, by kind."""

    @extend_schema(
        operation_id="jobs_artifacts", parameters=[ATTEMPT], responses=ArtifactOut(many=True)
    )
    def get(self, request: Request, pk: int) -> Response:
        row = self.job()
        one = selectors.attempt(row, number(request, "attempt"))
        rows = selectors.artifacts(one)
        for found in rows:
            if one is not None:
                one.job, found.attempt = row, one
        return Response(ArtifactOut(rows, many=True).data)


class ArtifactAPI(JobView):
    """One artifact as a zip archive; 403 where `artifacts: access` keeps it from you."""

    @extend_schema(
        operation_id="jobs_artifact",
        parameters=[ATTEMPT],
        responses={(200, "application/zip"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, pk: int, kind: str) -> HttpResponseBase:
        found = selectors.artifact(self.actor, self.job(), kind, number(request, "attempt"))
        return archive(found.digest, f"{found.name}.zip")
