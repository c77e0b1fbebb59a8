"""Edges between planned jobs: which instances a need means, and what cannot be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pipelines.engine.config import Config
from pipelines.engine.jobs import Job
from pipelines.engine.needs import Need
from pipelines.engine.parallel import titled
from pipelines.engine.planned import Edge
from pipelines.engine.problems import Problem, Where, short


def circle(graph: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The names of a circle, the first one again at the end; empty when there is none."""
    done: set[str] = set()
    for start in graph:
        on_trail: dict[str, Iterator[str]] = {}
        if start not in done:
            on_trail[start] = iter(graph[start])
        while on_trail:
            name = next(reversed(on_trail))
            following = next(on_trail[name], None)
            if following is None:
                on_trail.pop(name)
                done.add(name)
            elif following in on_trail:
                names = list(on_trail)
                return (*names[names.index(following) :], following)
            elif following not in done and following in graph:
                on_trail[following] = iter(graph[following])
    return ()


def written_circle(config: Config) -> Problem | None:
    """What is wrong when the needs of the file run in a circle, rules aside."""
    written = {job.name: [need.job for need in job.needs or ()] for job in config.jobs.values()}
    found = circle(written)
    if not found:
        return None
    where = next(need.where for need in config.jobs[found[0]].needs or () if need.job == found[1])
    message = f"needs runs in a circle: {' → '.join(map(short, found[:20]))}."
    return Problem(where, "needs-cycle", message, "Remove one of them.")


class Edges:
    """Finds the edges of each planned job among the names that are in the plan."""

    def __init__(self, config: Config, present: Mapping[str, Sequence[str]]) -> None:
        self.config = config
        self.present = present  # names of the planned instances, by the job as written
        self.owners = {one: name for name, listed in present.items() for one in listed}
        self.problems: list[Problem] = []
        self._found: dict[tuple[str, tuple[Need, ...]], tuple[Edge, ...]] = {}

    def of(self, job: Job, needs: tuple[Need, ...]) -> tuple[Edge, ...]:
        """The edges; instances of a job share them, which a matrix on a matrix would multiply."""
        if (job.name, needs) not in self._found:
            self._found[job.name, needs] = self._edges(job, needs)
        return self._found[job.name, needs]

    def written(self) -> Iterator[tuple[str, list[str]]]:
        """Which job as written needs which."""
        for (name, needs), edges in self._found.items():
            present = {self.owners[edge.job] for edge in edges}
            owners = (self.owners.get(need.job, need.job) for need in needs)
            yield name, [owner for owner in owners if owner in present]

    def _edges(self, job: Job, needs: tuple[Need, ...]) -> tuple[Edge, ...]:
        found: dict[str, Edge] = {}
        for need in needs:
            for name in self._meant(job, need):
                found.setdefault(name, Edge(name, need.artifacts))
        return tuple(found.values())

    def _meant(self, job: Job, need: Need) -> Sequence[str]:
        names: Sequence[str] = self.present.get(need.job, ())
        if need.matrix:
            wanted = [titled(need.job, dict(values)) for values in need.matrix]
            missing = [one for one in wanted if one not in names]
            if missing:
                self._missing(job, need, missing[0])
            names = [one for one in wanted if one in names]
        elif not names and need.job in self.owners:
            names = [need.job]  # one instance, by its own name
        elif not names:
            self._missing(job, need, need.job)
        if names:
            self._judge_stage(job, need)
        return names

    def _missing(self, job: Job, need: Need, name: str) -> None:
        if need.optional:
            return
        message = f"“{short(job.name)}” needs “{short(name)}”, which is not in this pipeline."
        fix = "Add optional: true to the need, or give both jobs the same rules."
        self.problems.append(Problem(need.where, "needs-missing", message, fix))

    def _judge_stage(self, job: Job, need: Need) -> None:
        other = self.config.jobs[self.owners.get(need.job, need.job)]
        if other is not job and self._place(other) > self._place(job):
            message = (
                f"“{short(job.name)}” needs “{short(other.name)}” of a later stage ({other.stage})."
            )
            self.problems.append(
                Problem(
                    need.where,
                    "needs-stage",
                    message,
                    "Need a job of the same or an earlier stage.",
                )
            )

    def sources(self, job: Job, needs: tuple[Edge, ...] | None) -> tuple[str, ...] | None:
        """The planned jobs whose artifacts a job takes; None: all of earlier stages."""
        wanted: set[str] | None = None
        if job.dependencies is not None:
            listed = (self.present.get(name, (name,)) for name in job.dependencies)
            wanted = {one for names in listed for one in names if one in self.owners}
        if needs is None:
            return None if wanted is None else tuple(sorted(wanted))
        taken = (edge.job for edge in needs if edge.artifacts)
        return tuple(one for one in taken if wanted is None or one in wanted)

    def judge_dependencies(self, job: Job) -> None:
        """Jobs whose artifacts are wanted have to come earlier, or be needed."""
        needed = {need.job for need in job.needs or ()}
        where: Where = job.keys.at("dependencies")
        for name in job.dependencies or ():
            other = self.config.jobs.get(self.owners.get(name, name))
            if other is None:
                continue
            if job.needs is not None and name not in needed:
                message = f"“{short(job.name)}” depends on “{short(name)}”, but does not need it."
                problem = Problem(where, "dependencies", message, "Add it to needs.")
                self.problems.append(problem)
            elif job.needs is None and self._place(other) >= self._place(job):
                message = (
                    f"“{short(job.name)}” depends on “{short(name)}”, which is in no earlier stage."
                )
                problem = Problem(where, "dependencies", message, "Move one of them.")
                self.problems.append(problem)

    def _place(self, job: Job) -> int:
        return self.config.stages.index(job.stage)
