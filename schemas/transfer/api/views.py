"""Imports and exports by REST: validate, one call of a service or selector, answer."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any

from django.db.models import QuerySet
from django.http import HttpResponseBase, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from idp.changes.api.keyed import HEADER
from idp.common.errors import Invalid
from idp.common.idempotency import idempotency_key
from idp.common.inputs import inputs
from idp.common.pagination import KeysetPagination
from idp.common.spreadsheets import csv_response
from rbac.access import require_anywhere
from rbac.actors import Actor
from rbac.api.views import AccessAPIView
from schemas.api.views import FILTERS
from schemas.databases.selectors import project
from schemas.listing import Filters
from schemas.permissions import CONFIGURE, VIEW
from schemas.transfer import archives, selectors, services
from schemas.transfer.api.serializers import (
    ImportActionIn,
    ImportIn,
    ImportOptionsIn,
    ImportOut,
    ImportRow,
    ImportVersionOut,
)
from schemas.transfer.models import ImportRun, ImportVersion

ZIP = "application/zip"
KEPT_IN_MEMORY = 1024 * 1024
_TRUE = frozenset({"1", "true", "yes", "on"})
_ARCHIVE = {("200", ZIP): OpenApiTypes.BINARY}
COLUMNS = (
    "source", "subject", "project", "version", "id", "format", "deleted", "outcome", "reason",
    "subject_problem",
)  # fmt: skip


class ZipParser(BaseParser):
    """The body as a file, read within the bound of an archive."""

    media_type = ZIP

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, IO[bytes]]:
        file = tempfile.SpooledTemporaryFile(KEPT_IN_MEMORY)  # noqa: SIM115  # closed by the view
        while part := stream.read(65536):
            file.write(part)
            if file.tell() > archives.MAX_FILE:
                file.close()
                raise Invalid(f"The archive has more than {archives.MAX_FILE} bytes.")
        file.seek(0)
        return {"file": file}


class ImportsAPI(AccessAPIView, ListAPIView):
    """Imports into projects that you configure, newest first; POST begins to read a registry."""

    permission = CONFIGURE
    serializer_class = ImportRow
    filter_backends = ()
    queryset = ImportRun.objects.none()

    def get_queryset(self) -> QuerySet[ImportRun]:
        return selectors.runs(self.actor).order_by("-id")

    @extend_schema(operation_id="schemas_imports")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="schemas_import_registry",
        request=ImportIn,
        parameters=[HEADER],
        responses={202: ImportOut},
    )
    def post(self, request: Request) -> Response:
        require_anywhere(self.actor, CONFIGURE)
        given = inputs(ImportIn, request)
        home = project(self.actor, given.pop("project"))
        key = idempotency_key(request)
        return _begun(services.import_registry(self.actor, home, idempotency_key=key, **given))


def _begun(run: ImportRun) -> Response:
    data = ImportOut(run).data
    return Response(data, status=status.HTTP_202_ACCEPTED, headers={"Location": data["url"]})


class ImportArchiveAPI(AccessAPIView):
    """Take in an archive that an export made; the body is the zip file itself."""

    permission = CONFIGURE
    anywhere = True
    parser_classes = (ZipParser,)

    @extend_schema(
        operation_id="schemas_import_archive",
        request={ZIP: OpenApiTypes.BINARY},
        responses={202: ImportOut},
        parameters=[
            HEADER,
            ImportOptionsIn,
            OpenApiParameter("name", str, description="What the import is called by"),
        ],
    )
    def post(self, request: Request) -> Response:
        given = _options(request)
        home, name = project(self.actor, given.pop("project")), given.pop("name", "")
        body = request.data
        if not isinstance(body, dict) or "file" not in body:
            raise Invalid("The body is empty.", fix=f"Send the archive as {ZIP}.")
        given |= {"name": name, "idempotency_key": idempotency_key(request)}
        with body["file"] as file:
            return _begun(services.import_archive(self.actor, home, file=file, **given))


def _options(request: Request) -> dict[str, Any]:
    """The options in the query string; `rules` is JSON there."""
    query = request.query_params.dict()
    name = query.pop("name", "").replace("\0", "")
    try:
        rules = json.loads(query.pop("rules", "[]"))
    except (ValueError, RecursionError):
        raise Invalid("“rules” is no JSON.") from None
    found = ImportOptionsIn(data={**query, "rules": rules})
    found.is_valid(raise_exception=True)
    return {**found.validated_data, "name": name}


class ImportView(AccessAPIView):
    permission = CONFIGURE

    def run(self) -> ImportRun:
        return selectors.run(self.actor, self.kwargs["pk"])


class ImportAPI(ImportView):
    """One import; POST confirms it, looks again or cancels it; DELETE forgets its report."""

    @extend_schema(operation_id="schemas_import_get", responses=ImportOut)
    def get(self, request: Request, pk: int) -> Response:
        return Response(ImportOut(self.run()).data)

    @extend_schema(operation_id="schemas_import_act", request=ImportActionIn, responses=ImportOut)
    def post(self, request: Request, pk: int) -> Response:
        run = self.run()
        act = ACTIONS[inputs(ImportActionIn, request)["action"]]
        return Response(ImportOut(act(self.actor, run)).data)

    @extend_schema(operation_id="schemas_import_forget", responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        services.forget(self.actor, self.run())
        return Response(status=status.HTTP_204_NO_CONTENT)


ACTIONS: dict[str, Callable[[Actor, ImportRun], ImportRun]] = {
    "confirm": services.confirm,
    "look-again": services.look_again,
    "cancel": services.cancel,
}


class ByNumber(KeysetPagination):
    ordering = "pk"


class ImportVersionsAPI(ImportView, ListAPIView):
    """The versions that an import found, with what came of each."""

    serializer_class = ImportVersionOut
    filter_backends = ()
    pagination_class = ByNumber
    queryset = ImportVersion.objects.none()

    def get_queryset(self) -> QuerySet[ImportVersion]:
        query = self.request.query_params
        return selectors.versions(
            self.actor, self.run(), outcome=query.get("outcome", ""), text=query.get("q", "")
        )

    @extend_schema(
        operation_id="schemas_import_versions",
        parameters=[
            OpenApiParameter("outcome", str, description="found, ready, there, taken or refused"),
            OpenApiParameter("q", str, description="Part of the subject's name in the source"),
        ],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


class ImportReportAPI(ImportView):
    """Every version with what came of it and why, as a file."""

    @extend_schema(
        operation_id="schemas_import_report",
        responses={("200", "text/csv"): str, ("200", "application/json"): OpenApiTypes.OBJECT},
        parameters=[OpenApiParameter("as", str, enum=["csv", "json"])],
    )
    def get(self, request: Request, pk: int) -> HttpResponseBase:
        run = self.run()
        return report_file(self.actor, run, as_json=request.query_params.get("as") == "json")


def report_file(actor: Actor, run: ImportRun, *, as_json: bool) -> StreamingHttpResponse:
    """The report of a run as a download."""
    rows = selectors.report(actor, run)
    if not as_json:
        cells = ([row[column] for column in COLUMNS] for row in rows)
        return csv_response(f"import-{run.pk}.csv", COLUMNS, cells)
    answer = StreamingHttpResponse(_json(rows), content_type="application/json")
    answer["Content-Disposition"] = f'attachment; filename="import-{run.pk}.json"'
    return answer


def _json(rows: Iterator[dict[str, Any]]) -> Iterator[str]:
    start = "[\n"
    for row in rows:
        yield start + json.dumps(row, ensure_ascii=False)
        start = ",\n"
    yield "[]\n" if start == "[\n" else "\n]\n"


class ExportAPI(AccessAPIView):
    """What the filters leave as a zip file: a file for each version, and a manifest."""

    permission = VIEW

    @extend_schema(
        operation_id="schemas_export",
        responses=_ARCHIVE,
        parameters=[
            *FILTERS,
            OpenApiParameter("with_deleted", bool, description="Deleted versions too"),
            OpenApiParameter("alone", bool, description="Without what they refer to"),
        ],
    )
    def get(self, request: Request) -> HttpResponseBase:
        return archive_file(self.actor, request.query_params.dict())


def archive_file(actor: Actor, query: Mapping[str, str]) -> StreamingHttpResponse:
    """The archive of a list's filters as a download."""
    parts = selectors.exported(
        actor,
        Filters.read(query),
        deleted=query.get("with_deleted", "").lower() in _TRUE,
        alone=query.get("alone", "").lower() in _TRUE,
    )
    answer = StreamingHttpResponse(parts, content_type=ZIP)
    answer["Content-Disposition"] = 'attachment; filename="schemas.zip"'
    return answer
