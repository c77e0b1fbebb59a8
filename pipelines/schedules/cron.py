"""When a schedule runs: five fields of cron on the clocks of a time zone.

cronsim reads the fields and finds their times; the zone's clocks are minded here. A schedule that
names hours follows the wall clock: a time that clocks leave out runs right after, one that comes
twice runs once. One of every hour runs in every hour that passes.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice, pairwise
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from idp.common.errors import FieldError, Invalid

FLOOR = timedelta(minutes=5)  # between two runs
MAX_CRON, MAX_ZONE = 100, 64
SHOWN = 5
FIVE = 5
_SECOND, _MINUTE = timedelta(seconds=1), timedelta(minutes=1)
_HOURS, _MINUTES = 24, 60
_ANY = datetime(2024, 1, 1)  # noqa: DTZ001  # cronsim wants a start; the fields alone are asked for
_EXAMPLE = "Like “0 3 * * 1-5”: minute, hour, day of month, month, day of week."
_FIXES = {
    "minute": "Write 0 to 59, as 0, 0,30 or */15.",
    "hour": "Write 0 to 23, as 3, 9-17 or *.",
    "day-of-month": "Write 1 to 31 that these months have, L for the last, or *.",
    "month": "Write 1 to 12, JAN to DEC, or *.",
    "day-of-week": "Write 0 to 7 or SUN to SAT, as 1-5, MON#1 for the first Monday, or *.",
}


def checked(text: str) -> str:
    """The expression with single spaces; `Invalid` says which field breaks which rule."""
    words = text.split()
    if len(text) > MAX_CRON:
        raise _wrong("form", f"At most {MAX_CRON} characters.", _EXAMPLE)
    if len(words) != FIVE:
        raise _wrong("form", f"A cron expression has five fields, this has {len(words)}.", _EXAMPLE)
    cron = " ".join(words)
    try:
        found = CronSim(cron, _ANY)
    except CronSimError as error:
        name = str(error).removeprefix("Bad ")
        message = f"The {name.replace('-', ' ')} cannot be read."
        raise _wrong(name, message, _FIXES.get(name, _EXAMPLE)) from error
    apart = _apart(found)
    if apart * _MINUTE < FLOOR:
        unit = "minute" if apart == 1 else "minutes"
        raise _wrong(
            "floor",
            f"Two runs would be {apart} {unit} apart; at least 5 minutes have to lie between.",
            "Name fewer minutes, as */15 or 0,30.",
        )
    return cron


def checked_zone(name: str) -> str:
    """The name of a time zone; `Invalid` where there is none of that name."""
    if name not in zones():
        message = f"There is no time zone “{name[:60]}”."
        fix = "Name it as the IANA database does: UTC, Europe/Berlin."
        raise Invalid(message, fix=fix, errors=[FieldError("timezone", "unknown", message, fix)])
    return name


@lru_cache(maxsize=1)
def zones() -> frozenset[str]:
    """Names of all time zones that this machine knows."""
    return frozenset(available_timezones() - {"Factory", "localtime", "posixrules"})


def following(cron: str, zone: str, after: datetime) -> datetime:
    """The first time after a moment, in UTC. Whatever `checked` lets pass comes in 40 years."""
    return next(_times(cron, ZoneInfo(zone), after))


def coming(cron: str, zone: str, after: datetime, count: int = SHOWN) -> list[datetime]:
    """The next times in the zone's own clock."""
    times = islice(_times(cron, ZoneInfo(zone), after), count)
    return [moment.astimezone(ZoneInfo(zone)) for moment in times]


@lru_cache(maxsize=1024)
def words(cron: str) -> str:
    """The expression in English."""
    return str(CronSim(cron, _ANY).explain())


def _times(cron: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """All times after a moment in UTC, each later than the one before by `FLOOR` at least."""
    least = after.astimezone(UTC) + _SECOND
    for moment in _raw(cron, zone, after):
        if moment >= least:
            yield moment
            least = moment + FLOOR


def _raw(cron: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    local = after.astimezone(zone)
    fields = cron.split()
    if len(CronSim(cron, _ANY).hours) == _HOURS:
        fields[1] = "*"  # cronsim then counts the hours that pass
        return (one.astimezone(UTC) for one in CronSim(" ".join(fields), local))
    clocks = CronSim(cron, local.replace(tzinfo=None))
    return (_instant(one, zone) for one in clocks)


def _instant(clock: datetime, zone: ZoneInfo) -> datetime:
    """When a clock first shows this, or goes past it."""
    while True:
        moment = clock.replace(tzinfo=zone, fold=0).astimezone(UTC)
        if moment.astimezone(zone).replace(tzinfo=None) == clock:
            return moment
        clock += _MINUTE


def _apart(found: CronSim) -> int:
    """The fewest minutes between two runs."""
    minutes = sorted(found.minutes)
    gaps = [later - earlier for earlier, later in pairwise(minutes)]
    if any((hour + 1) % _HOURS in found.hours for hour in found.hours):
        gaps.append(minutes[0] + _MINUTES - minutes[-1])
    return min(gaps, default=_MINUTES)


def _wrong(rule: str, message: str, fix: str) -> Invalid:
    return Invalid(message, fix=fix, errors=[FieldError("cron", rule, message, fix)])
