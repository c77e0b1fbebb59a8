"""Whose software a workload is: the tie between an environment and the catalog."""

from __future__ import annotations

from environments.models import Environment
from environments.rendering.document import field_error, nearest
from environments.services import edits
from environments.services.edits import Options
from idp.changes.models import Change
from portal.selectors import Filters, component_list
from rbac.actors import Actor

_DEFAULT = Options()


def set_component(
    actor: Actor,
    environment: Environment,
    *,
    component: str,
    workload: str = "",
    options: Options = _DEFAULT,
) -> Change:
    """Tie a workload to a component of the project's catalog; an empty name ends the tie."""
    draft = edits.opened(actor, environment, "environment.set-component")
    name = edits.workload_of(draft, workload)
    path = ("workloads", name, "component")
    if component:
        _check(actor, environment, component)
        draft.set(path, component)
        title = f"Tie {environment}: {name} to component {component}"
    else:
        draft.remove(path)
        title = f"Tie {environment}: {name} to no component"
    return edits.propose(actor, draft, "environment.set-component", title, options)


def _check(actor: Actor, environment: Environment, component: str) -> None:
    project = environment.project.name
    rows = component_list(actor=actor, filters=Filters(project=project))
    known = list(rows.values_list("name", flat=True))
    if component not in known:
        message = f"Project {project} has no component “{component}” that you can see."
        raise field_error("component", "exists", message, nearest(component, known))
