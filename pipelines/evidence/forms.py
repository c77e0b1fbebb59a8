"""The form of a rule, and refusals back beside its fields."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from django import forms

from idp.common.names import MAX_NAME
from pipelines.evidence.models import EvidenceRule
from pipelines.evidence.services import FIELDS, MAX_FIX, MAX_TITLE
from portal.forms import ServiceForm

_PLAIN = {"autocomplete": "off", "spellcheck": "false"}


class RuleForm(ServiceForm):
    """A rule; what its condition may read stands beside it."""

    name = forms.CharField(
        max_length=MAX_NAME,
        widget=forms.TextInput(attrs=_PLAIN),
        help_text="Lower-case letters, digits and hyphens; refusals name it.",
    )
    scope = forms.CharField(
        max_length=100,
        label="Holds for",
        widget=forms.TextInput(attrs=_PLAIN),
        help_text="everything, a project, orders/production (tier), or an environment of it.",
    )
    title = forms.CharField(
        max_length=MAX_TITLE, help_text="What it asks for, in words: all tests pass."
    )
    condition = forms.CharField(
        max_length=1000,
        widget=forms.Textarea(
            attrs={"rows": 5, "class": "sw-mono", "autocapitalize": "off", **_PLAIN}
        ),
        help_text="CEL; && between clauses, each of which is told apart.",
    )
    fix = forms.CharField(
        max_length=MAX_FIX,
        required=False,
        label="Way out",
        help_text="What whoever is stopped can do about it.",
    )
    severity = forms.ChoiceField(
        label="What it does",
        widget=forms.RadioSelect,
        initial=EvidenceRule.Severity.TELLS,
        choices=[
            (EvidenceRule.Severity.TELLS, "Tells what does not hold, lets it pass"),
            (EvidenceRule.Severity.BLOCKS, "Blocks until it holds"),
        ],
    )
    active = forms.BooleanField(
        required=False, initial=True, label="Switched on", help_text="Off: it is not judged."
    )

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, row: EvidenceRule | None = None
    ) -> None:
        given = {} if row is None else {name: getattr(row, name) for name in FIELDS}
        super().__init__(data, initial=given)
        if row is not None:
            del self.fields["name"], self.fields["scope"]

    @property
    def values(self) -> dict[str, Any]:
        """What the services take, but for the scope of a new rule."""
        return {name: value for name, value in self.cleaned_data.items() if name != "scope"}

    @property
    def blocks(self) -> bool:
        given = self.cleaned_data
        return bool(given["active"]) and given["severity"] == EvidenceRule.Severity.BLOCKS

    @property
    def digest(self) -> str:
        """What was previewed: a rule that blocks is saved after its preview was seen."""
        told = json.dumps(self.cleaned_data, sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()[:32]
