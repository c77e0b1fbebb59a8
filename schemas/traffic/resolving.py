"""From what calls showed to whom and what they were about: tokens to components, ids to subjects.

Off the request, a few queries for a whole batch. Called by `schemas.traffic.writing`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.utils import timezone

from portal.models import Component
from rbac.access import can
from rbac.actors import Actor
from rbac.models import ApiToken, Scope
from schemas import beside, naming
from schemas.dependants.models import MAX_HOLDER, CheckIn
from schemas.dependants.worlds import home_of
from schemas.errors import InvalidSubject
from schemas.models import Subject, SubjectVersion
from schemas.naming import SubjectName
from schemas.permissions import VIEW
from schemas.traffic.buffer import Batch, Use

MAX_SHARED = 5  # subjects of one id that a reader of it may mean; past them nobody can tell
MAX_READ = 20_000  # rows that one batch looks at
_Said = tuple[str, int | None, int]  # of a check-in: holder, component, environment


@dataclass(frozen=True)
class Program:
    """Who a token is: its component or service account, and its environment where one is known."""

    holder: str
    component: int | None
    scope: int | None
    actor: Actor


# -- tokens ---------------------------------------------------------------------------------------


def programs(tokens: Collection[int]) -> dict[int, Program]:
    """The programs behind tokens (ids); what people's tokens do is nobody's traffic.

    A token is the component that its own check-ins name, else the one called as the token or as
    its service account, else the service account.
    """
    rows = ApiToken.objects.filter(pk__in=tokens).select_related(
        "user__service_account__project", "scope__project_scope"
    )
    actors = [Actor(row.user, row) for row in rows]
    said = _said({actor.label[:200] for actor in actors})
    homes = {actor: home for actor in actors if (home := _home(actor)) is not None}
    named = _components(homes)
    found = {}
    for actor in actors:
        program = _program(actor, said[actor.label[:200]], named.get(homes.get(actor), {}))
        if program is not None and actor.token is not None:
            found[actor.token.pk] = program
    return found


def _said(labels: Collection[str]) -> Mapping[str, set[_Said]]:
    rows = CheckIn.objects.filter(said_by__in=labels, expires_at__gt=timezone.now())
    columns = rows.values_list("said_by", "holder", "component", "scope").distinct()
    found: dict[str, set[_Said]] = defaultdict(set)
    for label, holder, component, scope in columns[:MAX_READ]:
        found[label].add((holder, component, scope))
    return found


def _account(actor: Actor) -> Any:
    return getattr(actor.user, "service_account", None)


def _home(actor: Actor) -> int | None:
    """The project's scope (id): the service account's, else the one that the token is bound to."""
    if (account := _account(actor)) is not None:
        return int(account.project.scope_id)
    scope = actor.token.scope if actor.token else None
    return home_of(scope) if scope is not None and scope.kind != Scope.Kind.EVERYTHING else None


def _names(actor: Actor) -> list[str]:
    """What a component of the actor may be called, the likeliest first."""
    names = [actor.token.name] if actor.token else []
    if (account := _account(actor)) is not None:
        names.append(account.user.username.partition(".")[2])
    return names


def _components(homes: Mapping[Actor, int]) -> Mapping[int | None, Mapping[str, int]]:
    names = {name for actor in homes for name in _names(actor)}
    rows = Component.objects.filter(
        name__in=names, project__scope__in=set(homes.values()), removed_at=None
    )
    found: dict[int | None, dict[str, int]] = defaultdict(dict)
    for pk, name, home in rows.values_list("pk", "name", "project__scope"):
        found[home][name] = pk
    return found


def _program(actor: Actor, said: set[_Said], named: Mapping[str, int]) -> Program | None:
    scope = _environment(actor, said)
    holders = {(holder, component) for holder, component, _ in said}
    if len(holders) == 1:
        ((holder, component),) = holders
        return Program(holder, component, scope, actor)
    for name in _names(actor):
        if name in named:
            return Program(name, named[name], scope, actor)
    account = _account(actor)
    if account is None:
        return None
    return Program(account.user.username[:MAX_HOLDER], None, scope, actor)


def _environment(actor: Actor, said: set[_Said]) -> int | None:
    """The one that the token is bound to, else the only one that it checks in from."""
    bound = actor.token.scope if actor.token else None
    if bound is not None and bound.kind == Scope.Kind.ENVIRONMENT:
        return bound.pk
    places = {scope for _, _, scope in said}
    return places.pop() if len(places) == 1 else None


# -- subjects -------------------------------------------------------------------------------------


class Subjects:
    """The subjects that a batch's uses are about, read at once."""

    def __init__(self, batch: Batch) -> None:
        uses = {use for known in batch.values() for use in known}
        self._by_name = _by_name(uses)
        self._by_schema = _by_schema(uses)

    def of(self, use: Use, actor: Actor) -> Sequence[int]:
        """The subjects (ids) of one use; none for what is gone or what nobody can tell.

        An id that several subjects hold counts for each that the actor sees, up to `MAX_SHARED`.
        """
        if not use.number and not use.guid:
            name = _name(use)
            return [self._by_name[name]] if name in self._by_name else []
        held = self._by_schema.get(_schema_key(use), [])
        if use.subject:
            wanted = _name(use)
            held = [one for one in held if _named(one) == wanted]
        if len(held) > 1:
            held = [one for one in held if can(actor, VIEW, one)]
        return [one.pk for one in held] if len(held) <= MAX_SHARED else []


def _name(use: Use) -> SubjectName | None:
    try:
        return naming.parse(use.subject, use.context)
    except InvalidSubject:
        return None


def _named(subject: Subject) -> SubjectName:
    return SubjectName(subject.context.name, subject.name)


def _by_name(uses: Iterable[Use]) -> dict[SubjectName | None, int]:
    wanted = {name for use in uses if use.subject and (name := _name(use))}
    rows = Subject.objects.filter(name__in={name.name for name in wanted})
    columns = rows.values_list("context__name", "name", "pk")[:MAX_READ]
    found = {SubjectName(context, name): pk for context, name, pk in columns}
    return {name: found[name] for name in wanted & found.keys()}


_SchemaKey = tuple[str, int] | str


def _schema_key(use: Use) -> _SchemaKey:
    """Ids count within a context; that of the subject beside it, where there is one."""
    if use.guid:
        return use.guid
    name = _name(use) if use.subject else None
    return (name.context if name else use.context), use.number


def _by_schema(uses: Iterable[Use]) -> Mapping[_SchemaKey, list[Subject]]:
    keys = {_schema_key(use) for use in uses if use.number or use.guid}
    ids = {key for key in keys if isinstance(key, tuple)}
    if not keys:
        return {}
    wanted = Q(schema__guid__in=[key for key in keys if isinstance(key, str)]) | Q(
        schema__number__in={number for _, number in ids},
        schema__context__name__in={context for context, _ in ids},
    )
    rows = SubjectVersion.objects.filter(wanted, beside.served("schema__format"))
    rows = rows.select_related(
        "schema__context", "subject__context", "subject__keeper__project_scope"
    )
    found: dict[_SchemaKey, dict[int, Subject]] = defaultdict(dict)
    for row in rows.defer("schema__text").order_by("-pk")[:MAX_READ]:
        for key in ((row.schema.context.name, row.schema.number), str(row.schema.guid)):
            if key in keys:
                found[key][row.subject_id] = row.subject
    return {key: list(subjects.values()) for key, subjects in found.items()}
