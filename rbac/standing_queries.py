"""Queries of one person, compiled once while their grants are the same.

What a person sees stands in a query as literal scope ids, and building such a query costs more than
asking it. The access epoch says when grants have changed; those that end by themselves are minded.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Generic, TypeVar

from django.utils import timezone

from idp.common.compiled import Compiled, CompiledModels, CompiledValues
from rbac import grants
from rbac.actors import Actor

KEPT = 2048
LONGEST = timedelta(hours=1)
_Key = tuple[int, int | None, int, Hashable]
Q = TypeVar("Q", bound=Compiled | CompiledModels[Any] | CompiledValues)


class StandingQuery(Generic[Q]):
    """A query whose text depends on the actor's grants and on its `form`, and on nothing else."""

    def __init__(self, build: Callable[..., Q]) -> None:
        self._build = build
        self._kept: OrderedDict[_Key, tuple[datetime, Q]] = OrderedDict()
        self._lock = Lock()

    def of(self, actor: Actor, *form: Hashable) -> Q:
        """The actor's query: kept where the epoch was read with the person, else built anew.

        `form` says which of several: it is handed on to what builds them, so few may exist.
        """
        key, now = _key(actor, form), timezone.now()
        with self._lock:
            known = self._kept.get(key) if key else None
            if key and known is not None:
                self._kept.move_to_end(key)
        if known is not None and known[0] > now:
            return known[1]
        until = _until(actor, now)
        compiled = self._build(actor, *form)
        if key is not None:
            self._keep(key, until, compiled)
        return compiled

    def anew(self, actor: Actor, *form: Hashable) -> Q:
        """The actor's query, built for this once: where a form is one of very many."""
        return self._build(actor, *form)

    def _keep(self, key: _Key, until: datetime, compiled: Q) -> None:
        with self._lock:
            self._kept[key] = until, compiled
            self._kept.move_to_end(key)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)


def _key(actor: Actor, form: Hashable) -> _Key | None:
    number = grants.epoch_of(actor)
    if actor.user is None or number is None:
        return None
    return actor.user.pk, actor.token.pk if actor.token else None, number, form


def _until(actor: Actor, now: datetime) -> datetime:
    """When the first of the actor's grants, or the token, ends by itself."""
    ends = [one.ends_at for one in grants.of(actor).every if one.ends_at and one.ends_at > now]
    token = [actor.token.expires_at] if actor.token else []
    return min([now + LONGEST, *ends, *token])
