"""The caches of projects on the server's side, and how much of them may stay."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from pipelines.executors.checkouts import COMMITS
from pipelines.running import sweeping
from pipelines.running.stores import Folders

DAY = 86_400.0


def of(project: int, apart: str) -> Folders:
    """The caches of a project's jobs; `apart` keeps those of unlike trust from each other."""
    return Folders(_base() / str(project) / apart, most=settings.CI_CACHE_SIZE)


def sweep() -> int:
    """Take away what nobody used for long, and the oldest of too much; how many."""
    return sweeping.sweep(_base(), _bounds(), apart=COMMITS)


def sweep_now_and_then() -> int:
    """The same, for whoever has just written one."""
    return sweeping.now_and_then(_base(), _bounds(), apart=COMMITS)


def _base() -> Path:
    return Path(settings.CI_CACHES_DIR)


def _bounds() -> sweeping.Bounds:
    return sweeping.Bounds(settings.CI_CACHE_DAYS * DAY, settings.CI_CACHES_SIZE)
