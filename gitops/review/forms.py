"""The form that opens a merge request; the service's refusals stand beside fields."""

from __future__ import annotations

from typing import Any

from django import forms

from gitops.review.services import MAX_DESCRIPTION, MAX_TITLE
from portal.forms import ServiceForm


class RequestForm(ServiceForm):
    source_branch = forms.ChoiceField(label="Source branch", help_text="What shall be merged.")
    target_branch = forms.ChoiceField(label="Target branch", help_text="Where it goes.")
    title = forms.CharField(
        max_length=MAX_TITLE, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    description = forms.CharField(
        required=False,
        max_length=MAX_DESCRIPTION,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text="Plain text.",
    )

    def __init__(self, *args: Any, branches: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("source_branch", "target_branch"):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)  # noqa: S101 - declared above
            field.choices = [(branch, branch) for branch in branches]
