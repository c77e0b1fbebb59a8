"""Every REST error as `application/problem+json` (RFC 9457): what, which field, what to do."""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

import structlog
from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    ValidationError,
)
from django.db import DataError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from rest_framework import exceptions
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from idp.common.errors import FieldError, SlipwayError, TemporaryBackendError

CONTENT_TYPE = "application/problem+json"
TYPE = "https://slipway.dev/problems/"
DEFAULT_RETRY = 5
_UNAVAILABLE = 503

log = structlog.get_logger(__name__)

_CODES = {
    400: "malformed",
    401: "not_signed_in",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    413: "too_large",
    415: "unsupported_media_type",
    429: "too_many_requests",
    500: "error",
    503: "unavailable",
}


def new_reference() -> str:
    """The id by which an error is found in the logs: the request's, or a fresh one."""
    known = structlog.contextvars.get_contextvars().get("request_id")
    return str(known) if known else uuid.uuid4().hex


def problem(
    status: int,
    *,
    code: str = "",
    title: str = "",
    detail: str = "",
    fix: str = "",
    errors: tuple[FieldError, ...] = (),
    **extra: Any,
) -> dict[str, Any]:
    """The members of a problem document."""
    name = code or _CODES.get(status, HTTPStatus(status).name.lower())
    body: dict[str, Any] = {
        "type": f"{TYPE}{name}",
        "title": title or HTTPStatus(status).phrase,
        "status": status,
        "code": name,
        "detail": detail or title or HTTPStatus(status).phrase,
        **extra,
    }
    if fix:
        body["fix"] = fix
    if errors:
        body["errors"] = [
            {"field": e.field, "rule": e.rule, "message": e.message, "fix": e.fix} for e in errors
        ]
    return body


def field_errors(detail: Any, path: str = "") -> Iterator[FieldError]:
    """DRF's or Django's nested validation details, flat, with dotted paths."""
    if isinstance(detail, Mapping):
        for key, item in detail.items():
            name = "" if key in {"non_field_errors", "__all__"} else str(key)
            yield from field_errors(item, ".".join(part for part in (path, name) if part))
    elif isinstance(detail, (list, tuple)):
        for index, item in enumerate(detail):
            nested = isinstance(item, (Mapping, list, tuple))
            yield from field_errors(item, f"{path}.{index}" if nested and path else path)
    else:
        yield FieldError(path or "request", str(getattr(detail, "code", "invalid")), str(detail))


def retry_after(error: SlipwayError) -> int:
    """Whole seconds after which it is worth trying again."""
    seconds = getattr(error, "retry_after", 0)
    return math.ceil(seconds) if seconds else DEFAULT_RETRY


def _of_slipway(error: SlipwayError) -> tuple[dict[str, Any], dict[str, str]]:
    headers = (
        {"Retry-After": str(retry_after(error))} if isinstance(error, TemporaryBackendError) else {}
    )
    body = problem(
        error.status,
        code=error.code,
        title=error.title,
        detail=error.message,
        fix=error.fix,
        errors=error.errors,
        **error.facts,
    )
    return body, headers


def _of_drf(error: exceptions.APIException) -> tuple[dict[str, Any], dict[str, str]]:
    headers: dict[str, str] = {}
    if getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = error.auth_header  # type: ignore[attr-defined]  # DRF sets it
    if wait := getattr(error, "wait", None):  # of Throttled
        headers["Retry-After"] = str(math.ceil(wait))
    if isinstance(error, exceptions.ValidationError):
        return _of_validation(error.detail), headers
    detail = error.detail if isinstance(error.detail, str) else str(error.default_detail)
    return problem(error.status_code, detail=str(detail)), headers


def _of_validation(detail: Any) -> dict[str, Any]:
    errors = tuple(field_errors(detail))
    message = f"{errors[0].field}: {errors[0].message}" if errors else "The input breaks a rule."
    return problem(
        422, code="invalid", title="The input breaks a rule", detail=message, errors=errors
    )


