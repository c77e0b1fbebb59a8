"""REST of clusters and accounts. Credentials go in and never come out."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from gitops import connections, registering, selectors
from gitops.api import serializers as shapes
from gitops.models import CloudAccount, Cluster
from idp.common.etags import require_match
from rbac.access import get_visible
from rbac.api.lists import ByName, ListAPIView, answer, tag
from rbac.api.views import AccessAPIView

R = TypeVar("R", Cluster, CloudAccount)


class _Detail(AccessAPIView):
    """What both kinds do alike; the methods stand in the subclasses, with their schemas."""

    shape: ClassVar[type[serializers.ModelSerializer]]
    change: ClassVar[type[serializers.ModelSerializer]]

    def rows(self) -> QuerySet[Any]:
        raise NotImplementedError

    def shown(self, name: str) -> Response:
        row = get_visible(self.actor, self.permissions["GET"], self.rows(), name=name)
        return answer(self.shape, row)

    def stored(self, request: Request, model: type[R], name: str) -> R:
        """The row with its credentials, after the right and If-Match were judged."""
        row = get_visible(self.actor, self.permissions["GET"], self.rows(), name=name)
        self.require(row)
        require_match(request, tag(self.shape(row).data))
        return model._default_manager.get(pk=row.pk)

    def changed(self, request: Request, row: Cluster | CloudAccount) -> Response:
        given = self.change(row, data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        for field, value in given.validated_data.items():
            setattr(row, field, value)
        registering.save(self.actor, row)
        return answer(self.shape, self.rows().get(pk=row.pk))


class Clusters(ListAPIView):
    """Registered clusters, without their credentials; POST registers one."""

    permissions = {"GET": "cluster.view", "POST": "cluster.manage"}
    pagination = ByName

    @extend_schema(operation_id="clusters_list", responses=shapes.ClusterSerializer(many=True))
    def get(self, request: Request) -> Response:
        return self.listed(request, selectors.clusters(self.actor), shapes.ClusterSerializer)

    @extend_schema(
        operation_id="clusters_create",
        request=shapes.ClusterIn,
        responses={201: shapes.ClusterSerializer},
    )
    def post(self, request: Request) -> Response:
        self.require(None)
        given = shapes.ClusterIn(data=request.data)
        given.is_valid(raise_exception=True)
        row = Cluster(**given.validated_data)
        registering.save(self.actor, row)
        made = selectors.clusters(self.actor).get(pk=row.pk)
        return answer(shapes.ClusterSerializer, made, 201, f"/api/v1/clusters/{row.name}/")


class ClusterDetail(_Detail):
    permissions = {"GET": "cluster.view", "PATCH": "cluster.manage", "DELETE": "cluster.manage"}
    shape, change = shapes.ClusterSerializer, shapes.ClusterIn

    def rows(self) -> QuerySet[Any]:
        return selectors.clusters(self.actor)

    @extend_schema(operation_id="clusters_retrieve", responses=shapes.ClusterSerializer)
    def get(self, request: Request, name: str) -> Response:
        return self.shown(name)

    @extend_schema(
        operation_id="clusters_partial_update",
        request=shapes.ClusterIn,
        responses=shapes.ClusterSerializer,
    )
    def patch(self, request: Request, name: str) -> Response:
        return self.changed(request, self.stored(request, Cluster, name))

    @extend_schema(operation_id="clusters_destroy", responses={204: None})
    def delete(self, request: Request, name: str) -> Response:
        registering.remove(self.actor, self.stored(request, Cluster, name))
        return Response(status=204)


class ClusterTest(AccessAPIView):
    """Try the connection now, and answer what was found."""

    permission = "cluster.manage"

    @extend_schema(request=None, responses=shapes.FindingSerializer(many=True))
    def post(self, request: Request, name: str) -> Response:
        row = get_visible(self.actor, "cluster.view", Cluster.objects.all(), name=name)
        found = connections.test_cluster(self.actor, row)
        return Response(shapes.FindingSerializer(found, many=True).data)


class Accounts(ListAPIView):
    """Registered cloud accounts, without their credentials; POST registers one."""

    permissions = {"GET": "account.view", "POST": "account.manage"}
    pagination = ByName

    @extend_schema(operation_id="accounts_list", responses=shapes.AccountSerializer(many=True))
    def get(self, request: Request) -> Response:
        return self.listed(request, selectors.accounts(self.actor), shapes.AccountSerializer)

    @extend_schema(
        operation_id="accounts_create",
        request=shapes.AccountIn,
        responses={201: shapes.AccountSerializer},
    )
    def post(self, request: Request) -> Response:
        self.require(None)
        given = shapes.AccountIn(data=request.data)
        given.is_valid(raise_exception=True)
        row = CloudAccount(**given.validated_data)
        registering.save(self.actor, row)
        made = selectors.accounts(self.actor).get(pk=row.pk)
        return answer(shapes.AccountSerializer, made, 201, f"/api/v1/accounts/{row.name}/")


class AccountDetail(_Detail):
    permissions = {"GET": "account.view", "PATCH": "account.manage", "DELETE": "account.manage"}
    shape, change = shapes.AccountSerializer, shapes.AccountIn

    def rows(self) -> QuerySet[Any]:
        return selectors.accounts(self.actor)

    @extend_schema(operation_id="accounts_retrieve", responses=shapes.AccountSerializer)
    def get(self, request: Request, name: str) -> Response:
        return self.shown(name)

    @extend_schema(
        operation_id="accounts_partial_update",
        request=shapes.AccountIn,
        responses=shapes.AccountSerializer,
    )
    def patch(self, request: Request, name: str) -> Response:
        return self.changed(request, self.stored(request, CloudAccount, name))

    @extend_schema(operation_id="accounts_destroy", responses={204: None})
    def delete(self, request: Request, name: str) -> Response:
        registering.remove(self.actor, self.stored(request, CloudAccount, name))
        return Response(status=204)


class AccountTest(AccessAPIView):
    """Try the account now, and answer what was found."""

    permission = "account.manage"

    @extend_schema(request=None, responses=shapes.FindingSerializer(many=True))
    def post(self, request: Request, name: str) -> Response:
        row = get_visible(self.actor, "account.view", CloudAccount.objects.all(), name=name)
        found = connections.test_account(self.actor, row)
        return Response(shapes.FindingSerializer(found, many=True).data)
