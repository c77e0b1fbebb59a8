"""A report comes in by one curl: as a form, or as the body with the rest in the query."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from idp.common import receiving
from pipelines.permissions import UPLOAD, VIEW
from pipelines.reports import selectors, services
from pipelines.reports.api.serializers import ReportOut, UploadIn
from pipelines.reports.formats.base import require_size
from pipelines.reports.models import Report
from pipelines.reports.services import Upload
from portal.permissions import keeper_scope
from rbac.access import get_visible
from rbac.api.views import AccessAPIView
from rbac.models import Project


class Body(receiving.BodyParser):
    def require_size(self, size: int) -> None:
        require_size(size)


class Form(receiving.FormParser):
    def require_size(self, size: int) -> None:
        require_size(size)


NARROWED = [OpenApiParameter(name, str) for name in ("commit", "kind", "ref", "component")]
_FIELDS = [
    OpenApiParameter(name, str, description=field.help_text or "")
    for name, field in UploadIn().fields.items()
]
_FORM: dict[str, Any] = {
    "type": "object",
    "properties": {
        "file": {"type": "string", "format": "binary"},
        **{name: {"type": "string"} for name in UploadIn().fields},
    },
    "required": ["file"],
}


class ReportsAPI(AccessAPIView, ListAPIView):
    """A project's reports, newest first; POST hands one in. The same again answers 200."""

    permissions: ClassVar[dict[str, str]] = {"GET": VIEW, "POST": UPLOAD}
    parser_classes = (Form, Body)
    serializer_class = ReportOut
    filter_backends = ()
    queryset = Report.objects.none()

    def get_queryset(self) -> QuerySet[Report]:
        found = selectors.project(self.actor, self.kwargs["name"])
        return selectors.reports(self.actor, found, self.request.query_params.dict())

    @extend_schema(operation_id="reports_list", parameters=NARROWED)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="reports_upload",
        request={"multipart/form-data": _FORM, "application/octet-stream": OpenApiTypes.BINARY},
        responses={200: ReportOut, 201: ReportOut},
        parameters=_FIELDS,
    )
    def post(self, request: Request, name: str) -> Response:
        project = get_visible(
            self.actor, VIEW, Project.objects.select_related("scope", "team"), name=name
        )
        self.require(keeper_scope(project))
        form: Any = request.data
        file, _ = receiving.file_of(form, require_size)
        with file:
            told = {key: value for key, value in form.items() if key != "file"}
            given = UploadIn(data={**request.query_params.dict(), **told})
            given.is_valid(raise_exception=True)
            row, fresh = services.take(self.actor, project, Upload(**given.validated_data), file)
        code = status.HTTP_201_CREATED if fresh else status.HTTP_200_OK
        return Response(ReportOut(row).data, status=code)


class ReportAPI(AccessAPIView):
    """One report, summed up."""

    permission = VIEW

    @extend_schema(operation_id="reports_get", responses=ReportOut)
    def get(self, request: Request, name: str, pk: int) -> Response:
        found = selectors.project(self.actor, name)
        rows = selectors.reports(self.actor, found, {})
        return Response(ReportOut(get_visible(self.actor, VIEW, rows, pk=pk)).data)
