"""Which job may run now: in-degree counters over needs and stages, never paths.

Pure and linear: the command line tells a `Scheduler` each job's end, the server builds one anew
from the rows. A job without needs waits at the gate of its stage, behind all earlier stages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from pipelines.engine.problems import short


class Status(StrEnum):
    """A job's status, by the names that GitLab's API has."""

    CREATED = "created"
    WAITING_FOR_RESOURCE = "waiting_for_resource"
    PENDING = "pending"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    CANCELED = "canceled"
    SKIPPED = "skipped"
    MANUAL = "manual"
    SCHEDULED = "scheduled"


S = Status
ENDED = frozenset({Status.SUCCESS, Status.FAILED, Status.CANCELED, Status.SKIPPED})
ACTIVE = frozenset({Status.WAITING_FOR_RESOURCE, Status.PENDING, Status.RUNNING})
_BROKEN = frozenset({Status.FAILED, Status.CANCELED})
_RUNS = (Status.PENDING, "everything before it succeeded")
_READY = {
    "manual": (Status.MANUAL, "when: manual"),
    "delayed": (Status.SCHEDULED, "when: delayed"),
}


@dataclass(frozen=True, slots=True)
class Node:
    """A job as the scheduler sees it. `needs` None: it waits for all earlier stages."""

    name: str
    stage: int
    when: str = "on_success"
    needs: tuple[str, ...] | None = None
    allow_failure: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes of a job now, and why."""

    name: str
    status: Status
    reason: str


@dataclass(slots=True)
class _Count:
    """What a job, or a stage's gate, still waits for, and what came of the others."""

    waiting: int = 0
    broken: str = ""  # the first that failed or was cancelled
    missing: str = ""  # the first that never ran


@dataclass
class Scheduler:
    """The state of one pipeline's graph. `statuses` resumes one that has begun.

    `manual_blocks` says that a blocking manual job holds the stages behind it; a run that nobody
    watches goes on past it, and leaves out what needs it.
    """

    nodes: Sequence[Node]
    statuses: Mapping[str, Status] = field(default_factory=dict)
    allowed: frozenset[str] = frozenset()  # jobs whose failure counts as success
    manual_blocks: bool = True

    def __post_init__(self) -> None:
        self._node = {node.name: node for node in self.nodes}
        self.status = {node.name: Status.CREATED for node in self.nodes}
        self._needed_by: dict[str, list[str]] = {}
        self._count: dict[str, _Count] = {}
        self._ready: list[str] = []
        self._gates = _Gates(self.nodes)
        for node in self.nodes:
            self._enter(node)
        for node in self.nodes:
            found = self.statuses.get(node.name, Status.CREATED)
            if found is not Status.CREATED:
                self._put(node, found, allowed=node.name in self.allowed)

    def _enter(self, node: Node) -> None:
        if node.needs is None:
            return
        needs = [name for name in dict.fromkeys(node.needs) if name in self._node]
        self._count[node.name] = _Count(len(needs))
        for name in needs:
            self._needed_by.setdefault(name, []).append(node.name)
        if not needs:
            self._ready.append(node.name)

    def advance(self) -> list[Step]:
        """What the jobs that nothing holds back become; jobs that are skipped free others."""
        steps: list[Step] = []
        while self._ready or self._gates.open:
            ready, self._ready = self._ready, []
            for name in (*ready, *self._gates.passed()):
                if self.status[name] is Status.CREATED:
                    step = self._judge(self._node[name])
                    steps.append(step)
                    self._put(self._node[name], step.status)
        return steps

    def put(self, name: str, status: Status, *, allowed: bool = False) -> None:
        """Tell of a job's new status; `allowed` says that its failure counts as success."""
        self._put(self._node[name], status, allowed=allowed)

    def _put(self, node: Node, status: Status, *, allowed: bool = False) -> None:
        self.status[node.name] = status
        if status is Status.MANUAL:
            self._wait_for_hand(node)
        elif status in ENDED:
            broken = status in _BROKEN and not allowed
            self._gates.leave(node, broken=broken)
            missing = status is Status.SKIPPED
            for name in self._needed_by.pop(node.name, ()):
                self._tell(name, node.name, broken=broken, missing=missing)

    def _wait_for_hand(self, node: Node) -> None:
        if node.allow_failure or not self.manual_blocks:
            self._gates.leave(node, broken=False)
        if node.allow_failure:
            for name in self._needed_by.pop(node.name, ()):
                self._tell(name, node.name, broken=False, missing=True)

    def _tell(self, name: str, of: str, *, broken: bool, missing: bool) -> None:
        count = self._count[name]
        count.waiting -= 1
        count.broken = count.broken or (of if broken else "")
        count.missing = count.missing or (of if missing else "")
        if count.waiting == 0:
            self._ready.append(name)

    def _judge(self, node: Node) -> Step:
        count = self._count.get(node.name) or self._gates.count(node.stage)
        if node.when in {"always", "on_failure"}:
            status, reason = S.PENDING, "when: always"
            if node.when == "on_failure" and count.broken:
                reason = f"“{short(count.broken)}” failed"
            elif node.when == "on_failure":
                status, reason = S.SKIPPED, "when: on_failure, and nothing failed"
            return Step(node.name, status, reason)
        if other := count.broken or count.missing:
            what = "failed" if count.broken else "did not run"
            why = f"it needs “{short(other)}”, which {what}"
            if node.needs is None:
                why = f"“{short(other)}” of an earlier stage {what}"
            return Step(node.name, S.SKIPPED, why)
        return Step(node.name, *_READY.get(node.when, _RUNS))

    def held_by(self, name: str) -> list[str]:
        """The jobs that a created job still waits for, the earliest first."""
        node = self._node[name]
        if node.needs is not None:
            before: Iterable[Node] = (self._node[one] for one in node.needs if one in self._node)
        else:
            before = (one for one in self.nodes if one.stage < node.stage)
        return [one.name for one in before if self.status[one.name] not in ENDED]


