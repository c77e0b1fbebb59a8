"""The form of a new environment, made from a blueprint's schema; `action_forms` has the others."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any

from django import forms

from environments.models import BlueprintVersion
from environments.rendering.resources import SCHEMAS
from environments.rendering.template import Template
from gitops.models import CloudAccount, Cluster
from idp.common.errors import SlipwayError
from rbac.models import Project, Tier

PARAMETERS = "parameters"
SPARE_ROWS = 3
WIDE = 12
_TIER_HELP = {
    "preview": "for one branch",
    "development": "for trying out",
    "staging": "like production",
    "production": "for customers",
}


@dataclass(frozen=True)
class Item:
    """A control of a section: its field's name, its width of 12 columns, and its widget."""

    name: str
    width: int = WIDE
    widget: str = ""
    hints: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Section:
    """A fieldset of the form."""

    title: str
    help: str = ""
    items: list[Item] = field(default_factory=list)


class Moment(forms.DateTimeField):
    """A moment in UTC from `<input type="datetime-local">`."""

    widget = forms.DateTimeInput(
        attrs={"type": "datetime-local", "class": "num"}, format="%Y-%m-%dT%H:%M"
    )

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%SZ"], **kwargs
        )

    def to_python(self, value: Any) -> Any:
        found = super().to_python(value)
        return found.replace(tzinfo=UTC) if found and found.tzinfo is None else found


class ErrorsMixin(forms.Form):
    """Puts a service's errors beside the fields that they are about."""

    def take(self, error: SlipwayError) -> None:
        """Add the error's fields to the form; what has no field stands above all."""
        placed = False
        for one in error.errors:
            name = self.field_for(one.field)
            text = f"{one.message} {one.fix}".strip()
            self.add_error(name, text)
            placed = True
        if not placed:
            self.add_error(None, f"{error.message} {error.fix}".strip())

    def field_for(self, path: str) -> str | None:
        """The form's field for a dotted path, the nearest above it, or None."""
        parts = path.removeprefix("spec.").split(".")
        while parts:
            name = ".".join(parts)
            if name in self.fields:
                return name
            parts.pop()
        return None


