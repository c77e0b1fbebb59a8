"""The face of `rbac` for every other app: decide, require, visible, and where things stand."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import Model, QuerySet

from idp.common.errors import Forbidden, NotVisible
from rbac import audit, granters, permissions
from rbac.actors import NOBODY, Actor, system
from rbac.decisions import Decision, decide, held_anywhere, reaching, visible, visible_by
from rbac.explain import Step, steps
from rbac.models import User
from rbac.places import scope_of

__all__ = [
    "NOBODY",
    "AccessForbidden",
    "Actor",
    "Decision",
    "can",
    "decide",
    "get_objects_for_user",
    "get_visible",
    "held_anywhere",
    "reaching",
    "require",
    "require_anywhere",
    "scope_of",
    "system",
    "visible",
    "visible_by",
]
M = TypeVar("M", bound=Model)


class AccessForbidden(Forbidden):
    """Not allowed, with what the 403 page and the problem document show."""

    def __init__(self, decision: Decision, people: tuple[str, ...]) -> None:
        where = decision.place.label if decision.place else "an unknown object"
        entry = permissions.get(decision.permission)
        super().__init__(decision.reason, fix=granters.advice(people, decision))
        self.decision = decision
        self.permission = decision.permission
        self.verb = entry.title if entry else decision.permission
        self.where = where
        self.chain = decision.chain
        self.granters = people

    @property
    def facts(self) -> dict[str, object]:
        """Which permission was missing where, how that was decided, and who can grant it."""
        return {
            "permission": self.permission,
            "place": self.where,
            "chain": list(self.chain),
            "granters": list(self.granters),
        }

    @property
    def steps(self) -> list[Step]:
        """The chain, line by line, for the 403 page."""
        return steps(self.decision)


def can(actor: Actor, permission: str, obj: object | None) -> bool:
    """`decide` as a plain yes or no; nothing is recorded."""
    return decide(actor, permission, obj).allowed


def require(actor: Actor, permission: str, obj: object | None) -> Decision:
    """The decision when it is yes; else the denial is recorded and raised.

    Raises `AccessForbidden` (403, visible) or `NotVisible` (404, `<noun>.view` is missing too).
    """
    decision = decide(actor, permission, obj)
    if decision.allowed:
        return decision
    audit.record_denial(actor, permission, target=obj, reason=decision.reason)
    if not decision.visible:
        raise NotVisible("There is nothing here, or you may not see it.")
    raise AccessForbidden(decision, granters.names(decision))


def require_anywhere(actor: Actor, permission: str) -> None:
    """Refuse actors who hold the permission at no place at all (403; recorded)."""
    if held_anywhere(actor, permission):
        return
    decision = decide(actor, permission, None)
    audit.record_denial(actor, permission, target=None, reason=decision.reason)
    raise AccessForbidden(decision, granters.names(decision))


def get_visible(actor: Actor, permission: str, queryset: QuerySet[M], **lookup: Any) -> M:
    """The one row that matches and on which the actor holds `permission`, else `NotVisible`."""
    row = visible(actor, permission, queryset).filter(**lookup).first()
    if row is None:
        raise NotVisible("There is nothing here, or you may not see it.")
    return row


def get_objects_for_user(user: User, permission: str, queryset: QuerySet[M]) -> QuerySet[M]:
    """Guardian's shortcut by our rule: the rows on which `user` holds `permission`."""
    return visible(Actor(user=user), permission, queryset)
