"""`Idempotency-Key`: a request that is sent again is answered with the first one's change.

Any app decorates its methods that answer 202 through `accepted` with `keyed`; the key then stands
in the OpenAPI document. draft-ietf-httpapi-idempotency-key-header-07
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.utils.crypto import salted_hmac
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from idp.changes import selectors
from idp.changes.api.responses import accepted
from idp.changes.models import AnsweredRequest
from idp.common.errors import FieldError, Invalid
from idp.common.idempotency import MAX_KEY, idempotency_key

HEADER = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "maxLength": MAX_KEY},
    OpenApiParameter.HEADER,
    description="Sent again, the same request with the same key answers with what it made before;"
    " refused where the key came with another request.",
)
Method = Callable[..., Response]


def keyed(method: Method) -> Method:
    """Let a view's method, which answers 202, know the key before it validates or does anything."""

    @wraps(method)
    def answer(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = idempotency_key(request)
        if not key:
            return method(self, request, *args, **kwargs)
        digest = _digest(request)
        made = AnsweredRequest.objects.filter(actor=self.actor.user, key=key).first()
        if made is None:
            response = method(self, request, *args, **kwargs)
            AnsweredRequest.objects.get_or_create(
                actor=self.actor.user,
                key=key,
                defaults={"digest": digest, "change_id": response.data["id"]},
            )
            return response
        if made.digest != digest:
            raise _another(made)
        return accepted(self.actor, selectors.change_get(self.actor, made.change_id))

    documented: Method = extend_schema(parameters=[HEADER])(answer)
    return documented


def _digest(request: Request) -> str:
    """What is asked, without telling it: verb, address and body, whatever the order of its keys."""
    asked = [request.method, request.get_full_path(), request.data]
    text = json.dumps(asked, sort_keys=True, default=str)
    return salted_hmac("slipway.requests", text, algorithm="sha256").hexdigest()


def _another(made: AnsweredRequest) -> Invalid:
    message = f"The key came with another request, which change {made.change_id} answered."
    fix = "Send another key for another request."
    found = FieldError("Idempotency-Key", "reused", message, fix)
    return Invalid(message, fix=fix, errors=[found])
