"""Keeps the rows of environments as the synced `environment.yaml` says; called by gitops.

Everything here runs inside the transaction that gitops gives, and touches the database only.
"""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from environments.models import BlueprintVersion, Environment, Resource, Workload
from environments.rendering.document import moment
from gitops.models import Application
from gitops.renderers import Rendered
from idp.changes import endings, events
from idp.changes.models import Change
from idp.common.transitions import transition
from portal.models import Component
from schemas.databases import readers
from schemas.dependants import recording

State = Environment.State


def _find(application: Application) -> Environment | None:
    return Environment.objects.filter(application=application).exclude(state=State.DELETED).first()


def on_synced(application: Application, rendered: Rendered, _: Change) -> None:
    """Take over what `environment.yaml` now says: workloads, resources, expiry, address."""
    environment = _find(application)
    if environment is None:
        return
    facts = rendered.facts
    expires = moment(facts["expires_at"], "spec.expiresAt") if facts["expires_at"] else None
    if expires != environment.expires_at:
        environment.warned_at = None
    environment.expires_at = expires
    environment.address = rendered.address
    environment.parameters = facts["parameters"]
    environment.blueprint_version = BlueprintVersion.objects.get(pk=facts["blueprint_version"])
    environment.save(
        update_fields=["expires_at", "warned_at", "address", "parameters", "blueprint_version"]
    )
    _keep_workloads(environment, facts["workloads"])
    _keep_resources(environment, facts["resources"])
    new = environment.state == State.PROPOSED
    if new:
        transition(environment, State.CREATING)
    elif environment.state == State.ACTIVE and facts["stopped"]:
        transition(environment, State.STOPPED)
    elif environment.state == State.STOPPED and not facts["stopped"]:
        transition(environment, State.ACTIVE)
    _tell(environment, listed=not new)


def _keep_workloads(environment: Environment, entries: dict[str, Any]) -> None:
    names = {e["component"] for e in entries.values() if e["component"]}
    components = {
        c.name: c for c in Component.objects.filter(project=environment.project, name__in=names)
    }
    environment.workloads.exclude(name__in=entries).delete()
    for name, entry in entries.items():
        Workload.objects.update_or_create(
            environment=environment,
            name=name,
            defaults={
                "kind": entry["kind"],
                "image": entry["image"],
                "replicas": entry["replicas"],
                "component": components.get(entry["component"]),
                "spec": entry,
            },
        )


def _keep_resources(environment: Environment, entries: dict[str, Any]) -> None:
    environment.resources.exclude(name__in=entries).delete()
    for name, spec in entries.items():
        Resource.objects.update_or_create(
            environment=environment, name=name, defaults={"kind": spec["kind"], "spec": spec}
        )


def on_ended(application: Application, change: Change) -> None:
    """Settle the state at a change's end, whatever the end."""
    environment = _find(application)
    if environment is None:
        return
    if application.removed_at:
        _removed(environment)
        recording.forget(environment.scope)
        readers.forget(environment.scope)
        endings.retire(environment.scope_id, reason=f"{environment} was deleted meanwhile.")
    elif environment.state == State.PROPOSED and not change.effects_started:
        _forget(environment, application)
    else:
        _settle(environment, change)
        if change.state == Change.State.SUCCEEDED:
            facts = (change.plan or {}).get("facts", {})
            recording.record(environment.scope, change, facts)
            readers.record(environment.scope, change, facts)
    _tell(environment, listed=environment.state != State.DELETED)


def _settle(environment: Environment, change: Change) -> None:
    """A first change that had effects leaves something that people can see, repair and remove."""
    if environment.state == State.PROPOSED:
        transition(environment, State.CREATING)
    if environment.state == State.CREATING and change.state == Change.State.SUCCEEDED:
        transition(environment, State.ACTIVE, ready_at=timezone.now())
        if _stopped(change):
            transition(environment, State.STOPPED)


def _stopped(change: Change) -> bool:
    return bool((change.plan or {}).get("facts", {}).get("stopped"))


def _removed(environment: Environment) -> None:
    if environment.state == State.PROPOSED:
        transition(environment, State.DELETED, deleted_at=timezone.now())
        return
    if environment.state != State.DELETING:
        transition(environment, State.DELETING)
    transition(environment, State.DELETED, deleted_at=timezone.now())


def _forget(environment: Environment, application: Application) -> None:
    """The first change ended before any effect: nothing was made, the name is free again."""
    others = Change.objects.filter(scope=environment.scope_id, state__in=Change.OPEN)
    if others.exists():
        return
    now = timezone.now()
    transition(environment, State.DELETED, deleted_at=now)
    Application.objects.filter(pk=application.pk).update(removed_at=now)


def _tell(environment: Environment, *, listed: bool) -> None:
    """`listed`: lists showed it before and still do, so only its row has to look again."""
    events.hint("environments", {}, scope=environment.scope_id, one=listed)
