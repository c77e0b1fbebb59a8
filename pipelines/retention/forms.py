"""The form of how long pipelines are kept."""

from __future__ import annotations

from typing import Any

from django import forms

from pipelines.retention.services import LEAST, MOST
from portal.forms import ServiceForm


class RetentionForm(ServiceForm):
    """Days, or for ever; `wanted` answers what the service takes."""

    days = forms.IntegerField(
        required=False,
        min_value=LEAST,
        max_value=MOST,
        help_text=f"After the end of a pipeline, {LEAST} to {MOST}.",
    )
    for_ever = forms.BooleanField(required=False, help_text="Nothing goes by itself.")

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if "days" not in self.errors and not found.get("for_ever") and found.get("days") is None:
            self.add_error("days", "Say how many days, or choose for ever.")
        return found

    @property
    def wanted(self) -> int | None:
        """Of a valid form."""
        given = self.cleaned_data
        return None if given["for_ever"] else given["days"]