_DJANGO: tuple[tuple[type[Exception], int, str], ...] = (
    (Http404, 404, "There is nothing here, or you may not see it."),
    (PermissionDenied, 403, "You may not do this."),
    (RequestDataTooBig, 413, "The request is larger than this server reads."),
    (SuspiciousOperation, 400, "The request is malformed."),
    (
        DataError,
        422,
        "A value cannot be stored: it is too long or too large, or it holds a NUL character.",
    ),
    (OperationalError, 503, "The database does not answer at the moment."),
)
_LOGGED: Mapping[type[Exception], str] = {
    OperationalError: "database.unavailable",
    DataError: "database.refused_value",
}


def _of_django(error: Exception) -> tuple[dict[str, Any], dict[str, str]] | None:
    if isinstance(error, ValidationError):
        detail = error.message_dict if hasattr(error, "error_dict") else error.messages
        return _of_validation(detail), {}
    for kind, status, message in _DJANGO:
        if isinstance(error, kind):
            if kind in _LOGGED:
                log.warning(_LOGGED[kind], exc_info=error)
            headers = {"Retry-After": str(DEFAULT_RETRY)} if status == _UNAVAILABLE else {}
            return problem(status, detail=message), headers
    return None


def _unexpected(error: Exception) -> dict[str, Any]:
    reference = new_reference()
    log.error("request.error", reference=reference, exc_info=error)
    return problem(
        500,
        title="Something went wrong",
        detail="Slipway failed to answer; it was written to the log.",
        fix=f"Try again; if it stays, report reference {reference}.",
        reference=reference,
    )


def describe(error: Exception) -> tuple[dict[str, Any], dict[str, str]]:
    """Problem document and headers of any exception; what is unexpected gets a reference id."""
    if isinstance(error, SlipwayError):
        return _of_slipway(error)
    if isinstance(error, exceptions.APIException):
        return _of_drf(error)
    known = _of_django(error)
    return known if known is not None else (_unexpected(error), {})


def exception_handler(error: Exception, context: dict[str, Any]) -> Response:
    """DRF's EXCEPTION_HANDLER: JSON, whatever the view renders when all is well."""
    body, headers = describe(error)
    request = context.get("request")
    if request is not None:
        request.accepted_renderer = JSONRenderer()
        request.accepted_media_type = CONTENT_TYPE
    return Response(body, status=body["status"], headers=headers, content_type=CONTENT_TYPE)


def problem_response(
    body: dict[str, Any], headers: Mapping[str, str] | None = None
) -> HttpResponse:
    return JsonResponse(
        body, status=body["status"], headers=dict(headers or {}), content_type=CONTENT_TYPE
    )


class ApiProblemMiddleware:
    """Below /api/ no error is HTML: not the resolver's 404, a bad host or Django's own 500."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response: HttpResponse = self.get_response(request)
        failed = response.status_code >= HTTPStatus.BAD_REQUEST
        if not (failed and request.path_info.startswith("/api/")) or "json" in response.get(
            "Content-Type", ""
        ):
            return response
        return problem_response(self._body(response.status_code), self._kept(response))

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer what a plain view below /api/ raised."""
        if not request.path_info.startswith("/api/"):
            return None
        return problem_response(*describe(error))

    @staticmethod
    def _body(status: int) -> dict[str, Any]:
        if status == HTTPStatus.NOT_FOUND:
            return problem(
                status,
                detail="There is no such address.",
                fix="The addresses are listed at /api/v1/schema/.",
            )
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            reference = new_reference()
            return problem(status, fix=f"Report reference {reference}.", reference=reference)
        return problem(status)

    @staticmethod
    def _kept(response: HttpResponse) -> dict[str, str]:
        names = ("Allow", "Retry-After", "WWW-Authenticate")
        return {name: response[name] for name in names if name in response}
