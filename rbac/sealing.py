"""The chain: each committed audit record is numbered and hashed with the hash before it.

One sealer runs at a time (the controller's leader; the head's row is locked besides). Hashing when
rows are written would make every writer wait for every other.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from rbac.models import AuditHead, AuditRecord

_HEAD = 1
BATCH = 1000
GENESIS = "0" * 64
_CONTENT = (
    "id", "at", "actor_id", "actor_label", "action", "outcome", "reason", "target_type",
    "target_id", "target_label", "scope_id", "scope_label", "change_id", "before", "after",
    "request_id", "address",
)  # fmt: skip


@dataclass(frozen=True)
class Verification:
    """What a walk along the chain found; `problem` is empty when every link holds."""

    checked: int
    unsealed: int
    head: str
    problem: str

    @property
    def ok(self) -> bool:
        return not self.problem


def content(record: AuditRecord) -> dict[str, Any]:
    """The fields that the hash covers, as JSON has them."""
    facts = {name: getattr(record, name) for name in _CONTENT}
    facts["id"] = str(facts["id"])
    facts["at"] = record.at.astimezone(dt.UTC).isoformat(timespec="microseconds")
    return facts


def digest(facts: dict[str, Any], sequence: int, previous_hash: str) -> str:
    """SHA-256 over canonical JSON: sorted keys, no blanks, UTF-8."""
    whole = {**facts, "sequence": sequence, "previous_hash": previous_hash}
    text = json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


@transaction.atomic
def seal(limit: int = BATCH) -> int:
    """Chain at most `limit` committed records that are not chained yet; the number of them."""
    AuditHead.objects.get_or_create(pk=_HEAD)
    head = AuditHead.objects.select_for_update().get(pk=_HEAD)
    sequence, previous = head.sequence, head.hash or GENESIS
    rows = AuditRecord.objects.filter(sequence=None).order_by("at", "id")[:limit]
    for record in rows:
        own = digest(content(record), sequence + 1, previous)
        AuditRecord.objects.all().seal(record.pk, sequence + 1, previous, own)
        sequence, previous = sequence + 1, own
    sealed = sequence - head.sequence
    if sealed:
        AuditHead.objects.filter(pk=_HEAD).update(sequence=sequence, hash=previous)
    return sealed


def verify() -> Verification:
    """Walk the whole chain and keep the result; the first broken link is named."""
    before = _head()
    checked, previous, problem = 0, GENESIS, ""
    rows = AuditRecord.objects.filter(sequence__isnull=False).order_by("sequence")
    for record in rows.iterator(BATCH):
        problem = _broken(record, checked + 1, previous)
        if problem:
            break
        checked, previous = checked + 1, record.hash
        if checked == before.sequence and previous != before.hash:
            problem = f"Record {checked} is not the one that was sealed: the head has another hash."
            break
    problem = problem or _wrong_length(checked, before.sequence)
    unsealed = AuditRecord.objects.filter(sequence=None).count()
    AuditHead.objects.filter(pk=_HEAD).update(
        verified_at=timezone.now(), verified_sequence=checked, problem=problem
    )
    return Verification(checked, unsealed, previous, problem)


def _head() -> AuditHead:
    return AuditHead.objects.filter(pk=_HEAD).first() or AuditHead()


def _wrong_length(checked: int, sealed: int) -> str:
    """What is wrong with the number of records: `sealed` of them before the walk, or more now."""
    if checked < sealed:
        return f"Record {checked + 1} and those after it are missing: {sealed} were sealed."
    now = _head().sequence  # the sealer may have gone on during the walk
    if checked > now:
        return f"Record {now + 1} and those after it were never sealed: the head stands at {now}."
    return ""


def _broken(record: AuditRecord, expected: int, previous: str) -> str:
    """What is wrong with a link; empty when it holds."""
    if record.sequence != expected:
        return f"Record {expected} is missing: {record.sequence} follows {expected - 1}."
    if record.previous_hash != previous:
        return f"Record {expected} does not follow the one before it."
    if record.hash != digest(content(record), expected, previous):
        return f"Record {expected} ({record}) was changed after it was sealed."
    return ""
