"""A CI file or an include that is too large is called that, with figures: here as on a laptop."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.checkout import CheckoutFiles, context_of
from pipelines.engine.config import FILE, load
from pipelines.engine.problems import ConfigError
from pipelines.engine.source import MAX_BYTES
from pipelines.runs import commits
from tests.pipelines.runs.conftest import World

pytestmark = pytest.mark.django_db
JOB = "job: {script: [echo]}\n"
INCLUDES = "include: ci/large.yml\n" + JOB


def filled(size: int) -> str:
    return JOB + "#" * (size - len(JOB) - 1) + "\n"


def test_what_a_laptop_reads_the_server_reads(world: World) -> None:
    pipeline = world.start(filled(300 * 1024))
    assert (pipeline.status, pipeline.jobs.count()) == ("running", 1)
    world.commit(INCLUDES, **{"ci/large.yml": "other: {script: [echo]}\n" + "#" * 300 * 1024})
    assert world.start(INCLUDES + "# again").jobs.count() == 2


def test_too_large_a_file_is_called_that(world: World) -> None:
    pipeline = world.start(filled(MAX_BYTES + 7))
    assert pipeline.status == "failed"
    assert "2,000,007 bytes; 2,000,000 are the most" in pipeline.reason
    assert "Split it" in pipeline.reason
    assert commits.CommitFiles(world.repository, pipeline.sha).has_pipeline


@pytest.mark.parametrize("where", ["server", "laptop"])
def test_so_is_an_include(world: World, tmp_path: Path, where: str) -> None:
    large = filled(MAX_BYTES + 7)
    if where == "server":
        world.commit(INCLUDES, **{"ci/large.yml": large})
        reason = world.start(INCLUDES + "# again").reason
    else:
        (tmp_path / "ci").mkdir()
        (tmp_path / "ci/large.yml").write_text(large)
        with pytest.raises(ConfigError) as caught:
            load(INCLUDES, context_of(CheckoutFiles(tmp_path), {}), FILE)
        reason = str(caught.value.problems[0])
    assert "ci/large.yml" in reason
    assert "It is too large: 2,000,007 bytes; 2,000,000 are the most." in reason
