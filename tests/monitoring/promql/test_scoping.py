"""What a query may read is in its tree, however its text is written."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.promql import tree
from monitoring.promql.engine import query
from monitoring.promql.errors import BadQuery, QueryError
from monitoring.promql.memory import Memory
from monitoring.promql.printing import text_of
from monitoring.promql.reading import read
from monitoring.promql.scoping import scoped, selectors, text_for_others
from monitoring.promql.tree import Matcher, Op
from tests.monitoring.promql.queries import queries
from tests.monitoring.promql.test_engine import series

OURS = Matcher("project", Op.EQUAL, "ours")
STORE = Memory([
    series("up", {0: 1}, project="ours"),
    series("up", {0: 7_331}, project="theirs", secret="7331"),
    series("secret_total", {0: 7_331}, project="theirs", secret="7331"),
])  # fmt: skip
HOSTILE = (Path(__file__).parent / "hostile.txt").read_text().splitlines()


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_of_another_project_is_in_an_answer(text: str) -> None:
    shown = asked(text)
    assert "7331" not in shown
    assert "theirs" not in shown.replace("('project', 'theirs')", "")


def asked(text: str) -> str:
    """The answer or the error as text."""
    try:
        node = scoped(read(text), (OURS,))
        answer = query(STORE, node, 60_000)
    except QueryError as error:
        return str(error)
    assert all(selector.matchers[-1] == OURS for selector in selectors(node))
    return repr([(one.labels, [f"{value:g}" for value in one.values]) for one in answer.series])


def test_there_are_sixty() -> None:
    assert len(HOSTILE) >= 60


@pytest.mark.parametrize("text", queries())
def test_a_tree_comes_back_from_its_text(text: str) -> None:
    try:
        node = read(text)
    except BadQuery:
        assert text in {"sum_over_time(time()[5m:1m])", "labelled{text='a\\\"b'}"}
        return
    assert read(text_of(node)) == node or "NaN" in text


@given(st.text(max_size=30), st.text(max_size=30))
def test_no_value_leads_out_of_its_quotes(value: str, other: str) -> None:
    matchers = (Matcher("a", Op.EQUAL, value), Matcher("b", Op.UNEQUAL, other))
    node = scoped(tree.Selector((Matcher("__name__", Op.EQUAL, "up"), *matchers)), (OURS,))
    try:
        text = text_for_others(node)
    except QueryError:
        return
    assert read(text) == node
