"""Plans as plain tuples, texts and numbers, and back: the form that `cache` writes.

A value object becomes a list: the number of its class, which of its fields are packed, its
fields. Places are numbers in one table. Jobs are packed one by one, and made when looked at.
"""

from __future__ import annotations

import marshal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import lru_cache
from importlib import import_module
from typing import Any

from pipelines.engine.planned import Plan, PlannedJob, State
from pipelines.engine.problems import Where

# Append only at the end, or change `cache.FORMAT`.
_NAMES = """
planned.Decision planned.Judged planned.Clause planned.Instance planned.Edge planned.NeedElsewhere
planned.PlannedJob values.artifacts.Artifacts values.artifacts.Report values.cache.Cache
values.cache.CacheKey values.environment.Environment values.retry.Retry values.image.Image
values.image.Service values.trigger.Trigger values.trigger.TriggerInclude values.release.Release
values.release.Link values.identity.IdToken values.identity.Secret values.auto_cancel.AutoCancel
variables.Variable
"""
_CLASSES = tuple(_NAMES.split())
_NUMBERS = {name.rpartition(".")[2]: number for number, name in enumerate(_CLASSES)}
# Of which many jobs have the same: kept once, and made once.
_ALIKE = frozenset({"Decision", "Retry", "Cache", "Image", "Service", "Environment"})
_PLACE, _PLACES, _SHARED = -1, -2, -3  # a place, a map of places, one that is kept once
_PLAIN = (str, int, float, bool, bytes, type(None))


@lru_cache(maxsize=len(_CLASSES))
def _class(number: int) -> tuple[type, tuple[str, ...]]:
    module, _, name = _CLASSES[number].rpartition(".")
    kind: type = getattr(import_module(f"pipelines.engine.{module}"), name)
    return kind, tuple(one.name for one in fields(kind))


@lru_cache(maxsize=len(_CLASSES))
def _maker(number: int) -> tuple[type, tuple[Callable[[Any, Any], None], ...]]:
    """The class and what sets each of its slots: half the time of a frozen class's `__init__`."""
    kind, names = _class(number)
    return kind, tuple(getattr(kind, name).__set__ for name in names)


class _Packer:
    def __init__(self) -> None:
        self.places: dict[Where, int] = {}
        self.shared: dict[bytes, int] = {}

    def pack(self, value: Any) -> Any:
        if isinstance(value, _PLAIN):
            return str(value) if isinstance(value, str) else value  # a word of an enum, too
        if isinstance(value, Where):
            return [_PLACE, self.places.setdefault(value, len(self.places))]
        if isinstance(value, Mapping):
            return self._mapping(value)
        if isinstance(value, (tuple, list)):
            return tuple(self.pack(one) for one in value)
        return frozenset(value) if isinstance(value, frozenset) else self._object(value)

    def _mapping(self, value: Mapping[Any, Any]) -> Any:
        packed = {str(name): self.pack(one) for name, one in value.items()}
        if packed and all(isinstance(one, Where) for one in value.values()):
            return [_PLACES, {name: place[1] for name, place in packed.items()}]
        return packed

    def _object(self, value: Any) -> list[Any]:
        number = _NUMBERS[type(value).__name__]
        packed = [self.pack(getattr(value, name)) for name in _class(number)[1]]
        busy = tuple(at for at, one in enumerate(packed) if _needs_work(one))
        found = [number, busy, *packed]
        if type(value).__name__ not in _ALIKE:
            return found
        return [_SHARED, self.shared.setdefault(marshal.dumps(found), len(self.shared))]


def _needs_work(packed: Any) -> bool:
    """Whether anything but plain texts and numbers is in it."""
    if isinstance(packed, list):
        return True
    if isinstance(packed, tuple):
        return any(map(_needs_work, packed))
    if isinstance(packed, dict):
        return any(map(_needs_work, packed.values()))
    return False


class _Unpacker:
    def __init__(self, places: list[Where], shared: Sequence[bytes]) -> None:
        self.places = places
        self.shared: list[Any] = list(shared)  # bytes until looked at

    def __call__(self, packed: Any) -> Any:
        if isinstance(packed, list):
            return self._marked(packed)
        if isinstance(packed, tuple):
            return tuple([self(one) for one in packed])
        if isinstance(packed, dict):
            return {name: self(one) for name, one in packed.items()}
        return packed

    def _marked(self, packed: list[Any]) -> Any:
        number = packed[0]
        if number == _PLACE:
            return self.places[packed[1]]
        if number == _SHARED:
            return self._kept_once(packed[1])
        if number == _PLACES:
            places = self.places
            return {name: places[at] for name, at in packed[1].items()}
        kind, setters = _maker(number)
        values = packed[2:]
        for at in packed[1]:
            one = values[at]
            values[at] = self._marked(one) if type(one) is list else self(one)
        made: Any = object.__new__(kind)
        for put, value in zip(setters, values, strict=True):
            put(made, value)
        return made

    def _kept_once(self, number: int) -> Any:
        if isinstance(self.shared[number], bytes):
            self.shared[number] = self(_plain(self.shared[number]))
        return self.shared[number]


def _plain(data: bytes) -> Any:
    return marshal.loads(data)  # noqa: S302 - own data, whole by the entry's checksum


class PackedJobs(Mapping[str, PlannedJob]):
    """The jobs of a plan by name, each made when it is first looked at."""

    def __init__(self, packed: Mapping[str, bytes], unpack: _Unpacker) -> None:
        self._packed = packed
        self._unpack = unpack
        self._made: dict[str, PlannedJob] = {}

    def __getitem__(self, name: str) -> PlannedJob:
        if name not in self._made:
            self._made[name] = self._unpack(_plain(self._packed[name]))
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._packed)

    def __len__(self) -> int:
        return len(self._packed)


def packed(plan: Plan) -> dict[str, Any]:
    packer = _Packer()
    return {
        "head": [
            str(plan.state),
            plan.reason,
            tuple(plan.stages),
            packer.pack(plan.left_out),
            plan.name,
            packer.pack(plan.workflow),
            packer.pack(plan.auto_cancel),
            plan.not_run,
        ],
        "jobs": {name: marshal.dumps(packer.pack(job)) for name, job in plan.jobs.items()},
        "places": [tuple(place) for place in packer.places],
        "shared": list(packer.shared),
    }


def unpacked(entry: Mapping[str, Any]) -> Plan:
    """The plan; its jobs are made when looked at."""
    places = [Where(file, line) for file, line in entry["places"]]
    unpack = _Unpacker(places, entry["shared"])
    state, reason, stages, left_out, name, workflow, auto_cancel, not_run = entry["head"]
    return Plan(
        State(state),
        reason,
        stages,
        PackedJobs(entry["jobs"], unpack),
        unpack(left_out),
        name,
        unpack(workflow),
        unpack(auto_cancel),
        not_run,
    )
