"""ETags, idempotency keys, request ids."""

from base64 import b64encode

import pytest
from django.db import DataError
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from idp.common import etags
from idp.common.errors import Invalid, PreconditionFailed
from idp.common.idempotency import idempotency_key
from idp.common.middleware import WithoutNul
from idp.common.pagination import KeysetPagination
from idp.common.problems import describe
from portal.selectors import Filters
from tests.rbac.factories import Characters, make_characters


@pytest.fixture
def people(db: None) -> Characters:
    return make_characters()


TAG = etags.etag_of("tree 1")


def asking(**headers: str) -> object:
    return RequestFactory().get("/", headers={k.replace("_", "-"): v for k, v in headers.items()})


def test_equal_texts_have_equal_tags() -> None:
    assert etags.etag_of("a") == etags.etag_of("a") != etags.etag_of("b")
    assert TAG.startswith('"')


@pytest.mark.parametrize("header", [TAG, "*", f'"other", {TAG}', f"W/{TAG}", ""])
def test_a_version_that_was_seen_passes(header: str) -> None:
    etags.require_match(asking(If_Match=header), TAG)


def test_a_request_without_the_header_passes() -> None:
    etags.require_match(asking(), TAG)


@pytest.mark.parametrize("header", ['"other"', "other", 'W/"x"'])
def test_another_version_is_refused(header: str) -> None:
    with pytest.raises(PreconditionFailed, match="It was changed since you read it") as caught:
        etags.require_match(asking(If_Match=header), TAG)
    assert TAG in caught.value.fix


@pytest.mark.parametrize(
    ("header", "key"), [("abc-1", "abc-1"), ('"abc"', "abc"), ("x" * 120, "x" * 120)]
)
def test_the_caller_s_key(header: str, key: str) -> None:
    assert idempotency_key(asking(Idempotency_Key=header)) == key


def test_no_key_is_empty() -> None:
    assert idempotency_key(asking()) == ""


@pytest.mark.parametrize("header", ["", "a b", "x" * 121, "ü", '"'])
def test_a_key_of_another_form_is_refused(header: str) -> None:
    with pytest.raises(Invalid, match="not 1 to 120 printable characters") as caught:
        idempotency_key(asking(Idempotency_Key=header))
    assert caught.value.errors[0].field == "Idempotency-Key"


def test_each_response_carries_an_id_and_the_version(client: Client) -> None:
    response = client.get("/api/v1/no/such/")
    assert len(response["X-Request-ID"]) == 32
    assert response["Slipway-Version"]


def test_the_caller_s_id_is_kept_when_it_is_harmless(client: Client) -> None:
    given = client.get("/api/v1/no/such/", headers={"X-Request-ID": "trace-12345"})
    assert given["X-Request-ID"] == "trace-12345"
    odd = client.get("/api/v1/no/such/", headers={"X-Request-ID": "a b\tc" * 50})
    assert odd["X-Request-ID"] != "a b\tc" * 50


@pytest.mark.parametrize("query", ["q=a%00b", "q=a%%0000b", "q=a\0b"])
def test_views_see_no_nul_in_a_query(query: str) -> None:
    request = RequestFactory().get("/", QUERY_STRING=query)
    seen: list[str] = []

    def view(inner: HttpRequest) -> HttpResponse:
        seen.append(inner.GET["q"])
        return HttpResponse()

    WithoutNul(view)(request)
    assert seen == ["ab"]


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/catalog/a%00b/", "/api/v1/users/a%00b/"])
def test_an_address_with_a_nul_names_nothing(path: str, people: Characters) -> None:
    client = Client()
    client.force_login(people.administrator)
    assert client.get(path).status_code == 404


@pytest.mark.django_db
def test_no_filter_of_the_catalog_hears_a_nul(people: Characters) -> None:
    client = Client()
    client.force_login(people.developer)
    answer = client.get("/catalog/?q=%00&owner=x%00&after=%00&before=%00")
    assert answer.status_code == 200
    assert answer.context["filters"] == Filters(owner="x")


def test_a_cursor_with_a_nul_is_no_cursor() -> None:
    cursor = b64encode(b"p=a%00b").decode()
    request = Request(RequestFactory().get("/", {"cursor": cursor}))
    with pytest.raises(NotFound, match="Invalid cursor"):
        KeysetPagination().decode_cursor(request)


def test_what_the_database_cannot_hold_is_wrong_input() -> None:
    body, _ = describe(DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes"))
    assert body["status"] == 422
    assert "holds a NUL character" in body["detail"]
