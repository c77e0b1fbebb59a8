"""A file of records by REST, against one version; nothing is stored."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from idp.common import receiving
from idp.common.errors import Invalid, Refusal
from schemas.api.serializers import FaultOut
from schemas.api.views import SubjectView
from schemas.datafiles import checking
from schemas.datafiles.checking import KINDS, Report

_TRUE = frozenset({"1", "true", "yes"})


class FileBody(receiving.BodyParser):
    def require_size(self, size: int) -> None:
        checking.require_size(size)


class FileForm(receiving.FormParser):
    def require_size(self, size: int) -> None:
        checking.require_size(size)


class FileFaultOut(FaultOut):
    record = serializers.IntegerField(help_text="Counted from 0")
    line = serializers.IntegerField(help_text="Counted from 1; 0 where there are no lines")


class FileDifferenceOut(serializers.Serializer):
    """Why readers of the version cannot read what the file's own schema may write."""

    kind = serializers.CharField()
    reader_at = serializers.CharField()
    writer_at = serializers.CharField()
    advice = serializers.CharField()


class FileCheckOut(serializers.Serializer):
    valid = serializers.BooleanField(help_text="All of it was read, and fits")
    kind = serializers.CharField(help_text="json, ndjson or avro")
    sentence = serializers.CharField()
    records = serializers.IntegerField(help_text="How many were read")
    wrong = serializers.IntegerField(help_text="How many of them do not fit")
    stopped = serializers.CharField(help_text="Why the rest was not read; empty where it was")
    faults: Any = FileFaultOut(many=True)
    left_out = serializers.BooleanField(help_text="Whether more faults were found")
    differences: Any = FileDifferenceOut(many=True)


class FileCheckAPI(SubjectView):
    """JSON, one record a line, or an Avro object container: as the body, or as a form's `file`.

    With `?fail=1` a no is answered as 409, so that `curl --fail-with-body` fails with the reason.
    """

    parser_classes = (FileForm, FileBody)

    @extend_schema(
        operation_id="subjects_check_file",
        request={
            "application/octet-stream": OpenApiTypes.BINARY,
            "multipart/form-data": {
                "type": "object",
                "properties": {"file": {"type": "string", "format": "binary"}},
            },
        },
        responses=FileCheckOut,
        parameters=[
            OpenApiParameter("kind", str, enum=KINDS, description="Else by its first bytes"),
            OpenApiParameter("name", str, description="The file's name, for its ending"),
            OpenApiParameter("fail", bool, description="Answer a no with 409"),
        ],
    )
    def post(self, request: Request, pk: int, version: str) -> Response:
        row, query = self.version(), request.query_params
        kind = query.get("kind", "")
        if kind and kind not in KINDS:
            raise Invalid(f"“{kind[:20]}” is no kind of file.", fix=f"Use {', '.join(KINDS)}.")
        file, name = receiving.file_of(request.data, checking.require_size)
        with file:
            found = checking.check_file(
                row.schema, file, kind=kind, name=name or query.get("name", "")
            )
        if not found.valid and query.get("fail", "").lower() in _TRUE:
            raise Refusal(found.sentence, fix=_first(found))
        return Response(plain(found))


def _first(found: Report) -> str:
    if not found.faults:
        return found.differences[0].advice if found.differences else "Check a part of it."
    fault = found.faults[0]
    where = f"line {fault.line}" if fault.line else f"record {fault.record}"
    return f"{where}, {fault.error.field}: {fault.error.message} {fault.error.fix}".strip()


def plain(found: Report) -> dict[str, Any]:
    """A report as REST says it."""
    body = {
        "valid": found.valid,
        "kind": found.kind,
        "sentence": found.sentence,
        "records": found.records,
        "wrong": found.wrong,
        "stopped": found.stopped,
        "faults": [
            {"record": one.record, "line": one.line, **vars(one.error)} for one in found.faults
        ],
        "left_out": found.left_out,
        "differences": found.differences,
    }
    return dict(FileCheckOut(body).data)
