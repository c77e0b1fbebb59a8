"""Agents by REST: one call of a selector or service each."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from gitops.models import Cluster
from idp.common.inputs import inputs
from idp.common.pagination import KeysetPagination
from pipelines.fleet import selectors, services
from pipelines.fleet.api.serializers import AgentChangeIn, AgentIn, AgentMade, AgentOut
from pipelines.fleet.models import Agent
from pipelines.permissions import MANAGE, VIEW
from rbac.access import get_visible, require_anywhere
from rbac.api.views import AccessAPIView


class ByName(KeysetPagination):
    ordering = "name"


class AgentsAPI(AccessAPIView, ListAPIView):
    """Agents by name; POST makes one and answers its token, which is told this once."""

    permission = VIEW
    permissions = {"POST": MANAGE}
    serializer_class = AgentOut
    filter_backends = ()
    pagination_class = ByName
    queryset = Agent.objects.none()

    def get_queryset(self) -> QuerySet[Agent]:
        return selectors.agents(self.actor)

    @extend_schema(operation_id="agents_list")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(operation_id="agents_add", request=AgentIn, responses={201: AgentMade})
    def post(self, request: Request) -> Response:
        require_anywhere(self.actor, MANAGE)
        given = inputs(AgentIn, request)
        name, cluster = given.pop("project", None), given.pop("cluster", None)
        project = selectors.project(self.actor, name) if name else None
        where = None
        if cluster:
            where = get_visible(self.actor, "cluster.view", Cluster.objects.all(), name=cluster)
        row, text = services.create(self.actor, project=project, cluster=where, **given)
        made = AgentMade(row, context={"token": text}).data
        return Response(made, status=status.HTTP_201_CREATED)


class AgentAPI(AccessAPIView):
    """One agent; PATCH changes it, DELETE ends its token and fails what it runs."""

    permission = MANAGE
    permissions = {"GET": VIEW}

    @extend_schema(operation_id="agents_get", responses=AgentOut)
    def get(self, request: Request, pk: int) -> Response:
        return Response(AgentOut(selectors.agent(self.actor, pk)).data)

    @extend_schema(operation_id="agents_change", request=AgentChangeIn, responses=AgentOut)
    def patch(self, request: Request, pk: int) -> Response:
        selectors.agent(self.actor, pk, manage=True)
        services.update(self.actor, pk, **inputs(AgentChangeIn, request))
        return Response(AgentOut(selectors.agent(self.actor, pk)).data)

    @extend_schema(operation_id="agents_remove", responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        services.delete(self.actor, pk)
        return Response(status=status.HTTP_204_NO_CONTENT)


class AgentTokenAPI(AccessAPIView):
    """A new token for an agent; the old one is dead at once."""

    permission = MANAGE

    @extend_schema(operation_id="agents_rotate", request=None, responses=AgentMade)
    def post(self, request: Request, pk: int) -> Response:
        row, text = services.rotate(self.actor, pk)
        return Response(AgentMade(row, context={"token": text}).data)
