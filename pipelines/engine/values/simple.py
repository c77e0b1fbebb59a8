"""Keywords of one value: timeout, resource_group, tags, coverage, interruptible, confirmation.

https://docs.gitlab.com/ci/yaml/
"""

from __future__ import annotations

from typing import Any

from pipelines.engine import patterns
from pipelines.engine.values import forms
from pipelines.engine.values.forms import At

MAX_TAGS = 50
MAX_START = 7 * 86_400  # one week
MAX_GROUP = 255
MAX_CONFIRMATION = 1_000


def read_timeout(given: Any, at: At) -> int:
    """Seconds, at least one."""
    return forms.period(given, at)


def read_start_in(given: Any, at: At) -> int:
    """Seconds, at most one week."""
    found = forms.period(given, at)
    if found > MAX_START:
        raise at.wrong("is longer than one week", "Write 7 days or less.")
    return found


def read_resource_group(given: Any, at: At) -> str:
    found = forms.name(given, at)
    if len(found) > MAX_GROUP:
        raise at.wrong(f"has more than {MAX_GROUP} characters", "Shorten it.")
    return found


def read_tags(given: Any, at: At) -> tuple[str, ...]:
    found = (given,) if isinstance(given, str) else forms.texts(given, at, MAX_TAGS)
    return tuple(dict.fromkeys(found))


def read_coverage(given: Any, at: At) -> str:
    """The pattern as written, `/…/`; RE2 takes it."""
    found = forms.text(given, at)
    if patterns.parse_slashes(found) is None:
        raise at.wrong("is no pattern", r"Write it between slashes: /TOTAL.*? (\d+)%/.")
    try:
        patterns.compiled(found)
    except patterns.PatternError as fault:
        raise at.wrong(f"cannot be used: {fault}", "Write a pattern of RE2.") from None
    return found


def read_flag(given: Any, at: At) -> bool:
    return forms.flag(given, at)


def read_confirmation(given: Any, at: At) -> str:
    found = forms.name(given, at)
    if len(found) > MAX_CONFIRMATION:
        raise at.wrong(f"has more than {MAX_CONFIRMATION} characters", "Shorten it.")
    return found
