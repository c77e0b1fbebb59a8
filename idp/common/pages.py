"""Errors of pages: what a view raises becomes a page that says what, why and what next."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import structlog
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from idp.common.errors import SlipwayError, TemporaryBackendError
from idp.common.host import Page
from idp.common.problems import (
    new_reference,
    problem,
    problem_response,
    retry_after,
)

log = structlog.get_logger(__name__)

_TEMPLATES = {403: "403", 404: "404", 409: "409", 412: "409", 422: "422", 400: "422"}


def error_page(
    request: HttpRequest, status: int, *, title: str, message: str, **context: Any
) -> HttpResponse:
    """`templates/errors/<status>.html`; the plain one where that cannot be rendered."""
    name = f"errors/{_TEMPLATES.get(status, '500')}.html"
    values = {"page": Page(title), "title": title, "message": message, "status": status, **context}
    try:
        html = render_to_string(name, values, request=request)
    except Exception:  # the database may be what failed, and the shell reads it
        log.exception("error_page.failed", template=name)
        html = render_to_string("errors/plain.html", values)
    return HttpResponse(html, status=status)


def page_of(request: HttpRequest, error: SlipwayError) -> HttpResponse:
    """The page of an error that has a message for the person who asked."""
    response = error_page(
        request,
        error.status,
        title=error.title,
        message=error.message,
        fix=error.fix,
        errors=error.errors,
        error=error,
        reference=new_reference() if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR else "",
    )
    if isinstance(error, TemporaryBackendError):
        response["Retry-After"] = str(retry_after(error))
    return response


class PageErrorMiddleware:
    """Renders each `SlipwayError` that a page view raises; REST has its own handler."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response: HttpResponse = self.get_response(request)
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, SlipwayError) or request.path_info.startswith("/api/"):
            return None
        if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            log.warning("page.error", error=error.message, code=error.code)
        return page_of(request, error)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django passes it
    return error_page(
        request, 400, title="The request is malformed", message="Slipway cannot read the request."
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001 - Django passes it
    """`CSRF_FAILURE_VIEW`: the form came from elsewhere, or from before the last sign-in."""
    if request.path_info.startswith("/api/"):
        return problem_response(problem(403))
    return error_page(
        request,
        403,
        title="The form is out of date",
        message="It was opened before you signed in, or by another site.",
        fix="Go back, load the page again and send the form once more.",
    )


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_page(
        request, 403, title="Not allowed", message=str(exception) or "You may not see this page."
    )


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django passes it
    return error_page(
        request,
        404,
        title="Not found",
        message="There is nothing at this address, or you may not see it.",
    )


def server_error(request: HttpRequest) -> HttpResponse:
    """The page of an unexpected error: a reference, no internals."""
    return error_page(
        request,
        500,
        title="Something went wrong",
        message="Slipway failed to answer; it was written to the log.",
        fix="Try again; if it stays, report the reference.",
        reference=new_reference(),
    )
