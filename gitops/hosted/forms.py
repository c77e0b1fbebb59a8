"""The form of a connection; values go to the service, whose refusals stand beside fields."""

from __future__ import annotations

from typing import Any

from django import forms

from gitops.hosted.models import HostConnection, HostedRepository
from gitops.hosted.services import MAX_SECRET
from portal.forms import ServiceForm

_CODE = {"class": "sw-mono", "spellcheck": "false", "autocomplete": "off"}
_SECRET = {"autocomplete": "new-password", "spellcheck": "false"}
_KEEP = "Goes in and never comes out. Empty: what is stored stays."


class ConnectForm(ServiceForm):
    kind = forms.ChoiceField(choices=HostConnection.Kind.choices, label="Git host")
    base_url = forms.CharField(
        max_length=300,
        label="Address",
        widget=forms.TextInput(attrs={**_CODE, "placeholder": "https://git.example.com"}),
        help_text="As people open it, without the repository.",
    )
    path = forms.CharField(
        max_length=300,
        label="Repository",
        widget=forms.TextInput(attrs={**_CODE, "placeholder": "owner/name"}),
    )
    token = forms.CharField(
        required=False,
        max_length=MAX_SECRET,
        widget=forms.PasswordInput(attrs=_SECRET),
        help_text=f"{_KEEP} Another host needs its own.",
    )
    webhook_secret = forms.CharField(
        required=False,
        max_length=MAX_SECRET,
        label="Webhook secret",
        widget=forms.PasswordInput(attrs=_SECRET),
        help_text=f"{_KEEP} Without one Slipway makes it.",
    )

    @classmethod
    def of(cls, row: HostedRepository | None) -> dict[str, Any]:
        """What the form shows at first."""
        if row is None:
            return {"kind": HostConnection.Kind.GITEA}
        return {
            "kind": row.connection.kind,
            "base_url": row.connection.base_url,
            "path": row.path,
        }
