"""How long a project's pipelines are kept, by REST."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from idp.common.inputs import Strict, inputs
from pipelines.permissions import MANAGE, VIEW
from pipelines.retention import selectors, services
from pipelines.retention.selectors import Kept
from rbac.api.views import AccessAPIView

_GOING = (
    f"Pipelines that are over by now and go within the next runs, counted to"
    f" {selectors.MOST_COUNTED}. With them go their jobs, logs and artifacts."
)


class RetentionOut(serializers.Serializer):
    """For how many days pipelines are kept after their end; null: for ever."""

    project = serializers.CharField(source="project.name")
    days = serializers.IntegerField(allow_null=True)
    own = serializers.SerializerMethodField(help_text="Else it is the installation's default.")
    changed_by = serializers.CharField(source="own.changed_by", default="")
    changed_at = serializers.DateTimeField(source="own.changed_at", default=None, allow_null=True)
    going = serializers.SerializerMethodField(help_text=_GOING)

    def get_own(self, kept: Kept) -> bool:
        return kept.own is not None

    def get_going(self, kept: Kept) -> int:
        return selectors.going(kept.project, kept.days)


class RetentionIn(Strict):
    """What can be changed."""

    days = serializers.IntegerField(
        min_value=services.LEAST, max_value=services.MOST, allow_null=True,
        help_text="null: for ever",
    )  # fmt: skip


class RetentionAPI(AccessAPIView):
    """How long pipelines are kept; PUT changes it, and what is over then goes by itself.

    The latest of each branch and tag stays, and so does what a bundle, a deployment or an
    environment names.
    """

    permissions: ClassVar[dict[str, str]] = {"GET": VIEW, "PUT": MANAGE}

    @extend_schema(operation_id="pipeline_retention_get", responses=RetentionOut)
    def get(self, request: Request, name: str) -> Response:
        return Response(_said(selectors.one(self.actor, name)))

    @extend_schema(
        operation_id="pipeline_retention_change", request=RetentionIn, responses=RetentionOut
    )
    def put(self, request: Request, name: str) -> Response:
        kept = selectors.managed(self.actor, name)
        services.set_days(self.actor, kept.project, inputs(RetentionIn, request)["days"])
        return Response(_said(selectors.one(self.actor, name)))


def _said(kept: Kept) -> Any:
    return RetentionOut(kept).data
