from __future__ import annotations

import io
import json
from textwrap import dedent

import pytest

from pipelines.reports.formats.base import ReportRefused, TooLarge
from pipelines.reports.formats.dotenv import Variables
from pipelines.reports.formats.registry import Kind, read, sniffed
from pipelines.reports.formats.results import Changed, Compatibility, Metrics


def variables(data: bytes) -> dict[str, str]:
    found = read(Kind.DOTENV, io.BytesIO(data))
    assert isinstance(found, Variables)
    return dict(found.values)


def test_dotenv_keeps_values_as_they_are_written() -> None:
    text = b"URL=https://a.test/?x=1&y=2\nQUOTED='a b'\nEMPTY=\nURL=later\n1A=$HOME\r\n"
    assert variables(text) == {"URL": "later", "QUOTED": "'a b'", "EMPTY": "", "1A": "$HOME"}


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"A=1\n\nB=2\n", "empty"),
        (b"# said\nA=1", "comment"),
        (b"A B=1", "name"),
        (b"A-B=1", "name"),
        (b"export A=1", "name"),
        (b"no sign", "name"),
        (b"A=\xff", "encoding"),
        (b"A=\0", "value"),
        (b"".join(b"A%d=1\n" % n for n in range(151)), "count"),
        (b"A=" + b"x" * 5 * 1024, "size"),
    ],
)
def test_dotenv_refuses_by_the_published_rules(data: bytes, rule: str) -> None:
    with pytest.raises(ReportRefused) as refused:
        variables(data)
    assert refused.value.rule == rule


def test_a_dotenv_file_that_is_too_large_is_413() -> None:
    with pytest.raises(TooLarge) as refused:
        variables(b"A=" + b"x" * 6000)
    assert refused.value.status == 413


def metrics(text: str) -> dict[str, float]:
    found = read(Kind.METRICS, io.BytesIO(dedent(text).strip().encode()))
    assert isinstance(found, Metrics)
    return dict(found.samples)


def test_metrics() -> None:
    assert metrics("""
        # HELP bundle_bytes size
        # TYPE bundle_bytes gauge
        bundle_bytes{file="a \\"b\\".js",} 1024 1712000000.5
        build_seconds 12.5 # {trace_id="x"} 1
        errors_total 0
        # EOF
        after not read
    """) == {'bundle_bytes{file="a \\"b\\".js"}': 1024, "build_seconds": 12.5, "errors_total": 0}


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("a b", "form"),
        ("1a 1", "form"),
        ("a NaN", "form"),
        ("a{x=1} 1", "form"),
        ("a 1\na 2", "twice"),
        ("a" * 400 + " 1", "name"),
        ("a" * 5000 + " 1", "line"),
    ],
)
def test_metrics_refuse_by_name(text: str, rule: str) -> None:
    with pytest.raises(ReportRefused) as refused:
        metrics(text)
    assert refused.value.rule == rule


def test_the_answer_of_a_schema_check() -> None:
    cell = {"compatible": False, "sentence": "billing cannot read orders", "agreed_by": ""}
    answer = {
        "allowed": False,
        "environment": "orders/staging",
        "sentence": "No: one reader would break.",
        "missing": ["orders-value@9 is not registered."],
        "matrix": [cell, {**cell, "agreed_by": "paula"}, {"compatible": True}],
    }
    found = read(Kind.COMPATIBILITY, io.BytesIO(json.dumps(answer).encode()))
    assert found == Compatibility(
        allowed=False,
        environment="orders/staging",
        sentence="No: one reader would break.",
        missing=("orders-value@9 is not registered.",),
        broken=("billing cannot read orders",),
    )


def test_no_answer_of_a_schema_check_is_refused() -> None:
    with pytest.raises(ReportRefused, match="no answer of a schema check"):
        read(Kind.COMPATIBILITY, io.BytesIO(b'{"allowed": "yes", "matrix": []}'))


DIFF = """\
diff --git a/src/cart.py b/src/cart.py
index 1..2 100644
--- a/src/cart.py
+++ b/src/cart.py
@@ -1,3 +1,4 @@ class Cart:
 one
-two
+two, changed
+++ not a header, an added line
 three
@@ -10 +11,0 @@
-gone
diff --git "a/\\303\\244.py" "b/\\303\\244.py"
new file mode 100644
--- /dev/null
+++ "b/\\303\\244.py"
@@ -0,0 +1,2 @@
+a
+b
\\ No newline at end of file
diff --git a/old.py b/old.py
--- a/old.py
+++ /dev/null
@@ -1 +0,0 @@
-gone
diff --git a/logo.png b/logo.png
Binary files a/logo.png and b/logo.png differ
"""


def test_a_diff_names_the_lines_that_it_adds() -> None:
    found = read(Kind.DIFF, io.BytesIO(DIFF.encode()))
    assert found == Changed({"src/cart.py": (2, 3), "ä.py": (1, 2)})


def test_an_empty_diff_changes_nothing_and_other_text_is_none() -> None:
    assert read(Kind.DIFF, io.BytesIO(b"")) == Changed({})
    with pytest.raises(ReportRefused, match="no unified diff"):
        read(Kind.DIFF, io.BytesIO(b"hello"))


@pytest.mark.parametrize(
    ("first", "kind"),
    [
        (b'<?xml version="1.0"?>\n<!-- <bom> --><testsuites>', Kind.JUNIT),
        (b"\xef\xbb\xbf<j:testsuite x='1'>", Kind.JUNIT),
        (b"<!DOCTYPE coverage SYSTEM 'x'><coverage>", Kind.COBERTURA),
        (b"<report name='x'>", Kind.JACOCO),
        (b"<bom xmlns='x'>", Kind.CYCLONEDX),
        (b'{"bomFormat": "CycloneDX"', Kind.CYCLONEDX),
        (b'{"$schema": "https://json.schemastore.org/sarif-2.1.0.json"', Kind.SARIF),
        (b'{"version": "2.1.0", "runs": []}', Kind.SARIF),
        (b'{"allowed": true, "matrix": []}', Kind.COMPATIBILITY),
        (b"[]", Kind.CODEQUALITY),
        (b' [ {"description": ""}]', Kind.CODEQUALITY),
        (b"TN:\nSF:a\n", Kind.LCOV),
        (b"diff --git a/x b/x\n", Kind.DIFF),
        (b"# TYPE a gauge\na 1\n", Kind.METRICS),
        (b"a 1\n", Kind.METRICS),
        (b"A=1\n", Kind.DOTENV),
    ],
)
def test_kinds_are_told_by_first_bytes(first: bytes, kind: Kind) -> None:
    assert sniffed(first) == kind


@pytest.mark.parametrize("first", [b"", b"\0\1", b"<html>", b"{}", b"[1]", b"hello there", b"PK"])
def test_what_is_no_report_is_refused_with_the_kinds(first: bytes) -> None:
    with pytest.raises(ReportRefused) as refused:
        sniffed(first)
    assert refused.value.rule == "kind"
    assert "junit, cobertura" in refused.value.fix
