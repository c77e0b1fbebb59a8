"""How pages say what is true of a pipeline or job."""

from __future__ import annotations

from pipelines.runs.models import Job, Pipeline

_MINUTE, _HOUR = 60, 3600
LOOKS = {  # words of the portal's vocabulary
    "waiting_for_resource": "waiting",
    "pending": "queued",
    "manual": "by hand",
    "scheduled": "waiting",
    "allowed": "failure allowed",
}
ALLOWED = "allowed"


def look_of(row: Pipeline | Job) -> str:
    """The word by which the portal finds icon and colour."""
    if isinstance(row, Job) and row.allowed:
        return LOOKS[ALLOWED]
    return look(row.status)


def look(status: str) -> str:
    return LOOKS.get(status, status)


def label_of(row: Pipeline | Job) -> str:
    if isinstance(row, Job) and row.allowed:
        return "Failed, allowed"
    return row.get_status_display()


def lasted(seconds: float | None) -> str:
    """A length of time as people read it: 41 s, 2 min 5 s, 1 h 4 min."""
    if seconds is None:
        return ""
    whole = round(seconds)
    if seconds < 10:  # noqa: PLR2004 - below, tenths are worth saying
        return f"{seconds:.1f} s"
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"
