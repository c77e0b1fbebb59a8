"""Policies by REST: validate, one call of a service or selector, answer."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from idp.changes.api.serializers import WaiverOut
from idp.common.errors import SlipwayError
from idp.common.etags import etag_of, require_match
from idp.common.inputs import inputs
from idp.common.pagination import KeysetPagination
from rbac.access import require_anywhere
from rbac.actors import Actor
from rbac.api.views import AccessAPIView
from rbac.selectors import scope_at
from schemas import listing
from schemas.api.views import MATCH
from schemas.permissions import POLICY_MANAGE, POLICY_VIEW, REGISTER, VIEW
from schemas.policies import previewing, selectors, services
from schemas.policies.api.serializers import (
    FailureOut,
    PolicyChangeIn,
    PolicyIn,
    PolicyOut,
    PreviewOut,
    RemovalIn,
    SubjectPoliciesOut,
)
from schemas.policies.models import PolicyFailure, SchemaPolicy


def etag(row: SchemaPolicy) -> str:
    return etag_of(f"{row.pk} {row.revision}")


def answer(row: SchemaPolicy, status_code: int = status.HTTP_200_OK) -> Response:
    return Response(PolicyOut(row).data, status=status_code, headers={"ETag": etag(row)})


def given_policy(actor: Actor, request: Request) -> dict[str, Any]:
    """A whole policy of a body, its scope found."""
    given = inputs(PolicyIn, request)
    return {**given, "scope": scope_at(actor, given["scope"])}


class ByName(KeysetPagination):
    ordering = "name"


class PoliciesAPI(AccessAPIView, ListAPIView):
    """Policies that you see, by name; POST makes one. It begins to bite when its mode says so."""

    permissions: ClassVar[dict[str, str]] = {"GET": POLICY_VIEW, "POST": POLICY_MANAGE}
    serializer_class = PolicyOut
    filter_backends = ()
    pagination_class = ByName
    queryset = SchemaPolicy.objects.none()

    def get_queryset(self) -> QuerySet[SchemaPolicy]:
        return selectors.policies(self.actor)

    @extend_schema(operation_id="schema_policies_list")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(operation_id="schema_policies_add", request=PolicyIn, responses={201: PolicyOut})
    def post(self, request: Request) -> Response:
        require_anywhere(self.actor, POLICY_MANAGE)
        row = services.add_policy(self.actor, **given_policy(self.actor, request))
        return answer(row, status.HTTP_201_CREATED)


class PreviewAPI(AccessAPIView):
    """What a policy would do that is not made yet: how many subjects would fail, and why."""

    permission = POLICY_MANAGE

    @extend_schema(
        operation_id="schema_policies_preview_new", request=PolicyIn, responses=PreviewOut
    )
    def post(self, request: Request) -> Response:
        require_anywhere(self.actor, POLICY_MANAGE)
        draft = services.draft(self.actor, **given_policy(self.actor, request))
        return Response(PreviewOut(previewing.preview(self.actor, draft)).data)


class PolicyView(AccessAPIView):
    """Base of what is about one policy, by its name."""

    permission = POLICY_VIEW

    def policy(self) -> SchemaPolicy:
        return selectors.policy(self.actor, self.kwargs["name"])


class PolicyAPI(PolicyView):
    """One policy; PATCH changes it, DELETE forgets it."""

    permissions: ClassVar[dict[str, str]] = {
        "GET": POLICY_VIEW,
        "PATCH": POLICY_MANAGE,
        "DELETE": POLICY_MANAGE,
    }

    @extend_schema(operation_id="schema_policies_get", responses=PolicyOut)
    def get(self, request: Request, name: str) -> Response:
        return answer(self.policy())

    @extend_schema(
        operation_id="schema_policies_change",
        request=PolicyChangeIn,
        responses=PolicyOut,
        parameters=[MATCH],
    )
    def patch(self, request: Request, name: str) -> Response:
        row = self.policy()
        self.require(row.scope)
        require_match(request, etag(row))
        return answer(services.change_policy(self.actor, row, **inputs(PolicyChangeIn, request)))

    @extend_schema(operation_id="schema_policies_remove", responses={204: None}, parameters=[MATCH])
    def delete(self, request: Request, name: str) -> Response:
        row = self.policy()
        self.require(row.scope)
        require_match(request, etag(row))
        services.remove_policy(self.actor, row)
        return Response(status=status.HTTP_204_NO_CONTENT)


class PolicyPreviewAPI(PolicyView):
    """What a policy would do with these changes, or as it is, if it were on."""

    permission = POLICY_MANAGE

    @extend_schema(
        operation_id="schema_policies_preview", request=PolicyChangeIn, responses=PreviewOut
    )
    def post(self, request: Request, name: str) -> Response:
        row = self.policy()
        self.require(row.scope)
        draft = services.changed(row, **inputs(PolicyChangeIn, request))
        return Response(PreviewOut(previewing.preview(self.actor, draft)).data)


class FailuresAPI(PolicyView, ListAPIView):
    """What fails a policy now, of the subjects that you see."""

    serializer_class = FailureOut
    filter_backends = ()
    queryset = PolicyFailure.objects.none()

    def get_queryset(self) -> QuerySet[PolicyFailure]:
        return selectors.failures(self.actor, self.policy()).order_by("-id")

    @extend_schema(
        operation_id="schema_policies_failures",
        parameters=[OpenApiParameter("name", str, OpenApiParameter.PATH)],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


class SubjectPoliciesAPI(AccessAPIView):
    """The policies about a subject, what it fails of them, and its tagged fields."""

    permission = VIEW

    @extend_schema(operation_id="subjects_policies", responses=SubjectPoliciesOut)
    def get(self, request: Request, pk: int) -> Response:
        found = listing.subject(self.actor, pk)
        try:
            tagged = selectors.tagged(found)
        except SlipwayError:  # a bound was tightened since: the policies are worth saying still
            tagged = []
        said = {"policies": selectors.standing(found), "tagged": tagged}
        return Response(SubjectPoliciesOut(said).data)


class TagRemovalsAPI(AccessAPIView):
    """Ask for leave to take a guarded tag from a field; another person gives it in their inbox."""

    permission = REGISTER

    @extend_schema(
        operation_id="subjects_tag_removals", request=RemovalIn, responses={201: WaiverOut}
    )
    def post(self, request: Request, pk: int) -> Response:
        found = listing.subject(self.actor, pk)
        self.require(found.keeper)
        waiver = services.ask_removal(self.actor, found, **inputs(RemovalIn, request))
        return Response(WaiverOut(waiver).data, status=status.HTTP_201_CREATED)
