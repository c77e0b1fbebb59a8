"""ETags, idempotency keys, request ids."""

import pytest
from django.test import Client, RequestFactory

from idp.common import etags
from idp.common.errors import Invalid, PreconditionFailed
from idp.common.idempotency import idempotency_key

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
