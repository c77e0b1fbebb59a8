"""What is risky in the step from one declared version to the next; stored with the version.

A migration is linted against the schema that it changes. A whole schema that takes the place of
another names no statement, so what it would lose is found by comparing the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from schemas.databases import readers
from schemas.databases.models import DatabaseReader, DatabaseVersion, Declaration
from schemas.relational import coarse, stored
from schemas.relational.diff import differences
from schemas.relational.differences import Risk, Sides
from schemas.relational.lint import SERVER, Finding, lint
from schemas.relational.model import Model
from schemas.relational.rules import Level

LOSS = "declared-loss"
MAX_KEPT = 200  # findings of one version: refusing ones first
_LOSS_FIX = (
    "Hand in the migration that does it, on top of that version, with the loss acknowledged in it."
)


def findings(row: Declaration, before: DatabaseVersion | None, made: Model) -> list[dict[str, Any]]:
    """The findings as they are stored; raises as `lint` and `differences`."""
    if before is None:
        return []
    old = stored.parse(before.model)
    if row.on_top:
        found: Sequence[Finding] = lint(row.sql, server=made.server or SERVER, model=old)
    else:
        found = _losses(old, made, before.number)
    chosen = sorted(found, key=lambda one: not one.refuses)[:MAX_KEPT]
    return [_plain(one, row.file) for one in chosen]


def _plain(one: Finding, file: str) -> dict[str, Any]:
    """Who reads it is looked up when it is shown."""
    made = {**asdict(one), "level": str(one.level), "file": file}
    del made["readers"]
    return made


def with_readers(
    row: DatabaseVersion, known: Sequence[DatabaseReader] | None = None
) -> list[dict[str, Any]]:
    """A version's findings, each with who declared that they read what it touches."""
    if not row.findings:
        return []
    if known is None:
        known = readers.readers_of(row.database)
    return [{**one, "readers": readers.read_by(known, one["touches"])} for one in row.findings]


def _losses(old: Model, new: Model, number: int) -> list[Finding]:
    sides = Sides(f"in version {number}", "declared now")
    was, now, hidden = coarse.both(old, new)
    return [
        Finding(LOSS, Level.ERROR, 0, 0, one.sentence, _LOSS_FIX, touches=one.path)
        for one in differences(was, now, sides, ignoring=hidden)
        if one.risk is Risk.LOSES
    ]


def refuses(stored_finding: dict[str, Any]) -> bool:
    """Whether a stored finding closes the gate."""
    return stored_finding["level"] == Level.ERROR and not stored_finding["acknowledged"]


def place(stored_finding: dict[str, Any]) -> str:
    """Where it stands: `0007.sql line 3, ALTER TABLE …`; empty for what no line says."""
    line, statement = stored_finding["line"], stored_finding["statement"]
    if not line:
        return ""
    at = f"{stored_finding['file'] or 'its SQL'} line {line}"
    return f"{at}, `{statement}`" if statement else at
