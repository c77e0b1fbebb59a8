"""REST for changes: read, confirm, cancel, plan anew, approve, reject."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response

from idp.changes import selectors, services
from idp.changes.api import serializers as out
from idp.changes.api.keyed import keyed
from idp.changes.api.responses import accepted
from idp.changes.filters import ChangeFilter
from idp.changes.models import Change
from idp.changes.plans import Plan
from idp.common.errors import FieldError, Invalid, NotVisible
from rbac.api.views import AccessAPIView

MAX_EVENTS = 500
_WORK = {202: out.ChangeOut}


class ChangeList(AccessAPIView, generics.ListAPIView):
    """Changes that you may see, newest first."""

    permission = "change.view"
    serializer_class = out.ChangeRow
    filterset_class = ChangeFilter
    queryset = Change.objects.none()

    def get_queryset(self) -> QuerySet[Change]:
        return selectors.change_list(self.actor)


class ChangeDetail(AccessAPIView):
    permission = "change.view"

    @extend_schema(operation_id="changes_retrieve", responses=out.ChangeOut)
    def get(self, request: Request, pk: int) -> Response:
        change = selectors.change_get(self.actor, pk)
        return Response(out.ChangeOut(change, context={"actor": self.actor}).data)


class ChangePlan(AccessAPIView):
    permission = "change.view"

    @extend_schema(operation_id="changes_plan", responses=out.PlanOut)
    def get(self, request: Request, pk: int) -> Response:
        """The plan: every object's before and after, risks, losses and gates."""
        change = selectors.change_get(self.actor, pk)
        if change.plan is None:
            raise NotVisible("There is no plan yet.", fix="Follow the change; it is being planned.")
        return Response(out.PlanOut(plan_of(change)).data)


def plan_of(change: Change) -> dict[str, Any]:
    """The plan document of a change that has one."""
    return {
        "change": change.pk,
        "plan_hash": change.plan_hash,
        "planned_at": change.planned_at,
        "counts": Plan.from_json(change.plan).counts if change.plan else {},
        "plan": change.plan,
        "gates": change.gates,
    }


class ChangeEvents(AccessAPIView):
    permission = "change.view"

    @extend_schema(
        operation_id="changes_events",
        parameters=[
            OpenApiParameter("since", int, description="Events after this number."),
            OpenApiParameter("limit", int, description=f"At most {MAX_EVENTS}."),
        ],
        responses=out.EventPage,
    )
    def get(self, request: Request, pk: int) -> Response:
        """What happened, in order; `stream` is the same live, as server-sent events."""
        change = selectors.change_get(self.actor, pk)
        since = _number(request, "since", 0, 2**62)
        limit = max(1, _number(request, "limit", 100, MAX_EVENTS))
        found = selectors.events_since(change, since, limit)
        more = len(found) == limit
        here = f"/api/v1/changes/{pk}/events/"
        return Response(
            {
                "results": out.EventOut(found, many=True).data,
                "next": f"{here}?since={found[-1].number}&limit={limit}" if more else None,
                "stream": f"/events/?topic=change:{pk}",
            }
        )


def _number(request: Request, name: str, default: int, top: int) -> int:
    text = request.query_params.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 20):  # noqa: PLR2004 - 64 bits
        message = "It is not a whole number."
        raise Invalid(
            f"{name}: {message}", errors=[FieldError(name, "integer", message, "Send digits.")]
        )
    return min(int(text), top)


class ChangeAction(AccessAPIView):
    """One verb on one change; the service decides, the state and the plan are checked there."""

    permission = "change.view"  # the service asks for more: the change's verb, cancel or approve

    def change(self, pk: int) -> Change:
        return selectors.change_get(self.actor, pk)

    def answer(self, change: Change) -> Response:
        return accepted(self.actor, selectors.change_get(self.actor, change.pk))

    def taken(self, serializer: type[Any], request: Request) -> dict[str, Any]:
        form = serializer(data=request.data)
        form.is_valid(raise_exception=True)
        return dict(form.validated_data)


class ConfirmChange(ChangeAction):
    @extend_schema(operation_id="changes_confirm", request=out.ConfirmIn, responses=_WORK)
    @keyed
    def post(self, request: Request, pk: int) -> Response:
        """Confirm the plan that you read; it then goes by itself when its gates pass."""
        change, given = self.change(pk), self.taken(out.ConfirmIn, request)
        services.confirm(self.actor, change, given["plan_hash"], given["choices"])
        return self.answer(change)


class CancelChange(ChangeAction):
    @extend_schema(operation_id="changes_cancel", request=None, responses=_WORK)
    @keyed
    def post(self, request: Request, pk: int) -> Response:
        """Stop it: at once where nothing runs, else after the running step."""
        return self.answer(services.cancel(self.actor, self.change(pk)))


class ReplanChange(ChangeAction):
    @extend_schema(operation_id="changes_replan", request=None, responses=_WORK)
    @keyed
    def post(self, request: Request, pk: int) -> Response:
        """Plan again from the world as it is now."""
        return self.answer(services.replan(self.actor, self.change(pk)))


class ApproveChange(ChangeAction):
    @extend_schema(operation_id="changes_approve", request=out.ApproveIn, responses=_WORK)
    @keyed
    def post(self, request: Request, pk: int) -> Response:
        """Say yes to exactly this plan; never to a change that you asked for."""
        change, given = self.change(pk), self.taken(out.ApproveIn, request)
        services.approve(self.actor, change, given["plan_hash"], given["comment"])
        return self.answer(change)


class RejectChange(ChangeAction):
    @extend_schema(operation_id="changes_reject", request=out.RejectIn, responses=_WORK)
    @keyed
    def post(self, request: Request, pk: int) -> Response:
        """Say no, with the reason; the change ends refused."""
        change, given = self.change(pk), self.taken(out.RejectIn, request)
        services.reject(self.actor, change, given["plan_hash"], given["comment"])
        return self.answer(change)


class Inbox(AccessAPIView):
    permission = "change.view"

    @extend_schema(operation_id="inbox", responses=out.InboxOut)
    def get(self, request: Request) -> Response:
        """What waits for you: to confirm, to approve, to waive."""
        changes = selectors.inbox_changes(self.actor)[: selectors.MAX_INBOX]
        waivers = selectors.inbox_waivers(self.actor)[: selectors.MAX_INBOX]
        return Response(out.InboxOut({"changes": changes, "waivers": waivers}).data)
