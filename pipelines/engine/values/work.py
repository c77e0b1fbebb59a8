"""What a job's keywords say, judged and typed: all that whoever runs it has to know.

https://docs.gitlab.com/ci/yaml/
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from pipelines.engine.values.artifacts import Artifacts
from pipelines.engine.values.cache import Cache
from pipelines.engine.values.environment import Environment
from pipelines.engine.values.expanding import Put, expanded
from pipelines.engine.values.identity import IdToken, Secret
from pipelines.engine.values.image import Image, Service
from pipelines.engine.values.release import Release
from pipelines.engine.values.retry import Retry
from pipelines.engine.values.trigger import Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Every field has the published default where the keyword is not there."""

    script: tuple[str, ...] = field(default=(), repr=False)
    before_script: tuple[str, ...] = field(default=(), repr=False)
    after_script: tuple[str, ...] = field(default=(), repr=False)
    pre_get_sources_script: tuple[str, ...] = field(default=(), repr=False)
    artifacts: Artifacts | None = None
    caches: tuple[Cache, ...] = ()
    environment: Environment | None = None
    retry: Retry = Retry()  # noqa: RUF009 - frozen
    interruptible: bool = False
    timeout: int | None = None  # seconds; None: as the project says
    resource_group: str = ""
    tags: tuple[str, ...] = ()
    coverage: str = ""  # /…/, as written
    image: Image | None = None
    services: tuple[Service, ...] = ()
    trigger: Trigger | None = None
    release: Release | None = None
    id_tokens: tuple[IdToken, ...] = ()
    secrets: tuple[Secret, ...] = ()
    manual_confirmation: str = ""
    start_in_seconds: int | None = None


NAMES = tuple(one.name for one in fields(Work))
# A shell puts variables into scripts; the others hold no text of a person's.
_PLAIN = frozenset(
    {
        "script",
        "before_script",
        "after_script",
        "pre_get_sources_script",
        "retry",
        "interruptible",
        "timeout",
        "coverage",
        "start_in_seconds",
    }
)
_EXPANDED = tuple(name for name in NAMES if name not in _PLAIN)


def as_fields(work: Work) -> dict[str, Any]:
    return {name: getattr(work, name) for name in NAMES}


def with_variables(work: Work, put: Put) -> dict[str, Any]:
    """The fields by name, variables put in where the reference says that they may stand."""
    found = as_fields(work)
    for name in _EXPANDED:
        if found[name]:
            found[name] = expanded(found[name], put)
    return found
