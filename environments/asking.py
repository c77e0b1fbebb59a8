"""Asking for an environment by names, as forms and REST do; the services take rows."""

from __future__ import annotations

from typing import Any

from environments import selectors, services
from environments.rendering.document import field_error, nearest
from gitops.models import CloudAccount, Cluster
from idp.changes.models import Change
from rbac.access import get_visible
from rbac.actors import Actor
from rbac.models import Project


def named(model: type[Any], name: str, at: str) -> Any:
    """The active cluster or account of that name; `Invalid` names the nearest."""
    found = model.objects.filter(name=name, active=True).first()
    if found is None:
        known = list(model.objects.filter(active=True).values_list("name", flat=True))
        raise field_error(at, "exists", f"There is no {at} “{name}”.", nearest(name, known))
    return found


def newest(reference: str) -> str:
    """`name@version`, with the newest version where none is named."""
    if "@" in reference:
        return reference
    versions = {str(v.blueprint): str(v) for v in selectors.blueprint_versions()}
    if reference not in versions:
        fix = nearest(reference, list(versions))
        raise field_error("blueprint", "exists", f"There is no blueprint “{reference}”.", fix)
    return versions[reference]


def create(actor: Actor, data: dict[str, Any], *, origin: str, key: str = "") -> Change:
    """The change that validated input asks for; raises as `services.create_environment`."""
    projects = Project.objects.select_related("scope", "team")
    project = get_visible(actor, "project.view", projects, name=data["project"])
    account = data.get("account")
    return services.create_environment(
        actor,
        project=project,
        name=data["name"],
        tier=data["tier"],
        cluster=named(Cluster, data["cluster"], "cluster"),
        account=named(CloudAccount, account, "account") if account else None,
        blueprint=newest(data["blueprint"]),
        parameters=data.get("parameters", {}),
        resources=data.get("resources", {}),
        workloads=data.get("workloads", {}),
        schemas=data.get("schemas", {}),
        expires_at=data.get("expires_at"),
        origin=origin,
        idempotency_key=key,
    )
