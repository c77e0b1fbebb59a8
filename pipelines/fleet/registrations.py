"""What agents hand to others: who may take a project's jobs."""

from __future__ import annotations

from pipelines.fleet import selectors
from pipelines.runs import executors

executors.register(selectors.executors)
