"""`retry`: how often a failed job runs again, and after which failures.

https://docs.gitlab.com/ci/yaml/#retry
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipelines.engine.problems import nearest, short
from pipelines.engine.source import Items, Map
from pipelines.engine.values import forms
from pipelines.engine.values.forms import At, Form

MAX_RETRIES = 2
REASONS = (
    "always",
    "unknown_failure",
    "script_failure",
    "api_failure",
    "stuck_or_timeout_failure",
    "runner_system_failure",
    "runner_unsupported",
    "stale_schedule",
    "job_execution_timeout",
    "archived_failure",
    "unmet_prerequisites",
    "scheduler_failure",
    "data_integrity_failure",
)
_KEYS = frozenset({"max", "when", "exit_codes"})
_MAX_CODE = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Retry:
    """`max` further attempts after a failure by one of the reasons, or with one of the codes."""

    max: int = 0
    when: tuple[str, ...] = ("always",)
    exit_codes: tuple[int, ...] = ()

    def covers(self, reason: str, exit_code: int | None = None) -> bool:
        """Whether a job that failed so runs again, attempts aside."""
        if self.exit_codes and exit_code in self.exit_codes:
            return True
        return "always" in self.when or reason in self.when


def read_retry(given: Any, at: At) -> Retry:
    if not isinstance(given, Map):
        return Retry(forms.whole(given, at, 0, MAX_RETRIES))
    form = forms.form(given, at, _KEYS)
    place = form.place("max")
    most = forms.whole(given["max"], place, 0, MAX_RETRIES) if form.has("max") else 0
    codes = _codes(form)
    reasons = _reasons(form)
    return Retry(most, reasons or (() if codes else ("always",)), codes)


def _reasons(form: Form) -> tuple[str, ...]:
    if not form.has("when"):
        return ()
    place = form.place("when")
    found = forms.one_or_more(form.given["when"], place)
    for one in found:
        if one not in REASONS:
            fix = nearest(one, REASONS) or f"Known are {', '.join(REASONS)}."
            raise place.wrong(f"has “{short(one)}”, which is not known", fix)
    return found


def _codes(form: Form) -> tuple[int, ...]:
    given = form.given.get("exit_codes")
    if given is None:
        return ()
    place = form.place("exit_codes")
    listed = given if isinstance(given, Items) else [given]
    return tuple(forms.whole(one, place, 0, _MAX_CODE) for one in listed)
