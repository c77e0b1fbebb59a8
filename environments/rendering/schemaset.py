"""`spec.schemas`: the schemas that the workloads write and read, and the tables that they read.

Judged against the registry with the rest of the document, and handed to gates as a plan's fact.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from environments.rendering.document import EnvironmentDocument, field_error, nearest
from idp.common.errors import FieldError, Invalid
from schemas.databases.readers import Read
from schemas.dependants.sets import DEFAULT_DAYS, LISTS, Entry, SchemaSet, unregistered

_FIXES = {
    "subject": "Register it first, or look for a misspelling.",
    "version": "Register it first, or name a version that exists.",
}
_Entries = Mapping[str, Mapping[str, Any]]


def judged(document: EnvironmentDocument, entries: _Entries) -> SchemaSet:
    """The set that a document declares; raises `Invalid` with every wrong field."""
    made = {
        name: tuple(
            _entry(one, entries, f"spec.schemas.{name}.{at}")
            for at, one in enumerate(document.schemas.get(name, []))
        )
        for name in LISTS
    }
    errors = [
        FieldError(f"spec.schemas.{name}.{at}.{key}", "exists", sentence, _FIXES[key])
        for name, found in made.items()
        for at, key, sentence in sorted(unregistered(found))
    ]
    if errors:
        raise Invalid.of(errors)
    for name, found in made.items():
        _refuse_doubles(name, found)
    return SchemaSet(**made)


def _entry(one: Mapping[str, Any], entries: _Entries, at: str) -> Entry:
    workload = _workload(one, entries, at)
    runs = entries.get(workload, {})
    return Entry(
        subject=one["subject"],
        version=one["version"],
        workload=workload,
        component=one.get("component", "") or runs.get("component", ""),
        revision=revision_of(runs.get("image", "")),
        retained_days=one.get("retentionDays", DEFAULT_DAYS),
    )


def reads(document: EnvironmentDocument, entries: _Entries) -> tuple[Read, ...]:
    """What the workloads read of databases; whether those exist is the gate's question."""
    found = []
    for at, one in enumerate(document.schemas.get("reads", [])):
        workload = _workload(one, entries, f"spec.schemas.reads.{at}")
        runs = entries.get(workload, {})
        found.append(
            Read(
                database=one["database"],
                tables=tuple(dict.fromkeys(one["tables"])),
                workload=workload,
                component=one.get("component", "") or runs.get("component", ""),
            )
        )
    return tuple(found)


def _workload(one: Mapping[str, Any], entries: _Entries, at: str) -> str:
    """The workload that an entry names, or the only one that there is."""
    workload = str(one.get("workload", "")) or (next(iter(entries)) if len(entries) == 1 else "")
    if workload and workload not in entries:
        message = f"There is no workload “{workload}”."
        raise field_error(f"{at}.workload", "exists", message, nearest(workload, list(entries)))
    return workload


def _refuse_doubles(name: str, found: tuple[Entry, ...]) -> None:
    seen: set[tuple[str, int, str, str]] = set()
    for at, entry in enumerate(found):
        key = (entry.subject, entry.version, entry.workload, entry.component)
        if key in seen:
            message = f"{entry.subject} version {entry.version} stands there twice."
            raise field_error(f"spec.schemas.{name}.{at}", "unique", message, "Remove one.")
        seen.add(key)


def plain(lists: Mapping[str, Any]) -> dict[str, Any]:
    """A set as a file holds it: plain lists of maps, empty ones left out."""
    return {name: [dict(one) for one in found] for name, found in lists.items() if found}


def revision_of(image: str) -> str:
    """An image's tag, or its digest where it has none."""
    name, _, digest = image.partition("@")
    return (name.rpartition("/")[2].partition(":")[2] or digest)[:128]
