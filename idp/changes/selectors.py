"""Reads: what an actor may see of changes, their events, and what waits for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from django.db.models import BooleanField, Exists, F, Model, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Now
from django.utils import timezone

from idp.changes import people
from idp.changes.models import Approval, ApprovalRule, Change, ChangeEvent, Freeze, Waiver
from idp.common.compiled import Compiled, CompiledModels, compile_rows
from idp.common.errors import NotVisible
from rbac.access import can, get_visible, reaching, visible, visible_by
from rbac.actors import Actor
from rbac.models import ServiceAccount
from rbac.standing_queries import StandingQuery

M = TypeVar("M", bound=Model)
RUNNING = (Change.State.PLANNING, Change.State.APPLYING, Change.State.OBSERVING)
MAX_INBOX = 200
MAX_OPEN = 10_000


def change_list(actor: Actor) -> QuerySet[Change]:
    """Every change that the actor may see, newest first, without the heavy columns."""
    return (
        visible(actor, "change.view", Change.objects.all())
        .select_related("scope__project_scope", "scope__tier_scope", "actor")
        .defer("plan", "intent", "result", "gates")
        .order_by("-id")
    )


def change_get(actor: Actor, pk: int) -> Change:
    """One change with its plan; raises `NotVisible`."""
    rows = Change.objects.select_related(
        "scope__project_scope",
        "scope__tier_scope",
        "actor",
        "confirmed_by",
        "cancel_requested_by",
        "token",
    )
    return get_visible(actor, "change.view", rows, pk=pk)


def events_since(change: Change, number: int, limit: int) -> list[ChangeEvent]:
    """The change's events after `number`, in order."""
    return list(change.events.filter(number__gt=number).order_by("number")[:limit])


@dataclass(frozen=True)
class Allowed:
    """What an actor may do with a change now; each is False where the state forbids it."""

    confirm: bool
    replan: bool
    cancel: bool
    approve: bool


def allowed(actor: Actor, change: Change) -> Allowed:
    own = actor.user is not None and actor.user.pk == change.actor_id
    other = actor.user is not None and actor.user.pk not in people.asked(change)
    may_do = can(actor, change.verb, change.scope)
    before = change.state in (Change.State.READY, Change.State.WAITING)
    return Allowed(
        confirm=change.state == Change.State.READY and may_do,
        replan=before and may_do,
        cancel=change.state in Change.OPEN
        and ((own and may_do) or can(actor, "change.cancel", change.scope)),
        approve=before
        and other
        and can(actor, "change.approve", change.scope)
        and not (actor.user and people.is_program(actor.user)),
    )


def to_confirm(actor: Actor, change: Change) -> bool:
    """Whether it waits for this person's confirmation: their own, or Slipway's, which has none."""
    if change.state != Change.State.READY or actor.user is None:
        return False
    own = change.actor_id == actor.user.pk
    return own or (change.actor_id is None and can(actor, change.verb, change.scope))


def _to_confirm(actor: Actor) -> tuple[QuerySet[Change], QuerySet[Change]]:
    ready = Change.objects.filter(state=Change.State.READY).order_by()
    own = visible(actor, "change.view", ready.filter(actor=actor.user))
    return own, visible_by(actor, "verb", ready.filter(actor=None))


def _to_approve(actor: Actor) -> QuerySet[Change]:
    answered = Approval.objects.filter(
        change=OuterRef("pk"), plan_hash=OuterRef("plan_hash"), approver=actor.user
    )
    program = ServiceAccount.objects.filter(user=actor.user)
    waiting = Change.objects.filter(
        ~Exists(answered),
        ~Exists(program),
        state__in=[Change.State.READY, Change.State.WAITING],
        awaits_approval=True,
    ).exclude(Q(actor=actor.user) | Q(token__created_by=actor.user) | people.is_behind(actor.user))
    return visible(actor, "change.approve", waiting.exclude(confirmed_by=actor.user))


def badge_counts(actor: Actor) -> tuple[int, int]:
    """How many changes wait for this person, for leave too, and how many run, in one query.

    At most `MAX_OPEN` are counted.
    """
    waits = [waits for _, waits in _badges.of(actor).rows()]
    return sum(waits), len(waits) - sum(waits)


