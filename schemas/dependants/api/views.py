"""Dependants by REST: who they are, what a candidate does to them, and what may go where."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import UserRateThrottle

from idp.common.errors import Refusal
from idp.common.inputs import inputs
from rbac.api.views import AccessAPIView
from rbac.selectors import scope_at
from schemas import naming, permissions, selectors
from schemas.dependants import checkins, parties
from schemas.dependants.api import serializers as out
from schemas.dependants.checkins import Word
from schemas.dependants.impact import Impact, impact_of
from schemas.dependants.models import Role
from schemas.dependants.promotion import Answer, Named, Question, may_deploy
from schemas.formats.base import FormatName
from schemas.parsing import Candidate, Reference
from schemas.traffic import selectors as traffic

MAX_SHOWN = 500  # cells of a matrix that are written out
_TRUE = frozenset({"1", "true", "yes"})


class DependantsAPI(AccessAPIView):
    """Who writes and who reads a subject: where, with which version, and how we know."""

    permission = permissions.VIEW

    @extend_schema(
        operation_id="schemas_dependants",
        responses=out.DependantsOut,
        parameters=[OpenApiParameter("subject", str, required=True)],
    )
    def get(self, request: Request) -> Response:
        name = naming.parse(request.query_params.get("subject", "").replace("\x00", ""))
        subject = selectors.subject(self.actor, name)
        known = [*parties.around(Q(), [subject]), *parties.catalogued([subject])]
        found = traffic.beside(self.actor, subject, known)
        return Response(out.DependantsOut({"subject": subject, "dependants": found}).data)


class ImpactAPI(AccessAPIView):
    """What a candidate would do to everybody who uses its subject; nothing is registered."""

    permission = permissions.VIEW
    anywhere = True

    @extend_schema(operation_id="schemas_impact", request=out.ImpactIn, responses=out.ImpactOut)
    def post(self, request: Request) -> Response:
        given = inputs(out.ImpactIn, request)
        candidate = Candidate(
            text=given["schema"],
            format=FormatName(given["format"]),
            references=tuple(Reference(**one) for one in given.get("references", [])),
        )
        found: Impact = impact_of(self.actor, naming.parse(given["subject"]), candidate)
        return Response(out.ImpactOut(found).data)


class MayDeployAPI(AccessAPIView):
    """May this set of versions go there? Every reader against every writer that would be there.

    With `?fail=1` a no is answered as 409, so that `curl --fail-with-body` fails with the reason.
    """

    permission = permissions.VIEW
    anywhere = True

    @extend_schema(
        operation_id="schemas_may_deploy",
        request=out.MayDeployIn,
        responses=out.MayDeployOut,
        parameters=[OpenApiParameter("fail", bool, description="Answer a no with 409")],
        examples=[
            OpenApiExample(
                "A revision",
                value={"set": "orders-api@7f3c", "environment": "orders/staging"},
                request_only=True,
            ),
            OpenApiExample(
                "Versions, named",
                value={
                    "set": "orders-api",
                    "environment": "orders/staging",
                    "produces": [{"subject": "orders-value", "version": "latest"}],
                },
                request_only=True,
            ),
        ],
    )
    def post(self, request: Request) -> Response:
        answer = may_deploy(self.actor, question(inputs(out.MayDeployIn, request)))
        strict = request.query_params.get("fail", "").lower() in _TRUE
        if strict and not answer.allowed:
            raise Refusal(answer.sentence, fix=answer.ways_out)
        return Response(plain(answer))


def question(given: dict[str, Any]) -> Question:
    """The validated body as the service takes it."""
    name, _, revision = given.get("set", "").partition("@")
    named = {
        key: tuple(Named(one["subject"], one["version"]) for one in given[key])
        for key in ("produces", "consumes")
    }
    return Question(given["environment"], name, revision, given.get("from", ""), **named)


def plain(answer: Answer) -> dict[str, Any]:
    """The answer as REST says it: broken pairs first, at most `MAX_SHOWN`."""
    cells = sorted(answer.world.cells, key=lambda cell: cell.compatible)
    rows = []
    for cell in cells[:MAX_SHOWN]:
        waiver = None if cell.compatible else answer.waiver_of(cell)
        by = waiver.approver.username if waiver and waiver.approver else ""
        rows.append({**vars(cell), "compatible": cell.compatible, "sentence": cell.sentence})
        rows[-1]["agreed_by"] = by
    body = {
        "allowed": answer.allowed,
        "environment": answer.world.scope.label,
        "sentence": answer.sentence,
        "ways_out": answer.ways_out,
        "missing": answer.world.missing,
        "set": answer.world.own,
        "matrix": rows,
        "left_out": max(0, len(cells) - MAX_SHOWN),
    }
    return dict(out.MayDeployOut(body).data)


class CheckInThrottle(UserRateThrottle):
    """A fleet of replicas starts at once; a loop that never sleeps is refused."""

    scope = "schema-check-ins"
    rate = "300/min"


class CheckInsAPI(AccessAPIView):
    """A running program says which version it holds; the same word again moves its end."""

    permission = permissions.CHECK_IN
    throttle_classes = (CheckInThrottle,)

    @extend_schema(
        operation_id="schemas_check_in",
        request=out.CheckInIn,
        responses={200: out.CheckInOut, 201: out.CheckInOut},
    )
    def post(self, request: Request) -> Response:
        given = inputs(out.CheckInIn, request)
        scope = scope_at(self.actor, given["environment"], "environment")
        word = Word(
            given["subject"],
            given["holder"],
            Role(given["role"]),
            given.get("version"),
            given["ttl_hours"],
        )
        row, made = checkins.check_in(self.actor, scope, word)
        code = status.HTTP_201_CREATED if made else status.HTTP_200_OK
        return Response(out.CheckInOut(row).data, status=code)
