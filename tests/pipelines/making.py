"""Short ways to a plan for the engine's tests."""

from textwrap import dedent
from typing import Any

import pytest

from pipelines.engine.config import Config, load
from pipelines.engine.context import Context, MemoryFiles
from pipelines.engine.plan import Plan, plan
from pipelines.engine.problems import ConfigError


def files(**content: str) -> MemoryFiles:
    """Files by path; `__` in a name is a slash, `_yml` at its end the extension."""
    paths = {
        name.replace("__", "/").replace("_yml", ".yml"): text for name, text in content.items()
    }
    return MemoryFiles({path: dedent(text).encode() for path, text in paths.items()})


def context(**facts: Any) -> Context:
    return Context(**{"branch": "main", **facts})


def loaded(text: str, **facts: Any) -> Config:
    return load(dedent(text), context(**facts))


def planned(text: str, **facts: Any) -> Plan:
    return plan(loaded(text, **facts), context(**facts))


def refused(text: str, **facts: Any) -> ConfigError:
    """The error of a file that makes no pipeline."""
    with pytest.raises(ConfigError) as caught:
        planned(text, **facts)
    return caught.value
