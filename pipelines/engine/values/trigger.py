"""`trigger`: a job that starts another pipeline, of this project (a child) or of another one.

https://docs.gitlab.com/ci/yaml/#trigger
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipelines.engine.problems import short
from pipelines.engine.source import Items, Map
from pipelines.engine.values import forms
from pipelines.engine.values.forms import At, Form

STRATEGIES = ("", "depend", "mirror")
MAX_INCLUDES = 3
_KEYS = frozenset(
    {
        "branch",
        "forward",
        "include",
        "inputs",
        "project",
        "strategy",
    }
)
_PLACES = ("local", "artifact", "project", "template", "component", "remote")
_INCLUDE = frozenset({*_PLACES, "job", "ref", "file", "inputs"})
# What a job that triggers may have beside it: the published list.
ALLOWED = frozenset(
    {
        "allow_failure",
        "environment",
        "except",
        "extends",
        "inherit",
        "interruptible",
        "manual_confirmation",
        "needs",
        "only",
        "parallel",
        "resource_group",
        "rules",
        "stage",
        "start_in",
        "trigger",
        "variables",
        "when",
    }
)


@dataclass(frozen=True, slots=True)
class TriggerInclude:
    """One file of a child pipeline. `kind` local, artifact, project, template and so on."""

    kind: str
    path: str  # of the file, in its place
    job: str = ""  # artifact: whose
    project: str = ""
    ref: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Trigger:
    """`project` empty: a child pipeline of the files in `include`."""

    project: str = ""
    branch: str = ""
    include: tuple[TriggerInclude, ...] = ()
    strategy: str = ""  # depend and mirror wait for what was started
    yaml_variables: bool = True
    pipeline_variables: bool = False
    inputs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def waits(self) -> bool:
        return bool(self.strategy)


def read_trigger(given: Any, at: At) -> Trigger:
    if not isinstance(given, Map):
        return Trigger(project=forms.name(given, at))
    form = forms.form(given, at, _KEYS)
    if form.has("project") == form.has("include"):
        raise at.wrong("names a project or files to include, one of them", "Write include: a.yml.")
    if form.has("branch") and not form.has("project"):
        raise form.place("branch").wrong("goes with a project", "Remove branch.")
    forward = form.form("forward", {"yaml_variables", "pipeline_variables"})
    return Trigger(
        project=form.text("project"),
        branch=form.text("branch"),
        include=_includes(form) if form.has("include") else (),
        strategy=form.one_of("strategy", STRATEGIES, ""),
        yaml_variables=forward.flag("yaml_variables", default=True) if forward else True,
        pipeline_variables=forward.flag("pipeline_variables") if forward else False,
        inputs=_inputs(form),
    )


def _inputs(form: Form) -> Mapping[str, Any]:
    if not form.has("inputs"):
        return {}
    given = form.given["inputs"]
    if not isinstance(given, Map):
        raise form.place("inputs").wrong("takes a map", "Write name: value.")
    return given


def _includes(form: Form) -> tuple[TriggerInclude, ...]:
    given, place = form.given["include"], form.place("include")
    listed = given if isinstance(given, Items) else [given]
    if not listed or len(listed) > MAX_INCLUDES:
        message = f"names {len(listed)} files; 1 to {MAX_INCLUDES} are allowed"
        raise place.wrong(message, "Let one file include the others.")
    return tuple(_include(one, place) for one in listed)


def _include(given: Any, at: At) -> TriggerInclude:
    if not isinstance(given, Map):
        return TriggerInclude("local", forms.name(given, at))
    form = forms.form(given, at, _INCLUDE)
    kinds = [kind for kind in _PLACES if form.has(kind)]
    if len(kinds) != 1:
        raise at.wrong(f"names one of {', '.join(_PLACES)}", "Write local: child.yml.")
    kind = kinds[0]
    found = form.text(kind)
    if kind == "artifact" and not form.has("job"):
        raise at.wrong(f"names no job that makes {short(found)}", "Add job: NAME.")
    if kind != "project":
        return TriggerInclude(kind, found, form.text("job"), inputs=_inputs(form))
    if not form.has("file"):
        raise at.wrong("names no file of the project", "Add file: path.yml.")
    files = forms.one_or_more(form.given["file"], form.place("file"))
    if len(files) != 1:
        raise form.place("file").wrong("names several files", "Name one.")
    return TriggerInclude(kind, files[0], "", found, form.text("ref"), _inputs(form))