class _Gates:
    """A gate before each stage that opens when all jobs of all earlier stages have ended."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        stages = sorted({node.stage for node in nodes})
        self._place = {stage: place for place, stage in enumerate(stages)}
        self._left = [0] * len(stages)
        self._behind: list[list[str]] = [[] for _ in stages]
        self._counts = [_Count() for _ in stages]
        self._gone: set[str] = set()
        self._passed = 0
        for node in nodes:
            self._left[self._place[node.stage]] += 1
            if node.needs is None:
                self._behind[self._place[node.stage]].append(node.name)

    @property
    def open(self) -> bool:
        """Whether a gate stands open through which nobody went yet."""
        at = self._passed
        return at < len(self._left) and (at == 0 or self._left[at - 1] == 0)

    def passed(self) -> list[str]:
        """The jobs behind the gates that stand open now."""
        found: list[str] = []
        while self.open:
            if self._passed:
                before, here = self._counts[self._passed - 1], self._counts[self._passed]
                here.broken = before.broken or here.broken
            found += self._behind[self._passed]
            self._passed += 1
        return found

    def count(self, stage: int) -> _Count:
        return self._counts[self._place[stage]]

    def leave(self, node: Node, *, broken: bool) -> None:
        """A job has ended, or nobody waits for it; the gate behind its stage may open."""
        if node.name in self._gone:
            return
        self._gone.add(node.name)
        place = self._place[node.stage]
        self._left[place] -= 1
        if broken and place + 1 < len(self._counts):
            following = self._counts[place + 1]
            following.broken = following.broken or node.name


def overall(
    nodes: Iterable[Node], statuses: Mapping[str, Status], allowed: frozenset[str] = frozenset()
) -> Status:
    """The pipeline's status from its jobs'; `allowed` are the jobs whose failure is no failure."""
    found: set[Status] = set()
    for node in nodes:
        status = statuses.get(node.name, Status.CREATED)
        if status in _BROKEN and node.name in allowed:
            status = Status.SUCCESS
        if status is Status.MANUAL and node.allow_failure:
            status = Status.SKIPPED
        found.add(status)
    if found & ACTIVE:
        return Status.RUNNING
    for status in (Status.SCHEDULED, Status.MANUAL, Status.CREATED, *_BREAKS, Status.SUCCESS):
        if status in found:
            return status
    return Status.SKIPPED


_BREAKS = (Status.FAILED, Status.CANCELED)
