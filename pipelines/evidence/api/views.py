"""Rules and evidence by REST: validate, one call of a service or selector, answer."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from idp.common.etags import etag_of, require_match
from idp.common.inputs import inputs
from idp.common.pagination import KeysetPagination
from pipelines import permissions
from pipelines.evidence import previewing, registry, selectors, services
from pipelines.evidence.api.serializers import (
    EvidenceFactOut,
    EvidenceOut,
    EvidencePreviewOut,
    EvidenceRuleChangeIn,
    EvidenceRuleIn,
    EvidenceRuleOut,
)
from pipelines.evidence.models import EvidenceRule
from pipelines.evidence.services import MANAGE, VIEW
from rbac.access import require_anywhere
from rbac.actors import Actor
from rbac.api.views import AccessAPIView
from rbac.selectors import scope_at

MATCH = OpenApiParameter("If-Match", str, OpenApiParameter.HEADER, description="The ETag read")


def etag(row: EvidenceRule) -> str:
    return etag_of(f"{row.pk} {row.revision}")


def answer(row: EvidenceRule, status_code: int = status.HTTP_200_OK) -> Response:
    return Response(EvidenceRuleOut(row).data, status=status_code, headers={"ETag": etag(row)})


def given_rule(actor: Actor, request: Request) -> dict[str, Any]:
    """A whole rule of a body, its scope found."""
    given = inputs(EvidenceRuleIn, request)
    return {**given, "scope": scope_at(actor, given["scope"])}


class ByName(KeysetPagination):
    ordering = "name"


class RulesAPI(AccessAPIView, ListAPIView):
    """Rules that ask for evidence and that you see, by name; POST makes one."""

    permissions: ClassVar[dict[str, str]] = {"GET": VIEW, "POST": MANAGE}
    serializer_class = EvidenceRuleOut
    filter_backends = ()
    pagination_class = ByName
    queryset = EvidenceRule.objects.none()

    def get_queryset(self) -> QuerySet[EvidenceRule]:
        return selectors.rules(self.actor)

    @extend_schema(operation_id="evidence_rules_list")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="evidence_rules_add", request=EvidenceRuleIn, responses={201: EvidenceRuleOut}
    )
    def post(self, request: Request) -> Response:
        require_anywhere(self.actor, MANAGE)
        row = services.add_rule(self.actor, **given_rule(self.actor, request))
        return answer(row, status.HTTP_201_CREATED)


class PreviewAPI(AccessAPIView):
    """What a rule that is not made yet would have done to the last promotions of its place."""

    permission = MANAGE

    @extend_schema(
        operation_id="evidence_rules_preview_new",
        request=EvidenceRuleIn,
        responses=EvidencePreviewOut,
    )
    def post(self, request: Request) -> Response:
        require_anywhere(self.actor, MANAGE)
        draft = services.draft(self.actor, **given_rule(self.actor, request))
        return Response(EvidencePreviewOut(previewing.preview(self.actor, draft)).data)


class RuleAPI(AccessAPIView):
    """One rule; PATCH changes it, DELETE forgets it."""

    permissions: ClassVar[dict[str, str]] = {"GET": VIEW, "PATCH": MANAGE, "DELETE": MANAGE}

    @extend_schema(operation_id="evidence_rules_get", responses=EvidenceRuleOut)
    def get(self, request: Request, name: str) -> Response:
        return answer(selectors.rule(self.actor, name))

    @extend_schema(
        operation_id="evidence_rules_change",
        request=EvidenceRuleChangeIn,
        responses=EvidenceRuleOut,
        parameters=[MATCH],
    )
    def patch(self, request: Request, name: str) -> Response:
        row = selectors.rule(self.actor, name)
        self.require(row.scope)
        require_match(request, etag(row))
        return answer(
            services.change_rule(self.actor, row, **inputs(EvidenceRuleChangeIn, request))
        )

    @extend_schema(operation_id="evidence_rules_remove", responses={204: None}, parameters=[MATCH])
    def delete(self, request: Request, name: str) -> Response:
        row = selectors.rule(self.actor, name)
        self.require(row.scope)
        require_match(request, etag(row))
        services.remove_rule(self.actor, row)
        return Response(status=status.HTTP_204_NO_CONTENT)


class RulePreviewAPI(AccessAPIView):
    """What a rule would have done with these changes, or as it is."""

    permission = MANAGE

    @extend_schema(
        operation_id="evidence_rules_preview",
        request=EvidenceRuleChangeIn,
        responses=EvidencePreviewOut,
    )
    def post(self, request: Request, name: str) -> Response:
        row = selectors.rule(self.actor, name)
        self.require(row.scope)
        draft = services.changed(row, **inputs(EvidenceRuleChangeIn, request))
        return Response(EvidencePreviewOut(previewing.preview(self.actor, draft)).data)


class EvidenceAPI(AccessAPIView):
    """Every fact of a commit with its value, or why it has none and how to get one."""

    permission = permissions.VIEW

    @extend_schema(
        operation_id="evidence_get",
        parameters=[
            OpenApiParameter("project", str, required=True),
            OpenApiParameter("commit", str, required=True, description="In full"),
        ],
        responses=EvidenceOut,
    )
    def get(self, request: Request) -> Response:
        query = request.query_params
        found = selectors.evidence(self.actor, query.get("project", ""), query.get("commit", ""))
        return Response(EvidenceOut(found).data)


class FactsAPI(AccessAPIView):
    """The facts that conditions may read: name, type, meaning and an example."""

    permission = VIEW

    @extend_schema(operation_id="evidence_facts", responses=EvidenceFactOut(many=True))
    def get(self, request: Request) -> Response:
        return Response(EvidenceFactOut(registry.catalogue(), many=True).data)
