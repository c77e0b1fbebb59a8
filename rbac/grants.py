"""What one person holds: role bindings and single-object grants, loaded once per access epoch.

Called by `rbac.decisions` alone. Nothing is materialised per object: a binding names its scope, and
inheritance is a comparison of scope ids.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock

from django.db.models import Q
from django.utils import timezone

from rbac import epoch, objectgrants, permissions
from rbac.actors import Actor
from rbac.models import ApiToken, RoleBinding, Scope, User

FRESH_SECONDS = 5.0  # a stream or a task that lives longer reads its standing again
_CACHED_PEOPLE = 4096


@dataclass(frozen=True)
class Grant:
    """One source of permissions; `scope_id` None stands for everything."""

    source: str  # "role developer of team orders", "role viewer", "share"
    permissions: frozenset[str]
    scope_id: int | None
    scope_label: str
    ends_at: datetime | None
    lineage: frozenset[int] = frozenset()  # of its scope: where it stands itself

    @property
    def text(self) -> str:
        return f"{self.source} at {self.scope_label}"

    def lives(self, now: datetime) -> bool:
        return self.ends_at is None or self.ends_at > now

    def covers(self, lineage: frozenset[int], now: datetime) -> bool:
        """Whether it reaches a place with these scope ids at this moment."""
        return self.lives(now) and self.reaches(lineage)

    def reaches(self, lineage: frozenset[int]) -> bool:
        """Whether it is bound at a place with these scope ids or above, ended or not."""
        return self.scope_id is None or self.scope_id in lineage


@dataclass(frozen=True)
class Grants:
    """All of a person's grants, and the same by permission."""

    every: tuple[Grant, ...] = ()
    by_permission: dict[str, tuple[Grant, ...]] = field(default_factory=dict)

    def of(self, permission: str) -> tuple[Grant, ...]:
        return self.by_permission.get(permission, ())


NOTHING = Grants()
_cache: OrderedDict[int, tuple[int, Grants]] = OrderedDict()
_lock = Lock()


@dataclass(frozen=True)
class _Standing:
    """The epoch as read with the person's row, and when."""

    number: int | None
    bumps: int
    read_at: float
    valid: bool
    token_id: int | None


def stamp(user: User, number: int | None, token: ApiToken | None = None) -> None:
    """Keep the epoch that was read in the same query as `user`, for checks without a query."""
    user.standing = _Standing(number, epoch.seen_bumps(), time.monotonic(), True, _id(token))


def _id(token: ApiToken | None) -> int | None:
    return None if token is None else token.pk


def _read_standing(actor: Actor) -> _Standing:
    """Read again whether person and token still count, with the epoch, in one query."""
    if actor.user is None:
        raise ValueError("Slipway itself has no standing to read.")
    bumps = epoch.seen_bumps()
    rows = User.objects.filter(pk=actor.user.pk, is_active=True)
    if actor.token is not None:
        rows = rows.filter(tokens=actor.token.pk, tokens__revoked_at=None)
    numbers = list(rows.annotate(number=epoch.subquery()).values_list("number", flat=True)[:1])
    number = numbers[0] if numbers else None
    return _Standing(number, bumps, time.monotonic(), bool(numbers), _id(actor.token))


def _standing(actor: Actor) -> _Standing:
    """The person's standing, no older than `FRESH_SECONDS` and than this process's last bump."""
    standing: _Standing | None = getattr(actor.user, "standing", None)
    if (
        standing is None
        or standing.token_id != _id(actor.token)
        or standing.bumps != epoch.seen_bumps()
        or time.monotonic() - standing.read_at > FRESH_SECONDS
    ):
        standing = _read_standing(actor)
        actor.user.standing = standing  # type: ignore[union-attr]  # callers pass persons only
    return standing


def epoch_of(actor: Actor) -> int | None:
    """The access epoch of the actor's standing; None for nobody and who counts no more."""
    if actor.user is None or actor.user.pk is None:
        return None
    standing = _standing(actor)
    return standing.number if standing.valid else None


def counts(actor: Actor) -> bool:
    """Whether the person is active and the token, if any, still good."""
    if actor.user is None or actor.user.pk is None or not actor.user.is_active:
        return False
    if actor.token is not None and actor.token.expires_at <= timezone.now():
        return False
    return _standing(actor).valid


def of(actor: Actor) -> Grants:
    """The actor's grants; none for nobody, inactive people and tokens that ended."""
    if actor.user is None or not counts(actor):
        return NOTHING
    standing = _standing(actor)
    user_id: int = actor.user.pk
    with _lock:
        cached = _cache.get(user_id)
    if cached is not None and standing.number is not None and cached[0] == standing.number:
        return cached[1]
    grants = _index(_load(user_id))
    if standing.number is not None:
        _remember(user_id, standing.number, grants)
    return grants


def _remember(user_id: int, number: int, grants: Grants) -> None:
    with _lock:
        _cache[user_id] = (number, grants)
        _cache.move_to_end(user_id)
        while len(_cache) > _CACHED_PEOPLE:
            _cache.popitem(last=False)


def _load(user_id: int) -> Iterator[Grant]:
    """A person's bindings, own and by team, in one query; then each table of object grants."""
    bindings = (
        RoleBinding.objects.filter(Q(user=user_id) | Q(team__memberships__user=user_id))
        .select_related("role", "team", "scope__project_scope")
        .distinct()
    )
    for binding in bindings:
        source = f"role {binding.role.name}"
        if binding.team is not None:
            source += f" of team {binding.team.name}"
        yield Grant(
            source,
            frozenset(permissions.meaningful(binding.role.permissions, binding.scope.kind)),
            None if binding.scope.kind == Scope.Kind.EVERYTHING else binding.scope_id,
            binding.scope.label,
            binding.ends_at,
            binding.scope.lineage,
        )
    for row in objectgrants.rows_of(user_id):
        scope: Scope = row.scope
        yield Grant("share", row.permissions, scope.pk, scope.label, row.ends_at, scope.lineage)


def _index(grants: Iterable[Grant]) -> Grants:
    every = tuple(grants)
    table: dict[str, list[Grant]] = {}
    for grant in every:
        for permission in grant.permissions:
            table.setdefault(permission, []).append(grant)
    return Grants(every, {name: tuple(found) for name, found in table.items()})


def token_narrows(token: ApiToken | None, permission: str) -> bool:
    """Whether the token's own list leaves this permission out."""
    return token is not None and bool(token.permissions) and permission not in token.permissions
