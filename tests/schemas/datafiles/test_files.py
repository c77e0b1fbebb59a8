"""Files by REST and by page: JSON, lines of JSON, Avro; where each fault stands."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, override_settings

from idp.common import receiving
from rbac.actors import Actor
from schemas.addresses import page_of
from schemas.datafiles import checking
from schemas.formats.base import FormatName
from schemas.models import Subject
from tests.rbac.factories import Characters
from tests.schemas.datafiles.files import packed
from tests.schemas.factories import V1, V2, register
from tests.schemas.pages import html, signed_in
from tests.schemas.test_beside import YAML

pytestmark = pytest.mark.django_db
GOOD, BAD = {"id": 1, "amount": 2.5}, {"id": "x", "amount": 2.5}
LINES = "application/x-ndjson"


@pytest.fixture
def dana(people: Characters) -> Actor:
    return Actor(people.developer)


@pytest.fixture
def orders(dana: Actor) -> Subject:
    return register(dana, "orders-value", V1, V2)


@pytest.fixture
def browser(people: Characters) -> Client:
    return signed_in(people.developer)


def lines(*values: Any) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


class TestRest:
    def send(
        self, browser: Client, subject: Subject, data: bytes, query: str = "", **more: Any
    ) -> Any:
        status, kind = more.pop("status", 200), more.pop("kind", "application/octet-stream")
        version = more.pop("version", 1)
        url = f"/api/v1/subjects/{subject.pk}/versions/{version}/check-file/{query}"
        answer = browser.generic("POST", url, data, content_type=kind)
        assert answer.status_code == status, answer.content
        return json.loads(answer.content)

    def test_one_value(self, browser: Client, orders: Subject) -> None:
        found = self.send(browser, orders, json.dumps(GOOD, indent=2).encode())
        assert (found["valid"], found["kind"], found["records"]) == (True, "json", 1)
        assert found["sentence"] == "1 record fits."

    def test_a_fault_has_its_line_and_pointer(self, browser: Client, orders: Subject) -> None:
        data = lines(GOOD) + b"\n" + lines(BAD, GOOD) + b'{"id": \n'
        found = self.send(browser, orders, data, kind=LINES)
        assert (found["valid"], found["kind"]) == (False, "ndjson")
        assert (found["records"], found["wrong"]) == (4, 2)
        first, second = found["faults"]
        assert (first["record"], first["line"], first["field"]) == (1, 3, "/id")
        assert (second["line"], second["rule"]) == (5, "json")

    def test_a_container(self, browser: Client, orders: Subject) -> None:
        data = packed(json.loads(V1), [GOOD] * 3, "deflate")
        found = self.send(browser, orders, data)
        assert (found["valid"], found["kind"], found["records"]) == (True, "avro", 3)
        assert self.send(browser, orders, data, version=2)["valid"]
        newer = packed(json.loads(V2), [{**GOOD, "currency": "EUR"}])
        assert self.send(browser, orders, newer)["valid"]

    def test_a_form(self, browser: Client, orders: Subject) -> None:
        url = f"/api/v1/subjects/{orders.pk}/versions/latest/check-file/"
        file = SimpleUploadedFile("orders.jsonl", lines(BAD))
        answer = browser.post(url, {"file": file})
        assert answer.status_code == 200, answer.content
        assert answer.json()["faults"][0]["line"] == 1
        assert browser.post(url, {"other": "x"}).status_code == 422
        assert browser.post(url, {"file": "no file"}).status_code == 422

    def test_a_no_may_be_answered_with_409(self, browser: Client, orders: Subject) -> None:
        found = self.send(browser, orders, lines(GOOD, BAD), "?fail=1", status=409)
        assert found["detail"].startswith("1 of 2 records does not fit.")
        assert "line 2, /id" in json.dumps(found)
        assert self.send(browser, orders, lines(GOOD, GOOD), "?fail=1")["valid"]

    def test_other_formats(self, browser: Client, dana: Actor) -> None:
        text = '{"type": "object", "required": ["id"]}'
        customers = register(dana, "customers", text, format=FormatName.JSON)
        found = self.send(browser, customers, lines({"id": 1}, {}))
        assert [(one["line"], one["field"]) for one in found["faults"]] == [(2, "/id")]
        proto = 'syntax = "proto3"; message P { int32 id = 1; }'
        payments = register(dana, "payments", proto, format=FormatName.PROTOBUF)
        assert self.send(browser, payments, lines({"id": 1}, {"id": 2}))["valid"]
        data = packed(json.loads(V1), [GOOD])
        refused = self.send(browser, customers, data, status=422)
        assert "cannot be held against a JSON schema" in refused["detail"]
        api = register(dana, "orders-api", YAML, format=FormatName.OPENAPI)
        assert self.send(browser, api, b"{}", status=422)["status"] == 422

    @pytest.mark.parametrize(
        ("data", "query", "status"),
        [
            (b"", "", 422),
            (b"  \n ", "", 422),
            (b"\n\n", "?kind=ndjson", 422),
            (b"{}", "?kind=xml", 422),
        ],
    )
    def test_what_is_no_file(
        self, browser: Client, orders: Subject, data: bytes, query: str, status: int
    ) -> None:
        assert self.send(browser, orders, data, query, status=status)["status"] == status

    @pytest.mark.parametrize(
        ("data", "query", "rule"),
        [
            (b"{", "", "json"),
            (b"\xff\xfe{}", "", "utf-8"),
            (b"[" * 100_000, "", "json"),
            (b"NaN", "", "json"),
            (b"1" * 5000, "", "json"),
            (b'{"id": 1, "amount": 1}\n{}', "?kind=json", "json"),
            (b"null", "?kind=avro", "avro"),
            (b'{"id": "\\ud800", "amount": 1}', "", "type"),
        ],
    )
    def test_hostile_bytes_are_faults_with_a_place(
        self, browser: Client, orders: Subject, data: bytes, query: str, rule: str
    ) -> None:
        found = self.send(browser, orders, data, query)
        assert not found["valid"]
        assert found["faults"][0]["rule"] == rule

    def test_a_byte_order_mark_is_no_fault(self, browser: Client, orders: Subject) -> None:
        mark = b"\xef\xbb\xbf"
        assert self.send(browser, orders, mark + lines(GOOD))["valid"]
        assert self.send(browser, orders, mark + lines(GOOD, GOOD), kind=LINES)["valid"]

    def test_bounds_of_lines_records_and_time(
        self, browser: Client, orders: Subject, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(checking, "MAX_LINE", 100)
        found = self.send(browser, orders, lines(GOOD) + b" " * 200 + b"\n", "?kind=ndjson")
        assert found["valid"]  # blank, whatever its length
        found = self.send(browser, orders, lines(GOOD, "x" * 300), "?kind=ndjson")
        assert found["stopped"] == "Line 2 has more than 100 bytes."
        monkeypatch.setattr(checking, "MAX_RECORDS", 2)
        found = self.send(browser, orders, lines(GOOD, GOOD, GOOD), "?kind=ndjson")
        assert (found["valid"], found["records"]) == (False, 2)
        monkeypatch.setattr(checking, "SECONDS", -1.0)
        found = self.send(browser, orders, lines(GOOD), "?kind=ndjson")
        assert found["stopped"] == "Checking took longer than -1 s."
        monkeypatch.setattr(checking, "MAX_WHOLE", 10)
        refused = self.send(browser, orders, json.dumps(GOOD, indent=1).encode(), status=422)
        assert "one value" in refused["detail"]

    def test_the_first_hundred_faults_are_told(self, browser: Client, orders: Subject) -> None:
        found = self.send(browser, orders, lines(*[BAD] * 300), kind=LINES)
        assert (len(found["faults"]), found["wrong"], found["left_out"]) == (100, 300, True)

    def test_a_file_too_large_is_refused_before_it_is_kept(
        self, browser: Client, orders: Subject, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(checking, "MAX_BYTES", 1000)
        found = self.send(browser, orders, b"x" * 2000, status=413)
        assert found["code"] == "too_large"
        url = f"/api/v1/subjects/{orders.pk}/versions/1/check-file/"
        monkeypatch.setattr(receiving, "IN_MEMORY", 100)
        answer = browser.post(url, {"file": SimpleUploadedFile("a.json", b"x" * 3000)})
        assert answer.status_code == 413

    def test_who_does_not_see_the_subject(self, orders: Subject, people: Characters) -> None:
        self.send(signed_in(people.stranger), orders, b"{}", status=404)
        self.send(signed_in(people.viewer), orders, lines(GOOD))


def test_a_body_waits_on_disk_once_it_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "IN_MEMORY", 10)
    with receiving.spooled(io.BytesIO(b"x" * 100), checking.require_size) as file:
        assert file.read() == b"x" * 100
    assert receiving.announced({"CONTENT_LENGTH": "12"}) == 12
    assert receiving.announced({"CONTENT_LENGTH": "٣"}) == 0


class TestPage:
    def sent(self, browser: Client, subject: Subject, status: int = 200, **data: Any) -> str:
        answer = browser.post(f"{page_of(subject)}?tab=data", data)
        assert answer.status_code == status, answer.content[:2000]
        return answer.content.decode()

    def test_the_form_is_there(self, browser: Client, orders: Subject) -> None:
        text = html(browser, f"{page_of(orders)}?tab=data")
        assert 'enctype="multipart/form-data"' in text
        assert "at most 32 MiB" in text

    def test_faults_stand_in_a_table(self, browser: Client, orders: Subject) -> None:
        file = SimpleUploadedFile("orders<b>.ndjson", lines(GOOD, BAD))
        text = self.sent(browser, orders, file=file, version="1")
        assert "1 of 2 records does not fit." in text
        assert "orders&lt;b&gt;.ndjson, read as lines of JSON" in text
        assert "<code>/id</code>" in text
        assert 'data-label="line">2<' in text

    def test_what_fits_is_said(self, browser: Client, orders: Subject) -> None:
        file = SimpleUploadedFile("orders.avro", packed(json.loads(V1), [GOOD] * 2))
        text = self.sent(browser, orders, file=file, version="2")
        assert "2 records fit." in text
        assert "Avro object container" in text

    def test_differences_of_the_files_own_schema(self, browser: Client, orders: Subject) -> None:
        other = json.loads(V1.replace('"double"', '"string"'))
        file = SimpleUploadedFile("o.avro", packed(other, [{"id": 1, "amount": "x"}]))
        text = self.sent(browser, orders, file=file, version="1")
        assert "1 of 1 record" in text
        assert "sc-objections" in text

    def test_nothing_chosen(self, browser: Client, orders: Subject) -> None:
        text = self.sent(browser, orders, 422, file="", version="1")
        assert "Choose a file first." in text

    def test_a_form_that_announces_too_much_is_not_read(
        self, browser: Client, orders: Subject, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("idp.common.uploads.MAX_BYTES", 100)
        file = SimpleUploadedFile("a.json", b"x" * 3000)
        with override_settings(DEBUG=False):
            answer = browser.post(f"{page_of(orders)}?tab=data", {"file": file})
        assert answer.status_code in {400, 413}
