"""Variables of a project by REST: one call of a selector or service each."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from idp.common.inputs import inputs
from idp.common.pagination import KeysetPagination
from pipelines.permissions import MANAGE
from pipelines.variables import selectors, services
from pipelines.variables.api.serializers import VariableChangeIn, VariableIn, VariableOut
from pipelines.variables.models import Variable
from rbac.api.views import AccessAPIView


class ByName(KeysetPagination):
    ordering = "name"


class VariablesAPI(AccessAPIView, ListAPIView):
    """Variables of a project's pipelines, by name; POST makes one."""

    permission = MANAGE
    serializer_class = VariableOut
    filter_backends = ()
    pagination_class = ByName
    queryset = Variable.objects.none()

    def get_queryset(self) -> QuerySet[Variable]:
        return selectors.of_project(self.actor, selectors.project(self.actor, self.kwargs["name"]))

    @extend_schema(
        operation_id="variables_list",
        parameters=[OpenApiParameter("name", str, OpenApiParameter.PATH)],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(operation_id="variables_add", request=VariableIn, responses={201: VariableOut})
    def post(self, request: Request, name: str) -> Response:
        project = selectors.project(self.actor, name)
        row = services.create(self.actor, project, **inputs(VariableIn, request))
        return Response(VariableOut(row).data, status=status.HTTP_201_CREATED)


class VariableAPI(AccessAPIView):
    """One variable; PATCH changes it, DELETE takes it from every pipeline planned afterwards."""

    permission = MANAGE

    @extend_schema(operation_id="variables_get", responses=VariableOut)
    def get(self, request: Request, pk: int) -> Response:
        return Response(VariableOut(selectors.variable(self.actor, pk)).data)

    @extend_schema(operation_id="variables_change", request=VariableChangeIn, responses=VariableOut)
    def patch(self, request: Request, pk: int) -> Response:
        selectors.variable(self.actor, pk)
        row = services.update(self.actor, pk, **inputs(VariableChangeIn, request))
        return Response(VariableOut(row).data)

    @extend_schema(operation_id="variables_remove", responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        services.delete(self.actor, pk)
        return Response(status=status.HTTP_204_NO_CONTENT)
