"""Scopes by the label that people type: `everything`, `orders`, `orders/production`."""

from __future__ import annotations

from idp.common.errors import FieldError, Invalid
from rbac.access import visible
from rbac.actors import Actor
from rbac.models import Scope


def by_label(actor: Actor, label: str, permission: str) -> Scope:
    """The scope of this label; `Invalid` where there is none that the actor may see."""
    label = label.strip()
    project, _, name = label.partition("/")
    rows = Scope.objects.select_related("project_scope", "tier_scope")
    if label == "everything":
        found = rows.filter(kind=Scope.Kind.EVERYTHING)
    elif name:
        found = visible(actor, permission, rows).filter(project_scope__name=project, name=name)
    else:
        found = visible(actor, permission, rows).filter(kind=Scope.Kind.PROJECT, name=project)
    scope = found.order_by("-pk").first()
    if scope is None:
        message = f"“{label[:80]}” is no place that you can see."
        fix = "Name everything, a project, or project/tier or project/environment."
        raise Invalid(message, fix=fix, errors=[FieldError("scope", "place", message, fix)])
    return scope
