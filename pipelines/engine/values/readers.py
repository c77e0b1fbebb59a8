"""Which function reads which keyword of a job.

https://docs.gitlab.com/ci/yaml/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pipelines.engine.problems import ConfigError, Problem
from pipelines.engine.source import Map
from pipelines.engine.values import simple
from pipelines.engine.values.artifacts import read_artifacts
from pipelines.engine.values.cache import read_caches
from pipelines.engine.values.environment import read_environment
from pipelines.engine.values.forms import At
from pipelines.engine.values.identity import read_id_tokens, read_secrets
from pipelines.engine.values.image import read_image, read_services
from pipelines.engine.values.release import read_release
from pipelines.engine.values.retry import read_retry
from pipelines.engine.values.scripts import read_hooks, read_script
from pipelines.engine.values.trigger import ALLOWED, read_trigger
from pipelines.engine.values.work import Work

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
