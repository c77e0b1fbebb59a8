"""“May orders@7f3c go to staging?”: a set of versions judged at a place before anybody deploys.

The set is named outright, or is what a component or a project had where a revision of it ran, or
what stands in another environment now.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db.models import Q

from idp.changes.models import Waiver
from idp.common.errors import FieldError, Invalid, NotVisible
from rbac.access import require, visible
from rbac.actors import Actor
from rbac.models import Scope
from rbac.selectors import scope_at
from schemas import naming, selectors
from schemas.dependants import gate, leave, worlds
from schemas.dependants.matrix import Cell
from schemas.dependants.models import DeployedVersion, Role
from schemas.dependants.sentences import missing_first, spoken
from schemas.dependants.sets import MAX_ENTRIES, Entry, SchemaSet
from schemas.dependants.worlds import World
from schemas.permissions import VIEW

_LIVES = frozenset({Scope.Kind.TIER, Scope.Kind.ENVIRONMENT})


@dataclass(frozen=True)
class Named:
    """A version as somebody names it; `LATEST` for the latest."""

    subject: str
    version: int


@dataclass(frozen=True)
class Question:
    """What should go where. `name` is a component, or a project where that has no such one."""

    environment: str
    name: str = ""
    revision: str = ""
    origin: str = ""  # another environment, whose present set is meant
    produces: Sequence[Named] = ()
    consumes: Sequence[Named] = ()


@dataclass(frozen=True)
class Answer:
    """The judgement, with the leave by which it may go all the same: of the place, of owners."""

    world: World
    here: Waiver | None = None
    given: leave.Given = field(default_factory=dict)

    def waiver_of(self, cell: Cell) -> Waiver | None:
        """By whose leave a broken pair counts for nothing."""
        return self.here or leave.of_cell(self.given, cell)

    @property
    def open_cells(self) -> tuple[Cell, ...]:
        return tuple(cell for cell in self.world.broken if self.waiver_of(cell) is None)

    @property
    def allowed(self) -> bool:
        return not self.world.missing and not self.open_cells

    @property
    def sentence(self) -> str:
        """Why not, or that it may."""
        if not self.allowed:
            return missing_first(self.world.missing, self.open_cells)
        if self.world.broken:
            leaves = [self.here] if self.here else self.given.values()
            names = sorted({gate.name_of(waiver) for waiver in leaves})
            return f"It may go: {', '.join(names)} agreed. {spoken(self.world.broken)}"
        return f"It may go to {self.world.scope}: everybody there can read what they read."

    @property
    def ways_out(self) -> str:
        return "" if self.allowed else gate.ways_out(self.open_cells)


def may_deploy(actor: Actor, question: Question) -> Answer:
    """The answer; raises `Invalid`, `NotVisible` and `TooComplex`."""
    scope = _place(actor, question.environment, "environment")
    wanted, only = _wanted(actor, question)
    world = worlds.look(actor, scope, wanted, only=only)
    return Answer(world, leave.waived_at(scope), leave.given_for(world.broken))


def _place(actor: Actor, path: str, at: str) -> Scope:
    scope = scope_at(actor, path, at)
    if scope.kind not in _LIVES:
        message = f"Nothing is deployed to {scope} itself."
        found = FieldError(at, "kind", message, "Name a tier or an environment: orders/staging.")
        raise Invalid(message, errors=[found])
    require(actor, VIEW, scope)
    return scope


def _wanted(actor: Actor, question: Question) -> tuple[SchemaSet, str]:
    """The set, and the one holder whose place it takes; "" where it replaces all that is there."""
    if question.produces or question.consumes:
        return _outright(actor, question), question.name
    rows = visible(actor, VIEW, DeployedVersion.objects.select_related("version__subject__context"))
    if question.origin:
        place = _place(actor, question.origin, "from")
        rows = rows.filter(Q(scope=place.pk) | Q(scope__tier_scope=place.pk), ended_at=None)
    elif not question.revision:
        message = "Say what should go: a revision, an environment it is in, or its versions."
        raise Invalid(message, errors=[FieldError("set", "required", message)])
    if question.revision:
        rows = rows.filter(revision__startswith=question.revision)
    if question.name:
        own = rows.filter(holder=question.name)
        rows = own if own.exists() else rows.filter(scope__project_scope__name=question.name)
    found = _newest(list(rows.order_by("-deployed_at")[: 4 * MAX_ENTRIES]))
    if not found:
        raise NotVisible(
            f"No schema set of {_called(question)} is known: it was deployed nowhere that you see.",
            fix="Name what it writes and reads: produces and consumes.",
        )
    holders = {row.holder for row in found}
    only = next(iter(holders)) if question.name and len(holders) == 1 else ""
    return _recalled(found), only


def _called(question: Question) -> str:
    name = question.name or question.origin
    return f"{name}@{question.revision}" if question.revision else name


def _newest(rows: Sequence[DeployedVersion]) -> list[DeployedVersion]:
    """Each holder's rows that stood together last: those still there, else those that went last."""
    last: dict[str, DeployedVersion] = {}
    for row in rows:
        known = last.setdefault(row.holder, row)
        if known.ended_at is not None and (row.ended_at is None or row.ended_at > known.ended_at):
            last[row.holder] = row
    return [row for row in rows if _together(row, last[row.holder])]


def _together(one: DeployedVersion, other: DeployedVersion) -> bool:
    return (one.scope_id, one.ended_at) == (other.scope_id, other.ended_at)


def _recalled(rows: Sequence[DeployedVersion]) -> SchemaSet:
    entries = {
        role: tuple(
            Entry(
                subject=str(row.version.subject),
                version=row.version.number,
                workload=row.workload,
                component=row.holder,
                revision=row.revision,
                retained_days=row.retention_days,
            )
            for row in rows
            if row.role == role
        )
        for role in Role
    }
    return SchemaSet(entries[Role.PRODUCER], entries[Role.CONSUMER])


def _outright(actor: Actor, question: Question) -> SchemaSet:
    def entries(given: Sequence[Named]) -> tuple[Entry, ...]:
        return tuple(
            Entry(one.subject, _number(actor, one), component=question.name) for one in given
        )

    return SchemaSet(entries(question.produces), entries(question.consumes))


def _number(actor: Actor, one: Named) -> int:
    if one.version != selectors.LATEST:
        return one.version
    return selectors.named_version(actor, naming.parse(one.subject), selectors.LATEST).number