class CreateForm(ErrorsMixin):
    """Where, and the parameters of one blueprint version; bound names are dotted paths."""

    def __init__(
        self,
        *args: Any,
        version: BlueprintVersion,
        template: Template,
        projects: Iterable[tuple[Project, list[str]]],
        clusters: Iterable[Cluster],
        accounts: Iterable[CloudAccount],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.version, self.compiled = version, template
        self.places = list(projects)
        self.sections = [self._where(list(clusters), list(accounts))]
        self._add_schema(version.schema, PARAMETERS, None)
        if template.resource_kinds:
            self.sections.append(self._resources())
        self.sections.append(self._life())

    def _where(self, clusters: list[Cluster], accounts: list[CloudAccount]) -> Section:
        names = [(p.name, p.name) for p, _ in self.places]
        tiers = {tier for _, allowed in self.places for tier in allowed}
        self.fields["project"] = forms.ChoiceField(choices=names)
        self.fields["name"] = forms.CharField(
            max_length=60,
            help_text="Lower-case letters, digits and hyphens, at most 40.",
            widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        )
        choices = [(t.value, t.label) for t in Tier if t.value in tiers]
        self.fields["tier"] = forms.ChoiceField(choices=choices, widget=forms.RadioSelect)
        self.fields["cluster"] = forms.ChoiceField(choices=[(c.name, _target(c)) for c in clusters])
        items = [
            Item("project", 6),
            Item("name", 6),
            Item("tier", WIDE, "cards", {"details": _TIER_HELP}),
            Item("cluster", 6),
        ]
        if self.compiled.resource_kinds:
            self.fields["account"] = forms.ChoiceField(
                label="Cloud account",
                required=False,
                choices=[
                    ("", "none"),
                    *((a.name, _target(a)) for a in accounts),
                ],
            )
            items.append(Item("account", 6))
        return Section("What and where", "Cannot be changed later", items)

    def _life(self) -> Section:
        self.fields["expires_at"] = Moment(
            label="Expires (UTC)",
            required=False,
            help_text="Empty: as long as the limits allow. You are warned 24 h and 2 h before.",
        )
        return Section("Life", "Then it deletes itself", [Item("expires_at", 6)])

    def _add_schema(self, schema: Mapping[str, Any], prefix: str, group: str | None) -> None:
        required = schema.get("required", [])
        for name, entry in schema.get("properties", {}).items():
            hints = entry.get("x-ui", {})
            if hints.get("hidden"):
                continue
            at, title = f"{prefix}.{name}", group or hints.get("group", "Parameters")
            if entry["type"] == "object":
                self._add_schema(entry, at, title)
                continue
            self.fields[at] = _field(entry, required=name in required)
            widget = hints.get("widget") or {"boolean": "toggle"}.get(entry["type"], "")
            self._section(title).items.append(Item(at, hints.get("width", WIDE), widget, hints))

    def _section(self, title: str) -> Section:
        found = next((s for s in self.sections if s.title == title), None)
        if found is None:
            found = Section(title)
            self.sections.append(found)
        return found

    def _resources(self) -> Section:
        # What needs more than a name is written into environment.yaml.
        plain = [k for k in self.compiled.resource_kinds if not SCHEMAS[k].get("required")]
        kinds = [("", "–"), *((kind, kind) for kind in plain)]
        given = len(self._given_rows())
        section = Section("Backing services", "Their addresses reach the workloads as variables")
        for index in range(min(given + SPARE_ROWS, self.compiled.max_resources)):
            self.fields[f"resource-{index}-kind"] = forms.ChoiceField(
                label=f"Resource {index + 1}, kind", choices=kinds, required=False
            )
            self.fields[f"resource-{index}-name"] = forms.CharField(
                label=f"Resource {index + 1}, name", max_length=40, required=False
            )
            section.items.append(Item(f"resource-{index}", WIDE, "resource"))
        return section

    def _given_rows(self) -> list[int]:
        source = self.data if self.is_bound else self.initial
        most = self.compiled.max_resources
        return [i for i in range(most) if source.get(f"resource-{i}-name")]

    def field_for(self, path: str) -> str | None:
        parts = path.removeprefix("spec.").split(".")
        if parts[0] == "resources" and len(parts) > 1:
            for name in self.fields:
                if name.endswith("-name") and self.cleaned_data.get(name) == parts[1]:
                    return name
        return super().field_for(path)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        allowed = {p.name: tiers for p, tiers in self.places}
        project, tier = cleaned.get("project"), cleaned.get("tier")
        if project and tier and tier not in allowed.get(project, []):
            self.add_error("tier", f"You may not create {tier} environments in {project}.")
        for name in [n for n in self.fields if n.endswith("-name") and n != "name"]:
            kind = name.removesuffix("name") + "kind"
            if cleaned.get(name) and not cleaned.get(kind):
                self.add_error(kind, "Choose what it is.")
            if cleaned.get(kind) and not cleaned.get(name):
                self.add_error(name, "Give it a name.")
        return cleaned

    def wanted(self) -> dict[str, Any]:
        """The input of the service, as REST would give it."""
        cleaned = self.cleaned_data
        data: dict[str, Any] = {
            key: cleaned[key] for key in ("project", "name", "tier", "cluster", "expires_at")
        }
        parameters: dict[str, Any] = {}
        for name, value in cleaned.items():
            if name.startswith(f"{PARAMETERS}.") and value is not None and value != "":
                _put(parameters, name.split(".")[1:], value)
        return {
            **data,
            "account": cleaned.get("account", ""),
            "blueprint": str(self.version),
            "parameters": parameters,
            "resources": self._wanted_resources(),
        }

    def _wanted_resources(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for index in range(self.compiled.max_resources):
            name = self.cleaned_data.get(f"resource-{index}-name")
            if name:
                found[name] = {"kind": self.cleaned_data[f"resource-{index}-kind"]}
        return found


def _put(target: dict[str, Any], path: list[str], value: Any) -> None:
    for key in path[:-1]:
        target = target.setdefault(key, {})
    target[path[-1]] = value


class Lines(forms.CharField):
    """A list, one item a line: texts, or what `read` makes of each; it raises ValueError."""

    widget = forms.Textarea(attrs={"rows": 3})

    def __init__(self, *, read: Callable[[str], Any] = str, what: str = "text", **kw: Any) -> None:
        super().__init__(**kw)
        self.read, self.what = read, what

    def to_python(self, value: Any) -> Any:
        lines = [line for line in str(value or "").splitlines() if line.strip()]
        return [self._item(line, number) for number, line in enumerate(lines, 1)]

    def _item(self, line: str, number: int) -> Any:
        try:
            return self.read(line)
        except ValueError as error:
            message = f"Line {number}: “{line.strip()[:40]}” is no {self.what}."
            raise forms.ValidationError(message, code="invalid") from error

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def validate(self, value: Any) -> None:
        if self.required and not value:
            raise forms.ValidationError("Give at least one line.", code="required")


def _finite(text: str) -> float:
    found = float(text)
    if not math.isfinite(found):
        raise ValueError(text)
    return found


_ITEMS: Mapping[str, dict[str, Any]] = {
    "integer": {"read": int, "what": "whole number"},
    "number": {"read": _finite, "what": "number"},
}


def _field(entry: Mapping[str, Any], *, required: bool) -> forms.Field:
    """The form field of a schema's property; the schema itself judges the value afterwards."""
    hints = entry.get("x-ui", {})
    common: dict[str, Any] = {
        "label": entry.get("title", ""),
        "help_text": entry.get("description", ""),
        "initial": entry.get("default"),
        "required": required,
    }
    attrs = {"class": "sw-mono"} if hints.get("mono") else {}
    if hints.get("placeholder"):
        attrs["placeholder"] = hints["placeholder"]
    if "enum" in entry:
        texts = {str(value): text for value, text in hints.get("labels", {}).items()}
        choices = [(v, str(texts.get(str(v), v)).partition("|")[0]) for v in entry["enum"]]
        cards = hints.get("widget") == "cards"
        widget = forms.RadioSelect() if cards else forms.Select(attrs=attrs)
        values = {str(value): value for value in entry["enum"]}
        return forms.TypedChoiceField(
            choices=choices, coerce=values.__getitem__, empty_value=None, widget=widget, **common
        )
    match entry["type"]:
        case "boolean":
            return forms.BooleanField(**{**common, "required": False})
        case "integer" | "number":
            bounds: dict[str, Any] = {
                "min_value": entry.get("minimum"),
                "max_value": entry.get("maximum"),
            }
            kind = forms.IntegerField if entry["type"] == "integer" else forms.FloatField
            return kind(**bounds, **common)
        case "array":
            kinds = entry.get("items", {}).get("type", "")
            return Lines(**_ITEMS.get(kinds, {}), **common)
    text = forms.TextInput(attrs=attrs)
    return forms.CharField(max_length=entry.get("maxLength", 1000), widget=text, **common)


def _target(row: Cluster | CloudAccount) -> str:
    """A cluster or account as people choose it."""
    return f"{row.name}{', simulated' * row.simulated}{', failed its last test' * row.faulty}"
