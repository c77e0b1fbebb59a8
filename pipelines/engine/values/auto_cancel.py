"""`workflow:auto_cancel`: what a new commit, or a job that failed, does to a running pipeline.

https://docs.gitlab.com/ci/yaml/#workflowauto_cancelon_new_commit
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from pipelines.engine.values import forms
from pipelines.engine.values.forms import At

NEW_COMMIT = ("conservative", "interruptible", "none")
JOB_FAILURE = ("none", "all")


@dataclass(frozen=True, slots=True)
class AutoCancel:
    """What ends early.

    `conservative`: the whole pipeline, unless a job that is not interruptible has started;
    `interruptible`: only the jobs that are.
    """

    on_new_commit: str = "conservative"
    on_job_failure: str = "none"


DEFAULT = AutoCancel()


def read_auto_cancel(given: Any, at: At, base: AutoCancel) -> AutoCancel:
    """What is given, over what holds otherwise."""
    form = forms.form(given, at, {"on_new_commit", "on_job_failure"})
    return replace(
        base,
        on_new_commit=form.one_of("on_new_commit", NEW_COMMIT, base.on_new_commit),
        on_job_failure=form.one_of("on_job_failure", JOB_FAILURE, base.on_job_failure),
    )
