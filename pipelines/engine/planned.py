"""The plan as data: what runs, after what, with what, and why. Made by `plan`, kept by `cache`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from pipelines.engine.problems import Where
from pipelines.engine.values.auto_cancel import DEFAULT, AutoCancel
from pipelines.engine.values.work import Work
from pipelines.engine.variables import Variable


@dataclass(frozen=True, slots=True)
class Clause:
    """One condition of a rule as it was judged, in words."""

    text: str
    holds: bool
    because: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """One rule that was looked at. `holds` when all its clauses do."""

    number: int
    where: Where
    holds: bool
    clauses: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """In or out, what the deciding rule adds to the job, and every rule that was looked at."""

    included: bool
    reason: str
    where: Where
    when: str = ""  # empty: as the job says
    start_in: str = ""
    allow_failure: Any = None  # None: as the job says
    interruptible: bool | None = None
    needs: Any = None
    auto_cancel: Any = None  # of a workflow's rule
    variables: Mapping[str, Variable] = field(default_factory=dict)
    judged: tuple[Judged, ...] = ()

    def settled(self) -> Decision:
        """Without what the planned job, or the plan, says in its own fields."""
        if self.needs is self.allow_failure is self.auto_cancel is None:
            return self
        return replace(self, needs=None, allow_failure=None, auto_cancel=None)


@dataclass(frozen=True, slots=True)
class Instance:
    """One of a job's instances; index and total are 0 for a job that is alone."""

    name: str
    index: int = 0
    total: int = 0
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Edge:
    """A planned job that has to end before; `artifacts` are taken from it or not."""

    job: str
    artifacts: bool = True


@dataclass(frozen=True, slots=True)
class NeedElsewhere:
    """Artifacts of a job of another pipeline, by project and ref, or by the pipeline's id.

    A pipeline without a job: its status is taken over. Variables are not put in yet.
    """

    job: str
    where: Where
    project: str = ""
    ref: str = ""
    pipeline: str = ""
    artifacts: bool = True


class State(StrEnum):
    CREATED = "created"
    SKIPPED = "skipped"  # the commit's message asks for no pipeline
    FILTERED = "filtered"  # workflow:rules say no
    EMPTY = "empty"  # no job is in


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedJob(Work):
    """A job that is in, with what it does. `needs` None: it waits for all of earlier stages.

    Of the jobs in `artifacts_from` it takes the artifacts; None: of all of earlier stages.
    """

    name: str
    job: str  # the name as written, before parallel
    stage: str
    where: Where
    needs: tuple[Edge, ...] | None
    when: str
    start_in: str
    allow_failure: bool
    allowed_exit_codes: tuple[int, ...]
    variables: Mapping[str, str] = field(repr=False)
    origins: Mapping[str, Where] = field(repr=False)
    files: frozenset[str] = frozenset()  # variables of which the job gets the path of a file
    masked: frozenset[str] = frozenset()  # variables whose values no log shows
    decision: Decision = field(repr=False)
    instance: Instance
    artifacts_from: tuple[str, ...] | None = None
    elsewhere: tuple[NeedElsewhere, ...] = ()
    forwarded: Mapping[str, str] = field(default_factory=dict, repr=False)  # of a trigger job


@dataclass(frozen=True)
class Plan:
    state: State
    reason: str
    stages: tuple[str, ...]
    jobs: Mapping[str, PlannedJob]
    left_out: Mapping[str, Decision]
    name: str = ""
    workflow: Decision | None = None
    auto_cancel: AutoCancel = DEFAULT
    not_run: tuple[str, ...] = ()  # what the file says and nothing acts on, with its place
