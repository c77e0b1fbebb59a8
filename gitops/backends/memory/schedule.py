"""When a simulated CronJob last fired: five fields of cron, in UTC."""

from __future__ import annotations

from datetime import datetime, timedelta

_BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
}
_LOOK_BACK = 366  # days
_SUNDAY = 7  # as well as 0


def _values(text: str, low: int, high: int) -> frozenset[int] | None:
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        try:
            start = low if first == "*" else int(first)
            end = int(last) if last else high if first == "*" or step else start
            found |= set(range(max(start, low), min(end, high) + 1, max(1, int(step or 1))))
        except ValueError:
            return None
    return frozenset(found)


def last_before(text: str, now: datetime) -> datetime | None:
    """The last minute up to `now` that matches; None where it cannot be read or never was."""
    parts = _MACROS.get(text.strip(), text).split()
    if len(parts) != len(_BOUNDS):
        return None
    fields = [_values(part, *bound) for part, bound in zip(parts, _BOUNDS, strict=True)]
    if any(not each for each in fields):
        return None
    minutes, hours, days, months, weekdays = (each or frozenset() for each in fields)
    either = parts[2] != "*" and parts[4] != "*"  # cron's rule: both given means either
    for back in range(_LOOK_BACK):
        day = (now - timedelta(days=back)).replace(hour=0, minute=0, second=0, microsecond=0)
        weekday = day.isoweekday() % 7
        by_week = weekday in weekdays or (weekday == 0 and _SUNDAY in weekdays)
        by_day = day.day in days
        matches = (by_day or by_week) if either else (by_day and by_week)
        if day.month not in months or not matches:
            continue
        times = (day.replace(hour=h, minute=m) for h in hours for m in minutes)
        fitting = [at for at in times if at <= now]
        if fitting:
            return max(fitting)
    return None
