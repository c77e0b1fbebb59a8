"""REST for freezes, waivers and approval rules."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response

from idp.changes import selectors, services
from idp.changes.api import serializers as out
from idp.changes.models import ApprovalRule, Freeze, Waiver
from idp.common.errors import NotVisible
from rbac.access import require_anywhere
from rbac.api.views import AccessAPIView
from rbac.selectors import scope_at


def _taken(serializer: type[Any], request: Request, **kwargs: Any) -> dict[str, Any]:
    form = serializer(data=request.data, **kwargs)
    form.is_valid(raise_exception=True)
    return dict(form.validated_data)


class FreezeList(AccessAPIView, generics.ListAPIView):
    """Freezes, the last to end first."""

    permissions = {"GET": "freeze.view", "POST": "freeze.manage"}
    serializer_class = out.FreezeOut
    queryset = Freeze.objects.none()

    def get_queryset(self) -> QuerySet[Freeze]:
        return selectors.freeze_list(self.actor)

    @extend_schema(
        operation_id="freezes_create", request=out.FreezeIn, responses={201: out.FreezeOut}
    )
    def post(self, request: Request) -> Response:
        """Hold every change at a place for a while."""
        require_anywhere(self.actor, "freeze.manage")
        given = _taken(out.FreezeIn, request)
        scope = scope_at(self.actor, given.pop("scope"))
        freeze = services.freeze(self.actor, scope, **given)
        return Response(out.FreezeOut(freeze).data, status=status.HTTP_201_CREATED)


class LiftFreeze(AccessAPIView):
    permission = "freeze.manage"

    @extend_schema(operation_id="freezes_lift", request=None, responses=out.FreezeOut)
    def post(self, request: Request, pk: int) -> Response:
        """End a freeze now."""
        row = selectors.freeze_get(self.actor, pk)
        return Response(out.FreezeOut(services.lift_freeze(self.actor, row)).data)


class WaiverList(AccessAPIView, generics.ListAPIView):
    """Waivers, the newest first."""

    permissions = {"GET": "gate.view", "POST": "change.view"}
    serializer_class = out.WaiverOut
    queryset = Waiver.objects.none()

    def get_queryset(self) -> QuerySet[Waiver]:
        return selectors.waiver_list(self.actor)

    @extend_schema(
        operation_id="waivers_create", request=out.WaiverIn, responses={201: out.WaiverOut}
    )
    def post(self, request: Request) -> Response:
        """Ask to be let past a gate, for one change or for a place; somebody else grants it."""
        given = _taken(out.WaiverIn, request)
        number, label = given.pop("change"), given.pop("scope")
        change = selectors.change_get(self.actor, number) if number is not None else None
        scope = change.scope if change else scope_at(self.actor, label)
        waiver = services.ask_waiver(self.actor, scope=scope, change=change, **given)
        return Response(out.WaiverOut(waiver).data, status=status.HTTP_201_CREATED)


class WaiverAction(AccessAPIView):
    permission = "gate.waive"

    def waiver(self, pk: int) -> Waiver:
        return selectors.waiver_get(self.actor, pk)


class GrantWaiver(WaiverAction):
    @extend_schema(operation_id="waivers_grant", request=None, responses=out.WaiverOut)
    def post(self, request: Request, pk: int) -> Response:
        """Let a waiver count that somebody else asked for."""
        return Response(out.WaiverOut(services.grant_waiver(self.actor, self.waiver(pk))).data)


class RevokeWaiver(WaiverAction):
    @extend_schema(operation_id="waivers_revoke", request=out.AnswerIn, responses=out.WaiverOut)
    def post(self, request: Request, pk: int) -> Response:
        """Decline a waiver that was asked for, or end it now; `answer` says why."""
        waiver = self.waiver(pk)
        answer = _taken(out.AnswerIn, request)["answer"]
        return Response(out.WaiverOut(services.revoke_waiver(self.actor, waiver, answer)).data)


class LeaveList(AccessAPIView):
    """Leave of others for one change: waivers for just what a gate refused, at their places."""

    permission = "change.view"  # the service asks for the change's own verb

    @extend_schema(operation_id="changes_leave", responses=out.WaiverOut(many=True))
    def get(self, request: Request, pk: int) -> Response:
        """What was asked for this change and what became of it."""
        found = selectors.leave_of(selectors.change_get(self.actor, pk))
        return Response(out.WaiverOut(found, many=True).data)

    @extend_schema(
        operation_id="changes_ask_leave",
        request=out.LeaveIn,
        responses={201: out.WaiverOut(many=True)},
    )
    def post(self, request: Request, pk: int) -> Response:
        """Ask all whom a gate's answer names under `leave`, or some of them."""
        change = selectors.change_get(self.actor, pk)
        given = _taken(out.LeaveIn, request)
        chosen = given.pop("about", None)
        about = None if chosen is None else [(one["scope"], one["about"]) for one in chosen]
        made = services.ask_leave(self.actor, change, about=about, **given)
        return Response(out.WaiverOut(made, many=True).data, status=status.HTTP_201_CREATED)


class RuleList(AccessAPIView, generics.ListAPIView):
    """Rules that ask for approvals."""

    permissions = {"GET": "gate.view", "POST": "gate.manage"}
    serializer_class = out.RuleOut
    queryset = ApprovalRule.objects.none()

    def get_queryset(self) -> QuerySet[ApprovalRule]:
        return selectors.rule_list(self.actor)

    @extend_schema(
        operation_id="approval_rules_create", request=out.RuleIn, responses={201: out.RuleOut}
    )
    def post(self, request: Request) -> Response:
        """Ask for N approvals of changes for which a condition holds."""
        require_anywhere(self.actor, "gate.manage")
        given = _taken(out.RuleIn, request)
        scope = scope_at(self.actor, given.pop("scope"))
        rule = services.save_rule(self.actor, ApprovalRule(scope=scope, **given))
        return Response(out.RuleOut(rule).data, status=status.HTTP_201_CREATED)


class RuleDetail(AccessAPIView):
    permissions = {"GET": "gate.view", "PATCH": "gate.manage", "DELETE": "gate.manage"}

    def rule(self, name: str) -> ApprovalRule:
        found = selectors.rule_list(self.actor).filter(name=name).first()
        if found is None:
            raise NotVisible(f"There is no rule “{name[:60]}”, or you may not see it.")
        return found

    @extend_schema(operation_id="approval_rules_retrieve", responses=out.RuleOut)
    def get(self, request: Request, name: str) -> Response:
        return Response(out.RuleOut(self.rule(name)).data)

    @extend_schema(
        operation_id="approval_rules_update", request=out.RulePatch, responses=out.RuleOut
    )
    def patch(self, request: Request, name: str) -> Response:
        rule = self.rule(name)
        for field, value in _taken(out.RulePatch, request).items():
            setattr(rule, field, value)
        return Response(out.RuleOut(services.save_rule(self.actor, rule)).data)

    @extend_schema(operation_id="approval_rules_delete", responses={204: None})
    def delete(self, request: Request, name: str) -> Response:
        services.delete_rule(self.actor, self.rule(name))
        return Response(status=status.HTTP_204_NO_CONTENT)
