"""What the REST views share: keyset lists, rows by name, answers with an ETag."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from idp.common.errors import NotVisible
from idp.common.etags import etag_of
from idp.common.pagination import KeysetPagination
from rbac.api.views import AccessAPIView
from rbac.services.writing import refuse

M = TypeVar("M", bound=Model)


class ByName(KeysetPagination):
    ordering = "name"


class ByUsername(KeysetPagination):
    ordering = "username"


class ByTime(KeysetPagination):
    ordering = ("-at", "-id")  # type: ignore[assignment]  # DRF takes both forms


class ListAPIView(AccessAPIView):
    """`listed` answers one page of rows in a serializer's shape."""

    pagination: type[KeysetPagination] = KeysetPagination

    def listed(
        self, request: Request, rows: QuerySet[Any], shape: type[BaseSerializer]
    ) -> Response:
        paginator = self.pagination()
        page = paginator.paginate_queryset(rows, request, view=self)
        return paginator.get_paginated_response(shape(page or [], many=True).data)


def one(rows: QuerySet[M], what: str, **lookup: Any) -> M:
    """The row of an address, among those that the actor sees, else `NotVisible`."""
    found = rows.filter(**lookup).first()
    if found is None:
        raise NotVisible(f"There is no such {what}, or you may not see it.")
    return found


def named(rows: QuerySet[M], field: str, name: str | None, lookup: str = "name") -> M:
    """The row that a body names in `field`, else `Invalid`."""
    found = rows.filter(**{lookup: name or ""}).first()
    if found is None:
        raise refuse(field, "known", f"There is no {field} “{(name or '')[:80]}”.")
    return found


def read(shape: type[BaseSerializer], request: Request, *, partial: bool = False) -> dict[str, Any]:
    """The validated body; DRF's error names each field."""
    given = shape(data=request.data, partial=partial)
    given.is_valid(raise_exception=True)
    return dict(given.validated_data)


def tag(data: Any) -> str:
    return etag_of(repr(sorted(dict(data).items())))


def answer(
    shape: type[BaseSerializer], row: Any, status: int = 200, location: str = ""
) -> Response:
    data = shape(row).data
    headers = {"ETag": tag(data)}
    if location:
        headers["Location"] = location
    return Response(data, status=status, headers=headers)
