"""Forms of policies: fields that become the JSON of the rules, and refusals back beside them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone

from idp.changes.services.waivers import MAX_DAYS
from idp.common.names import MAX_NAME
from portal.forms import LinesField, ServiceForm
from rbac.access import can, visible
from rbac.actors import Actor
from rbac.models import Project, Team, Tier
from rbac.scopes import root
from schemas.formats.levels import Level
from schemas.forms import FORMATS
from schemas.permissions import POLICY_MANAGE
from schemas.policies.models import SchemaPolicy
from schemas.policies.rules import MAX_PATTERN, MAX_WORDS, Said
from schemas.policies.services import MAX_DESCRIPTION

_MONO = {"class": "sw-mono", "spellcheck": "false", "autocomplete": "off"}
_ROW = 1  # empty rows for more rules about tags


class FieldTagForm(forms.Form):
    """What follows from tags on fields."""

    tags = LinesField(
        required=False, label="Tags", widget=forms.Textarea(attrs={"rows": 2, **_MONO}),
        help_text="One a line, as PII.",
    )  # fmt: skip
    keep_out_of = forms.MultipleChoiceField(
        required=False,
        label="Stay out of",
        choices=Tier.choices,
        widget=forms.CheckboxSelectMultiple,
    )
    removal = forms.BooleanField(
        required=False, label="Taking the tag away needs somebody else’s leave"
    )

    @property
    def rule(self) -> dict[str, Any] | None:
        """The rule's JSON; nothing for an empty row."""
        given = self.cleaned_data
        if not any(given.values()):
            return None
        return {
            "tags": given["tags"],
            "keep_out_of": given["keep_out_of"],
            "removal": "approval" if given["removal"] else "free",
        }


FieldTags = forms.formset_factory(FieldTagForm, extra=_ROW, max_num=20, absolute_max=25)


class PolicyForm(ServiceForm):
    """A policy with its rules; what is empty is no rule."""

    name = forms.CharField(
        max_length=MAX_NAME,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="Lower-case letters, digits and hyphens; refusals name it.",
    )
    scope = forms.ChoiceField(label="Holds for")
    team: forms.ModelChoiceField[Team] = forms.ModelChoiceField(
        Team.objects.order_by("name"),
        to_field_name="name",
        required=False,
        empty_label="subjects of every team",
        label="Owned by",
    )
    tier = forms.ChoiceField(
        required=False,
        label="Judged",
        choices=[
            ("", "when a schema is registered"),
            *((value, f"when {value} begins to use it") for value in Tier.values),
        ],
    )
    description = forms.CharField(
        max_length=MAX_DESCRIPTION, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    mode = forms.ChoiceField(
        label="What it does",
        widget=forms.RadioSelect,
        initial=SchemaPolicy.Mode.WARN,
        choices=[
            (SchemaPolicy.Mode.OFF, "Nothing yet"),
            (SchemaPolicy.Mode.WARN, "Warns: lists what fails, lets it pass"),
            (SchemaPolicy.Mode.ENFORCE, "Refuses what fails"),
        ],
    )
    default_level = forms.ChoiceField(
        required=False,
        label="Default compatibility",
        choices=[("", "as the context says"), *((level.value, level.value) for level in Level)],
        help_text="For subjects without their own.",
    )
    formats = forms.MultipleChoiceField(
        required=False,
        label="Allowed formats",
        choices=FORMATS,
        widget=forms.CheckboxSelectMultiple,
        help_text="None ticked: all of them.",
    )
    pattern = forms.CharField(
        required=False,
        max_length=MAX_PATTERN,
        label="Names match",
        widget=forms.TextInput(attrs=_MONO),
        help_text="A regular expression without look-around, as ^[a-z.]+-(key|value)$",
    )
    example = forms.CharField(
        required=False,
        max_length=MAX_WORDS,
        label="A name that does",
        widget=forms.TextInput(attrs=_MONO),
        help_text="Shown to whoever is refused.",
    )
    require = forms.MultipleChoiceField(
        required=False,
        label="Must be said",
        choices=[(said.value, said.value) for said in Said],
        widget=forms.CheckboxSelectMultiple,
    )
    required_tags = LinesField(
        required=False, label="Carries all of these tags", help_text="One a line."
    )
    one_of_tags = LinesField(
        required=False, label="Carries one of these tags", help_text="One a line."
    )

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        actor: Actor,
        row: SchemaPolicy | None = None,
    ) -> None:
        given = {} if row is None else initial(row)
        super().__init__(data, initial=given)
        self.tagged = FieldTags(data, prefix="tag", initial=given.get("field_tags", []))
        scope = self.fields["scope"]
        if row is not None:
            del self.fields["name"], self.fields["scope"]
        elif isinstance(scope, forms.ChoiceField):
            scope.choices = places(actor)

    def is_valid(self) -> bool:
        fine = super().is_valid()
        return self.tagged.is_valid() and fine

    @property
    def rules(self) -> dict[str, Any]:
        """The JSON of the rules, without what is empty."""
        given = self.cleaned_data
        name = {"pattern": given["pattern"], "example": given["example"]}
        tags = [rule for form in self.tagged.forms if (rule := form.rule) is not None]
        found = {
            "subject_name": name if any(name.values()) else None,
            "field_tags": tags,
            **{
                key: given[key]
                for key in ("default_level", "formats", "require", "required_tags", "one_of_tags")
            },
        }
        return {key: value for key, value in found.items() if value}

    @property
    def values(self) -> dict[str, Any]:
        """What the services take, but for the scope of a new policy."""
        names = ("name", "description", "team", "tier", "mode")
        kept = {name: self.cleaned_data[name] for name in names if name in self.cleaned_data}
        return {**kept, "rules": self.rules}

    @property
    def digest(self) -> str:
        """What was previewed: a policy that refuses is saved after its preview was seen."""
        given = {**self.values, "team": str(self.values["team"] or "")}
        given["scope"] = self.cleaned_data.get("scope", "")
        return hashlib.sha256(json.dumps(given, sort_keys=True).encode()).hexdigest()[:32]

    def named(self, field: str) -> str:
        """Refusals name the JSON: `rules.subject_name.pattern` is the field `pattern`."""
        return next((word for word in field.split(".")[::-1] if word in self.fields), "")


def initial(row: SchemaPolicy) -> dict[str, Any]:
    """The form's values of a policy."""
    rules: Mapping[str, Any] = row.rules
    tags = [
        {**one, "removal": one.get("removal") == "approval"} for one in rules.get("field_tags", [])
    ]
    return {
        **{key: value for key, value in rules.items() if key != "subject_name"},
        **rules.get("subject_name", {}),
        "field_tags": tags,
        "description": row.description,
        "team": row.team.name if row.team else None,
        "tier": row.tier,
        "mode": row.mode,
    }


def places(actor: Actor) -> list[tuple[str, str]]:
    """Where the actor may make policies."""
    rows = visible(actor, POLICY_MANAGE, Project.objects.all()).order_by("name")
    everything = [("everything", "every project")] if can(actor, POLICY_MANAGE, root()) else []
    return [*everything, *((row.name, f"project {row.name}") for row in rows)]


class RemovalForm(ServiceForm):
    """Why a guarded tag may go, and until when the leave shall hold."""

    reason = forms.CharField(
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Who decides reads it; so does the audit trail.",
    )
    ends_at = forms.DateTimeField(
        label="Until",
        help_text=f"UTC, at most {MAX_DAYS} days ahead.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        initial=lambda: timezone.now() + timedelta(days=1),
    )
