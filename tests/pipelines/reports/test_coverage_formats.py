from __future__ import annotations

import io
from textwrap import dedent
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.reports.formats import lines
from pipelines.reports.formats.base import ReportRefused
from pipelines.reports.formats.registry import Kind, read
from pipelines.reports.formats.results import Coverage

COVERAGE_PY = """
    <?xml version="1.0" ?>
    <!DOCTYPE coverage SYSTEM 'http://cobertura.sourceforge.net/xml/coverage-04.dtd'>
    <coverage version="7.9" lines-valid="4" lines-covered="2" line-rate="0.5" branch-rate="0.5">
    <sources>{sources}</sources>
    <packages><package name="." line-rate="0.5"><classes>
    <class name="cart.py" filename="cart.py" line-rate="0.5"><methods/>
    <lines><line number="1" hits="1"/><line number="2" hits="0"/>
    <line number="3" hits="7" branch="true" condition-coverage="50% (1/2)" missing-branches="9"/>
    <line number="9" hits="0"/></lines></class></classes></package></packages></coverage>
"""
JACOCO = """
    <?xml version="1.0" encoding="UTF-8" standalone="yes"?>
    <!DOCTYPE report PUBLIC "-//JACOCO//DTD Report 1.1//EN" "report.dtd">
    <report name="shop"><sessionInfo id="ci" start="1" dump="2"/><group name="core">
    <package name="com/acme"><class name="com/acme/Cart" sourcefilename="Cart.java">
    <method name="add" desc="()V" line="3"><counter type="LINE" missed="1" covered="1"/></method>
    </class><sourcefile name="Cart.java"><line nr="3" mi="0" ci="2" mb="1" cb="1"/>
    <line nr="4" mi="3" ci="0" mb="0" cb="0"/><counter type="LINE" missed="1" covered="1"/>
    </sourcefile></package></group></report>
"""
LCOV = """
    TN:unit
    SF:/home/runner/work/shop/shop/src/cart.ts
    FN:1,add
    FNDA:4,add
    DA:1,4
    DA:2,0,abc=
    BRDA:1,0,0,4
    BRDA:1,0,1,-
    LF:2
    LH:1
    end_of_record
    TN:
    SF:src/ship.ts
    DA:5,1
    end_of_record
"""


def parse(kind: Kind, text: str, root: str = "") -> Coverage:
    found = read(kind, io.BytesIO(dedent(text).strip().encode()), root=root)
    assert isinstance(found, Coverage)
    return found


@pytest.mark.parametrize(
    ("sources", "path"),
    [
        ("<source>/builds/acme/shop/src</source>", "src/cart.py"),
        ("<source>/builds/acme/shop/</source>", "cart.py"),
        ("<source>src</source>", "src/cart.py"),
        ("<source>/usr/lib/python3</source>", "cart.py"),
        ("<source>a</source><source>b</source>", "cart.py"),
        ("", "cart.py"),
    ],
)
def test_cobertura_finds_files_under_its_source(sources: str, path: str) -> None:
    found = parse(Kind.COBERTURA, COVERAGE_PY.format(sources=sources))
    assert [one.path for one in found.files] == [path]
    assert dict(found.files[0].hits) == {1: 1, 2: 0, 3: 7, 9: 0}
    assert (found.lines, found.covered) == (4, 2)
    assert (found.branches, found.branches_covered) == (2, 1)


def test_cobertura_merges_the_classes_of_a_file() -> None:
    found = parse(
        Kind.COBERTURA,
        """
        <coverage><packages><package><classes>
        <class filename="A.java"><methods><method name="m"><lines>
        <line number="4" hits="1"/></lines></method></methods>
        <lines><line number="4" hits="0"/><line number="5" hits="1"/></lines></class>
        <class filename="A.java"><lines><line number="5" hits="0"/>
        <line number="6" hits="2"/></lines></class></classes></package></packages></coverage>
        """,
    )
    assert dict(found.files[0].hits) == {4: 1, 5: 1, 6: 2}


def test_jacoco_names_files_by_package() -> None:
    found = parse(Kind.JACOCO, JACOCO)
    assert [(one.path, dict(one.hits)) for one in found.files] == [
        ("com/acme/Cart.java", {3: 2, 4: 0})
    ]
    assert (found.lines, found.covered, found.branches, found.branches_covered) == (2, 1, 2, 1)


def test_lcov_reads_lines_and_branches() -> None:
    found = parse(Kind.LCOV, LCOV)
    assert [(one.path, dict(one.hits)) for one in found.files] == [
        ("src/cart.ts", {1: 4, 2: 0}),
        ("src/ship.ts", {5: 1}),
    ]
    assert (found.lines, found.covered, found.branches, found.branches_covered) == (3, 2, 2, 1)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("DA:1,1", "order"),
        ("SF:a\nDA:x,1", "form"),
        ("SF:a\nBRDA:1,0", "form"),
        ("TN:only", "form"),
        ("SF:../../etc/passwd\nDA:1,1", "path"),
    ],
)
def test_broken_traces_are_refused_by_name(text: str, rule: str) -> None:
    with pytest.raises(ReportRefused) as refused:
        parse(Kind.LCOV, text)
    assert refused.value.rule == rule


def test_lines_beyond_the_bound_are_counted_not_kept() -> None:
    text = "SF:a\n" + "".join(f"DA:{n},{n % 2}\n" for n in range(1, 21)) + "end_of_record\n"
    with mock.patch.object(lines, "MAX_LINES", 10):
        found = parse(Kind.LCOV, text)
    assert (len(found.files[0].hits), found.left_out) == (10, 10)
    assert (found.lines, found.covered) == (20, 10)


def test_files_beyond_the_bound_are_counted_not_kept() -> None:
    text = "".join(f"SF:f{n}\nDA:1,1\nend_of_record\n" for n in range(5))
    with mock.patch.object(lines, "MAX_FILES", 3):
        found = parse(Kind.LCOV, text)
    assert (len(found.files), found.lines, found.covered, found.left_out) == (3, 5, 5, 2)


@given(
    st.dictionaries(
        st.integers(min_value=1, max_value=lines.MAX_LINE),
        st.integers(min_value=0, max_value=lines.MAX_HITS),
    )
)
def test_packed_lines_are_the_same_unpacked(hits: dict[int, int]) -> None:
    assert lines.unpacked(lines.packed(hits)) == hits
