"""The promotion board: each bundle's place in every environment, and how far each is behind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Max, Q, QuerySet

from environments.models import Environment, Workload
from environments.services.deploys import DEPLOY
from idp.changes.models import Change
from pipelines.deploys.gates import ORDER
from pipelines.deploys.models import Bundle, Deployment
from pipelines.deploys.selectors import ENVIRONMENT_VIEW
from rbac.access import can, visible
from rbac.actors import Actor
from rbac.models import Project

SHOWN = 20  # bundles, beside those that are live somewhere
MOST = 20  # environments
LIVE, COMING, WAS, NOT = "live", "coming", "was", "not"


@dataclass(frozen=True)
class Column:
    """An environment: what is live there, and how many bundles the one before it has more."""

    environment: Environment
    live: Deployment | None
    behind: int
    altered: bool  # somebody set another image since
    may: bool


@dataclass(frozen=True)
class Cell:
    """A bundle in an environment: `state` of LIVE, COMING, WAS, NOT; the deployment, if any."""

    state: str
    column: Column
    deployment: Deployment | None = None
    back: bool = False  # whether it is older than what is live there

    @property
    def may(self) -> bool:
        """Whether the actor may bring it there."""
        return self.column.may


@dataclass(frozen=True)
class Row:
    bundle: Bundle
    cells: Sequence[Cell]


@dataclass(frozen=True)
class Board:
    columns: Sequence[Column]
    rows: Sequence[Row]


def board(actor: Actor, project: Project) -> Board:
    """The newest bundles of a project and those that are live, by environment that is seen."""
    places = environments(actor, project)
    newest = _newest(places, Q(change__state=Change.State.SUCCEEDED))
    coming = _newest(places, Q(change__state__in=Change.OPEN))
    columns = _columns(actor, places, newest)
    bundles = _bundles(project, [one.bundle_id for one in newest.values()])
    was = _was(places, bundles)
    rows = [
        Row(bundle, [_cell(bundle, column, coming, was) for column in columns])
        for bundle in bundles
    ]
    return Board(columns, rows)


def environments(actor: Actor, project: Project) -> list[Environment]:
    """The environments that bundles go to and the actor sees, in the order of promotion."""
    rows = Environment.objects.filter(project=project, tier__in=ORDER).exclude(
        state__in=[Environment.State.DELETED, Environment.State.PROPOSED]
    )
    seen = visible(actor, ENVIRONMENT_VIEW, rows.select_related("scope", "project", "application"))
    found = list(seen.order_by("name")[: MOST * len(ORDER)])
    return sorted(found, key=lambda one: (ORDER.index(one.tier), one.name))[:MOST]


def _newest(places: Iterable[Environment], where: Q) -> dict[int, Deployment]:
    """The newest deployment of each environment that holds, by the environment's id."""
    rows = Deployment.objects.filter(where, environment__in=[one.pk for one in places])
    last = rows.values("environment").annotate(last=Max("pk")).values("last")
    found = Deployment.objects.filter(pk__in=last).select_related("bundle", "change")
    return {one.environment_id: one for one in _light(found)}


def _light(rows: QuerySet[Deployment]) -> QuerySet[Deployment]:
    heavy = ("plan", "intent", "gates", "result")
    return rows.defer(*(f"change__{name}" for name in heavy))


def _columns(
    actor: Actor, places: Sequence[Environment], newest: dict[int, Deployment]
) -> list[Column]:
    images: dict[int, dict[str, str]] = {}
    rows = Workload.objects.filter(environment__in=[one.pk for one in places])
    for environment, name, image in rows.values_list("environment_id", "name", "image"):
        images.setdefault(environment, {})[name] = image
    numbers = _numbers(places, newest)
    found = []
    for place in places:
        live = newest.get(place.pk)
        has = images.get(place.pk, {})
        wanted = live.bundle.content["images"] if live else {}
        altered = any(has.get(name) not in {None, image} for name, image in wanted.items())
        ahead = _ahead(place, places, newest)
        behind = sum(1 for number in numbers if _between(live, number, ahead))
        found.append(Column(place, live, behind, altered, can(actor, DEPLOY, place)))
    return found


def _ahead(
    place: Environment, places: Sequence[Environment], newest: dict[int, Deployment]
) -> int | None:
    """The newest bundle's number in the tier before; None where that is the first with any."""
    at = ORDER.index(place.tier)
    for tier in reversed(ORDER[:at]):
        there = [one for one in places if one.tier == tier]
        if there:
            found = [newest[one.pk].bundle.number for one in there if one.pk in newest]
            return max(found, default=0)
    return None


def _between(live: Deployment | None, number: int, ahead: int | None) -> bool:
    return (live.bundle.number if live else 0) < number and (ahead is None or number <= ahead)


def _numbers(places: Sequence[Environment], newest: dict[int, Deployment]) -> list[int]:
    """Numbers of the project's bundles from the oldest live one on."""
    if not places:
        return []
    least = min((one.bundle.number for one in newest.values()), default=0)
    rows = Bundle.objects.filter(project=places[0].project_id, number__gte=least)
    return list(rows.order_by("-number").values_list("number", flat=True)[:1000])


def _bundles(project: Project, live: Sequence[int]) -> list[Bundle]:
    rows = Bundle.objects.filter(project=project).order_by("-number")
    recent = list(rows.values_list("pk", flat=True)[:SHOWN])
    found = rows.filter(pk__in={*recent, *live}).select_related("project", "pipeline")
    return list(
        found.defer(
            "pipeline__given", "pipeline__left_out", "pipeline__problems", "pipeline__not_run"
        )
    )


def _was(places: Sequence[Environment], bundles: Sequence[Bundle]) -> set[tuple[int, int]]:
    """Which bundle was healthy in which environment, whatever came after."""
    rows = Deployment.objects.filter(
        environment__in=[one.pk for one in places],
        bundle__in=[one.pk for one in bundles],
        change__state=Change.State.SUCCEEDED,
    )
    return set(rows.values_list("bundle_id", "environment_id"))


def _cell(
    bundle: Bundle,
    column: Column,
    coming: dict[int, Deployment],
    was: set[tuple[int, int]],
) -> Cell:
    place = column.environment
    on_its_way = coming.get(place.pk)
    if on_its_way is not None and on_its_way.bundle_id == bundle.pk:
        return Cell(COMING, column, on_its_way)
    if column.live is not None and column.live.bundle_id == bundle.pk:
        return Cell(LIVE, column, column.live)
    state = WAS if (bundle.pk, place.pk) in was else NOT
    back = column.live is not None and bundle.number < column.live.bundle.number
    return Cell(state, column, back=back)
