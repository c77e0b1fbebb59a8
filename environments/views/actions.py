"""Day-2 actions as small form pages: they work without JavaScript, and end on the plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from environments import config_forms, schema_lines, selectors, services, variable_lines
from environments.action_forms import (
    ActionForm,
    DeleteForm,
    ExtendForm,
    ImageForm,
    RemoveSecretForm,
    ScaleForm,
    SchemasForm,
    SecretForm,
    VariablesForm,
)
from environments.component_forms import ComponentForm
from environments.config_forms import ConfigSchemaForm
from environments.models import Environment
from environments.services.edits import Options
from environments.views.detail import frame
from idp.changes.models import Change
from idp.common.errors import Clash, Invalid, NotVisible, PreconditionFailed, Refusal
from portal.selectors import Filters, component_list
from rbac.access import require
from rbac.views.mixins import AccessMixin

Entries = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Action:
    """One action's page: what it asks, what it says, and which service it calls."""

    permission: str
    title: str
    text: str
    button: str
    form: type[ActionForm]
    service: Callable[..., Change]
    danger: bool = False


ACTIONS: dict[str, Action] = {
    "scale": Action(
        "environment.scale",
        "Scale",
        "More or fewer pods. Where an autoscaler owns their number, its bounds are changed.",
        "Show the plan",
        ScaleForm,
        services.scale,
    ),
    "image": Action(
        "environment.set-image",
        "Set image",
        "The pods are replaced one after the other; the old ones serve until the new are ready.",
        "Show the plan",
        ImageForm,
        services.set_image,
    ),
    "variables": Action(
        "environment.set-variables",
        "Change variables",
        "The pods are replaced one after the other, so that they read the new values.",
        "Show the plan",
        VariablesForm,
        services.set_variables,
    ),
    "secrets": Action(
        "environment.set-secret",
        "Set a secret",
        "The value is stored encrypted as a new version; git and plans hold only its name.",
        "Show the plan",
        SecretForm,
        services.set_secret,
    ),
    "remove-secret": Action(
        "environment.set-secret",
        "Remove a secret",
        "The workload goes without the variable; the stored versions stay, for a way back. The"
        " pods are replaced one after the other.",
        "Show the plan",
        RemoveSecretForm,
        services.remove_secret,
    ),
    "component": Action(
        "environment.set-component",
        "Set the component",
        "Whose software the workload is: the component's page says where it runs. The pods carry"
        " its name as a label, so they are replaced one after the other.",
        "Show the plan",
        ComponentForm,
        services.set_component,
    ),
    "config-schema": Action(
        "environment.set-schemas",
        "Set the configuration schema",
        "Which variables the workload's code needs. A missing or mistyped one then stops the next"
        " change, this one included, and not the pod.",
        "Show the plan",
        ConfigSchemaForm,
        services.set_config_schema,
    ),
    "schemas": Action(
        "environment.set-schemas",
        "Set schemas",
        "Which versions the code writes and reads here. The gate asks everybody beside it whether"
        " they can go on.",
        "Show the plan",
        SchemasForm,
        services.set_schemas,
    ),
    "restart": Action(
        "environment.restart",
        "Restart workloads",
        "Every pod is replaced, one after the other; nothing else changes.",
        "Show the plan",
        ActionForm,
        services.restart,
    ),
    "sync": Action(
        "environment.sync",
        "Sync with git",
        "What git says is compared with the cluster and the account, and brought there where it"
        " differs.",
        "Show the plan",
        ActionForm,
        services.sync,
    ),
    "stop": Action(
        "environment.stop",
        "Stop",
        "No pods and no runs until it is started again; settings, address and resources stay.",
        "Show the plan",
        ActionForm,
        services.stop,
    ),
    "start": Action(
        "environment.stop",
        "Start",
        "The pods come back in the number that they had.",
        "Show the plan",
        ActionForm,
        services.start,
    ),
    "extend": Action(
        "environment.extend",
        "Change the expiry",
        "When it expires, it is deleted with what is in it.",
        "Show the plan",
        ExtendForm,
        services.extend,
    ),
    "delete": Action(
        "environment.delete",
        "Delete environment",
        "Everything below is removed. The plan names what each resource holds and asks what"
        " becomes of it before anything is touched.",
        "Show what would be deleted",
        DeleteForm,
        services.delete_environment,
        danger=True,
    ),
}


