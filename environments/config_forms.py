"""The form of a workload's configuration schema: a registered version, or the schema itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django import forms

from environments.action_forms import ActionForm
from schemas.naming import MAX_SUBJECT
from schemas.variables.settings import MAX_INLINE


class ConfigSchemaForm(ActionForm):
    """Empty in all three: the workload's variables are held against nothing any more."""

    workload = forms.CharField()
    subject = forms.CharField(
        max_length=MAX_SUBJECT + 110,
        required=False,
        help_text="A subject with a JSON Schema of the variables.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    version = forms.IntegerField(
        min_value=1, max_value=2**31 - 1, required=False, help_text="The one that the code knows."
    )
    schema = forms.CharField(
        max_length=MAX_INLINE,
        required=False,
        label="Or the schema itself",
        help_text="JSON Schema, kept in environment.yaml. All empty: none is asked for.",
        widget=forms.Textarea(attrs={"rows": 10, "class": "sw-mono", "spellcheck": "false"}),
    )
    field_order = ("workload", "subject", "version", "schema", "message")

    def clean_version(self) -> int:
        return self.cleaned_data["version"] or 0

    def clean_schema(self) -> Any:
        text = self.cleaned_data["schema"]
        if not text.strip():
            return None
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise forms.ValidationError(f"It is no JSON: {str(error)[:200]}.") from error
        if not isinstance(found, dict):
            raise forms.ValidationError("A schema is an object here.")
        return found

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if bool(cleaned.get("subject")) != bool(cleaned.get("version")):
            self.add_error("version", "A subject and a version are named together.")
        if cleaned.get("subject") and cleaned.get("schema"):
            self.add_error("schema", "Name a subject, or give a schema: one of the two.")
        return cleaned


def initial(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What a workload's entry declares, as the form shows it."""
    declared = entry.get("configSchema", {})
    inline = declared.get("schema")
    return {
        "subject": declared.get("subject", ""),
        "version": declared.get("version"),
        "schema": json.dumps(inline, indent=2, ensure_ascii=False) if inline else "",
    }
