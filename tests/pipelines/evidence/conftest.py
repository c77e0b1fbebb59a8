"""A project with people, and where it promotes to."""

from tests.pipelines.deploys.conftest import _places, _quick_cluster, places, world
from tests.pipelines.reports.conftest import people, send

__all__ = ["_places", "_quick_cluster", "people", "places", "send", "world"]
