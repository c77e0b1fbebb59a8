"""Who reads which tables of a database, by REST: listed, said by a running program, taken back."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle

from idp.common.errors import NotVisible
from idp.common.inputs import inputs
from rbac.api.views import AccessAPIView
from rbac.selectors import scope_at
from schemas.databases import readers, selectors
from schemas.databases.api.serializers import ReaderIn, ReaderOut
from schemas.dependants.api.views import CheckInThrottle
from schemas.permissions import CHECK_IN, DATABASE_VIEW

_EXAMPLE = OpenApiExample(
    "A column",
    value={"environment": "billing/stage", "holder": "billing-api", "tables": ["orders.note"]},
    request_only=True,
)


class ReadersAPI(AccessAPIView):
    """Who declared that they read what. POST is a check-in: the same word moves its end.

    The service asks for `subject.check-in` at the environment that the body names.
    """

    permission = DATABASE_VIEW

    def get_throttles(self) -> list[BaseThrottle]:
        return [CheckInThrottle()] if self.request.method == "POST" else []

    @extend_schema(operation_id="databases_readers", responses=ReaderOut(many=True))
    def get(self, request: Request, pk: int) -> Response:
        found = readers.readers_of(selectors.database(self.actor, pk))
        return Response({"results": ReaderOut(found, many=True).data})

    @extend_schema(
        operation_id="databases_reader_check_in",
        request=ReaderIn,
        responses={200: ReaderOut, 201: ReaderOut},
        examples=[_EXAMPLE],
    )
    def post(self, request: Request, pk: int) -> Response:
        database = selectors.database(self.actor, pk)
        given = inputs(ReaderIn, request)
        scope = scope_at(self.actor, given["environment"], "environment")
        row, made = readers.check_in(
            self.actor,
            database,
            scope,
            holder=given["holder"],
            tables=given["tables"],
            hours=given["ttl_hours"],
        )
        code = status.HTTP_201_CREATED if made else status.HTTP_200_OK
        return Response(ReaderOut(row).data, status=code)


class ReaderAPI(AccessAPIView):
    """One check-in of a reader; DELETE takes it back."""

    permission = CHECK_IN

    @extend_schema(operation_id="databases_reader_remove", responses={204: None})
    def delete(self, request: Request, pk: int, number: int) -> Response:
        database = selectors.database(self.actor, pk)
        row = database.readers.filter(pk=number).first()
        if row is None:
            raise NotVisible("There is nothing here, or you may not see it.")
        readers.check_out(self.actor, row)
        return Response(status=status.HTTP_204_NO_CONTENT)
