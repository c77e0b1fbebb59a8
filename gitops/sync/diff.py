"""Fields before and after. What servers fill in by themselves is left out; secrets stay hidden."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any

from gitops.backends.base import CHANGE_ANNOTATION, OWNER_LABEL
from gitops.sync.desired import unfilled
from idp.changes.plans import FieldChange
from idp.common.crypto import keyed_digest

HIDDEN = "(hidden)"
LATER = "known after apply"
MAX_FIELDS = 200
_SERVER = frozenset(
    {
        "metadata.managedFields",
        "metadata.resourceVersion",
        "metadata.generation",
        "metadata.uid",
        "metadata.creationTimestamp",
        "metadata.selfLink",
        "metadata.deletionTimestamp",
        "status",
        f"metadata.annotations.{CHANGE_ANNOTATION}",
        f"metadata.labels.{OWNER_LABEL}",
        "metadata.annotations.deployment.kubernetes.io/revision",
    }
)
_MISSING = object()


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf with its path; entries of lists go by their name where they have one."""
    if path in _SERVER:
        return
    if isinstance(value, Mapping) and value:
        for key in value:
            yield from leaves(value[key], f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value and all(isinstance(v, Mapping) for v in value):
        for index, child in enumerate(value):
            label = child.get("name", index)
            yield from leaves(child, f"{path}[{label}]")
    else:
        yield path, value


def _flat(document: Mapping[str, Any]) -> dict[str, Any]:
    return dict(leaves(document))


def fields(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    """What differs between the live object and what a dry run says it would be."""
    old, new = _flat(before), _flat(after)
    changed = [
        _change(path, old.get(path), new.get(path))
        for path in sorted({*old, *new})
        if old.get(path, _MISSING) != new.get(path, _MISSING)
    ]
    return tuple(changed[:MAX_FIELDS])


def owned(live: Mapping[str, Any], ours: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    """What differs in the fields that our document names; the live object may hold more."""
    old = _flat(live)
    changed = [
        _change(path, old.get(path), value)
        for path, value in sorted(_flat(ours).items())
        if path not in {"apiVersion", "kind"} and old.get(path, _MISSING) != value
    ]
    return tuple(changed[:MAX_FIELDS])


def created(document: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    """Every field of an object that is to be made; a Secret's values hidden."""
    if document["kind"] == "Secret":
        return secret_fields(None, document)
    skip = ("apiVersion", "kind", "metadata.name", "metadata.namespace")
    found = [_change(path, None, v) for path, v in leaves(document) if path not in skip]
    return tuple(found[:MAX_FIELDS])


def _change(path: str, before: Any, after: Any) -> FieldChange:
    if unfilled(after):
        return FieldChange(path, before, LATER, known=False)
    return FieldChange(path, before, after)


def _decoded(live: Mapping[str, Any] | None) -> dict[str, str]:
    found = {}
    for key, value in ((live or {}).get("data") or {}).items():
        try:
            found[key] = base64.b64decode(value).decode(errors="replace")
        except (binascii.Error, TypeError):
            found[key] = ""
    return {**found, **((live or {}).get("stringData") or {})}


def secret_fields(
    live: Mapping[str, Any] | None, document: Mapping[str, Any]
) -> tuple[FieldChange, ...]:
    """A Secret's keys that differ, compared by keyed digest; no value is ever shown."""
    old, new = _decoded(live), document.get("stringData") or {}
    changed = []
    for key in sorted({*old, *new}):
        before = HIDDEN if key in old else None
        after = HIDDEN if key in new else None
        if key in new and unfilled(new[key]):
            changed.append(FieldChange(f"data.{key}", before, LATER, known=False))
        elif (key in old) != (key in new) or keyed_digest(old[key]) != keyed_digest(new[key]):
            changed.append(FieldChange(f"data.{key}", before, after))
    return tuple(changed)


def covers(live: Any, ours: Any) -> bool:
    """Whether the live value holds everything that ours names, in our words."""
    if isinstance(ours, Mapping):
        return isinstance(live, Mapping) and all(
            key in live and covers(live[key], value) for key, value in ours.items()
        )
    if isinstance(ours, list):
        return (
            isinstance(live, list)
            and len(live) == len(ours)
            and all(covers(a, b) for a, b in zip(live, ours, strict=True))
        )
    return bool(live == ours)
