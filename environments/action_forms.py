"""The small forms of day-2 actions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django import forms

from environments import schema_lines, variable_lines
from environments.forms import ErrorsMixin, Moment

SHOWN = 20  # differences in one message


class ActionForm(ErrorsMixin):
    """What every action asks: why.

    Its workload stands in the page's address, so that values never go to another one than theirs.
    """

    message = forms.CharField(
        label="Why",
        max_length=300,
        required=False,
        help_text="Stands in the history and in git.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    tree = forms.CharField(widget=forms.HiddenInput, required=False, max_length=64)

    def __init__(self, *args: Any, workloads: Iterable[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.workloads = list(workloads)
        if "workload" in self.fields:
            choices = [(name, name) for name in self.workloads]
            self.fields["workload"] = forms.ChoiceField(
                choices=choices,
                widget=forms.HiddenInput,
                required=bool(choices),  # where there is none yet, the service says why
            )

    def renew(self) -> None:
        """Take the environment as it is now, and say what of it differs from what was sent.

        For a form that somebody else's change made stale: sent once more, it is judged anew.
        """
        found = self.differences()
        if found:
            more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
            self.add_error(
                None,
                f"As it is now: {', '.join(found[:SHOWN])}{more}. Send it again to have it as you"
                " wrote it.",
            )
        self.data = {**dict(self.data.items()), "tree": self.initial.get("tree", "")}

    def differences(self) -> list[str]:
        """Each field that is not as the environment is now, with what it is."""
        found = []
        for bound in self.visible_fields():
            now, sent = self.initial.get(bound.name), self.cleaned_data.get(bound.name)
            if bound.name in self.initial and now != sent:
                shown = "nothing" if now in {None, ""} else _shown(now)
                found.append(f"{bound.label} is {shown}")
        return found


def _shown(value: Any) -> str:
    return f"{value:%Y-%m-%d %H:%M} UTC" if isinstance(value, datetime) else str(value)


class ScaleForm(ActionForm):
    """Pods, or their bounds where an autoscaler owns their number."""

    workload = forms.CharField()
    replicas = forms.IntegerField(label="Pods", min_value=0, max_value=100, required=False)
    min_replicas = forms.IntegerField(label="At least", min_value=1, max_value=100, required=False)
    max_replicas = forms.IntegerField(label="At most", min_value=1, max_value=100, required=False)
    field_order = ("workload", "replicas", "min_replicas", "max_replicas", "message")

    def __init__(self, *args: Any, autoscaled: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("replicas",) if autoscaled else ("min_replicas", "max_replicas"):
            del self.fields[name]


class ImageForm(ActionForm):
    workload = forms.CharField()
    image = forms.CharField(max_length=300, widget=forms.TextInput(attrs={"class": "sw-mono"}))
    field_order = ("workload", "image", "message")


class VariablesForm(ActionForm):
    """All variables of a workload, one a line; see `variable_lines`."""

    workload = forms.CharField()
    variables = forms.CharField(
        required=False,
        strip=False,
        max_length=400_000,
        help_text='One a line, as NAME=value; a value with several lines as NAME="one\\ntwo".'
        " Secret values do not belong here.",
        widget=forms.Textarea(attrs={"rows": 12, "class": "sw-mono", "spellcheck": "false"}),
    )
    field_order = ("workload", "variables", "message")

    def clean_variables(self) -> dict[str, str]:
        try:
            return variable_lines.read(self.cleaned_data["variables"])
        except variable_lines.BadLine as error:
            raise forms.ValidationError(str(error)) from error

    def differences(self) -> list[str]:
        """By name: the values of a long list would hide what matters."""
        now = variable_lines.read(self.initial.get("variables", ""))
        sent = self.cleaned_data.get("variables", {})
        return [
            *(
                f"{name} has another value"
                for name in now
                if sent.get(name, now[name]) != now[name]
            ),
            *(f"{name} is there and not in yours" for name in now if name not in sent),
            *(f"{name} is not there" for name in sent if name not in now),
        ]


class SchemasForm(ActionForm):
    """What the code writes and reads, one version a line (`schema_lines`), and the code itself."""

    produces = forms.CharField(
        label="Writes",
        required=False,
        max_length=100_000,
        help_text="One a line: subject and version, like “orders-value 3”. Where there are several"
        " workloads, workload=NAME; how long what is written can be read, retentionDays=14.",
        widget=forms.Textarea(attrs={"rows": 4, "class": "sw-mono", "spellcheck": "false"}),
    )
    consumes = forms.CharField(
        label="Reads",
        required=False,
        max_length=100_000,
        help_text="One a line, as above. What stands in neither list is removed.",
        widget=forms.Textarea(attrs={"rows": 4, "class": "sw-mono", "spellcheck": "false"}),
    )
    image = forms.CharField(
        label="Image",
        max_length=300,
        required=False,
        help_text="The code that was built with them, to come in the same change. Empty: as it is.",
        widget=forms.TextInput(attrs={"class": "sw-mono", "autocomplete": "off"}),
    )
    workload = forms.CharField()
    field_order = ("produces", "consumes", "image", "workload", "message")

    def clean_produces(self) -> list[dict[str, Any]]:
        return _lines(self.cleaned_data["produces"])

    def clean_consumes(self) -> list[dict[str, Any]]:
        return _lines(self.cleaned_data["consumes"])

    def differences(self) -> list[str]:
        """By list: the words of one that moved would hide what matters."""
        return [
            f"{self.fields[name].label} has moved"
            for name in ("produces", "consumes")
            if schema_lines.read(self.initial.get(name, "")) != self.cleaned_data.get(name)
        ]


def _lines(text: str) -> list[dict[str, Any]]:
    try:
        return schema_lines.read(text)
    except schema_lines.BadLine as error:
        raise forms.ValidationError(str(error)) from error


class SecretForm(ActionForm):
    workload = forms.CharField()
    variable = forms.CharField(
        max_length=128,
        widget=forms.TextInput(attrs={"class": "sw-mono", "autocomplete": "off"}),
    )
    value = forms.CharField(
        max_length=65_536,
        strip=False,
        help_text="Stored encrypted; nobody sees it here again.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    field_order = ("workload", "variable", "value", "message")


class RemoveSecretForm(ActionForm):
    """Which secret variable a workload shall go without."""

    workload = forms.CharField()
    variable = forms.ChoiceField()
    field_order = ("workload", "variable", "message")

    def __init__(self, *args: Any, secrets: Iterable[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["variable"] = forms.ChoiceField(choices=[(name, name) for name in secrets])


class ExtendForm(ActionForm):
    expires_at = Moment(label="Expires (UTC)", required=False, help_text="Empty: never.")
    field_order = ("expires_at", "message")


class DeleteForm(ActionForm):
    """Asks for the name, because nothing brings it back."""

    confirm_name = forms.CharField(
        label="Its name", widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    field_order = ("confirm_name", "message")

    def __init__(self, *args: Any, expected: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.expected = expected
        self.fields["confirm_name"].help_text = f"Type {expected} to confirm."

    def clean_confirm_name(self) -> str:
        given: str = self.cleaned_data["confirm_name"]
        if given != self.expected:
            raise forms.ValidationError(f"This is not its name; type {self.expected}.")
        return given
