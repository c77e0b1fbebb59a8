"""Forms of the catalog: text areas of one entry a line become lists."""

from __future__ import annotations

from typing import Any

from django import forms

from idp.common.errors import SlipwayError
from portal.models import Component
from portal.selectors import kept_projects, teams
from rbac.access import Actor
from rbac.models import Project, Team

TYPES = ("service", "website", "worker", "job", "library", "data")
MAX_FILE = 256_000


class LinesField(forms.CharField):
    """One entry a line, as a list of text."""

    widget = forms.Textarea(attrs={"rows": 3, "class": "sw-mono"})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        lines = str(value or "").splitlines()
        return [line.strip() for line in lines if line.strip()]

    def validate(self, value: Any) -> None:
        super(forms.CharField, self).validate(value)

    def run_validators(self, value: Any) -> None:
        """A list has no length of text to check; the service judges its entries."""


class LinksField(LinesField):
    """One link a line, the address first and then its title: `https://… Runbook`."""

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, list):
            return "\n".join(f"{link['url']} {link.get('title', '')}".strip() for link in value)
        return value

    def to_python(self, value: Any) -> Any:
        pairs = [line.partition(" ") for line in super().to_python(value)]
        return [{"url": url, "title": title.strip()[:120]} for url, _, title in pairs]


class ServiceForm(forms.Form):
    """A form whose values go to a service, and which shows that service's refusal."""

    def take(self, error: SlipwayError) -> None:
        """Show a service's refusal beside the fields that it names, or over the form."""
        placed = [entry for entry in error.errors if self.named(entry.field) in self.fields]
        for entry in placed:
            self.add_error(self.named(entry.field), f"{entry.message} {entry.fix}".strip())
        if not placed:
            self.add_error(None, f"{error.message} {error.fix}".strip())
            return
        for entry in error.errors:
            if entry not in placed:
                self.add_error(None, f"{entry.field}: {entry.message} {entry.fix}".strip())

    def named(self, field: str) -> str:
        """The form's field that a refusal means by its dotted path."""
        return field.partition(".")[0]


class ComponentForm(ServiceForm):
    """Add or change a component; `fields` answers what the services take."""

    project: forms.ModelChoiceField[Project] = forms.ModelChoiceField(
        None, to_field_name="name", empty_label=None
    )
    name = forms.CharField(
        max_length=63,
        help_text="Lower-case letters, digits and hyphens, at most 40. It cannot be changed later.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    title = forms.CharField(max_length=120, required=False, help_text="How people call it.")
    description = forms.CharField(
        max_length=4000, required=False, widget=forms.Textarea(attrs={"rows": 4})
    )
    type = forms.CharField(
        max_length=60, initial="service", help_text=f"For example {', '.join(TYPES)}."
    )
    lifecycle = forms.ChoiceField(choices=Component.Lifecycle.choices)
    owner: forms.ModelChoiceField[Team] = forms.ModelChoiceField(
        None, to_field_name="name", help_text="The team that answers for it."
    )
    tags = LinesField(required=False, help_text="One a line.")
    links = LinksField(required=False, help_text="One a line: the address, a space, and its title.")
    provides_apis = LinesField(required=False, label="Provides APIs", help_text="One a line.")
    consumes_apis = LinesField(required=False, label="Consumes APIs", help_text="One a line.")
    version = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(
        self, *args: Any, actor: Actor, component: Component | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        owner = self.fields["owner"]
        project = self.fields["project"]
        if isinstance(owner, forms.ModelChoiceField):
            owner.queryset = teams()
        if isinstance(project, forms.ModelChoiceField):
            project.queryset = kept_projects(actor=actor)
        if component is not None:
            del self.fields["project"], self.fields["name"]

    @property
    def values(self) -> dict[str, Any]:
        """What the services take of a valid form."""
        return {name: value for name, value in self.cleaned_data.items() if name != "version"}


class ImportForm(ServiceForm):
    """A `catalog-info.yaml`, as a file or as text."""

    project: forms.ModelChoiceField[Project] = forms.ModelChoiceField(
        None, to_field_name="name", empty_label=None
    )
    file = forms.FileField(required=False, help_text="A catalog-info.yaml of at most 256 kB.")
    text = forms.CharField(
        required=False,
        max_length=MAX_FILE,
        label="or its text",
        widget=forms.Textarea(attrs={"rows": 14, "class": "sw-mono", "spellcheck": "false"}),
    )
    location = forms.CharField(
        max_length=300,
        required=False,
        help_text="Where the file is kept; it tells this file's components from others'.",
    )

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        project = self.fields["project"]
        if isinstance(project, forms.ModelChoiceField):
            project.queryset = kept_projects(actor=actor)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        file = cleaned.get("file")
        if file is not None and file.size > MAX_FILE:
            self.add_error("file", f"The file has {file.size} bytes; {MAX_FILE} are the most.")
        elif file is None and not cleaned.get("text"):
            self.add_error("text", "Choose a file or paste its text.")
        return cleaned

    @property
    def source(self) -> bytes | str:
        """The document of a valid form."""
        file = self.cleaned_data["file"]
        return file.read() if file is not None else str(self.cleaned_data["text"])

    @property
    def place(self) -> str:
        """Where it is kept: as written, else the file's name, else the page."""
        file = self.cleaned_data["file"]
        return str(self.cleaned_data["location"] or (file.name if file else "") or "pasted text")
