"""Configuration by REST: variables against the schema that code declares for them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from idp.common.errors import Refusal
from idp.common.inputs import inputs
from rbac.api.views import AccessAPIView
from schemas import permissions
from schemas.variables.api.serializers import ConfigCheckIn, ConfigCheckOut
from schemas.variables.checking import Question, check
from schemas.variables.judging import Judgement, spoken

_TRUE = frozenset({"1", "true", "yes"})


class ConfigCheckAPI(AccessAPIView):
    """Whether variables fit the schema that code declares; nothing is stored.

    With `?fail=1` a no is answered as 409, so that `curl --fail-with-body` fails with the reason.
    """

    permission = permissions.VIEW
    anywhere = True

    @extend_schema(
        operation_id="schemas_config_check",
        request=ConfigCheckIn,
        responses=ConfigCheckOut,
        parameters=[OpenApiParameter("fail", bool, description="Answer a no with 409")],
        examples=[
            OpenApiExample(
                "A subject",
                request_only=True,
                value={
                    "workload": "web",
                    "subject": "web-config",
                    "version": 2,
                    "variables": {"PORT": "8080"},
                    "secrets": ["DATABASE_URL"],
                },
            )
        ],
    )
    def post(self, request: Request) -> Response:
        found = check(self.actor, Question(**inputs(ConfigCheckIn, request)))
        if found.faults and request.query_params.get("fail", "").lower() in _TRUE:
            raise Refusal(spoken(found.faults), fix=found.faults[0].fix)
        return Response(plain(found))


def plain(found: Judgement) -> dict[str, Any]:
    """A judgement as REST says it."""
    return {
        "valid": found.fine,
        "schema": found.settings.called,
        "faults": [asdict(fault) for fault in found.faults],
        "notes": found.notes,
    }
