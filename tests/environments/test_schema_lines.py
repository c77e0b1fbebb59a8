"""Schema versions as lines: what is written is read back, and a bad line says its number."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from environments.schema_lines import BadLine, read, written

WORD = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=20)
ENTRY = st.fixed_dictionaries(
    {"subject": WORD, "version": st.integers(1, 10**9 - 1)},
    optional={"workload": WORD, "component": WORD, "retentionDays": st.integers(0, 400)},
)


@given(st.lists(ENTRY, max_size=5))
def test_what_is_written_is_read_back(entries: list[dict[str, Any]]) -> None:
    assert read(written(entries)) == entries


def test_blank_lines_and_browsers_line_ends() -> None:
    assert read("\r\n orders-value  3 \r\n\r\n'a b' 1 workload=web\r\n") == [
        {"subject": "orders-value", "version": 3},
        {"subject": "a b", "version": 1, "workload": "web"},
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("orders-value", "Line 1 is not of the form SUBJECT VERSION"),
        ("a 1\norders-value latest", "Line 2: the version is a number, not “latest”"),
        ("a -1", "the version is a number"),
        ("a ²", "the version is a number"),
        ("a 1 retentionDays=x", "the retentionDays is a number"),
        ("a 1 pods=2", "“pods=2” is none of workload=…"),
        ("a 1 workload=b workload=c", "workload stands there twice"),
        ("'a 1", "what begins with a quote ends with one"),
        ("a 1" + "0" * 5000, "the version is a number"),
    ],
)
def test_a_bad_line_says_its_number(text: str, said: str) -> None:
    with pytest.raises(BadLine, match=said):
        read(text)
