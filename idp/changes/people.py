"""Who stands behind a change, and who can do something about it."""

from __future__ import annotations

from idp.changes.models import Change
from rbac import actors
from rbac.actors import Actor
from rbac.models import Scope, User


def actor_of_change(change: Change) -> Actor:
    """The change's actor as `decide` judges it now: its person and token, or Slipway itself."""
    if change.actor is None:
        return actors.system(change.actor_label.removeprefix("slipway (").removesuffix(")"))
    if change.token is not None and change.token.revoked_at is not None:
        return actors.NOBODY
    return Actor(change.actor, change.token)


def who_can(permission: str, scope: Scope, *, besides: User | None, does: str = "approve") -> str:
    """A sentence that says who has a permission at a place."""
    other = f", other than {besides.username}," if besides else ""
    return f"People{other} with {permission} at {scope} can {does}."


def author(change: Change) -> Actor:
    """Who asked, for the record of what was done; judged by nobody."""
    return Actor(change.actor, change.token)
