"""Day-2 actions as small form pages: they work without JavaScript, and end on the plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from environments import selectors, services
from environments.component_forms import ComponentForm
from environments.forms import (
    ActionForm,
    DeleteForm,
    ExtendForm,
    ImageForm,
    ScaleForm,
    SecretForm,
    VariablesForm,
)
from environments.models import Environment
from environments.services.edits import Options
from environments.views.detail import frame
from idp.changes.models import Change
from idp.common.errors import Clash, Invalid, NotVisible, PreconditionFailed, Refusal
from portal.selectors import Filters, component_list
from rbac.access import require
from rbac.views.mixins import AccessMixin


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
    "component": Action(
        "environment.set-component",
        "Set the component",
        "Whose software the workload is: the component's page says where it runs. The pods carry"
        " its name as a label, so they are replaced one after the other.",
        "Show the plan",
        ComponentForm,
        services.set_component,
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
        "What environment.yaml on main says is brought to the cluster and the account once more.",
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
        names = [w.name for w in row.workloads.all()]
        initial = _initial(row, self.request)
        return what.form(data, workloads=names, initial=initial, **self._extra(row, what))

    def _extra(self, row: Environment, what: Action) -> dict[str, Any]:
        """What one action's form needs besides."""
        if what.form is DeleteForm:
            return {"expected": f"{row.project.name}/{row.name}"}
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
        made = selectors.objects(row) if what.danger else []
        context = {
            **frame(self.actor, row, "none"),
            "what": what,
            "form": form,
            "lost": [o for o in made if o.target == "aws" and o.kind in {"Bucket", "Table"}],
            "gone": made,
        }
        return render(request, "environments/action.html", context, status=status)


def _initial(row: Environment, request: HttpRequest) -> dict[str, Any]:
    """The values as they are now, for the workload that the address names or the first."""
    found: dict[str, Any] = {"expires_at": row.expires_at, "tree": selectors.source(row).tree}
    names = {w.name: w for w in row.workloads.all()}
    workload = names.get(request.GET.get("workload", "")) or next(iter(names.values()), None)
    if workload is None:
        return found
    spec = workload.spec
    found |= {"workload": workload.name, "image": workload.image}
    found["component"] = spec.get("component", "")
    if spec.get("autoscaling"):
        found |= {"min_replicas": spec["minReplicas"], "max_replicas": spec["maxReplicas"]}
    else:
        found["replicas"] = workload.replicas
    variables = spec.get("variables", {})
    found["variables"] = "\n".join(f"{key}={value}" for key, value in variables.items())
    return found
