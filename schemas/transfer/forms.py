"""Forms of imports; values go to the services, whose refusals stand beside fields."""

from __future__ import annotations

from typing import Any

from django import forms

from portal.forms import LinesField, ServiceForm
from rbac.access import visible
from rbac.actors import Actor
from rbac.models import Project
from schemas.backends.peer import MAX_URL
from schemas.permissions import CONFIGURE
from schemas.transfer import archives, services

_CODE = {"class": "sw-mono", "spellcheck": "false", "autocomplete": "off"}
MAX_CONTEXT = 100


class RulesField(LinesField):
    """One rule a line, the beginning of names and a project: `payments- payments`."""

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, list):
            return "\n".join(f"{rule['prefix']} {rule['project']}" for rule in value)
        return value

    def to_python(self, value: Any) -> Any:
        rules = []
        for line in super().to_python(value):
            prefix, _, project = line.rpartition(" ")
            if not prefix.strip():
                raise forms.ValidationError(
                    f"“{line[:60]}” is no rule: write how names begin, a space, and the project."
                )
            rules.append({"prefix": prefix.strip(), "project": project})
        return rules


class ImportForm(ServiceForm):
    """What imports from a registry and from an archive have in common."""

    project: forms.ModelChoiceField[Project] = forms.ModelChoiceField(
        None,
        to_field_name="name",
        empty_label=None,
        help_text="Gets every subject that no rule sends elsewhere.",
    )
    rules = RulesField(
        required=False,
        label="Other projects",
        help_text="One rule a line: how names begin there, and the project: payments- payments. "
        "The longest beginning counts.",
    )
    start = forms.CharField(
        required=False,
        max_length=services.MAX_PREFIX,
        label="Only subjects that begin with",
        widget=forms.TextInput(attrs={**_CODE, "placeholder": "orders-"}),
        help_text="Empty: all of them. “:.ctx:” takes one context.",
    )
    into = forms.CharField(
        required=False,
        max_length=MAX_CONTEXT,
        label="Into the context",
        widget=forms.TextInput(attrs={**_CODE, "placeholder": ".legacy"}),
        help_text="Ids belong to a context: in one of its own they collide with none that are "
        "here. Empty: contexts stay as they are.",
    )
    deleted = forms.BooleanField(required=False, label="Deleted versions too")
    with_settings = forms.BooleanField(
        required=False, initial=True, label="Compatibility, modes and other settings too"
    )

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["project"]
        if isinstance(field, forms.ModelChoiceField):
            rows = Project.objects.select_related("scope", "team").order_by("name")
            field.queryset = visible(actor, CONFIGURE, rows)


class RegistryForm(ImportForm):
    """Another registry, with the credentials that it asks for."""

    registry = forms.CharField(
        label="Registry",
        max_length=MAX_URL,
        widget=forms.TextInput(attrs={**_CODE, "placeholder": "https://registry.example.org"}),
        help_text="What clients have as schema.registry.url.",
    )
    user_name = forms.CharField(required=False, max_length=200, widget=forms.TextInput(attrs=_CODE))
    secret = forms.CharField(
        required=False,
        max_length=services.MAX_SECRET,
        label="Password or token",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="Without a user name it is sent as a bearer token. It is stored encrypted.",
    )


class ArchiveForm(ImportForm):
    """An archive as an export makes it."""

    file = forms.FileField(
        label="Archive",
        help_text=f"A zip file of an export, at most {archives.MAX_FILE // 2**20} MB.",
        widget=forms.ClearableFileInput(attrs={"accept": ".zip"}),
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > archives.MAX_FILE:
            raise forms.ValidationError(
                f"The file has {file.size} bytes; {archives.MAX_FILE} are the most."
            )
        return file
