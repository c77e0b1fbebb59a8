"""What every response carries, and what is counted of every request."""

from __future__ import annotations

import re
import time
import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse

from idp.common.metrics import REQUEST_SECONDS
from idp.common.version import VERSION

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


class RequestMarks:
    """Gives each request an id (the caller's, where it has a harmless form) and each response it.

    Stands first, so that django_structlog, rbac's audit and error pages see the same id.
    """

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        request.META["HTTP_X_REQUEST_ID"] = request_id
        request.__dict__.pop("headers", None)  # Django caches the headers that it was asked for
        started = time.monotonic()
        response: HttpResponse = self.get_response(request)
        match = request.resolver_match
        REQUEST_SECONDS.labels(
            request.method if request.method in _METHODS else "other",
            match.route if match else "none",
            str(response.status_code),
        ).observe(time.monotonic() - started)
        response["X-Request-ID"] = request_id
        response["Slipway-Version"] = VERSION
        return response


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
