"""The graph of a pipeline as a drawing: columns of jobs, curves of needs. Positions only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.downstream.selectors import Linked
from pipelines.runs.addresses import page_of
from pipelines.runs.models import Job
from pipelines.runs.words import label_of, lasted, look_of
from portal.vocabulary import look

MAX_JOBS = 200
MAX_EDGES = 600
MAX_BELOW = 50
WIDTH, HEIGHT = 196, 34
ACROSS, DOWN = 56, 10  # between columns and rows
TOP, EDGE = 30, 6
LETTERS = 21


@dataclass(frozen=True)
class Box:
    """The place of a job, or of a pipeline that a job started."""

    name: str
    url: str
    label: str
    x: int
    y: int
    critical: bool
    look: str
    text: str

    @property
    def icon(self) -> str:
        return look(self.look).icon

    @property
    def spins(self) -> bool:
        return look(self.look).spin

    @property
    def inside(self) -> dict[str, int]:
        """Where icon and name stand."""
        middle = self.y + HEIGHT // 2
        return {"icon_x": self.x + 10, "icon_y": middle - 8, "x": self.x + 32, "y": middle + 5}


@dataclass(frozen=True)
class Line:
    path: str
    critical: bool


@dataclass(frozen=True)
class Title:
    text: str
    x: int


@dataclass(frozen=True)
class Graph:
    width: int
    height: int
    boxes: list[Box]
    lines: list[Line]
    titles: list[Title]


def drawn(
    jobs: Sequence[Job], critical: frozenset[str], below: Sequence[Linked] = ()
) -> Graph | None:
    """The drawing, on its right what its jobs started.

    None for no jobs, and for more than anybody sees at once.
    """
    if not jobs or len(jobs) > MAX_JOBS:
        return None
    columns = _columns(jobs)
    boxes: dict[str, Box] = {}
    titles: list[Title] = []
    for number, ((_, level), members) in enumerate(sorted(columns.items())):
        x = EDGE + number * (WIDTH + ACROSS)
        if level == 0:
            titles.append(Title(_cut(members[0].stage, 26), x))
        for row, job in enumerate(members):
            y = TOP + row * (HEIGHT + DOWN)
            boxes[job.name] = _of_job(job, x, y, critical=job.name in critical)
    x = EDGE + len(columns) * (WIDTH + ACROSS)
    started = [_of_pipeline(one, x, at) for at, one in enumerate(below[:MAX_BELOW])]
    lines = _lines(jobs, boxes)
    if started:
        titles.append(Title("Downstream", x))
        pairs = zip(below, started, strict=False)
        lines += [_line(boxes[one.job.name], box) for one, box in pairs if one.job.name in boxes]
    tallest = max(*map(len, columns.values()), len(started))
    return Graph(
        width=2 * EDGE + (len(columns) + bool(started)) * (WIDTH + ACROSS) - ACROSS,
        height=TOP + tallest * (HEIGHT + DOWN) + EDGE,
        boxes=[*boxes.values(), *started],
        lines=lines,
        titles=titles,
    )


def _of_job(job: Job, x: int, y: int, *, critical: bool) -> Box:
    time = lasted(job.seconds)
    text = f"{label_of(job)}{f', {time}' if time else ''}"
    label = _cut(job.name, LETTERS)
    return Box(job.name, page_of(job), label, x, y, critical, look_of(job), text)


def _of_pipeline(one: Linked, x: int, at: int) -> Box:
    y = TOP + at * (HEIGHT + DOWN)
    if not one.seen:  # the job says as much as may be known
        return Box(one.title, page_of(one.job), "Not yours to see", x, y, False, "hidden", "hidden")
    text = f"{one.label}, started by {one.job.name}"
    name = f"Pipeline {one.title}"
    return Box(name, one.url, _cut(name, LETTERS), x, y, False, one.look, text)


def _columns(jobs: Sequence[Job]) -> dict[tuple[int, int], list[Job]]:
    """Jobs by stage and, inside a stage, by how long a chain of needs leads to them there."""
    stage = {job.name: job.stage_at for job in jobs}
    needed_by: dict[str, list[str]] = defaultdict(list)
    missing: dict[str, int] = {}
    for job in jobs:
        same = [name for name in job.needs or () if stage.get(name) == job.stage_at]
        missing[job.name] = len(same)
        for name in same:
            needed_by[name].append(job.name)
    level = dict.fromkeys(stage, 0)
    ready = [name for name, count in missing.items() if not count]
    while ready:
        name = ready.pop()
        for behind in needed_by[name]:
            level[behind] = max(level[behind], level[name] + 1)
            missing[behind] -= 1
            if not missing[behind]:
                ready.append(behind)
    columns: dict[tuple[int, int], list[Job]] = defaultdict(list)
    for job in jobs:
        columns[job.stage_at, level[job.name]].append(job)
    return columns


def _lines(jobs: Sequence[Job], boxes: dict[str, Box]) -> list[Line]:
    found = [
        _line(boxes[name], boxes[job.name])
        for job in jobs
        for name in job.needs or ()
        if name in boxes
    ]
    return sorted(found[:MAX_EDGES], key=lambda line: line.critical)  # the marked ones on top


def _line(start: Box, end: Box) -> Line:
    x1, y1 = start.x + WIDTH, start.y + HEIGHT // 2
    x2, y2 = end.x, end.y + HEIGHT // 2
    if x2 - x1 <= ACROSS:
        bend = ACROSS // 2
        path = f"M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"
    else:  # over other columns: between their rows
        gap, half = start.y + HEIGHT + DOWN // 2, ACROSS // 2
        path = (
            f"M{x1} {y1}C{x1 + half} {y1} {x1 + half} {gap} {x1 + ACROSS} {gap}"
            f"H{x2 - ACROSS}C{x2 - half} {gap} {x2 - half} {y2} {x2} {y2}"
        )
    return Line(path, start.critical and end.critical)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
