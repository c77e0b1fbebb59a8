"""Reading the audit trail: one filter for the page, REST and the export."""

from __future__ import annotations

import csv
import datetime as dt
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.dateparse import parse_date, parse_datetime

from rbac import audit
from rbac.access import require_anywhere, visible
from rbac.actors import Actor
from rbac.models import AuditRecord
from rbac.sealing import content
from rbac.services.writing import refuse

CHUNK = 1000
COLUMNS = (
    "sequence", "at", "actor_label", "action", "outcome", "target_type", "target_id",
    "target_label", "scope_label", "change_id", "reason", "before", "after", "request_id",
    "address", "id", "previous_hash", "hash",
)  # fmt: skip


def moment(text: str, field: str, *, end: bool = False) -> dt.datetime:
    """An ISO date or time, UTC without a zone; a bare date as `end` means its last moment."""
    try:
        found = parse_datetime(text) if len(text) > 10 else None  # noqa: PLR2004  # 2026-11-22
        day = None if found else parse_date(text)
    except ValueError:
        found = day = None
    if found is None and day is None:
        raise refuse(
            field, "date", f"“{text[:40]}” is no date.", "Write 2026-11-22 or 2026-11-22T14:30:00Z."
        )
    if found is None:
        found = dt.datetime.combine(day or dt.date.min, dt.time.max if end else dt.time.min)
    try:
        return found.astimezone(dt.UTC) if found.tzinfo else found.replace(tzinfo=dt.UTC)
    except OverflowError as error:  # the first or last day there is, in another zone
        raise refuse(field, "date", f"“{text[:40]}” is out of range.") from error


@dataclass(frozen=True)
class AuditFilter:
    """What to show; empty fields filter nothing. `action` may end in `*`."""

    actor: str = ""
    action: str = ""
    outcome: str = ""
    scope: str = ""
    target: str = ""
    since: str = ""
    until: str = ""
    change: str = ""

    @classmethod
    def read(cls, query: Mapping[str, str]) -> AuditFilter:
        """The filter in a query string; unknown keys are left to others."""
        names = {field.name for field in fields(cls)}
        # `from`, `to` and `project` are what people write.
        aliases = {"from": "since", "to": "until", "project": "scope"}
        found = {
            aliases.get(key, key): value.replace("\x00", "").strip() for key, value in query.items()
        }
        return cls(**{key: value[:200] for key, value in found.items() if key in names and value})

    def items(self) -> list[tuple[str, str]]:
        pairs = ((field.name, str(getattr(self, field.name))) for field in fields(self))
        return [(name, value) for name, value in pairs if value]

    def apply(self, rows: QuerySet[AuditRecord]) -> QuerySet[AuditRecord]:
        """The rows that match; raises `Invalid` naming the field that makes no sense."""
        return rows.filter(self._words() & self._times())

    def _words(self) -> Q:
        found = Q()
        if self.actor:
            found &= Q(actor_label=self.actor) | Q(actor_label__startswith=f"{self.actor} by ")
        if self.action.endswith("*"):
            found &= Q(action__startswith=self.action[:-1])
        elif self.action:
            found &= Q(action=self.action)
        if self.outcome:
            if self.outcome not in AuditRecord.Outcome.values:
                known = ", ".join(AuditRecord.Outcome.values)
                raise refuse("outcome", "choice", f"“{self.outcome}” is no outcome.", known)
            found &= Q(outcome=self.outcome)
        if self.scope:
            found &= Q(scope_label=self.scope) | Q(scope_label__startswith=f"{self.scope}/")
        if self.target:
            found &= Q(target_label__icontains=self.target) | Q(target_id=self.target)
        return found

    def _times(self) -> Q:
        found = Q()
        if self.since:
            found &= Q(at__gte=moment(self.since, "from"))
        if self.until:
            found &= Q(at__lte=moment(self.until, "to", end=True))
        if self.change:
            if not self.change.isascii() or not self.change.isdigit() or len(self.change) > 18:  # noqa: PLR2004  # fits 64 bits
                raise refuse("change", "number", f"“{self.change[:40]}” is no change's number.")
            found &= Q(change_id=int(self.change))
        return found


def records(actor: Actor, wanted: AuditFilter) -> QuerySet[AuditRecord]:
    """What the actor may read of the trail, newest first."""
    return wanted.apply(visible(actor, "audit.view", AuditRecord.objects.all()))


def as_json(record: AuditRecord) -> dict[str, Any]:
    """A record with its place in the chain: enough to verify it elsewhere."""
    return {
        **content(record),
        "sequence": record.sequence,
        "previous_hash": record.previous_hash,
        "hash": record.hash,
    }


class _Echo:
    """A file that hands back what is written, for csv to stream through."""

    def write(self, value: str) -> str:
        return value


def _cell(value: Any) -> str:
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value)
    # A spreadsheet runs cells that start like a formula.
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text


def export(actor: Actor, wanted: AuditFilter, kind: str) -> Iterator[str]:
    """Lines of a CSV or JSONL file of exactly what is filtered; recorded as an act of its own.

    Rights, filter and kind are judged before the first line.
    """
    require_anywhere(actor, "audit.export")
    rows = wanted.apply(visible(actor, "audit.export", AuditRecord.objects.all()))
    if kind not in {"csv", "jsonl"}:
        raise refuse("format", "choice", f"“{kind}” is no format of the export.", "csv or jsonl")
    audit.record(actor, "audit.export", target=None, after={"format": kind, **dict(wanted.items())})
    return _lines(rows, kind)


def _lines(rows: QuerySet[AuditRecord], kind: str) -> Iterator[str]:
    if kind == "jsonl":
        for row in rows.iterator(CHUNK):
            yield json.dumps(as_json(row), sort_keys=True, ensure_ascii=False) + "\n"
        return
    writer = csv.writer(_Echo())
    yield str(writer.writerow(COLUMNS))
    for row in rows.iterator(CHUNK):
        facts = as_json(row)
        yield str(writer.writerow([_cell(facts[name]) for name in COLUMNS]))
