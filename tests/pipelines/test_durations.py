"""Periods of time as people write them."""

import pytest

from pipelines.engine.durations import MAX_SECONDS, NEVER, DurationError, seconds

HOUR, DAY, WEEK = 3_600, 86_400, 604_800


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("42", 42),
        ("42 seconds", 42),
        ("3 mins 4 sec", 184),
        ("2 hrs 20 min", 2 * HOUR + 20 * 60),
        ("2h20min", 2 * HOUR + 20 * 60),
        ("1h 30m", HOUR + 30 * 60),
        ("6 mos 1 day", 6 * 30 * DAY + DAY),
        ("47 yrs 6 mos and 4d", 47 * 31_557_600 + 6 * 30 * DAY + 4 * DAY),
        ("3 weeks and 2 days", 3 * WEEK + 2 * DAY),
        ("1 day, 2 hours", DAY + 2 * HOUR),
        ("one week", WEEK),
        ("an hour", HOUR),
        ("1.5 hours", 90 * 60),
        ("1:30:00", HOUR + 30 * 60),
        ("04:05", 245),
        (" 1 WEEK ", WEEK),
        ("never", NEVER),
        ("0", NEVER),
    ],
)
def test_periods(text: str, expected: int) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize(
    "text", ["", " ", "soon", "1 parsec", "3 4", "1h 30", "-5 days", "two", "x" * 300, "1 h $T"]
)
def test_what_is_no_period_is_refused_with_the_part_that_is_not(text: str) -> None:
    with pytest.raises(DurationError) as caught:
        seconds(text)
    assert len(str(caught.value)) < 120


def test_a_period_has_an_end() -> None:
    assert seconds(f"{MAX_SECONDS}") == MAX_SECONDS
    with pytest.raises(DurationError, match="hundred years"):
        seconds("101 years")
