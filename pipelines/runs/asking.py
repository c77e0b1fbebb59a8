"""What the file of a commit asks whoever starts a pipeline for: its `spec:inputs`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from idp.common.errors import FieldError, Invalid
from pipelines.engine.config import FILE
from pipelines.engine.context import Context
from pipelines.engine.includes import Including
from pipelines.engine.inputs import Input, Spec, faults
from pipelines.engine.problems import ConfigError, Where
from pipelines.runs import commits

MAX_VALUE = 10_000
_SCALARS = (str, int, float, bool)


def declared(found: commits.Found) -> Spec:
    """The inputs of the commit's file; none where there is no file, or none that can be read."""
    files = commits.CommitFiles(found.repository, found.sha)
    data = files.read(FILE)
    if data is None:
        return Spec({})
    context = Context(
        branch="" if found.is_tag else found.ref,
        tag=found.ref if found.is_tag else "",
        sha=found.sha,
        files=files,
        default_branch=found.default_branch,
    )
    try:
        return Including(context, {}).declared(data, FILE)
    except ConfigError:
        return Spec({})  # the pipeline that is begun says what is wrong, by line


def inputs_of(found: commits.Found) -> Mapping[str, Input]:
    return declared(found).inputs


def judge(found: commits.Found, given: Mapping[str, Any]) -> None:
    """Raises `Invalid` with each input that is unknown, missing or of another form."""
    problems = [
        FieldError(f"inputs.{name}", "form", "A text, number, boolean or list of them.", "")
        for name, value in given.items()
        if not _fits(value)
    ]
    if not problems:
        problems = [
            FieldError(f"inputs.{name}", "inputs", one.message, one.fix)
            for name, one in faults(declared(found), given, Where(FILE)).items()
        ]
    if problems:
        raise Invalid(problems[0].message, fix=problems[0].fix, errors=problems)


def _fits(value: Any) -> bool:
    if isinstance(value, list):
        return len(value) <= MAX_VALUE and all(_small(one) for one in value)
    return _small(value)


def _small(value: Any) -> bool:
    return isinstance(value, _SCALARS) and len(str(value)) <= MAX_VALUE and "\0" not in str(value)
