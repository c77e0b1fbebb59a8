"""Forms of the registry's pages; values go to the services, whose refusals stand beside fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms

from portal.forms import LinesField, ServiceForm
from rbac.models import Team
from schemas.configuration import EMPTY
from schemas.errors import InvalidVersion
from schemas.formats.base import MAX_TEXT, FormatName
from schemas.formats.levels import Level
from schemas.models import Mode, Policy, Subject
from schemas.naming import MAX_SUBJECT
from schemas.parsing import Reference
from schemas.selectors import version_number
from schemas.services.describing import MAX_DOCS
from schemas.words import MEANINGS

FORMATS = [
    (str(name), label)
    for name, label in (
        (FormatName.AVRO, "Avro"),
        (FormatName.JSON, "JSON Schema"),
        (FormatName.PROTOBUF, "Protobuf"),
        (FormatName.OPENAPI, "OpenAPI 3.0, 3.1"),
    )
]
_CODE = {"class": "sw-mono", "spellcheck": "false", "autocomplete": "off"}


class DescribeForm(ServiceForm):
    """Owner, component, docs, tags and contact of a subject."""

    owner: forms.ModelChoiceField[Team] = forms.ModelChoiceField(
        Team.objects.order_by("name"),
        to_field_name="name",
        empty_label=None,
        help_text="The team that is asked before the schema breaks somebody.",
    )
    component = forms.CharField(
        max_length=63, required=False, help_text="The catalog's component that writes the records."
    )
    contact = forms.CharField(
        max_length=200, required=False, help_text="A channel, an address or a page."
    )
    tags = LinesField(required=False, help_text="One a line.")
    docs = forms.CharField(
        max_length=MAX_DOCS,
        required=False,
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text="What the records mean, and who may use them.",
    )
    revision = forms.CharField(required=False, widget=forms.HiddenInput)

    @property
    def values(self) -> dict[str, Any]:
        """What the service takes of a valid form."""
        return {name: item for name, item in self.cleaned_data.items() if name != "revision"}


class LifecycleForm(ServiceForm):
    """One of the steps that the subject's state allows."""

    state = forms.ChoiceField(label="Becomes", widget=forms.RadioSelect)
    sunset_on = forms.DateField(
        required=False,
        label="Ends on",
        widget=forms.DateInput(attrs={"type": "date", "class": "num"}, format="%Y-%m-%d"),
        help_text="For a sunset: after this day nobody should read or write it.",
    )

    def __init__(self, *args: Any, subject: Subject, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        steps = Subject.TRANSITIONS.get(subject.state, frozenset())
        field = self.fields["state"]
        if isinstance(field, forms.ChoiceField):
            field.choices = [
                (value, f"{label}: {MEANINGS[value]}")
                for value, label in Subject.State.choices
                if value in steps
            ]
        if Subject.State.SUNSET not in steps:
            del self.fields["sunset_on"]


def _inherited(choices: Iterable[tuple[str, str]], label: str) -> list[tuple[str, str]]:
    return [("", label), *choices]


class SettingsForm(ServiceForm):
    """Compatibility and mode of a subject; empty asks the place above."""

    level = forms.ChoiceField(required=False, label="Compatibility")
    policy = forms.ChoiceField(
        required=False,
        label="Policy",
        help_text="Lenient lets pass what only some readers would refuse.",
    )
    mode = forms.ChoiceField(required=False, label="Mode")
    compatibility_group = forms.CharField(
        max_length=100,
        required=False,
        label="Compatibility group",
        help_text="A metadata property: only versions with the same value are compared.",
    )
    normalize = forms.NullBooleanField(
        label="Normalise before registering",
        widget=forms.Select(choices=[("", "As the place above"), ("true", "Yes"), ("false", "No")]),
    )

    def __init__(self, *args: Any, above: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = {
            "level": [(level.value, level.value) for level in Level],
            "policy": [(policy, policy) for policy in Policy.values],
            "mode": [(mode, mode) for mode in Mode.values],
        }
        for name, own in choices.items():
            field = self.fields[name]
            if isinstance(field, forms.ChoiceField):
                field.choices = _inherited(own, f"As the place above ({above[name]})")

    @property
    def settings(self) -> dict[str, Any]:
        """All but the mode, which has a service of its own."""
        given = {name: item for name, item in self.cleaned_data.items() if name != "mode"}
        return {name: EMPTY[name] if item in ("", None) else item for name, item in given.items()}


class DeleteForm(ServiceForm):
    """The subject's name, typed, or nothing for a single version."""

    confirm_name = forms.CharField(
        max_length=MAX_SUBJECT + 110, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )

    def __init__(self, *args: Any, expected: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.expected = expected
        self.fields["confirm_name"].label = f"Type {expected} to confirm"

    def clean_confirm_name(self) -> str:
        given = str(self.cleaned_data["confirm_name"])
        if given != self.expected:
            raise forms.ValidationError(f"That is not {self.expected}.")
        return given


class ReferencesField(forms.CharField):
    """One reference a line: what the text calls it, its subject and its version."""

    widget = forms.Textarea(attrs={"rows": 2, **_CODE})

    def to_python(self, value: Any) -> Any:
        lines = [line.split() for line in str(value or "").splitlines() if line.strip()]
        return tuple(_reference(parts) for parts in lines)

    def validate(self, value: Any) -> None:
        """An empty tuple is no error."""

    def run_validators(self, value: Any) -> None:
        """References are judged by the services."""


def _reference(parts: list[str]) -> Reference:
    if len(parts) not in {2, 3}:
        raise forms.ValidationError("A line is a name, a subject and the number of a version.")
    try:
        number = version_number(parts[2] if len(parts) == 3 else "latest")  # noqa: PLR2004  # the version is there
    except InvalidVersion as error:
        raise forms.ValidationError(error.message) from error
    return Reference(parts[0][:500], parts[1][:MAX_SUBJECT], number)


class CompareForm(ServiceForm):
    """A candidate, and what it is held against: a subject's versions, or another text."""

    subject = forms.CharField(
        max_length=MAX_SUBJECT + 110,
        required=False,
        widget=forms.TextInput(
            attrs={"list": "subjects", "autocomplete": "off", "spellcheck": "false"}
        ),
        help_text="Leave it empty to compare two texts with each other.",
    )
    format = forms.ChoiceField(choices=FORMATS, initial=FormatName.AVRO)
    candidate = forms.CharField(
        max_length=MAX_TEXT,
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 18, **_CODE}),
    )
    references = ReferencesField(
        required=False,
        help_text="One a line: the name in the text, its subject, and the version or “latest”.",
    )
    earlier = forms.CharField(
        max_length=MAX_TEXT,
        required=False,
        strip=False,
        label="Earlier schema",
        widget=forms.Textarea(attrs={"rows": 8, **_CODE}),
        help_text="Only where no subject is named.",
    )
    level = forms.ChoiceField(
        choices=[(level.value, level.value) for level in Level if not level.transitive],
        initial=Level.BACKWARD,
        required=False,
        help_text="Only where no subject is named; a subject has its own.",
    )
    project = forms.ChoiceField(
        required=False, label="Project", help_text="Of a subject that does not exist yet."
    )

    def __init__(self, *args: Any, projects: Iterable[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["project"]
        if isinstance(field, forms.ChoiceField):
            names = list(projects)
            field.choices = [("", "–"), *((name, name) for name in names)]
