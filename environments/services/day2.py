"""What people do with an environment that exists; each verb is a permission of its own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.utils import timezone

from environments import limits
from environments.models import Environment
from environments.rendering.document import field_error, nearest, written
from environments.services import edits
from environments.services.edits import Options
from gitops import kinds, secrets
from gitops.models import ManagedObject
from gitops.services import propose_directory
from idp.changes import services as changes
from idp.changes.models import Change
from idp.common.errors import Clash, FieldError, Refusal
from rbac.access import require
from rbac.actors import Actor
from rbac.models import Tier

_DEFAULT = Options()
# An expired environment of these tiers is removed with what it holds; others keep their data.
PURGED_TIERS = frozenset({Tier.PREVIEW.value, Tier.DEVELOPMENT.value})


def scale(
    actor: Actor,
    environment: Environment,
    *,
    workload: str = "",
    replicas: int | None = None,
    min_replicas: int | None = None,
    max_replicas: int | None = None,
    options: Options = _DEFAULT,
) -> Change:
    """Another number of pods; where an autoscaler owns it, other bounds."""
    draft = edits.opened(actor, environment, "environment.scale")
    name = edits.workload_of(draft, workload)
    autoscaled = bool(draft.judged().entries[name].get("autoscaling"))
    if autoscaled and replicas is not None:
        message = f"An autoscaler owns the pods of {name}."
        raise field_error("replicas", "autoscaled", message, "Set min_replicas and max_replicas.")
    if not autoscaled and (min_replicas is not None or max_replicas is not None):
        message = f"{name} is not autoscaled."
        raise field_error("min_replicas", "autoscaled", message, "Set replicas.")
    wanted = {"replicas": replicas, "minReplicas": min_replicas, "maxReplicas": max_replicas}
    given = {key: value for key, value in wanted.items() if value is not None}
    if not given:
        key = "max_replicas" if autoscaled else "replicas"
        raise field_error(key, "required", "A number is needed.", "Say how many pods.")
    for key, value in given.items():
        draft.set_workload(name, key, value)
    words = " and ".join(f"{key} {value}" for key, value in given.items())
    title = f"Scale {environment}: {name} to {words}"
    return edits.propose(actor, draft, "environment.scale", title, options)


def set_image(
    actor: Actor,
    environment: Environment,
    *,
    image: str,
    workload: str = "",
    options: Options = _DEFAULT,
) -> Change:
    """Another image for a workload."""
    draft = edits.opened(actor, environment, "environment.set-image")
    name = edits.workload_of(draft, workload)
    draft.set_workload(name, "image", image.strip())
    title = f"Set {environment}: {name} to {image.rpartition('/')[2][:80]}"
    return edits.propose(actor, draft, "environment.set-image", title, options)


def set_variables(
    actor: Actor,
    environment: Environment,
    *,
    variables: Mapping[str, str],
    workload: str = "",
    options: Options = _DEFAULT,
) -> Change:
    """All variables of a workload; those that are not named are removed."""
    draft = edits.opened(actor, environment, "environment.set-variables")
    name = edits.workload_of(draft, workload)
    now = draft.document.workloads.get(name, {}).get("variables", {})
    path = ("workloads", name, "variables")
    for key in now.keys() - variables.keys():
        draft.remove((*path, key))
    for key, value in variables.items():
        if now.get(key) != value:
            draft.set((*path, key), value)
    title = f"Change variables of {environment}: {name}"
    return edits.propose(actor, draft, "environment.set-variables", title, options)


def set_secret(
    actor: Actor,
    environment: Environment,
    *,
    variable: str,
    value: str,
    secret: str = "",
    workload: str = "",
    options: Options = _DEFAULT,
) -> Change:
    """A secret value for a variable: stored encrypted as a new version, named in git by it."""
    draft = edits.opened(actor, environment, "environment.set-secret")
    name = edits.workload_of(draft, workload)
    known = draft.document.workloads.get(name, {}).get("secrets", {})
    former = known.get(variable, "").partition("@")[0]
    stored_as = secret or former or f"{name}-{variable}".lower().replace("_", "-")
    path = ("workloads", name, "secrets", variable)
    draft.set(path, f"{stored_as}@1")
    draft.judged()  # before anything is stored: the variable's name, the workload
    stored = secrets.put(actor, environment.scope, stored_as, value)
    draft.set(path, f"{stored.name}@{stored.version}")
    title = f"Set secret {variable} of {environment}: {name}"
    return edits.propose(actor, draft, "environment.set-secret", title, options)


def remove_secret(
    actor: Actor,
    environment: Environment,
    *,
    variable: str,
    workload: str = "",
    options: Options = _DEFAULT,
) -> Change:
    """A workload's variable without its secret; the stored versions stay, for a way back."""
    draft = edits.opened(actor, environment, "environment.set-secret")
    name = edits.workload_of(draft, workload)
    known = list(draft.document.workloads.get(name, {}).get("secrets", {}))
    if variable not in known:
        message = f"{environment}: {name} has no secret variable “{variable[:128]}”."
        raise field_error("variable", "exists", message, nearest(variable, known))
    draft.remove(("workloads", name, "secrets", variable))
    title = f"Remove secret {variable} of {environment}: {name}"
    return edits.propose(actor, draft, "environment.set-secret", title, options)


