"""`parallel` and `parallel:matrix`: one job written, several in the plan.

https://docs.gitlab.com/ci/yaml/#parallel: 2 to 200 jobs, also of a matrix.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from pipelines.engine.planned import Instance
from pipelines.engine.problems import Where, error, short
from pipelines.engine.source import Items, Map
from pipelines.engine.variables import text_of

MAX_JOBS = 200
_LEAST = 1


def instances(name: str, given: Any, where: Where) -> tuple[Instance, ...]:
    """The instances of a job, at most 200, the size judged before any is made."""
    if given is None:
        return (Instance(name),)
    if isinstance(given, Map):
        return _of_matrix(name, given, where)
    if isinstance(given, bool) or not isinstance(given, int) or not _LEAST <= given <= MAX_JOBS:
        message = f"parallel of “{short(name)}” is {short(given)}."
        raise error(where, "parallel", message, f"Use a number from {_LEAST} to {MAX_JOBS}.")
    return tuple(Instance(f"{name} {i}/{given}", i, given) for i in range(1, given + 1))


def rows(given: Any, owner: str, where: Where) -> list[dict[str, tuple[str, ...]]]:
    """A matrix's entries, each value a list of texts."""
    if not isinstance(given, Items) or not given or not all(isinstance(one, Map) for one in given):
        message = f"matrix of {owner} takes a list of maps."
        raise error(where, "matrix", message, "Write - NAME: [a, b].")
    return [
        {key: _texts(value, key, owner, entry.at(key)) for key, value in entry.items()}
        for entry in given
    ]


def _texts(value: Any, key: str, owner: str, where: Where) -> tuple[str, ...]:
    listed = value if isinstance(value, Items) else [value]
    flat = [deeper for one in listed for deeper in (one if isinstance(one, Items) else [one])]
    texts = [text_of(one) for one in flat]
    if not texts or any(text is None for text in texts):
        message = f"{short(key)} in the matrix of {owner} takes a text or a list of texts."
        raise error(where, "matrix", message, "Write [a, b].")
    return tuple(text for text in texts if text is not None)


def combinations(listed: list[dict[str, tuple[str, ...]]]) -> list[dict[str, str]]:
    return [
        dict(zip(entry, values, strict=True))
        for entry in listed
        for values in itertools.product(*entry.values())
    ]


def size(listed: list[dict[str, tuple[str, ...]]]) -> int:
    total = 0
    for entry in listed:
        product = 1
        for values in entry.values():
            product *= len(values)
        total += product
    return total


def _of_matrix(name: str, given: Map, where: Where) -> tuple[Instance, ...]:
    unknown = sorted(given.keys() - {"matrix"})
    if unknown:
        message = f"parallel of “{short(name)}” has the unknown key “{short(unknown[0])}”."
        raise error(given.at(unknown[0]), "unknown-key", message, "Write parallel: matrix: …")
    listed = rows(given.get("matrix"), f"“{short(name)}”", given.at("matrix"))
    total = size(listed)
    if total > MAX_JOBS:
        message = f"The matrix of “{short(name)}” makes {total} jobs; {MAX_JOBS} are the most."
        raise error(where, "matrix", message, "Use fewer values, or split the job.")
    return tuple(
        Instance(titled(name, values), index, total, values)
        for index, values in enumerate(combinations(listed), start=1)
    )


def titled(name: str, values: Mapping[str, str]) -> str:
    """The name of a matrix job: `deploy: [aws, monitoring]`."""
    return f"{name}: [{', '.join(values.values())}]"
