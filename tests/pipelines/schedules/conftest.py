from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pipelines.schedules import services
from pipelines.schedules.models import Schedule
from rbac.actors import Actor
from tests.pipelines.runs.conftest import World, _places, world

__all__ = ["World", "_places", "world"]
FILE = 'job: {script: [echo "$SUITE"]}'
Make = Callable[..., Schedule]


@pytest.fixture
def make(world: World) -> Make:
    """Makes schedules of the project's branch `main`, by its developer."""
    world.commit(FILE)

    def made(actor: Actor = world.developer, **values: Any) -> Schedule:
        given = {"description": "Nightly", "cron": "0 3 * * *", "ref": "main"}
        return services.create(actor, world.project, **(given | values))  # type: ignore[typeddict-item]

    return made
