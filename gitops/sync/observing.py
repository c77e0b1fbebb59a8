"""What became of it: health of all objects, kept on their rows; for deletions, what is left."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from gitops import listeners, targets
from gitops.backends.base import ClusterTarget, LiveObject, ObjectRef
from gitops.health import Health, assess
from gitops.models import Application, CloudAccount, ManagedObject
from gitops.sync.desired import application_of
from gitops.sync.live import cloud_objects, connect, key_of, ref_of_row
from idp.changes import events
from idp.changes.kinds import Observation, Seen
from idp.changes.models import Change
from idp.common.errors import SlipwayError, TemporaryBackendError

State = Application.Health
# Worst first: the application is as well as its worst object.
_ORDER = (
    State.DEGRADED,
    State.MISSING,
    State.PROGRESSING,
    State.UNKNOWN,
    State.SUSPENDED,
    State.HEALTHY,
)
_GONE = Health(State.MISSING.value, "It is not there.")


def observe(change: Change) -> Observation:
    """The application's objects as they are now; for a deletion, whether anything is left."""
    application = application_of(change)
    if (change.plan or {}).get("facts", {}).get("delete"):
        return _what_is_left(application)
    _close_removed(application)
    worst, message = refresh(application)
    data = {"health": worst, "message": message}
    if worst in {State.HEALTHY, State.SUSPENDED}:
        return Observation(Seen.HEALTHY, message, data)
    if worst == State.DEGRADED:
        return Observation(Seen.DEGRADED, message, data)
    return Observation(Seen.PROGRESSING, message, data)


def _close_removed(application: Application) -> list[ManagedObject]:
    """Close the rows of removals that are done; those still going are returned."""
    rows = list(application.objects_made.filter(state=ManagedObject.State.DELETING))
    if not rows:
        return []
    live, left = connect(application), []
    for row in rows:
        if live.target(row.target).get(ref_of_row(row)) is None:
            row.delete()
        else:
            left.append(row)
    return left


def _what_is_left(application: Application) -> Observation:
    """Nothing may stay but what was retained: asked of the cluster and the account by listing."""
    live = connect(application)
    if live.cluster.get(ObjectRef("v1", "Namespace", application.namespace)) is not None:
        return Observation(Seen.PROGRESSING, f"Namespace {application.namespace} is still going.")
    rows = application.objects_made.exclude(state=ManagedObject.State.RETAINED)
    rows.filter(target="kubernetes").delete()  # gone with their namespace
    left = [f"{row.kind} {row.name}" for row in _close_removed(application)]
    kept = application.objects_made.filter(state=ManagedObject.State.RETAINED)
    retained = {key_of(ref_of_row(row)) for row in kept}
    if live.cloud is not None:
        found = cloud_objects(live.cloud, application.namespace)
        left += [str(one.ref) for one in found if key_of(one.ref) not in retained]
    if left:
        return Observation(Seen.PROGRESSING, f"Still going: {', '.join(sorted(set(left))[:10])}.")
    rows.delete()  # intended and never made
    names = ", ".join(f"{row.kind} {row.name}" for row in kept)
    return Observation(Seen.HEALTHY, f"Retained: {names}." if names else "Nothing is left.")


def refresh(application: Application, away: dict[int, str] | None = None) -> tuple[str, str]:
    """Read every object once and keep its health; returns the worst, in words.

    Raises where the cluster cannot be read. An account that cannot be makes only its own objects
    Unknown; `away` says, by account, why one did not answer, and is not asked again.
    """
    cluster = targets.cluster_target(application.cluster)
    rows = list(application.objects_made.exclude(state=ManagedObject.State.RETAINED))
    by_kind: dict[tuple[str, str], list[ManagedObject]] = defaultdict(list)
    for row in rows:
        if row.target == "kubernetes" and row.state != ManagedObject.State.DELETING:
            by_kind[row.api_version, row.kind].append(row)
    for (api, kind), group in by_kind.items():
        found = _found(cluster, application.namespace, api, kind)
        for row in group:
            keep(row, found.get(row.name))
    cloudy = [r for r in rows if r.target == "aws" and r.state != ManagedObject.State.DELETING]
    if application.account is not None and cloudy:
        _look_at_cloud(application.account, cloudy, {} if away is None else away)
    return settle(application)


