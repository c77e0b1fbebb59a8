"""Sharing one object with one person: some permissions on it, perhaps until a moment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import models, transaction
from django.utils import timezone

from idp.common.errors import Clash
from rbac import audit, epoch, objectgrants
from rbac import permissions as registry
from rbac.access import require
from rbac.actors import Actor
from rbac.models import User
from rbac.places import scope_of
from rbac.services.bindings import require_no_more
from rbac.services.writing import refuse


@transaction.atomic
def share(
    actor: Actor,
    *,
    permissions: Sequence[str],
    user: User,
    obj: models.Model,
    ends_at: datetime | None = None,
    reason: str = "",
) -> None:
    """Make these permissions `user`'s share of one object, in place of an earlier share.

    Seeing the object comes with it. Needs `access.grant` on the object, and each permission.
    """
    require(actor, "access.grant", obj)
    wanted = _wanted(permissions, obj)
    if ends_at is not None and ends_at <= timezone.now():
        raise refuse("ends_at", "future", "The end lies in the past.", "Choose a later moment.")
    if not user.is_active:
        raise refuse("user", "active", f"{user.username} is deactivated.")
    require_no_more(actor, wanted, obj, "What you share")
    before = _facts(user, obj)
    objectgrants.assign(wanted, user, obj, ends_at)
    epoch.bump()
    after = _facts(user, obj)
    audit.record(actor, "access.share", target=obj, before=before, after=after, reason=reason)


@transaction.atomic
def unshare(actor: Actor, *, user: User, obj: models.Model, reason: str = "") -> None:
    """End a person's share of one object; raises `Clash` where there is none."""
    require(actor, "access.grant", obj)
    before = _facts(user, obj)
    if before is None:
        raise Clash(f"{obj} is not shared with {user.username}.")
    objectgrants.assign((), user, obj, None)
    epoch.bump()
    audit.record(actor, "access.unshare", target=obj, before=before, reason=reason)


def _wanted(names: Sequence[str], obj: models.Model) -> list[str]:
    """The permissions with what comes with them; each one that an object of this kind can carry."""
    table = objectgrants.table_of(obj)
    fitting = set(grantable_on(obj))
    seen = fitting.intersection(registry.view_permission(name) for name in names)
    wanted = sorted({*names, *seen, *(table.always if table else ())})
    wrong = [name for name in wanted if name not in fitting]
    if wrong:
        what = obj._meta.verbose_name
        raise refuse(
            "permissions", "grantable", f"{', '.join(wrong[:5])} cannot be given on one {what}."
        )
    return wanted


def grantable_on(obj: models.Model) -> list[str]:
    """Names of the permissions that may be shared on this object, sorted."""
    every = [entry.name for entry in registry.all_permissions()]
    own = [name for model, name in objectgrants.grantable(every) if model is type(obj)]
    return registry.meaningful(own, scope_of(obj).kind)


def _facts(user: User, obj: models.Model) -> dict[str, Any] | None:
    if objectgrants.table_of(obj) is None:
        return None
    rows = list(objectgrants.grants_on(obj).filter(user=user))
    if not rows:
        return None
    return {
        "user": user.username,
        "permissions": [row.permission.codename for row in rows],
        "ends_at": rows[0].ends_at,
    }
