"""Settings beside a checkout, for runs on a laptop: variables that the server would have.

Slipway reads the two files that `gitlab-ci-local` reads, so that a team that has them keeps them:
`.gitlab-ci-local-variables.yml` (names and values, or `values: {"*": …}`), and of
`.gitlab-ci-local-env` the lines `FILE=` and `VARIABLE=`. Nothing on a server reads them.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.engine import source
from pipelines.engine.source import MAX_BYTES, Map
from pipelines.engine.variables import text_of

VARIABLES = ".gitlab-ci-local-variables.yml"
OPTIONS = ".gitlab-ci-local-env"


@dataclass(frozen=True)
class LocalSettings:
    file: str = ""  # instead of .gitlab-ci.yml
    project: Mapping[str, str] = field(default_factory=dict)  # variables of the project
    given: Mapping[str, str] = field(default_factory=dict)  # variables of the pipeline


NOTHING = LocalSettings()


def read(root: Path) -> LocalSettings:
    """What the files say; `ConfigError` names what cannot be read."""
    options = _options(root / OPTIONS)
    pairs = (one.partition("=") for one in shlex.split(options.get("VARIABLE", "")))
    return LocalSettings(
        options.get("FILE", ""),
        _variables(root / VARIABLES),
        {name: value for name, sign, value in pairs if sign and name.isidentifier()},
    )


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError:
        return b""


def _options(path: Path) -> dict[str, str]:
    found = {}
    for line in _content(path).decode(errors="replace").splitlines():
        name, sign, value = line.partition("=")
        if sign and not line.lstrip().startswith("#"):
            found[name.strip()] = value.strip().strip("\"'")
    return found


def _variables(path: Path) -> dict[str, str]:
    data = _content(path)
    if not data.strip():
        return {}
    tree = source.read(data, path.name).value
    found = {name: _value(given) for name, given in tree.items()}
    return {name: value for name, value in found.items() if value is not None}


def _value(given: Any) -> str | None:
    """The value for every environment; None where there is none."""
    if isinstance(given, Map):
        values = given.get("values")
        given = values.get("*") if isinstance(values, Map) else None
        return None if given is None else text_of(given)
    return text_of(given)