def _badge_rows(actor: Actor) -> Compiled:
    running = visible(actor, "change.view", Change.objects.filter(state__in=RUNNING).order_by())
    found = _ids(running)
    if actor.user is not None:
        asked = inbox_waivers(actor).order_by().values("change")
        leave = Change.objects.filter(state__in=Change.OPEN, pk__in=asked).order_by()
        waiting = [*_to_confirm(actor), _to_approve(actor).order_by(), leave]
        found = found.union(*(_ids(rows, waits=True) for rows in waiting))
    return compile_rows(found[:MAX_OPEN], [])


_badges = StandingQuery(_badge_rows)  # every page asks it


def _ids(rows: QuerySet[Change], *, waits: bool = False) -> QuerySet[Change, tuple[int, bool]]:
    mark = Value(waits, output_field=BooleanField())
    return rows.annotate(waits=mark).values_list("pk", "waits")


def _inbox_ids(actor: Actor) -> QuerySet[Change, Any]:
    own, system = (rows.values("pk") for rows in _to_confirm(actor))
    return own.union(system, _to_approve(actor).order_by().values("pk"))


def inbox_changes(actor: Actor) -> QuerySet[Change]:
    """Changes that this person has to confirm or may approve, oldest first."""
    if actor.user is None:
        return Change.objects.none()
    rows = Change.objects.filter(pk__in=_inbox_ids(actor)).select_related(
        "scope__project_scope", "scope__tier_scope", "actor"
    )
    return rows.defer("plan", "intent", "result").order_by(F("planned_at").asc(nulls_last=True))


def inbox_waivers(actor: Actor) -> QuerySet[Waiver]:
    """Waivers that somebody else asked for, for others' changes, and this person may grant."""
    own = Q(author=actor.user) | Q(change__actor=actor.user) | Q(change__confirmed_by=actor.user)
    own |= Q(change__token__created_by=actor.user)
    # The database's clock: the badges keep this query compiled.
    rows = Waiver.objects.filter(approver=None, revoked_at=None, ends_at__gt=Now())
    rows = rows.filter(~Exists(ServiceAccount.objects.filter(user=actor.user)))
    rows = visible(actor, "gate.waive", rows.exclude(own))
    rows = rows.select_related("author", "scope__project_scope", "change__scope")
    return rows.order_by("created_at")


def freeze_list(actor: Actor) -> QuerySet[Freeze]:
    """Freezes of the places that the actor may see, those bound above included, as they hold."""
    rows = reaching(actor, "freeze.view", Freeze.objects.all())
    return rows.select_related("author", "lifted_by", "scope__project_scope").order_by("-ends_at")


def freeze_get(actor: Actor, pk: int) -> Freeze:
    """One freeze that the actor may see; raises `NotVisible`."""
    return _only(freeze_list(actor), pk)


def freezes_in_force(actor: Actor) -> list[Freeze]:
    """Those that hold now, at most `MAX_OPEN`, the one that ends last first."""
    now = timezone.now()
    return _freezes.of(actor).list(now, now)


def _freezes_at(actor: Actor) -> CompiledModels[Freeze]:
    start, end = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    rows = freeze_list(actor).filter(lifted_at=None, starts_at__lte=start, ends_at__gt=end)
    return CompiledModels(rows[:MAX_OPEN], [start, end])


_freezes = StandingQuery(_freezes_at)  # every page asks it


def waiver_list(actor: Actor) -> QuerySet[Waiver]:
    """Waivers at places that the actor may see, and their own anywhere, the newest first."""
    seen = reaching(actor, "gate.view", Waiver.objects.all())
    rows = Waiver.objects.filter(Q(pk__in=seen.order_by().values("pk")) | Q(author=actor.user))
    rows = rows.select_related("author", "approver", "revoked_by", "scope__project_scope", "change")
    return rows.order_by("-id")


def leave_of(change: Change) -> list[Waiver]:
    """The leave that was asked for this change, the newest first."""
    rows = change.waivers.exclude(about="").select_related(
        "author", "approver", "revoked_by", "scope__project_scope"
    )
    return list(rows.order_by("-pk")[:MAX_INBOX])


def waiver_get(actor: Actor, pk: int) -> Waiver:
    """One waiver that the actor may see; raises `NotVisible`."""
    return _only(waiver_list(actor), pk)


def _only(rows: QuerySet[M], pk: int) -> M:
    row = rows.filter(pk=pk).first()
    if row is None:
        raise NotVisible("There is nothing here, or you may not see it.")
    return row


def rule_list(actor: Actor) -> QuerySet[ApprovalRule]:
    """Approval rules that hold at places that the actor may see, those bound above included."""
    rows = reaching(actor, "gate.view", ApprovalRule.objects.all())
    return rows.select_related("scope__project_scope").order_by("name")
