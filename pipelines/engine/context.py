"""What a pipeline is made for: ref, source, changed files, variables from outside the file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pipelines.engine.patterns import Lookup
from pipelines.engine.problems import Where
from pipelines.engine.settings import EVERYWHERE, Setting, layer
from pipelines.engine.sources import Files, MemoryFiles, NoSources, Sources
from pipelines.engine.variables import Variable

__all__ = ["Context", "Files", "MemoryFiles", "merged", "slug"]

PREDEFINED = Where("predefined")
MASK = "[MASKED]"
OUTSIDE = Where("pipeline")
PROJECT = Where("project")
_SKIP = re.compile(r"\[(?:ci skip|skip ci)\]", re.IGNORECASE)
_SLUG = 63


@dataclass(frozen=True)
class Context:
    """The facts that rules ask for. `changed` None: unknown, then every `changes` holds."""

    source: str = "push"
    branch: str = ""
    tag: str = ""
    sha: str = "0" * 40
    message: str = ""
    default_branch: str = "main"
    project: str = "group/project"
    merge_request: bool = False
    target_branch: str = ""
    changed: tuple[str, ...] | None = None
    files: Files = field(default_factory=MemoryFiles)
    pipeline_variables: Mapping[str, str] = field(default_factory=dict)
    project_variables: Mapping[str, str] = field(default_factory=dict)
    settings: tuple[Setting, ...] = ()  # variables of instance, groups and project
    protected: bool = False  # whether the ref is
    facts: Mapping[str, str] = field(default_factory=dict)  # more predefined ones, as of the server
    open_merge_requests: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)  # of `spec:inputs` in the first file
    sources: Sources = field(default_factory=NoSources)
    _memory: dict[tuple[str, ...], Lookup | None] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def concealed(self, text: str) -> str:
        """The text without the values of masked variables, for people to read."""
        for value in self._secrets:
            text = text.replace(value, MASK)
        return text

    @cached_property
    def _secrets(self) -> tuple[str, ...]:
        """Longest first, so that none is left in part."""
        values = {one.value for one in self.settings if one.secret and one.value.strip()}
        return tuple(sorted(values, key=len, reverse=True))

    @property
    def masked(self) -> frozenset[str]:
        """Names of variables whose values may not be written into a file."""
        return frozenset(one.name for one in self.settings if one.secret)

    @property
    def ref(self) -> str:
        return self.tag or self.branch

    @cached_property
    def changes(self) -> Lookup:
        return Lookup(self.changed or ())

    @cached_property
    def tree(self) -> Lookup:
        return Lookup(self.files.paths())

    def since(self, ref: str) -> Lookup | None:
        """What changed since another ref; None where that is not known."""
        return self._once(("since", ref), lambda: self.sources.changed_since(ref))

    def tree_of(self, project: str, ref: str) -> Lookup | None:
        """The files of another project; None where it cannot be read."""

        def paths() -> Sequence[str] | None:
            files = self.sources.project(project, ref)
            return None if files is None else files.paths()

        return self._once(("tree", project, ref), paths)

    def _once(
        self, key: tuple[str, ...], asking: Callable[[], Sequence[str] | None]
    ) -> Lookup | None:
        if key not in self._memory:
            paths = asking()
            self._memory[key] = None if paths is None else Lookup(paths)
        return self._memory[key]

    @property
    def skipped(self) -> bool:
        """Whether the commit's message asks for no pipeline."""
        return bool(_SKIP.search(self.message)) and self.source in {"push", "merge_request_event"}

    def predefined(self) -> dict[str, Variable]:
        """The `CI_*` that exist before a pipeline does, by this context."""
        facts = {**dict(self._facts()), **self.facts}
        return {name: Variable(text, PREDEFINED, expand=False) for name, text in facts.items()}

    def outside(self, environment: str = "") -> tuple[dict[str, Variable], dict[str, Variable]]:
        """Variables kept for a job in an environment, and those of whoever started the pipeline."""
        kept = self._kept(environment)
        return kept, {k: Variable(v, OUTSIDE) for k, v in self.pipeline_variables.items()}

    @cached_property
    def scoped(self) -> bool:
        """Whether any variable is kept for some environments only."""
        return any(one.environment != EVERYWHERE for one in self.settings)

    def _kept(self, environment: str) -> dict[str, Variable]:
        found = layer(self.settings, protected=self.protected, environment=environment)
        found.update({k: Variable(v, PROJECT) for k, v in self.project_variables.items()})
        return found

    def _facts(self) -> list[tuple[str, str]]:
        title, _, rest = self.message.partition("\n")
        namespace, _, name = self.project.rpartition("/")
        facts = [
            ("CI", "true"),
            ("GITLAB_CI", "true"),
            ("CI_COMMIT_SHA", self.sha),
            ("CI_COMMIT_SHORT_SHA", self.sha[:8]),
            ("CI_COMMIT_REF_NAME", self.ref),
            ("CI_COMMIT_REF_SLUG", slug(self.ref)),
            ("CI_COMMIT_REF_PROTECTED", "true" if self.protected else "false"),
            ("CI_COMMIT_MESSAGE", self.message),
            ("CI_COMMIT_TITLE", title),
            ("CI_COMMIT_DESCRIPTION", rest.strip()),
            ("CI_DEFAULT_BRANCH", self.default_branch),
            ("CI_PIPELINE_SOURCE", self.source),
            ("CI_PROJECT_NAME", name),
            ("CI_PROJECT_NAMESPACE", namespace),
            ("CI_PROJECT_PATH", self.project),
            ("CI_PROJECT_PATH_SLUG", slug(self.project)),
            ("CI_PROJECT_ROOT_NAMESPACE", self.project.partition("/")[0]),
            ("CI_CONFIG_PATH", ".gitlab-ci.yml"),
        ]
        if self.tag:
            return [*facts, ("CI_COMMIT_TAG", self.tag)]
        if self.open_merge_requests:
            facts.append(("CI_OPEN_MERGE_REQUESTS", self.open_merge_requests))
        if not self.merge_request:
            return [*facts, ("CI_COMMIT_BRANCH", self.branch)]
        return [
            *facts,
            ("CI_MERGE_REQUEST_IID", "1"),
            ("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", self.branch),
            ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", self.target_branch or self.default_branch),
            ("CI_MERGE_REQUEST_EVENT_TYPE", "detached"),
        ]


def slug(text: str) -> str:
    """Lower case, at most 63 characters, everything but 0-9 and a-z is a dash; none at the ends."""
    return re.sub(r"[^0-9a-z]", "-", text.lower())[:_SLUG].strip("-")


def merged(*layers: Mapping[str, Variable]) -> dict[str, Variable]:
    """Variables of several sources; later layers win."""
    found: dict[str, Variable] = {}
    for one in layers:
        found.update(one)
    return found
