import json
from typing import Any

import pytest
from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    ValidationError,
)
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from idp.common import problems
from idp.common.errors import FieldError, Forbidden, Invalid, SlipwayError, TemporaryBackendError


def answer_of(error: Exception) -> tuple[Response, dict[str, Any]]:
    class Raising(APIView):
        authentication_classes = ()
        permission_classes = ()

        def get(self, request: Request) -> Response:
            raise error

    response = Raising.as_view()(APIRequestFactory().get("/api/v1/x/"))
    response.render()
    assert response["Content-Type"] == "application/problem+json"
    body = json.loads(response.content)
    assert body["status"] == response.status_code
    assert {"type", "title", "status", "code", "detail"} <= set(body)
    return response, body


def test_an_error_of_ours_gives_message_fields_and_fix() -> None:
    field = FieldError("parameters.replicas", "minimum", "0 is too small.", "Use at least 1.")
    _, body = answer_of(Invalid("replicas: 0 is too small.", fix="Use at least 1.", errors=[field]))
    assert body == {
        "type": "https://slipway.dev/problems/invalid",
        "title": "The input breaks a rule",
        "status": 422,
        "code": "invalid",
        "detail": "replicas: 0 is too small.",
        "fix": "Use at least 1.",
        "errors": [
            {
                "field": "parameters.replicas",
                "rule": "minimum",
                "message": "0 is too small.",
                "fix": "Use at least 1.",
            }
        ],
    }


def test_forbidden_says_the_reason() -> None:
    response, body = answer_of(Forbidden("You lack environment.scale.", fix="Ask lee.lead."))
    assert response.status_code == 403
    assert (body["detail"], body["fix"]) == ("You lack environment.scale.", "Ask lee.lead.")


@pytest.mark.parametrize(("seconds", "header"), [(0, "5"), (2.2, "3")])
def test_a_target_that_is_away_is_503_with_retry_after(seconds: float, header: str) -> None:
    error = TemporaryBackendError("The cluster “local” does not answer.", retry_after=seconds)
    response, body = answer_of(error)
    assert (response.status_code, response["Retry-After"]) == (503, header)
    assert body["code"] == "backend_unavailable"


class Inner(serializers.Serializer[Any]):
    replicas = serializers.IntegerField(min_value=1)


class Outer(serializers.Serializer[Any]):
    name = serializers.CharField()
    items = Inner(many=True)


def test_a_serializer_s_errors_are_flat_with_dotted_paths() -> None:
    serializer = Outer(data={"items": [{"replicas": 1}, {"replicas": 0}]})
    assert not serializer.is_valid()
    response, body = answer_of(exceptions.ValidationError(serializer.errors))
    assert response.status_code == 422
    assert {(e["field"], e["rule"]) for e in body["errors"]} == {
        ("name", "required"),
        ("items.1.replicas", "min_value"),
    }


def test_a_model_s_errors_are_flat() -> None:
    _, body = answer_of(ValidationError({"name": ["Reserved."], "__all__": ["Twice."]}))
    assert [(e["field"], e["message"]) for e in body["errors"]] == [
        ("name", "Reserved."),
        ("request", "Twice."),
    ]


@pytest.mark.parametrize(
    ("error", "status", "code", "detail"),
    [
        (exceptions.ParseError(), 400, "malformed", "Malformed request."),
        (exceptions.NotFound(), 404, "not_found", "Not found."),
        (
            exceptions.MethodNotAllowed("PUT"),
            405,
            "method_not_allowed",
            'Method "PUT" not allowed.',
        ),
        (
            exceptions.UnsupportedMediaType("x/y"),
            415,
            "unsupported_media_type",
            "Unsupported media",
        ),
        (exceptions.Throttled(wait=1.5), 429, "too_many_requests", "Request was throttled."),
        (Http404("secret detail"), 404, "not_found", "nothing here, or you may not see it"),
        (PermissionDenied(), 403, "forbidden", "You may not do this."),
        (RequestDataTooBig("x"), 413, "too_large", "larger than this server reads"),
        (SuspiciousOperation("x"), 400, "malformed", "The request is malformed."),
        (OperationalError("password=x"), 503, "unavailable", "The database does not answer"),
    ],
)
def test_errors_of_the_frameworks_are_problems(
    error: Exception, status: int, code: str, detail: str
) -> None:
    response, body = answer_of(error)
    assert (response.status_code, body["code"]) == (status, code)
    assert detail in body["detail"]


def test_throttling_says_when_to_come_back() -> None:
    assert answer_of(exceptions.Throttled(wait=1.5))[0]["Retry-After"] == "2"


def test_what_is_unexpected_shows_a_reference_and_no_internals() -> None:
    response, body = answer_of(KeyError("internal detail"))
    assert response.status_code == 500
    assert "internal detail" not in response.content.decode()
    assert body["reference"] in body["fix"]


def test_an_unknown_address_below_api_is_no_html(client: Client) -> None:
    response = client.get("/api/v1/no/such/address/")
    assert response.status_code == 404
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["detail"] == "There is no such address."


def test_a_bad_host_below_api_is_no_html(client: Client) -> None:
    response = client.get("/api/v1/no/such/", headers={"host": "evil.example"})
    assert response.status_code in {400, 404}
    assert response["Content-Type"] == "application/problem+json"


class TestMiddleware:
    def middleware(self, response: HttpResponse) -> problems.ApiProblemMiddleware:
        return problems.ApiProblemMiddleware(lambda _request: response)

    def test_headers_that_matter_are_kept(self) -> None:
        html = HttpResponse("<h1>no</h1>", status=405, headers={"Allow": "GET"})
        answer = self.middleware(html)(RequestFactory().put("/api/v1/"))
        assert (answer["Allow"], json.loads(answer.content)["status"]) == ("GET", 405)

    def test_a_server_error_gets_a_reference(self) -> None:
        answer = self.middleware(HttpResponse("trace", status=500))(RequestFactory().get("/api/"))
        assert "reference" in json.loads(answer.content)

    def test_pages_and_successes_stay_as_they_are(self) -> None:
        page = HttpResponse("<h1>no</h1>", status=404)
        assert self.middleware(page)(RequestFactory().get("/environments/x/")) is page
        fine = HttpResponse("<h1>console</h1>")
        assert self.middleware(fine)(RequestFactory().get("/api/v1/docs/")) is fine

    def test_plain_views_below_api_are_answered(self) -> None:
        middleware = self.middleware(HttpResponse())
        request: HttpRequest = RequestFactory().get("/api/v1/x/")
        answer = middleware.process_exception(request, Invalid("No."))
        assert answer is not None
        assert answer.status_code == 422
        page = RequestFactory().get("/x/")
        assert middleware.process_exception(page, SlipwayError("No.")) is None
