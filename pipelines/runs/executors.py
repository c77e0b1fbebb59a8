"""Who could run a job, and why nobody who is there will: which tags or images are missing.

Slipway's own runner is known from the settings; whoever else runs jobs registers here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.conf import settings

from pipelines.runs.models import Job
from rbac.models import Project

NO_POD = "makes no pod for it"  # how a cluster's refusal is told
NAMED = 100  # letters of tags or images in a reason


@dataclass(frozen=True)
class Executor:
    """Somebody who takes a project's jobs, as far as tags and images go."""

    name: str
    tags: frozenset[str] = frozenset()
    images: bool = False
    without_image: bool = True
    paused: bool = False

    def takes(self, job: Job) -> bool:
        fits = self.images if job.image else self.without_image
        return fits and not self.paused and set(job.tags) <= self.tags


_known: list[Callable[[Project], Iterable[Executor]]] = []


def register(find: Callable[[Project], Iterable[Executor]]) -> None:
    """Have `find` say which executors take a project's jobs."""
    if find not in _known:
        _known.append(find)


def of(project: Project) -> list[Executor]:
    """Everybody who takes jobs of a project."""
    found = [own] if (own := _own(project)) else []
    return found + [one for find in _known for one in find(project)]


def _own(project: Project) -> Executor | None:
    trusted = settings.CI_RUNNER_PROJECTS
    if not settings.CI_RUNNER_SLOTS or not ({"*", project.name} & set(trusted)):
        return None
    tags = frozenset(settings.CI_RUNNER_TAGS)
    return Executor("Slipway's runner", tags, settings.CI_RUNNER_IGNORES_IMAGES)


def why_none(job: Job, project: Project, there: Iterable[Executor]) -> str:
    """Why none of these takes the job, and what to do; empty where one does."""
    every = list(there)
    if any(one.takes(job) for one in every):
        return ""
    if not every:
        return (
            f"Nothing runs jobs of {project.name}. Attach an agent at /pipelines/agents/, or name"
            " the project in SLIPWAY_CI_RUNNER_PROJECTS."
        )
    if fitting := [one for one in every if one.paused and _unpaused(one).takes(job)]:
        return (
            f"{fitting[0].name} would take it, and is paused. Let it go on at /pipelines/agents/."
        )
    tagged = [one for one in every if set(job.tags) <= one.tags]
    if not tagged:
        nearest = max(every, key=lambda one: len(set(job.tags) & one.tags))
        missing = ", ".join(sorted(set(job.tags) - nearest.tags))[:NAMED]
        return (
            f"No runner has the tags {missing}. Take them out, attach an agent with them at"
            " /pipelines/agents/, or start a runner with SLIPWAY_CI_RUNNER_TAGS."
        )
    if job.image:
        return (
            f"It asks for the image {job.image[:NAMED]}, and no runner here has containers. Take"
            " image out, attach a cluster at /pipelines/agents/, or have it run in the machine's"
            " shell: SLIPWAY_CI_RUNNER_IGNORES_IMAGES=1."
        )
    return (
        f"{tagged[0].name} runs jobs with an image alone, and this one names none. Write image, or"
        " give the agent one for such jobs."
    )


def is_reason(text: str) -> bool:
    """Whether `why_none` may have said it."""
    return "/pipelines/agents/" in text or "runs jobs with an image alone" in text


def is_stuck(text: str) -> bool:
    """Whether a pending job's reason says that no runner comes as things are, and what to do."""
    return is_reason(text) or NO_POD in text


def _unpaused(one: Executor) -> Executor:
    return Executor(one.name, one.tags, one.images, one.without_image)
