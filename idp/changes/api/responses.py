"""Answers of long work: 202, the change's address, and the change."""

from __future__ import annotations

from rest_framework import status
from rest_framework.response import Response

from idp.changes.api.serializers import ChangeOut
from idp.changes.models import Change
from rbac.actors import Actor


def accepted(actor: Actor, change: Change) -> Response:
    """202 with `Location` and the change as `actor` sees it; every app's long work answers so."""
    body = ChangeOut(change, context={"actor": actor}).data
    return Response(
        body,
        status=status.HTTP_202_ACCEPTED,
        headers={"Location": f"/api/v1/changes/{change.pk}/"},
    )
