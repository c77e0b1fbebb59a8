"""The configuration of a child pipeline: the files that its trigger job includes, as one.

https://docs.gitlab.com/ci/pipelines/downstream_pipelines/#parent-child-pipelines
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipelines.engine.problems import short
from pipelines.engine.sources import Files
from pipelines.engine.values.trigger import Trigger, TriggerInclude

MAX_LEVELS = 2  # of children below a pipeline, as published
SOURCE = "parent_pipeline"  # CI_PIPELINE_SOURCE of a child
OTHER = "pipeline"  # and of one in another project
_MADE = "artifact:"


@dataclass(frozen=True)
class Child:
    """A file that includes all of the child's, and the files in which it is read."""

    data: bytes
    file: str  # as problems call it
    files: Files


@dataclass(frozen=True)
class _With:
    """The commit's files and, beside them, those that jobs made."""

    files: Files
    made: Mapping[str, bytes] = field(repr=False)

    def read(self, path: str) -> bytes | None:
        found = self.made.get(path)
        return self.files.read(path) if found is None else found

    def paths(self) -> Sequence[str]:
        return self.files.paths()


def child(trigger: Trigger, owner: str, files: Files, made: Mapping[str, bytes]) -> Child:
    """What a trigger job's child is made of; `made` has the artifacts by `artifact_of`."""
    listed = [_include(one, trigger.inputs) for one in trigger.include]
    data = json.dumps({"include": listed}, ensure_ascii=False).encode()
    return Child(data, f"trigger of “{short(owner)}”", _With(files, made) if made else files)


def passed(
    trigger: Trigger, forwarded: Mapping[str, str], given: Mapping[str, str]
) -> dict[str, str]:
    """The variables of a downstream pipeline; `given` are those that its upstream was begun with.

    https://docs.gitlab.com/ci/yaml/#triggerforward
    """
    return {**forwarded, **(given if trigger.pipeline_variables else {})}


def artifact_of(include: TriggerInclude) -> str:
    """How a file that a job made is called among the child's."""
    job = "".join(one if one.isalnum() else "-" for one in include.job)
    return f"{_MADE}{job}/{include.path.removeprefix('/')}"


def _include(one: TriggerInclude, inputs: Mapping[str, Any]) -> dict[str, Any]:
    given = {**inputs, **one.inputs}
    found: dict[str, Any] = {"inputs": given} if given else {}
    if one.kind == "artifact":
        return {"local": artifact_of(one), **found}
    if one.kind == "project":
        found |= {"ref": one.ref} if one.ref else {}
        return {"project": one.project, "file": one.path, **found}
    return {one.kind: one.path, **found}


def words(trigger: Trigger) -> str:
    """What a trigger job starts, for people."""
    if trigger.project:
        at = f" for {short(trigger.branch)}" if trigger.branch else ""
        return f"a pipeline of {short(trigger.project)}{at}"
    named = [f"{one.path} of {one.job}" if one.job else one.path for one in trigger.include]
    return f"a child pipeline of {', '.join(map(short, named))}"
