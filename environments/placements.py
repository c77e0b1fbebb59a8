"""Where the catalog's components run: the environments whose workloads belong to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from environments import selectors
from environments.models import Environment, Workload
from portal.models import Component
from rbac.actors import Actor

MAX_ENVIRONMENTS = 500


@dataclass(frozen=True)
class Placement:
    """One environment in which a component runs, with its workloads there."""

    environment: Environment
    workloads: tuple[Workload, ...]

    @property
    def versions(self) -> list[str]:
        """What runs there, each version once."""
        return list(dict.fromkeys(workload.version for workload in self.workloads))

    @property
    def health(self) -> str:
        """The environment's health, or its state where it is not active."""
        row = self.environment
        active = row.state == Environment.State.ACTIVE
        return row.application.health if active else row.state

    @property
    def broken(self) -> bool:
        return self.health in selectors.BROKEN


def of(actor: Actor, components: Sequence[Component]) -> dict[int, list[Placement]]:
    """The placements that the actor may see, by the component's id, by project and name."""
    known = {component.pk for component in components}
    rows = selectors.alive(actor).filter(workloads__component__in=known).distinct()
    found: dict[int, list[Placement]] = {}
    for environment in rows.order_by("project__name", "name")[:MAX_ENVIRONMENTS]:
        theirs: dict[int, list[Workload]] = {}
        for workload in environment.workloads.all():
            if workload.component_id in known:
                theirs.setdefault(workload.component_id, []).append(workload)
        for component, workloads in theirs.items():
            placement = Placement(environment, tuple(workloads))
            found.setdefault(component, []).append(placement)
    return found
