"""What every response carries, and what is counted of every request."""

from __future__ import annotations

import re
import time
import uuid
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse

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


class WithoutNul:
    """Takes NUL out of query strings, and answers an address that has one with 404.

    PostgreSQL's text holds no NUL (SQLSTATE 22021): one place instead of one at every filter.
    """

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        query = request.META.get("QUERY_STRING", "")
        while found := _NUL.search(query):
            query = query.replace(found[0], "")
        request.META["QUERY_STRING"] = query
        response: HttpResponse = self.get_response(request)
        return response

    def process_view(self, request: HttpRequest, *_: Any) -> None:
        if "\0" in request.path_info:
            raise Http404


_NUL = re.compile(r"%00|\0")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
