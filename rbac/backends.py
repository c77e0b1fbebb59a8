"""Django's authentication backend: passwords here, permissions from `decide`."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.db import connection

from idp.common.compiled import CompiledModels
from rbac import epoch, grants, permissions
from rbac.actors import Actor
from rbac.decisions import decide, held_anywhere
from rbac.models import User

# Django's admin asks "environments.change_environment"; we know nouns and verbs.
_VERBS = {"view": "view", "add": "manage", "change": "manage", "delete": "manage"}


class ScopedBackend(ModelBackend):
    """Checks passwords; every `has_perm` is one `decide`, Django's own tables grant nothing."""

    def get_user(self, user_id: int) -> User | None:
        """The session's person with the access epoch, in one query; None once deactivated."""
        found = _person(connection.vendor).list(user_id)
        if not found or not self.user_can_authenticate(found[0]):
            return None
        grants.stamp(found[0], found[0].epoch_number)  # type: ignore[attr-defined]  # annotated
        return found[0]

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        if not isinstance(user_obj, User):
            return False
        return decide(Actor(user=user_obj), _ours(perm), obj).allowed

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        """Whether the person may open the admin site at all; each model asks for itself."""
        return isinstance(user_obj, User) and held_anywhere(Actor(user=user_obj), "admin.view")

    def get_user_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        return self.get_all_permissions(user_obj, obj)

    def get_group_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        return set()

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        if not isinstance(user_obj, User):
            return set()
        actor = Actor(user=user_obj)
        names = (entry.name for entry in permissions.all_permissions())
        return {name for name in names if decide(actor, name, obj).allowed}


@cache
def _person(_vendor: str) -> CompiledModels[User]:
    pk = 2**31 - 1
    rows = User.objects.annotate(epoch_number=epoch.subquery()).filter(pk=pk)
    return CompiledModels(rows, [pk])


def _ours(perm: str) -> str:
    """Our name for Django's `app.verb_model`; ours, with or without the app, as they are."""
    if permissions.get(perm) is not None:
        return perm
    _, _, rest = perm.partition(".")
    if permissions.get(rest) is not None:
        return rest
    verb, _, model = rest.partition("_")
    return f"{model}.{_VERBS.get(verb, verb)}"
