"""An artifact in the page: its folders, one file of it, the whole archive; always as a download."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils.http import content_disposition_header

from idp.common.host import Page
from pipelines.permissions import VIEW
from pipelines.runs import browsing, selectors
from pipelines.runs.addresses import api_of, page_of
from pipelines.runs.downloads import archive
from pipelines.runs.models import Artifact, Job
from pipelines.runs.views.job import number, page
from rbac.views.mixins import AccessMixin

MAX_PATH = 4_096


class ArtifactView(AccessMixin):
    """Base: the artifact that the address names, once `artifacts: access` lets the actor in."""

    permission = VIEW

    def find(self, request: HttpRequest, pk: int, kind: str) -> tuple[Job, Artifact]:
        row = selectors.job(self.actor, pk)
        return row, selectors.artifact(self.actor, row, kind, number(request, "attempt"))


class ArtifactPage(ArtifactView):
    def get(self, request: HttpRequest, pk: int, kind: str) -> HttpResponseBase:
        row, found = self.find(request, pk, kind)
        folder = _path(request, "folder").strip("/")
        listed = browsing.entries(found.digest, folder)
        context: dict[str, Any] = {
            "page": Page(
                f"{found.kind} of {row.name}",
                [*page(row).breadcrumbs, (row.name, page_of(row))],
                api=f"{api_of(row)}artifacts/{found.kind}/",
                owner=f"team {row.pipeline.project.team.name}",
                permission=VIEW,
                nav="pipelines:list",
            ),
            "job": row,
            "artifact": found,
            "attempt": found.attempt.number,
            "folder": folder,
            "up": folder.rpartition("/")[0],
            "entries": [
                {"entry": one, "name": one.path.rpartition("/")[2]}
                for one in listed[: browsing.MAX_ENTRIES]
            ],
            "more": max(len(listed) - browsing.MAX_ENTRIES, 0),
        }
        return render(request, "pipelines/artifact.html", context)


class ArtifactFile(ArtifactView):
    """One file: a download of bytes that no browser runs, whatever its name says."""

    def get(self, request: HttpRequest, pk: int, kind: str) -> HttpResponseBase:
        _, found = self.find(request, pk, kind)
        path = _path(request, "path")
        name = path.rpartition("/")[2] or "file"
        answer = StreamingHttpResponse(
            browsing.content(found.digest, path), content_type="application/octet-stream"
        )
        answer["Content-Disposition"] = str(content_disposition_header(True, name))
        answer["X-Content-Type-Options"] = "nosniff"
        return answer


class ArtifactArchive(ArtifactView):
    def get(self, request: HttpRequest, pk: int, kind: str) -> HttpResponseBase:
        _, found = self.find(request, pk, kind)
        return archive(found.digest, f"{found.name}.zip")


def _path(request: HttpRequest, name: str) -> str:
    return request.GET.get(name, "")[:MAX_PATH].replace("\0", "")
