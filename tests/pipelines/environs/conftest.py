"""The world of deployments, and jobs that end without a runner."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pipelines.runs import claiming
from pipelines.runs.models import Pipeline
from pipelines.runs.services import ending
from tests.pipelines.deploys.conftest import _places, _quick_cluster, places, world

__all__ = ["_places", "_quick_cluster", "places", "world"]
Work = Callable[..., Pipeline]


@pytest.fixture
def work_off() -> Work:
    """Ends all jobs that wait for a runner; those of `broken` fail."""

    def done(pipeline: Pipeline, *broken: str, **dotenv: str) -> Pipeline:
        while taken := claiming.take(10, name="tests"):
            for one in taken:
                if one.attempt.job.name in broken:
                    end = ending.End("failed", "script_failure", "it ended with exit code 1", 1)
                else:
                    end = ending.End("success", exit_code=0, dotenv=dotenv)
                ending.finish(one.lease, end)
        pipeline.refresh_from_db()
        return pipeline

    return done