class ActionView(AccessMixin):
    """GET asks; POST proposes and goes on to the plan."""

    permission = "environment.view"
    by_action: ClassVar[dict[str, str]] = {k: a.permission for k, a in ACTIONS.items()}

    def get(self, request: HttpRequest, project: str, name: str, action: str) -> HttpResponse:
        row, what = self._open(project, name, action)
        return self._show(request, row, what, self._form(row, what, None))

    def post(self, request: HttpRequest, project: str, name: str, action: str) -> HttpResponse:
        row, what = self._open(project, name, action)
        form = self._form(row, what, request.POST)
        if form.is_valid():
            try:
                change = self._propose(row, what, dict(form.cleaned_data))
            except (Invalid, Refusal, Clash, PreconditionFailed) as error:
                form.take(error)
                if isinstance(error, PreconditionFailed):
                    form.renew()
            else:
                return redirect("changes:plan", change.pk)
        return self._show(request, row, what, form, status=422)

    def _open(self, project: str, name: str, action: str) -> tuple[Environment, Action]:
        row = selectors.environment(self.actor, project, name)
        if action not in ACTIONS:
            raise NotVisible(f"There is no action “{action}”.")
        require(self.actor, ACTIONS[action].permission, row)
        return row, ACTIONS[action]

    def _form(self, row: Environment, what: Action, data: Any) -> ActionForm:
        source = selectors.source(row)
        entries: Entries = {}
        if "workload" in what.form.base_fields:
            entries = selectors.entries(row, source)
        workload = _workload(entries, self.request)
        initial: dict[str, Any] = {
            "tree": source.tree,
            "expires_at": source.document.expires_at if source.document else row.expires_at,
            "workload": workload,
            "variable": self.request.GET.get("variable", ""),
        }
        if workload:
            initial |= _initial(entries[workload])
        if what.form is SchemasForm:
            initial |= _schemas(source)
        extra = self._extra(row, what, entries.get(workload, {}))
        return what.form(data, workloads=list(entries), initial=initial, **extra)

    def _extra(self, row: Environment, what: Action, entry: Mapping[str, Any]) -> dict[str, Any]:
        """What one action's form needs besides."""
        if what.form is ScaleForm:
            return {"autoscaled": bool(entry.get("autoscaling"))}
        if what.form is DeleteForm:
            return {"expected": f"{row.project.name}/{row.name}"}
        if what.form is RemoveSecretForm:
            return {"secrets": sorted(entry.get("secrets", {}))}
        if what.form is ComponentForm:
            rows = component_list(actor=self.actor, filters=Filters(project=row.project.name))
            return {"components": rows.values_list("name", flat=True)}
        return {}

    def _propose(self, row: Environment, what: Action, cleaned: dict[str, Any]) -> Change:
        cleaned.pop("confirm_name", None)
        options = Options(
            origin=Change.Origin.PAGE,
            message=cleaned.pop("message", ""),
            expected_tree=cleaned.pop("tree", ""),
        )
        return what.service(self.actor, row, options=options, **cleaned)

    def _show(
        self,
        request: HttpRequest,
        row: Environment,
        what: Action,
        form: ActionForm,
        status: int = 200,
    ) -> HttpResponse:
        gone = selectors.removed_with(row) if what.danger else []
        context = {
            **frame(self.actor, row, "none"),
            "what": what,
            "form": form,
            "workloads": form.workloads,
            "workload": form["workload"].value() if "workload" in form.fields else "",
            "gone": gone,
            "number": sum(len(group.objects) for group in gone),
            "holding": sum(len(group.objects) for group in gone if group.holds_data),
        }
        return render(request, "environments/action.html", context, status=status)


def _workload(entries: Entries, request: HttpRequest) -> str:
    """The workload that the form or the address names, else the first; empty where none is."""
    wanted = request.POST.get("workload") or request.GET.get("workload", "")
    return wanted if wanted in entries else next(iter(entries), "")


def _schemas(source: selectors.Source) -> dict[str, Any]:
    """What `main` says is written and read; the image is only asked for."""
    lists = source.document.schemas if source.document else {}
    found = {name: schema_lines.written(lists.get(name, ())) for name in ("produces", "consumes")}
    return {**found, "image": ""}


def _initial(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A workload's values as `main` has them now: of the same read as the form's `tree`."""
    found = {
        "image": entry.get("image", ""),
        "component": entry.get("component", ""),
        "variables": variable_lines.written(entry.get("variables", {})),
        **config_forms.initial(entry),
    }
    if entry.get("autoscaling"):
        bounds = {"min_replicas": entry["minReplicas"], "max_replicas": entry["maxReplicas"]}
        return {**found, **bounds}
    return {**found, "replicas": entry["replicas"]}
