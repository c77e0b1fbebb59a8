"""The wire API where a server hands its requests to Django alone, as development servers do.

In production the adapters of `schemas.wire` stand before Django; this view says the same words for
what reaches Django all the same, except that an encoded slash may have been decoded on the way.
"""

from __future__ import annotations

from typing import ClassVar

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from schemas.wire.application import respond
from schemas.wire.calls import MAX_BODY
from schemas.wire.wsgi import call_of


@method_decorator(csrf_exempt, name="dispatch")
class Registry(View):
    """Schema registry clients' address."""

    public: ClassVar[str] = "Decides by the token of each request, in the registry's own words."

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        try:
            body = request.body
        except RequestDataTooBig:
            body = b" " * (MAX_BODY + 1)  # answered like every other body that is too large
        answer = respond(call_of(request.META, body))
        return HttpResponse(answer.body, status=answer.status, headers=dict(answer.headers))
