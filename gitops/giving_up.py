"""Ending an environment whose cluster or account is gone for good; called by pages and REST."""

from __future__ import annotations

from gitops import repositories
from gitops.models import Application
from gitops.sync.abandoning import NAME
from idp.changes import services as changes
from idp.changes.models import Change
from idp.common.errors import Clash, FieldError, Invalid
from rbac.access import require
from rbac.actors import Actor


def give_up(
    actor: Actor,
    application: Application,
    *,
    confirm: str,
    message: str,
    origin: str,
    idempotency_key: str = "",
    interactive: bool = True,
) -> Change:
    """The change that ends an environment without asking its cluster or account for anything.

    For what is gone for good; the plan lists what stays behind. Needs `application.give-up`, the
    name as `project/environment` in `confirm`, and a reason.
    """
    verb = "application.give-up"
    require(actor, verb, application.scope)
    if application.removed_at:
        raise Clash(f"{application} was deleted already.")
    name = f"{application.repository.project.name}/{application.scope.name}"
    errors = []
    if confirm != name:
        errors.append(FieldError("confirm", "name", f"Write {name}."))
    if not message.strip():
        errors.append(FieldError("message", "required", "Say why: it stands in the audit trail."))
    if errors:
        raise Invalid.of(errors)
    repo = application.repository
    base = repositories.tree_id(repo, repositories.head(repo), application.directory)
    return changes.propose(
        actor,
        kind=NAME,
        verb=verb,
        scope=application.scope,
        title=f"Give up {name}",
        intent={
            "application": application.pk,
            "directory": application.directory,
            "base_tree": base,
            "files": None,
            "delete": True,
        },
        origin=origin,
        message=message,
        idempotency_key=idempotency_key,
        interactive=interactive,
    )
