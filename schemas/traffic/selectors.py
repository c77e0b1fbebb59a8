"""Who was seen using a subject in the registry's traffic, beside those who are known otherwise.

Read by impact, the subject's page, REST and the page that deletes. What is seen says nothing of the
version that somebody holds, so it never gets a verdict and no gate asks for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from rbac import selectors as access
from rbac.access import can
from rbac.actors import Actor
from rbac.models import Scope
from schemas.dependants import parties
from schemas.dependants.models import Role
from schemas.dependants.parties import Party, Traffic
from schemas.formats.base import TooComplex
from schemas.models import Subject
from schemas.traffic.models import SeenTraffic
from schemas.traffic.writing import KEPT

MAX_ROWS = 1000
MAX_SAID = 10
_Key = tuple[str, str, int]  # role, holder, subject


def beside(actor: Actor, subject: Subject, known: Sequence[Party]) -> list[Party]:
    """Those who are known otherwise, with what was seen of them, and those who were only seen."""
    marks: dict[int, Traffic | None] = {}
    alone = []
    for one in of_subject(actor, subject):
        found = _same(known, one)
        marks |= {id(party): one.traffic for party in found}
        if not found:
            alone.append(one)
    placed = {(one.role, one.holder) for one in alone if one.scope is not None}
    kept = [p for p in known if p.scope is not None or (p.role, p.holder) not in placed]
    return [*(replace(p, traffic=marks.get(id(p))) for p in kept), *alone]


def sentence(party: Party) -> str:
    """What is known of who was only seen: never a version."""
    verb = "writing" if party.role is Role.PRODUCER else "reading"
    where = f"in {party.environment}" if party.scope else "in an unknown environment"
    last = f", last on {party.seen:%d %b %Y}" if party.seen else ""
    team = f" of team {party.owner}" if party.owner else ""
    return f"{party.holder}{team} was seen {verb} it {where}{last}, version unknown."


def at(scope: Scope, subjects: QuerySet[Any, Any], taken: Collection[_Key]) -> list[SeenTraffic]:
    """Who was seen from an environment, the latest first, without those known otherwise."""
    rows = SeenTraffic.objects.filter(scope=scope, subject__in=subjects)
    rows = rows.filter(last_seen__gt=timezone.now() - KEPT).select_related("subject__context")
    found: dict[_Key, SeenTraffic] = {}
    for row in rows.order_by("-last_seen", "pk")[:MAX_ROWS]:
        key = (row.role, row.holder, row.subject_id)
        if key not in taken:
            found.setdefault(key, row)
    return list(found.values())


def uses_of(actor: Actor, subject: Subject, numbers: Collection[int]) -> list[str]:
    """Who uses these versions, or one that nobody knows, in words: for who would take them away."""
    try:
        known = parties.around(Q(), [subject])
    except TooComplex as error:
        return [error.message]
    there = [party for party in beside(actor, subject, known) if not party.kept]
    found = [_said(party) for party in there if party.number in {None, *numbers}]
    more = [f"{len(found) - MAX_SAID} more use it."] if len(found) > MAX_SAID else []
    return [*found[:MAX_SAID], *more]


def _said(party: Party) -> str:
    if party.known == parties.TRAFFIC:
        return sentence(party)
    return f"{party.words} {'writes' if party.role is Role.PRODUCER else 'reads'} it."


def of_subject(actor: Actor, subject: Subject) -> list[Party]:
    """Who was seen using a subject, the latest first; one party for all tokens of a holder."""
    rows = SeenTraffic.objects.filter(subject=subject, last_seen__gt=timezone.now() - KEPT)
    rows = rows.select_related(
        "component__owner",
        "scope__tier_scope",
        "scope__project_scope__project__team",
        "token__user__service_account__project__team",
    )
    held = list(rows.order_by("-last_seen", "pk")[:MAX_ROWS])
    shown = _tokens(actor, held)
    found: dict[tuple[str, str, int | None], Party] = {}
    for row in held:
        key, party = (row.role, row.holder, row.scope_id), _party(row, subject, shown)
        found[key] = _joined(found[key], party) if key in found else party
    return list(found.values())


def _tokens(actor: Actor, rows: Iterable[SeenTraffic]) -> set[int]:
    """Those (ids) whose names the actor may read: one's own, and of accounts that one manages."""
    wanted = {row.token_id for row in rows}
    if not wanted or not can(actor, "token.view", None):
        return set()
    return set(access.tokens(actor).filter(pk__in=wanted).values_list("pk", flat=True))


def _party(row: SeenTraffic, subject: Subject, shown: set[int]) -> Party:
    tokens = (row.token.name,) if row.token_id in shown else ()
    return Party(
        role=Role(row.role),
        subject=subject,
        version=None,
        holder=row.holder,
        owner=_owner(row),
        scope=row.scope,
        known=parties.TRAFFIC,
        seen=row.last_seen,
        traffic=Traffic(row.first_seen, row.last_seen, row.days, tokens),
    )


def _owner(row: SeenTraffic) -> str:
    """The team of the component, else of the service account's project, else of the place's."""
    if row.component is not None:
        return row.component.owner.name
    account: Any = getattr(row.token.user, "service_account", None)
    if account is not None:
        return str(account.project.team.name)
    return parties.team_of(row.scope) if row.scope is not None else ""


def _joined(one: Party, other: Party) -> Party:
    """Of one holder by two tokens: days are those of the token that came on more of them."""
    first, second = one.traffic, other.traffic
    if first is None or second is None:
        return one
    both = Traffic(
        min(first.first_seen, second.first_seen),
        max(first.last_seen, second.last_seen),
        max(first.days, second.days),
        tuple(sorted({*first.tokens, *second.tokens})),
    )
    return replace(one, seen=both.last_seen, traffic=both)


def _same(known: Sequence[Party], seen: Party) -> list[Party]:
    """Those known otherwise who were seen: at the place, or at the only one where it is known."""
    who = (seen.role, seen.holder)
    found = [party for party in known if (party.role, party.holder) == who and not party.kept]
    if seen.scope is not None:
        return [party for party in found if party.scope == seen.scope]
    found = [party for party in found if party.scope is not None] or found
    return found if len({party.scope for party in found}) == 1 else []
