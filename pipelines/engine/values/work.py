"""What a job's keywords say, judged and typed: all that whoever runs it has to know.

https://docs.gitlab.com/ci/yaml/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from pipelines.engine.problems import ConfigError, Problem
from pipelines.engine.source import Map
from pipelines.engine.values import simple
from pipelines.engine.values.artifacts import Artifacts, read_artifacts
from pipelines.engine.values.cache import Cache, read_caches
from pipelines.engine.values.environment import Environment, read_environment
from pipelines.engine.values.expanding import Put, expanded
from pipelines.engine.values.forms import At
from pipelines.engine.values.identity import IdToken, Secret, read_id_tokens, read_secrets
from pipelines.engine.values.image import Image, Service, read_image, read_services
from pipelines.engine.values.release import Release, read_release
from pipelines.engine.values.retry import Retry, read_retry
from pipelines.engine.values.scripts import read_hooks, read_script
from pipelines.engine.values.trigger import ALLOWED, Trigger, read_trigger


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


Read = Callable[[Any, At], Any]
_SCRIPTS = ("script", "before_script", "after_script")
_READERS: Mapping[str, tuple[str, Read]] = {
    **{key: (key, read_script) for key in _SCRIPTS},
    "hooks": ("pre_get_sources_script", read_hooks),
    "artifacts": ("artifacts", read_artifacts),
    "cache": ("caches", read_caches),
    "environment": ("environment", read_environment),
    "retry": ("retry", read_retry),
    "interruptible": ("interruptible", simple.read_flag),
    "timeout": ("timeout", simple.read_timeout),
    "resource_group": ("resource_group", simple.read_resource_group),
    "tags": ("tags", simple.read_tags),
    "coverage": ("coverage", simple.read_coverage),
    "image": ("image", read_image),
    "services": ("services", read_services),
    "trigger": ("trigger", read_trigger),
    "release": ("release", read_release),
    "id_tokens": ("id_tokens", read_id_tokens),
    "secrets": ("secrets", read_secrets),
    "manual_confirmation": ("manual_confirmation", simple.read_confirmation),
    "start_in": ("start_in_seconds", simple.read_start_in),
}
NAMES = tuple(one.name for one in fields(Work))
# A shell puts variables into scripts; the others hold no text of a person's.
_PLAIN = frozenset(
    {
        *_SCRIPTS,
        "pre_get_sources_script",
        "retry",
        "interruptible",
        "timeout",
        "coverage",
        "start_in_seconds",
    }
)
_EXPANDED = tuple(name for name in NAMES if name not in _PLAIN)


def read_work(keys: Map, owner: str, problems: list[Problem]) -> Work:
    """What the keys say; whatever is wrong with one is added to the problems."""
    found: dict[str, Any] = {}
    for key, given in keys.items():
        if key not in _READERS or given is None or ("trigger" in keys and key not in ALLOWED):
            continue
        name, read = _READERS[key]
        try:
            found[name] = read(given, At(owner, key, keys.at(key)))
        except ConfigError as fault:
            problems.extend(fault.problems)
    return Work(**found)


def as_fields(work: Work) -> dict[str, Any]:
    return {name: getattr(work, name) for name in NAMES}


def with_variables(work: Work, put: Put) -> dict[str, Any]:
    """The fields by name, variables put in where the reference says that they may stand."""
    found = as_fields(work)
    for name in _EXPANDED:
        if found[name]:
            found[name] = expanded(found[name], put)
    return found