def restart(actor: Actor, environment: Environment, *, options: Options = _DEFAULT) -> Change:
    """New pods for every workload, one after the other."""
    draft = edits.opened(actor, environment, "environment.restart")
    if draft.document.stopped:
        raise Clash(f"{environment} is stopped.", fix="Start it instead.")
    draft.set(("restartedAt",), written(timezone.now()))
    title = f"Restart {environment}"
    return edits.propose(actor, draft, "environment.restart", title, options)


def stop(actor: Actor, environment: Environment, *, options: Options = _DEFAULT) -> Change:
    """No pods, no runs; settings, addresses and resources stay."""
    draft = edits.opened(actor, environment, "environment.stop")
    if draft.document.stopped and draft.applied:
        raise Clash(f"{environment} is stopped already.")
    draft.set(("stopped",), True)
    return edits.propose(actor, draft, "environment.stop", f"Stop {environment}", options)


def start(actor: Actor, environment: Environment, *, options: Options = _DEFAULT) -> Change:
    """The pods that it had before it was stopped."""
    draft = edits.opened(actor, environment, "environment.stop")
    if not draft.document.stopped and draft.applied:
        raise Clash(f"{environment} is not stopped.")
    draft.set(("stopped",), False)
    return edits.propose(actor, draft, "environment.stop", f"Start {environment}", options)


def sync(actor: Actor, environment: Environment, *, options: Options = _DEFAULT) -> Change:
    """What `main` says, compared with cluster and account and brought there where it is not.

    The way on after a failed change, and after somebody removed or altered what Slipway made.
    """
    draft = edits.opened(actor, environment, "environment.sync")
    title = f"Sync {environment} with git"
    return edits.propose(actor, draft, "environment.sync", title, options, always=True)


def extend(
    actor: Actor,
    environment: Environment,
    *,
    expires_at: datetime | None,
    options: Options = _DEFAULT,
) -> Change:
    """Another expiry, or none, within the limits."""
    draft = edits.opened(actor, environment, "environment.extend")
    if expires_at is not None and expires_at <= timezone.now():
        message = "The expiry lies in the past."
        raise field_error("expires_at", "future", message, "Choose a later moment.")
    wish = limits.Wish(environment.project, environment.tier, expires_at, environment=environment)
    if found := limits.counted(wish):
        errors = [FieldError(f.field, f.rule, f.sentence, f.lift) for f in found]
        raise Refusal(found[0].sentence, fix=found[0].lift, errors=errors)
    if expires_at is None:
        draft.remove(("expiresAt",))
        title = f"Keep {environment} for good"
    else:
        draft.set(("expiresAt",), written(expires_at))
        title = f"Extend {environment} to {expires_at:%Y-%m-%d %H:%M} UTC"
    return edits.propose(actor, draft, "environment.extend", title, options)


def delete_environment(
    actor: Actor,
    environment: Environment,
    *,
    choices: Mapping[str, str] | None = None,
    options: Options = _DEFAULT,
) -> Change:
    """The change that removes everything; the plan names what would be lost and asks.

    One that was never made loses its first change, and its name is free again.
    """
    require(actor, "environment.delete", environment)
    if environment.state == Environment.State.DELETED:
        raise Clash(f"{environment} is deleted already.")
    if environment.state == Environment.State.PROPOSED:
        return _forget(actor, environment)
    return propose_directory(
        actor,
        environment.application,
        None,
        verb="environment.delete",
        title=f"Delete {environment}",
        origin=options.origin,
        message=options.message,
        idempotency_key=options.idempotency_key,
        interactive=options.interactive,
        expected_tree=options.expected_tree,
        intent={"choices": dict(choices or {})},
    )


def _forget(actor: Actor, environment: Environment) -> Change:
    first = Change.objects.filter(scope=environment.scope_id).order_by("-id").first()
    if first is None:
        raise Clash(f"{environment} has no change; ask a platform engineer to look at it.")
    return changes.cancel(actor, first)


def choices_for(environment: Environment, choice: str) -> dict[str, str]:
    """The same answer for everything of the environment that may hold data."""
    rows = ManagedObject.objects.filter(
        application=environment.application_id, kind__in=kinds.STATEFUL
    )
    live = rows.exclude(state=ManagedObject.State.RETAINED)
    return {f"{o.target}/{o.kind}/{o.namespace}/{o.name}": choice for o in live}
