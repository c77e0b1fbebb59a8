"""The home page's panel of ends: subjects of my teams that end soon, and those that we read.

One query, whatever there is. Registered by `schemas.registrations`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db.models import Case, Exists, OuterRef, Q, QuerySet, Subquery, TextField, Value, When
from django.db.models.functions import Cast, Coalesce, Concat
from django.utils import timezone

from portal.models import Component
from rbac.actors import Actor
from rbac.models import Membership, User
from schemas import naming
from schemas.addresses import page_of
from schemas.dependants import life, portal_parts
from schemas.dependants.models import CheckIn, DeployedVersion, Role
from schemas.traffic.models import SeenTraffic

MAX_ROWS = 6
SOON = timedelta(days=30)


def panel(actor: Actor) -> Mapping[str, Any] | None:
    """What ends within `SOON` and is my teams', or is read by a component of theirs."""
    if actor.user is None:
        return None
    found = list(ending(actor, actor.user)[: MAX_ROWS + 1])
    if not found:
        return None
    more = len(found) > MAX_ROWS
    words = "a schema ends soon" if len(found) == 1 else "schemas end soon"
    return {
        "rows": [_row(one) for one in found[:MAX_ROWS]],
        "more": more,
        "headline": words,
    }


def ending(actor: Actor, user: User) -> QuerySet[Any]:
    """The next end first; `owned` by a team of the user's, or with one `reader` of theirs."""
    owned = Membership.objects.filter(user=user, team=OuterRef("owner"))
    rows = portal_parts.sunsets(actor).filter(sunset_on__lte=life.today() + SOON)
    rows = rows.annotate(owned=Exists(owned), reader=Coalesce(*_readers(user)))
    return rows.filter(Q(owned=True) | Q(reader__isnull=False))


def _readers(user: User) -> list[Any]:
    """A reading component of the user's teams, by each source that names one."""
    mine: dict[str, Any] = {"component__owner__memberships__user": user, "role": Role.CONSUMER}
    deployed = DeployedVersion.objects.filter(
        version__subject=OuterRef("pk"), ended_at=None, **mine
    )
    said = CheckIn.objects.filter(subject=OuterRef("pk"), expires_at__gt=timezone.now(), **mine)
    seen = SeenTraffic.objects.filter(subject=OuterRef("pk"), **mine)
    first = [rows.order_by("holder").values("holder")[:1] for rows in (deployed, said, seen)]
    return [*(Subquery(rows) for rows in first), _catalogued(user)]


def _catalogued(user: User) -> Case:
    """One that the catalog names as a consumer; catalogs know the default context only."""
    quoted = Concat(Value('"'), OuterRef("name"), Value('"'))
    rows = Component.objects.annotate(apis=Cast("consumes_apis", TextField())).filter(
        owner__memberships__user=user, removed_at=None, apis__contains=quoted
    )
    named = Subquery(rows.order_by("name").values("name")[:1])
    return Case(When(context__name=naming.DEFAULT, then=named), default=None)


def _row(subject: Any) -> dict[str, Any]:
    return {
        "subject": subject,
        "url": f"{page_of(subject)}?tab=dependants",
        "over": subject.sunset_on < life.today(),
        "reader": subject.reader,
        "team": subject.owner.name,
    }
