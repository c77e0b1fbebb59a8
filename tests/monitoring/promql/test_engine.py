"""What the comparison with Prometheus does not show: edges of time, errors, bounds."""

from __future__ import annotations

import numpy as np
import pytest

from monitoring.promql.engine import Answer, Moments, query, query_range
from monitoring.promql.errors import BadQuery, NotRun, QueryError, TooMuch
from monitoring.promql.evaluating import Bounds
from monitoring.promql.memory import Memory
from monitoring.promql.reading import read
from monitoring.promql.values import STALE, Series, labels_of


def series(name: str, pairs: dict[int, float], **labels: str) -> Series:
    """A series from values by second."""
    times = np.array(list(pairs), np.int64) * 1000
    return Series(
        labels_of({"__name__": name, **labels}.items()),
        times,
        np.array(list(pairs.values()), float),
    )


STORE = Memory(
    [
        series("up", {0: 1, 60: 2, 120: 3}, job="a"),
        series("up", {0: 5, 60: STALE}, job="b"),
        series("big", dict.fromkeys(range(3600), 1.0)),
    ]
)


def at(text: str, second: float) -> dict[str, float]:
    answer = query(STORE, read(text), int(second * 1000))
    return {dict(one.labels).get("job", ""): float(one.values[-1]) for one in answer.series}


def ranged(text: str, start: int, end: int, step: int, **bounds: int) -> Answer:
    when = Moments(start * 1000, end * 1000, step * 1000)
    return query_range(STORE, read(text), when, bounds=Bounds(**bounds))


class TestTime:
    def test_the_look_back_is_open_on_the_left(self) -> None:
        assert at("up{job='a'}", 419.999) == {"a": 3.0}
        assert at("up{job='a'}", 420) == {}

    def test_a_marker_ends_a_series(self) -> None:
        assert at("up", 59) == {"a": 1.0, "b": 5.0}
        assert at("up", 60) == {"a": 2.0}

    def test_windows_are_open_on_the_left(self) -> None:
        assert at("count_over_time(up{job='a'}[1m])", 120) == {"a": 1.0}
        assert at("count_over_time(up{job='a'}[60001ms])", 120) == {"a": 2.0}

    def test_a_range_has_both_ends(self) -> None:
        (one,) = ranged("time()", 0, 120, 60).series
        assert one.values.tolist() == [0.0, 60.0, 120.0]


class TestErrors:
    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("sum(", "unclosed"),
            ("up[5m] + 1", "range vector|binary expression"),
            ("rate(up)", "expected type"),
            ("up{job=~'('}", "regex"),
            ("up{a='x' or b='y'}", "or"),
        ],
    )  # fmt: skip
    def test_what_is_no_query_says_so(self, text: str, words: str) -> None:
        with pytest.raises(BadQuery, match=words):
            query(STORE, read(text), 0)

    @pytest.mark.parametrize(
        "text",
        [
            "info(up)", "sin(up)", "histogram_count(up)", "up atan2 up", "limitk(1, up)",
            "sort_by_label(up, 'a')", "double_exponential_smoothing(up[5m], 0.1, 0.1)",
        ],
    )  # fmt: skip
    def test_what_is_not_run_is_named(self, text: str) -> None:
        with pytest.raises(NotRun, match="Connect a Prometheus"):
            read(text)

    def test_samples_that_meet_are_an_error(self) -> None:
        with pytest.raises(QueryError, match="same labelset"):
            at("label_replace(up, 'job', 'one', 'job', '.*')", 0)
        with pytest.raises(QueryError, match="many-to-many"):
            at("up + on() up", 0)


class TestBounds:
    @pytest.mark.parametrize(
        "text",
        [
            "(" * 100_000 + "1" + ")" * 100_000, "-" * 5_000 + "1", "1" + "+1" * 4_000,
            "(" * 61 + "1" + ")" * 61, "up" + " or up" * 300, "{a=~'" + "x" * 9_000 + "'}",
            "2" + "^2" * 300, "'" + "a" * 20_000 + "'",
        ],
    )  # fmt: skip
    def test_no_text_is_deeper_than_a_person_writes(self, text: str) -> None:
        with pytest.raises(TooMuch):
            read(text)

    def test_brackets_in_texts_and_comments_do_not_count(self) -> None:
        assert read("up{job='" + "(" * 200 + "'} # " + "(" * 200)

    def test_points_samples_and_time(self) -> None:
        with pytest.raises(TooMuch, match="points"):
            ranged("up", 0, 3600, 1, points=100)
        with pytest.raises(TooMuch, match="samples"):
            ranged("big", 0, 3600, 60, samples=1_000)
        with pytest.raises(TooMuch, match="took longer"):
            ranged("big", 0, 3600, 60, seconds=-1)
        with pytest.raises(TooMuch, match="steps"):
            at("max_over_time(up[10y:1ms])", 0)
        with pytest.raises(BadQuery, match="step"):
            ranged("up", 0, 1, 0)
        with pytest.raises(BadQuery, match="before"):
            ranged("up", 1, 0, 1)
