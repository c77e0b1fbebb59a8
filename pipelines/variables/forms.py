"""The forms of a variable: a secret goes in and never comes back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.validators import MaxLengthValidator
from django.db.models import QuerySet

from pipelines.variables.models import Variable
from pipelines.variables.services import FIELDS, LEAST_MASKED, MAX_DESCRIPTION, MAX_VALUE
from portal.forms import ServiceForm
from rbac.models import Project

_PLAIN = {"autocomplete": "off", "spellcheck": "false"}
MASKED = (
    f"No log shows it: not as it is, not as base64, not URL-encoded. The value needs {LEAST_MASKED}"
    " characters at least: a shorter one stands in ordinary words, and masking these would tell it."
    " Of several lines, each as long is masked, too. No page shows a masked value."
)
HIDDEN = "Masked, answered to nobody again, by REST neither, and never taken back."


def at_most(characters: int) -> MaxLengthValidator:
    """REST's limit in REST's words; no `maxlength`, by which a browser cuts what is pasted."""
    return MaxLengthValidator(
        characters, "Ensure this field has no more than %(limit_value)d characters."
    )


class ValueArea(forms.Textarea):
    """Writes its value into the page only where `plain` says that this is none to keep secret."""

    plain = False

    def format_value(self, value: Any) -> str | None:
        return super().format_value(value) if self.plain else ""


class ValueField(forms.CharField):
    """Text as it is typed; a browser's line ends become those of a file."""

    widget = ValueArea(attrs={"rows": 4, "class": "sw-mono", "autocapitalize": "off", **_PLAIN})

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value) or "").replace("\r\n", "\n")


class FlagsForm(ServiceForm):
    """What can be changed of a variable; the service judges it."""

    value = ValueField(required=False, strip=False, validators=[at_most(MAX_VALUE)])
    is_file = forms.BooleanField(
        required=False,
        label="As a file",
        help_text="The job’s variable holds the path of a file with the value.",
    )
    protected = forms.BooleanField(
        required=False, help_text="Only pipelines of the protected branch get it."
    )
    masked = forms.BooleanField(required=False, help_text=MASKED)
    hidden = forms.BooleanField(required=False, help_text=HIDDEN)
    expand = forms.BooleanField(
        required=False,
        initial=True,
        help_text="$NAME in the value is another variable. Off for a value with a $ of its own.",
    )
    description = forms.CharField(
        required=False,
        validators=[at_most(MAX_DESCRIPTION)],
        help_text="What it opens, and who gives a new one.",
    )

    def write_back(self, plain: bool) -> None:
        """Let the value stand in the page where it is plain, and as it was sent."""
        asked = any(self.data.get(name) for name in ("masked", "hidden"))
        self.fields["value"].widget.plain = plain and not asked


class VariableForm(FlagsForm):
    """A new variable."""

    project: forms.ModelChoiceField[Project] = forms.ModelChoiceField(
        None, to_field_name="name", empty_label=None
    )
    name = forms.CharField(
        validators=[at_most(255)],
        widget=forms.TextInput(attrs={"autocapitalize": "off", **_PLAIN}),
        help_text="Letters, digits and underscores. Jobs read it as $NAME.",
    )
    environment = forms.CharField(
        initial="*",
        label="Environments",
        validators=[at_most(255)],
        widget=forms.TextInput(attrs=_PLAIN),
        help_text="production, review/*, or * for all jobs. The one that says most wins.",
    )

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        projects: QuerySet[Project],
        initial: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(data, initial=dict(initial or {}))
        self.fields["project"].queryset = projects  # type: ignore[attr-defined]  # a model's choice
        self.write_back(plain=True)


class ChangeForm(FlagsForm):
    """An existing one. An empty value keeps what is there, unless the form began with it."""

    def __init__(
        self, row: Variable, data: Mapping[str, Any] | None = None, *, shown: bool = False
    ) -> None:
        shown = shown and not row.secret
        given = {name: getattr(row, name) for name in FIELDS}
        super().__init__(data, initial=given)
        self.with_value = shown
        if shown:
            self.initial["value"] = row.value
        else:
            self.fields["value"].help_text = "Leave empty to keep it."
        self.fields["hidden"].disabled = row.hidden
        self.write_back(plain=not row.secret)

    @property
    def values(self) -> dict[str, Any]:
        """What the service takes of a valid form."""
        given = {name: self.cleaned_data[name] for name in FIELDS}
        value = self.cleaned_data["value"]
        return {**given, "value": value} if value or self.with_value else given
