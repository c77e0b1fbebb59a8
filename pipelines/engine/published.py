"""GitLab's own JSON Schema of the file, as PyPI's `check-jsonschema` carries it.

Applied to the expanded configuration: what extends, include and !reference brought is judged, too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema_rs

from pipelines.engine.problems import Problem, Where, nearest, short
from pipelines.engine.source import Items, Map, flattened
from pipelines.engine.values.identity import OWN

MAX_PROBLEMS = 50
_FILE = Path("builtin_schemas", "vendor", "gitlab-ci.json")


@lru_cache(maxsize=1)
def _schema() -> Any:
    """Found without importing the package, which brings its command line along."""
    package = find_spec("check_jsonschema")
    if package is None or package.origin is None:  # a broken installation
        raise ModuleNotFoundError("check_jsonschema")
    return json.loads((Path(package.origin).parent / _FILE).read_text())


@lru_cache(maxsize=1)
def _validator() -> Any:
    return jsonschema_rs.Draft7Validator(_schema())


def problems(tree: Map) -> Iterator[Problem]:
    """What the schema refuses, each at its line; at most 50."""
    plain = _plain(tree)
    for number, found in enumerate(_validator().iter_errors(plain)):
        if number >= MAX_PROBLEMS:
            return
        yield _problem(_deepest(found), plain)


def _plain(tree: Map) -> Map:
    """The tree as a person would write it out: null keys gone, lists in lists flattened."""
    plain = Map(tree.where)
    for name, value in tree.items():
        if isinstance(value, Map) and _mirrors(value):
            continue
        if isinstance(value, Map):
            plain.put(name, _plain_job(value), tree.at(name))
        elif value is not None:
            plain.put(name, value, tree.at(name))
    return plain


def _plain_job(job: Map) -> Map:
    plain = Map(job.where)
    for key, value in job.items():
        found = _plain_value(key, value)
        if found is not None:
            plain.put(key, found, job.at(key))
    return plain


def _plain_value(key: str, value: Any) -> Any:
    if isinstance(value, Items) and any(isinstance(one, Items) for one in value):
        return flattened(value)
    if key == "secrets" and isinstance(value, Map):
        return _of_vendors(value) or None
    return value


def _mirrors(job: Map) -> bool:
    """A job that takes over a pipeline's status, of which the reference writes and no schema."""
    needs = job.get("needs")
    listed = needs if isinstance(needs, Items) else [needs]
    return any(isinstance(one, Map) and "pipeline" in one and "job" not in one for one in listed)


def _of_vendors(secrets: Map) -> Map:
    """Secrets without those that Slipway keeps, which GitLab does not know."""
    found = Map(secrets.where)
    for name, value in secrets.items():
        if not isinstance(value, Map) or OWN not in value:
            found.put(name, value, secrets.at(name))
    return found


def _deepest(found: Any) -> Any:
    """Of the ways to fit, the one that came furthest; what it refused says most."""
    best = found
    for branch in getattr(found.kind, "context", ()):
        for inner in map(_deepest, branch):
            if _rank(inner) > _rank(best):
                best = inner
    return best


def _rank(found: Any) -> tuple[int, int]:
    general = {"oneOf": 0, "anyOf": 0, "type": 1}
    return len(found.instance_path), general.get(found.kind.name, 2)


def _problem(found: Any, tree: Map) -> Problem:
    path = list(found.instance_path)
    place = ".".join(map(str, path)) or "the file"
    if found.kind.name == "additionalProperties":
        name = str(found.kind.unexpected[0])
        message = f"{short(place)} has the unknown key “{short(name)}”."
        where, fix = _where(tree, [*path, name]), nearest(name, _known_keys(found)) or "Remove it."
    else:
        where, fix = _where(tree, path), "See https://docs.gitlab.com/ci/yaml/."
        message = f"{short(place)} does not fit: {short(found.message, 160)}."
    return Problem(where, "schema", message, fix)


def _known_keys(found: Any) -> list[str]:
    """The keys that may stand where an unknown one was found, by the error's way in the schema."""
    here: Any = _schema()
    for part in list(found.schema_path)[:-1]:
        try:
            here = _referred(here["$ref"]) if part == "$ref" else here[part]
        except (KeyError, IndexError, TypeError):
            return []
    known = here.get("properties") if isinstance(here, dict) else None
    return list(known or ())


def _referred(reference: str) -> Any:
    here = _schema()
    for part in reference.removeprefix("#/").split("/"):
        here = here[part]
    return here


def _where(tree: Map, path: list[str | int]) -> Where:
    """The line of the last part of the path that stands somewhere."""
    here: Any = tree
    where = tree.where
    for part in path:
        if isinstance(here, Map) and part in here:
            where, here = here.at(str(part)), here[str(part)]
        elif isinstance(here, Items) and isinstance(part, int) and part < len(here):
            where, here = here.lines[part], here[part]
        else:
            break
    return where
