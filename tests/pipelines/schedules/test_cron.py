"""When expressions run: fields and their refusals, zones, and the nights in which clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from idp.common.errors import Invalid
from pipelines.schedules import cron

BERLIN = "Europe/Berlin"
SPRING = datetime(2027, 3, 28, tzinfo=ZoneInfo(BERLIN))  # 02:00 becomes 03:00
AUTUMN = datetime(2027, 10, 31, tzinfo=ZoneInfo(BERLIN))  # 03:00 becomes 02:00


def clocks(text: str, zone: str, after: datetime, count: int) -> list[str]:
    return [f"{one:%d %H:%M%z}" for one in cron.coming(text, zone, after, count)]


@pytest.mark.parametrize(
    ("text", "rule", "says"),
    [
        ("", "form", "five fields, this has 0"),
        ("* * * *", "form", "five fields, this has 4"),
        ("0 0 3 * * 1", "form", "this has 6"),
        ("@daily", "form", "this has 1"),
        ("0 0 1 1 1" + " " * 100, "form", "At most 100"),
        ("60 3 * * *", "minute", "The minute cannot be read"),
        ("0 24 * * *", "hour", "The hour"),
        ("0 3 0 * *", "day-of-month", "The day of month"),
        ("0 3 31 2 *", "day-of-month", "The day of month"),
        ("0 3 * 13 *", "month", "The month"),
        ("0 3 * * MON-", "day-of-week", "The day of week"),
        ("* * * * *", "floor", "1 minute apart"),
        ("*/4 3 * * *", "floor", "4 minutes apart"),
        ("1,58 * * * *", "floor", "3 minutes apart"),
        ("0,58 0,23 * * *", "floor", "2 minutes apart"),
    ],
)
def test_what_cannot_be_is_named_by_field_rule_and_fix(text: str, rule: str, says: str) -> None:
    with pytest.raises(Invalid) as caught:
        cron.checked(text)
    (found,) = caught.value.errors
    assert (found.field, found.rule) == ("cron", rule)
    assert says in found.message
    assert found.fix


@pytest.mark.parametrize(
    "text", ["*/5 * * * *", "0 3 * * 1-5", "0,58 2,5 * * *", "30 2 L * *", "0 3 *,31 2 MON#5"]
)
def test_what_can_be_comes_back_with_single_spaces(text: str) -> None:
    assert cron.checked(text.replace(" ", "   ")) == text
    assert cron.words(text)


def test_what_is_rare_comes_all_the_same() -> None:
    after = datetime(2088, 3, 1, tzinfo=UTC)
    assert cron.following("0 3 29 2 */7", "UTC", after).year == 2128  # 2100 has no such day


@pytest.mark.parametrize("name", ["", "Berlin", "europe/berlin", "../etc/passwd", "Factory", "x\0"])
def test_a_zone_has_its_name_of_the_database(name: str) -> None:
    with pytest.raises(Invalid, match="no time zone") as caught:
        cron.checked_zone(name)
    assert caught.value.errors[0].field == "timezone"
    assert cron.checked_zone(BERLIN) == BERLIN


def test_the_zone_s_clock_counts() -> None:
    after = datetime(2026, 7, 1, 12, tzinfo=UTC)
    assert clocks("0 3 * * *", BERLIN, after, 1) == ["02 03:00+0200"]
    assert cron.following("0 3 * * *", BERLIN, after) == datetime(2026, 7, 2, 1, tzinfo=UTC)
    assert cron.following("0 3 * * *", "Asia/Tokyo", after) == datetime(2026, 7, 1, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30 2 * * *", ["28 03:00+0200", "29 02:30+0200"]),  # left out: right after
        ("*/15 2 * * *", ["28 03:00+0200", "29 02:00+0200"]),  # all four at once: one run
        ("0,30 2,3 * * *", ["28 03:00+0200", "28 03:30+0200"]),
        ("58 2 * * *", ["28 03:00+0200", "29 02:58+0200"]),
        ("0 */2 * * *", ["28 03:00+0200", "28 04:00+0200"]),
        ("30 * * * *", ["28 01:30+0100", "28 03:30+0200"]),  # each hour that passes
    ],
)
def test_a_time_that_does_not_exist_runs_right_after(text: str, expected: list[str]) -> None:
    assert clocks(text, BERLIN, SPRING + timedelta(minutes=45), 2) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30 2 * * *", ["31 02:30+0200", "01 02:30+0100"]),  # twice: once
        ("*/30 2 * * *", ["31 02:00+0200", "31 02:30+0200", "01 02:00+0100"]),
        ("30 * * * *", ["31 01:30+0200", "31 02:30+0200", "31 02:30+0100", "31 03:30+0100"]),
    ],
)
def test_a_time_that_comes_twice_runs_once(text: str, expected: list[str]) -> None:
    assert clocks(text, BERLIN, AUTUMN + timedelta(minutes=45), len(expected)) == expected


def test_nothing_comes_again_in_the_second_of_two_hours() -> None:
    second = datetime(2027, 10, 31, 2, 10, tzinfo=ZoneInfo(BERLIN), fold=1)
    assert clocks("50 2 * * *", BERLIN, second, 1) == ["01 02:50+0100"]


def test_midnight_may_be_what_does_not_exist() -> None:
    after = datetime(2027, 3, 13, 20, tzinfo=ZoneInfo("America/Havana"))  # 00:00 becomes 01:00
    assert clocks("0 0 * * *", "America/Havana", after, 1) == ["14 01:00-0400"]
    assert clocks("0 * * * 0", "America/Havana", after, 2) == ["14 01:00-0400", "14 02:00-0400"]


UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
FIELDS = st.tuples(
    st.sampled_from(["0", "*/5", "30", "0,30", "59", "*/15", "1-59/10"]),
    st.sampled_from(["*", "2", "1,2,3", "*/2", "0", "23", "0-23", "9-17"]),
    st.sampled_from(["*", "1", "31", "L", "*/7"]),
    st.sampled_from(["*", "3", "10,11", "1-6"]),
    st.sampled_from(["*", "0", "7", "1-5", "MON#1", "5L"]),
).map(" ".join)
ZONES = st.sampled_from([BERLIN, "UTC", "America/Havana", "Australia/Lord_Howe", "Asia/Kathmandu"])


@UNHURRIED
@given(text=FIELDS, zone=ZONES, minutes=st.integers(0, 60 * 24 * 800))
@example(text="*/5 * * * *", zone="Australia/Lord_Howe", minutes=60 * 24 * 92)
def test_times_only_go_on_and_keep_their_distance(text: str, zone: str, minutes: int) -> None:
    after = datetime(2027, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    found = [one.astimezone(UTC) for one in cron.coming(text, zone, after)]
    assert found
    assert all(later - earlier >= cron.FLOOR for earlier, later in pairwise([*found]))
    assert found[0] > after
    assert cron.following(text, zone, after) == found[0]
    assert cron.words(text)


@UNHURRIED
@given(st.text("0123456789*/,-LW#MONJA ", max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = cron.checked(text)
    except Invalid:
        return
    assert cron.words(found)
    assert cron.following(found, BERLIN, datetime(2027, 1, 1, tzinfo=UTC))