def _look_at_cloud(
    account: CloudAccount, rows: Iterable[ManagedObject], away: dict[int, str]
) -> None:
    for row in rows:
        said = away.get(account.pk, "")
        if not said:
            try:
                keep(row, targets.cloud_target(account).get(ref_of_row(row)))
                continue
            except TemporaryBackendError as error:
                said = away[account.pk] = error.message
            except SlipwayError as error:  # it may say so of this one alone
                said = error.message
        _store(row, Health(State.UNKNOWN.value, f"It cannot be seen: {said}"), row.status)


def _found(cluster: ClusterTarget, space: str, api: str, kind: str) -> dict[str, LiveObject]:
    if kind == "Namespace":
        one = cluster.get(ObjectRef(api, kind, space))
        return {space: one} if one else {}
    return {found.ref.name: found for found in cluster.list(api, kind, namespace=space)}


def keep(row: ManagedObject, found: LiveObject | None) -> bool:
    """Keep what an object's live body says on its row; whether anything was new."""
    health = assess(found.body) if found else _GONE
    return _store(row, health, summary(found.body) if found else {})


def _store(row: ManagedObject, health: Health, status: dict[str, Any]) -> bool:
    if (row.health, row.health_message, row.status) == (health.status, health.message, status):
        return False
    row.health, row.health_message, row.status = health.status, health.message, status
    ManagedObject.objects.filter(pk=row.pk).update(
        health=health.status,
        health_message=health.message,
        status=status,
        updated_at=timezone.now(),
    )
    return True


def settle(application: Application) -> tuple[str, str]:
    """The application's health from its rows, stored, with a hint to readers when it changed."""
    rows = list(
        application.objects_made.exclude(
            state__in=[ManagedObject.State.RETAINED, ManagedObject.State.DELETING]
        )
    )
    worst, message = overall(rows)
    now = timezone.now()
    with transaction.atomic():
        seen = Application.objects.select_for_update().get(pk=application.pk)
        changed = (seen.health, seen.health_message) != (worst, message)
        Application.objects.filter(pk=application.pk).update(
            health=worst, health_message=message, observed_at=now
        )
        if changed:
            told = {"application": application.pk, "health": worst}
            events.hint("environments", told, scope=application.scope_id, one=True)
    return worst, message


def overall(rows: Iterable[ManagedObject]) -> tuple[str, str]:
    """The worst health and, where not all is well, which objects say so."""
    by_state: dict[str, list[ManagedObject]] = defaultdict(list)
    for row in rows:
        by_state[row.health].append(row)
    for state in _ORDER:
        if by_state[state]:
            if state in {State.HEALTHY, State.SUSPENDED}:
                return state, "" if state == State.HEALTHY else "Stopped on purpose."
            said = [
                f"{row.kind} {row.name}: {row.health_message or state}"
                for row in by_state[state][:5]
            ]
            return state, "; ".join(said)
    return State.UNKNOWN, "Nothing is there yet."


def summary(body: Mapping[str, Any]) -> dict[str, Any]:
    """The few live facts that pages show: replicas, address, times."""
    status, spec = body.get("status") or {}, body.get("spec") or {}
    found: dict[str, Any] = {}
    match body.get("kind"):
        case "Deployment" | "StatefulSet":
            found = {
                "replicas": spec.get("replicas", 1),
                "ready": status.get("readyReplicas", 0),
                "updated": status.get("updatedReplicas", 0),
                "available": status.get("availableReplicas", 0),
            }
        case "Ingress":
            hosts = [rule.get("host", "") for rule in spec.get("rules") or []]
            scheme = "https" if spec.get("tls") else "http"
            found = {"addresses": [f"{scheme}://{host}" for host in hosts if host]}
        case "Job":
            found = {key: status.get(key, 0) for key in ("active", "succeeded", "failed")}
        case "CronJob":
            found = {
                "schedule": spec.get("schedule", ""),
                "last": status.get("lastScheduleTime", ""),
                "suspended": bool(spec.get("suspend")),
            }
        case "ResourceQuota":
            found = {"hard": status.get("hard", {}), "used": status.get("used", {})}
    return found


def ended(change: Change) -> None:
    """Close a deletion that is complete, and tell upper apps; inside the ending transaction."""
    application = application_of(change)
    deleted = bool((change.plan or {}).get("facts", {}).get("delete"))
    if deleted and change.state == Change.State.SUCCEEDED:
        application.removed_at = timezone.now()
        application.health, application.health_message = State.UNKNOWN, ""
        application.save(update_fields=["removed_at", "health", "health_message"])
    listeners.ended(application, change)
