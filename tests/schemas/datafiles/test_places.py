"""The lines of a JSON text's values, and faults that name them."""

from __future__ import annotations

import io
import json
import time

import pytest

from rbac.actors import Actor
from schemas.datafiles.binary import SECONDS
from schemas.datafiles.checking import check_file
from schemas.datafiles.places import lines_of
from schemas.formats.base import TooComplex
from schemas.models import Schema
from tests.rbac.factories import Characters
from tests.schemas.factories import V1, register

TEXT = """{
  "id": 1,
  "a/b": {"x": [10,
    20, {"deep":
      "ends \\" here, {[: "}]},
  "last": null}
"""


@pytest.mark.parametrize(
    ("pointer", "line"),
    [
        ("", 1),
        ("/", 1),
        ("/id", 2),
        ("/a~1b", 3),
        ("/a~1b/x/0", 3),
        ("/a~1b/x/1", 4),
        ("/a~1b/x/2/deep", 5),
        ("/last", 6),
        ("/last/absent", 6),
        ("/absent", 1),
        ("/a~1b/absent", 3),
    ],
)
def test_each_value_has_its_line(pointer: str, line: int) -> None:
    assert json.loads(TEXT)
    assert lines_of(TEXT, {pointer}) == {pointer: line}


def test_a_large_text_is_read_once() -> None:
    text = json.dumps([{"id": n} for n in range(50_000)], indent=1)
    pointers = {f"/{n}/id" for n in range(0, 50_000, 500)}
    found = lines_of(text, pointers)
    assert found["/500/id"] == 500 * 3 + 3
    assert len(found) == len(pointers)


@pytest.mark.django_db
class TestFaults:
    @pytest.fixture
    def schema(self, people: Characters) -> Schema:
        return register(Actor(people.developer), "orders-value", V1).versions.get().schema

    def test_name_the_line_of_a_value_over_several(self, schema: Schema) -> None:
        data = b'{\n "id": 1,\n "amount": "x"\n}\n'
        report = check_file(schema, io.BytesIO(data))
        assert [(one.line, one.error.field) for one in report.faults] == [(3, "/amount")]
        assert report.sentence == "1 of 1 record does not fit."

    def test_a_list_of_records_is_read_one_by_one(self, schema: Schema) -> None:
        rows = [{"id": 1, "amount": 1.5}, {"id": "x", "amount": 2.5}, {"id": 3}]
        report = check_file(schema, io.BytesIO(json.dumps(rows, indent=2).encode()))
        assert (report.records, report.wrong) == (3, 2)
        assert report.sentence == "2 of 3 records do not fit."
        found = [(one.record, one.line, one.error.field) for one in report.faults]
        assert found == [(1, 7, "/1/id"), (2, 10, "/2")]

    def test_of_a_list_the_whole_time_is_one(self, schema: Schema) -> None:
        rows = [{"id": "x", "amount": "y"}] * 60_000
        started = time.monotonic()
        report = check_file(schema, io.BytesIO(json.dumps(rows).encode()))
        assert time.monotonic() - started < 2 * SECONDS
        assert report.wrong == report.records
        assert report.records == len(rows) or report.stopped

    def test_one_record_may_be_as_long_as_a_line(self, schema: Schema) -> None:
        data = json.dumps({"id": 1, "amount": 1.5, "note": "x" * 1_100_000}).encode()
        with pytest.raises(TooComplex, match="One record has at most"):
            check_file(schema, io.BytesIO(data))
