import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from idp.common import pages
from idp.common.errors import (
    Clash,
    FieldError,
    Forbidden,
    Invalid,
    NotVisible,
    PreconditionFailed,
    Refusal,
    SlipwayError,
    TemporaryBackendError,
)


@pytest.fixture
def request_of_nobody() -> HttpRequest:
    request = RequestFactory().get("/environments/orders/staging/")
    request.user = AnonymousUser()
    return request


def page_of(request: HttpRequest, error: Exception) -> HttpResponse | None:
    middleware = pages.PageErrorMiddleware(lambda _request: HttpResponse())
    return middleware.process_exception(request, error)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotVisible("There is no environment orders/x."), 404),
        (Forbidden("You lack environment.scale."), 403),
        (Clash("The name is taken."), 409),
        (Refusal("The scope is frozen until Monday."), 409),
        (PreconditionFailed("It was changed."), 412),
        (Invalid("replicas: too many"), 422),
        (TemporaryBackendError("The cluster does not answer."), 503),
        (SlipwayError("It broke."), 500),
    ],
)
def test_each_error_has_a_page_with_its_message(
    request_of_nobody: HttpRequest, error: SlipwayError, status: int
) -> None:
    response = page_of(request_of_nobody, error)
    assert response is not None
    assert response.status_code == status
    assert error.message in response.content.decode()
    assert error.title in response.content.decode()


def test_fields_and_fixes_are_listed(request_of_nobody: HttpRequest) -> None:
    field = FieldError("name", "reserved", "“api” is reserved.", "Choose another.")
    response = page_of(request_of_nobody, Invalid("Wrong.", fix="Look below.", errors=[field]))
    assert response is not None
    html = response.content.decode()
    assert "Look below." in html
    assert "<code>name</code> “api” is reserved." in html


def test_what_a_message_quotes_is_escaped(request_of_nobody: HttpRequest) -> None:
    response = page_of(request_of_nobody, Invalid("“<script>” is not a name."))
    assert response is not None
    assert "<script>”" not in response.content.decode()


def test_a_target_that_is_away_says_when_to_come_back(request_of_nobody: HttpRequest) -> None:
    response = page_of(request_of_nobody, TemporaryBackendError("Away.", retry_after=7))
    assert response is not None
    assert response["Retry-After"] == "7"


def test_other_errors_and_rest_are_left_alone(request_of_nobody: HttpRequest) -> None:
    assert page_of(request_of_nobody, KeyError("x")) is None
    assert page_of(RequestFactory().get("/api/v1/x/"), Invalid("x")) is None


@pytest.mark.django_db
def test_an_unknown_address_is_a_page(client: Client) -> None:
    response = client.get("/no/such/page/")
    assert response.status_code == 404
    assert "There is nothing at this address" in response.content.decode()


def test_the_handlers_of_django(request_of_nobody: HttpRequest) -> None:
    bad = pages.bad_request(request_of_nobody, Exception("internals"))
    denied = pages.permission_denied(request_of_nobody, Exception("Only auditors."))
    broken = pages.server_error(request_of_nobody)
    assert [bad.status_code, denied.status_code, broken.status_code] == [400, 403, 500]
    assert "internals" not in bad.content.decode()
    assert "Only auditors." in denied.content.decode()
    assert "Reference" in broken.content.decode()


def test_the_error_page_survives_a_shell_that_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    class Breaking:
        @property
        def is_authenticated(self) -> bool:
            raise ConnectionError("no database")

    request = RequestFactory().get("/")
    request.user = Breaking()  # type: ignore[assignment]
    response = pages.server_error(request)
    assert response.status_code == 500
    assert "Something went wrong" in response.content.decode()


def test_a_form_that_is_out_of_date_says_what_to_do(request_of_nobody: HttpRequest) -> None:
    page = pages.csrf_failure(request_of_nobody)
    assert page.status_code == 403
    assert "load the page again" in page.content.decode()
    rest = pages.csrf_failure(RequestFactory().post("/api/v1/x/"))
    assert rest["Content-Type"] == "application/problem+json"
