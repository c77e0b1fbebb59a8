"""A project with a repository and environments in three tiers, and people who promote."""

from __future__ import annotations

from typing import Any

import pytest

from environments.models import Environment
from gitops import targets
from idp.changes.models import Change
from pipelines.deploys import services
from pipelines.deploys.models import Bundle, Deployment
from rbac.actors import Actor
from tests.environments.factories import bring, make_cluster, settle
from tests.pipelines.runs.conftest import World, _places, finished, runs, world

__all__ = ["_places", "finished", "runs", "world"]
DIGEST = "sha256:" + "ab" * 32


def image(tag: str = "2.0.0") -> str:
    return f"registry.example.com/orders/api:{tag}@{DIGEST}"


@pytest.fixture(autouse=True)
def _quick_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulated cluster rolls out at once; its pace is proved by its own tests."""
    targets._targets.clear()
    monkeypatch.setattr("gitops.backends.memory.pods.READY_AFTER", 0.0)
    monkeypatch.setattr("gitops.backends.memory.play.ADDRESS_AFTER", 0.0)


class Places:
    """The world's project with its environments by name."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.lead = Actor(world.people.maintainer)
        self.dana = world.developer
        make_cluster()
        self.sha = world.commit("build: {script: [echo]}")

    def make(self, tier: str, name: str = "") -> Environment:
        """An active environment, named after its tier."""
        return bring(self.lead, self.world.project, name=name or f"{tier}-1", tier=tier)

    def bundle(self, tag: str = "2.0.0", **more: Any) -> Bundle:
        given = {"images": {"web": image(tag)}, **more}
        return services.make_bundle(self.dana, self.world.project, given)

    def promote(self, bundle: Bundle, to: Environment, actor: Actor | None = None) -> Deployment:
        return services.promote(actor or self.dana, bundle, to)

    def healthy(self, bundle: Bundle, to: Environment) -> Deployment:
        """Brought there and found healthy, by the lead."""
        made = self.promote(bundle, to, self.lead)
        change = settle(self.lead, made.change)
        assert change.state == Change.State.SUCCEEDED, change.reason
        made.refresh_from_db()
        return made


@pytest.fixture
def places(world: World) -> Places:
    return Places(world)
