"""The form of a schedule; its services judge the values."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet

from gitops.hosts.local import MAIN
from pipelines.runs.commits import short
from pipelines.runs.views.start import StartForm
from pipelines.schedules.cron import MAX_CRON, MAX_ZONE
from pipelines.schedules.models import MAX_DESCRIPTION, Schedule
from rbac.models import Project

_PLAIN = {"autocomplete": "off", "spellcheck": "false"}


class ScheduleForm(StartForm):
    """What the form of a start asks for, and when."""

    description = forms.CharField(max_length=MAX_DESCRIPTION, help_text="Like “Nightly tests”.")
    cron = forms.CharField(
        max_length=MAX_CRON,
        label="Runs at",
        initial="0 3 * * 1-5",
        help_text="Cron: minute, hour, day of month, month, day of week.",
        widget=forms.TextInput(attrs={"class": "sw-mono", **_PLAIN}),
    )
    timezone = forms.CharField(
        max_length=MAX_ZONE,
        label="Time zone",
        initial="UTC",
        help_text="Like Europe/Berlin.",
        widget=forms.TextInput(attrs={"list": "zones", **_PLAIN}),
    )
    active = forms.BooleanField(
        required=False, initial=True, label="Switched on", help_text="Off: nothing begins."
    )

    def __init__(
        self,
        *args: Any,
        projects: QuerySet[Project],
        row: Schedule | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs["initial"] = {"ref": short(MAIN), **kwargs.get("initial", {}), **_initial(row)}
        super().__init__(*args, projects=projects, **kwargs)
        del self.fields["once"]
        if row is not None:
            del self.fields["project"]
        if row is not None and not fits(row):
            del self.fields["variables"]


def fits(row: Schedule) -> bool:
    """Whether its values can be written a line each; others are changed by REST."""
    return not any(len(value.splitlines()) > 1 for value in row.given.values())


def _initial(row: Schedule | None) -> dict[str, Any]:
    if row is None:
        return {}
    names = ("description", "cron", "timezone", "ref", "active")
    lines = "\n".join(f"{name}={value}" for name, value in row.given.items())
    return {**{name: getattr(row, name) for name in names}, "variables": lines}
