"""Shares of one environment by REST: who has one, giving, ending."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from environments import selectors
from environments.api.views import EnvironmentView
from idp.common.inputs import inputs
from rbac import selectors as access
from rbac.access import require
from rbac.api.lists import named
from rbac.models import User
from rbac.services import share, unshare


class ShareOut(serializers.Serializer):
    user = serializers.CharField(source="username")
    permissions = serializers.ListField(child=serializers.CharField())
    ends_at = serializers.DateTimeField(allow_null=True)


class ShareIn(serializers.Serializer):
    user = serializers.CharField(max_length=150)
    permissions = serializers.ListField(
        child=serializers.CharField(max_length=80),
        max_length=100,
        required=False,
        default=list,
        help_text="Seeing the environment and its changes comes with it.",
    )
    ends_at = serializers.DateTimeField(required=False, allow_null=True, default=None)
    reason = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")


class SharesAPI(EnvironmentView):
    """With whom the environment alone is shared; POST replaces a person's share."""

    permissions: ClassVar[dict[str, str]] = {"GET": "access.view", "POST": "access.grant"}

    @extend_schema(operation_id="environments_shares", responses=ShareOut(many=True))
    def get(self, request: Request, project: str, name: str) -> Response:
        rows = access.shares(self.actor, self.environment())
        return Response({"results": ShareOut(rows, many=True).data})

    @extend_schema(operation_id="environments_share", request=ShareIn, responses={201: ShareOut})
    def post(self, request: Request, project: str, name: str) -> Response:
        row = self.environment()
        require(self.actor, "access.grant", row)
        given = inputs(ShareIn, request)
        username = given.pop("user")
        person: User = named(User.objects.order_by("pk"), "user", username, "username")
        share(self.actor, user=person, obj=row, **given)
        made = next(one for one in access.shares(self.actor, row) if one.username == username)
        return Response(ShareOut(made).data, status=201)


class ShareAPI(EnvironmentView):
    permission = "access.grant"

    @extend_schema(operation_id="environments_unshare", request=None, responses={204: None})
    def delete(self, request: Request, project: str, name: str, username: str) -> Response:
        row = self.environment()
        require(self.actor, self.permission, row)
        unshare(self.actor, user=selectors.shared_with(row, username), obj=row)
        return Response(status=204)
