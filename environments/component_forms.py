"""The choice of a component: when an environment is created, and for a workload that runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms

from environments.action_forms import ActionForm
from environments.forms import CreateForm, Item, Section
from portal.models import Component

PREFIX = "component-"  # and the workload's name
_NONE = ("", "none")


class CreateWithComponents(CreateForm):
    """The create form with a component for each workload, where the catalog has any to choose."""

    def __init__(self, *args: Any, components: Iterable[Component], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        places = {project.name for project, _ in self.places}
        self.projects = {c.name: c.project.name for c in components if c.project.name in places}
        if not self.projects:
            return
        workloads = list(self.compiled.workloads)
        section = Section("Catalog", "Whose software it is; can be changed later")
        for name in workloads:
            field = f"{PREFIX}{name}"
            label = "Component" if len(workloads) == 1 else f"Component of {name}"
            self.fields[field] = forms.ChoiceField(
                label=label, choices=self._choices(), required=False
            )
            section.items.append(Item(field, 6))
        self.sections.insert(1, section)

    def _choices(self) -> list[tuple[str, Any]]:
        """By project, because that is chosen in the same form."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for component, project in self.projects.items():
            groups.setdefault(project, []).append((component, component))
        return [_NONE, *groups.items()]

    def field_for(self, path: str) -> str | None:
        parts = path.removeprefix("spec.").split(".")
        if parts[0] == "workloads" and parts[-1] == "component":
            return f"{PREFIX}{parts[1]}"
        return super().field_for(path)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        project = cleaned.get("project")
        for name, component in self._chosen(cleaned).items():
            if project and self.projects[component] != project:
                error = f"{component} belongs to project {self.projects[component]}."
                self.add_error(f"{PREFIX}{name}", error)
        return cleaned

    @staticmethod
    def _chosen(cleaned: dict[str, Any]) -> dict[str, str]:
        given = {k: v for k, v in cleaned.items() if k.startswith(PREFIX)}
        return {key.removeprefix(PREFIX): value for key, value in given.items() if value}

    def wanted(self) -> dict[str, Any]:
        chosen = self._chosen(self.cleaned_data)
        workloads = {name: {"component": component} for name, component in chosen.items()}
        return {**super().wanted(), "workloads": workloads}


class ComponentForm(ActionForm):
    """The component of one workload."""

    workload = forms.CharField()
    component = forms.ChoiceField()
    field_order = ("workload", "component", "message")

    def __init__(self, *args: Any, components: Iterable[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["component"] = forms.ChoiceField(
            choices=[_NONE, *((name, name) for name in components)],
            required=False,
            help_text="One of the project’s catalog.",
        )
