"""What a job does, as its row keeps it: the engine's values as JSON, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from pipelines.engine.plan import PlannedJob
from pipelines.engine.values.work import NAMES, Work
from pipelines.running.attempt import STRONGER


@dataclass(frozen=True)
class Stored:
    """All that running a job needs of its plan."""

    work: Work
    variables: dict[str, str] = field(repr=False)
    strong: frozenset[str] = frozenset()  # names that no job's report may replace
    allowed_exit_codes: tuple[int, ...] = ()
    files: dict[str, str] = field(default_factory=dict, repr=False)  # variables that are files
    secrets: tuple[str, ...] = field(default=(), repr=False)  # values to mask
    forwarded: dict[str, str] = field(default_factory=dict, repr=False)  # of a trigger job
    elsewhere: tuple[tuple[str, str], ...] = ()  # jobs whose artifacts it takes: pipeline, name


def stored(job: PlannedJob, masked: Sequence[str] = ()) -> Stored:
    """What a planned job's row keeps; `masked` are values to mask that its own plan has not."""
    return Stored(
        work=Work(**{name: getattr(job, name) for name in NAMES}),
        variables={name: text for name, text in job.variables.items() if name not in job.files},
        files={name: job.variables[name] for name in sorted(job.files)},
        secrets=(*(job.variables[name] for name in sorted(job.masked)), *masked),
        forwarded=dict(job.forwarded),
        elsewhere=elsewhere(job),
        strong=frozenset(name for name, where in job.origins.items() if where.file in STRONGER),
        allowed_exit_codes=job.allowed_exit_codes,
    )


def elsewhere(job: PlannedJob) -> tuple[tuple[str, str], ...]:
    """The jobs of other pipelines whose artifacts it takes: the pipeline's number, the name."""
    wanted = (one for one in job.elsewhere if one.pipeline and one.job and one.artifacts)
    return tuple((one.pipeline, one.job) for one in wanted)


def encode(value: Stored) -> str:
    return msgspec.json.encode(value).decode()


def decode(text: str) -> Stored:
    return msgspec.json.decode(text, type=Stored)
