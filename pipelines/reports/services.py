"""Writes of reports and quarantines: each decides, validates and writes.

A quarantine is audited; a report says itself who handed it in, and when.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO, Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from idp.common.errors import Clash, Invalid
from pipelines.permissions import QUARANTINE, UPLOAD
from pipelines.reports import arrivals, jobs, storing
from pipelines.reports.formats import registry
from pipelines.reports.formats.base import CHUNK, require_size
from pipelines.reports.formats.registry import Kind
from pipelines.reports.models import MAX_JOB, MAX_LABEL, MAX_REF, Quarantine, Report, TestCase
from portal.models import Component
from portal.permissions import keeper_scope
from rbac import audit
from rbac.access import require
from rbac.actors import Actor
from rbac.models import Project, Team
from rbac.services.writing import refuse

MAX_QUARANTINE_DAYS = 30
MAX_REASON = 500
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_MAIN = ("main", "master")


@dataclass(frozen=True)
class Upload:
    """What a report is about, as its uploader says it."""

    commit: str
    ref: str
    kind: str = ""  # else by the first bytes
    component: str = ""
    target: str = ""  # else the project's last one, or main
    name: str = ""
    job: str = ""
    checkout: str = ""  # the checkout's path where the tool ran
    foreign: bool = False  # by a fork's job


def take(actor: Actor, project: Project, upload: Upload, stream: IO[bytes]) -> tuple[Report, bool]:
    """Read and store a report; whether it is new. The same again answers the row that is there.

    Raises `ReportRefused` with the rule that the content breaks, `Invalid` for wrong fields, and
    for those of another commit, branch or project than the job's that hands it in by its token.
    """
    require(actor, UPLOAD, keeper_scope(project))
    row = _described(actor, project, upload)
    jobs.keep_apart(actor, row, upload.target)
    row.identity, row.size, first = _identity(row, stream)
    known = Report.objects.filter(project=project, identity=row.identity).first()
    if known is not None:
        return known, False
    row.kind = _kind(upload.kind) or registry.sniffed(first)
    result = registry.read(Kind(row.kind), stream, root=upload.checkout)
    row.summary, row.payload = storing.summary_of(result), storing.payload_of(result)
    return _saved(row, result)


def _saved(row: Report, result: Any) -> tuple[Report, bool]:
    try:
        with transaction.atomic():
            # One writer a project, so that its tests' numbers add up.
            Project.objects.select_for_update(no_key=True).get(pk=row.project_id)
            row.created_at = timezone.now()
            row.save(force_insert=True)
            storing.store(row, result)
            arrivals.tell(row)
    except IntegrityError:
        known = Report.objects.filter(project=row.project_id, identity=row.identity).first()
        if known is None:
            raise
        return known, False  # the same one came in at the same time
    return row, True


def _described(actor: Actor, project: Project, upload: Upload) -> Report:
    commit = upload.commit.strip().lower()
    if not _COMMIT.fullmatch(commit):
        raise refuse(
            "commit", "form", "A commit is 40 or 64 hexadecimal digits.", "git rev-parse HEAD"
        )
    ref = _branch("ref", upload.ref)
    if not ref:
        raise refuse("ref", "required", "Name the branch or tag.", "git branch --show-current")
    return Report(
        project=project,
        component=_component(project, upload.component),
        commit=commit,
        ref=ref,
        target=_branch("target", upload.target) or _usual_target(project, ref),
        name=_label("name", upload.name, MAX_LABEL),
        job=_label("job", upload.job, MAX_JOB),
        uploaded_by=actor.user,
        foreign=upload.foreign,
    )


def _branch(field: str, text: str) -> str:
    name = text.strip().removeprefix("refs/heads/").removeprefix("refs/tags/")
    return _label(field, name, MAX_REF)


def _label(field: str, text: str, longest: int) -> str:
    word = text.strip()
    if len(word) > longest or not word.isprintable():
        raise refuse(field, "form", f"At most {longest} letters, none of them a control character.")
    return word


def _component(project: Project, name: str) -> Component | None:
    if not name:
        return None
    found = Component.objects.filter(project=project, name=name).first()
    if found is None:
        raise refuse(
            "component",
            "choice",
            f"Project {project.name} has no component {name[:63]!r}.",
            "Name one of its components in the catalog, or none.",
        )
    return found


def _usual_target(project: Project, ref: str) -> str:
    """The branch that the project's last report was compared with."""
    last = Report.own.filter(project=project).order_by("-id").values_list("target", flat=True)
    return last.first() or (ref if ref in _MAIN else _MAIN[0])


def _kind(word: str) -> str:
    if word and word not in set(Kind):
        raise refuse("kind", "choice", f"{word[:40]!r} is no kind of report.", ", ".join(Kind))
    return word


def _identity(row: Report, stream: IO[bytes]) -> tuple[str, int, bytes]:
    """A digest of content and place, the size, and the first bytes; the stream is back at 0."""
    component = row.component.name if row.component else ""
    whose = ("foreign",) if row.foreign else ()
    place = repr((row.commit, row.ref, row.target, component, row.name, *whose))
    digest, size, first = hashlib.sha256(place.encode()), 0, b""
    while chunk := stream.read(CHUNK):
        first = first or chunk
        size += len(chunk)
        require_size(size)
        digest.update(chunk)
    stream.seek(0)
    return digest.hexdigest(), size, first


@transaction.atomic
def quarantine(
    actor: Actor, case: TestCase, *, reason: str, ends_at: datetime, owner: Team | None = None
) -> Quarantine:
    """Let a test no longer block until a day; raises `Clash` where it is in quarantine already."""
    require(actor, QUARANTINE, case.project)
    _check(reason, ends_at)
    now = timezone.now()
    open_ = Quarantine.objects.select_for_update().filter(case=case, ended_at=None).first()
    if open_ is not None:
        if open_.active:
            raise Clash(
                f"It is in quarantine until {open_.ends_at:%Y-%m-%d}.", fix="End that one first."
            )
        Quarantine.objects.filter(pk=open_.pk).update(ended_at=open_.ends_at)
    row = Quarantine.objects.create(
        case=case,
        reason=reason.strip(),
        owner=owner or case.owner,
        ends_at=ends_at,
        created_at=now,
        created_by=actor.user,
    )
    told = {"reason": row.reason, "owner": row.owner.name, "until": ends_at.isoformat()}
    audit.record(actor, QUARANTINE, target=case, scope=case.project.scope, after=told)
    return row


def _check(reason: str, ends_at: datetime) -> None:
    if not reason.strip() or len(reason) > MAX_REASON:
        raise refuse("reason", "length", f"Say why, in at most {MAX_REASON} letters.")
    now = timezone.now()
    if not now < ends_at <= now + timedelta(days=MAX_QUARANTINE_DAYS):
        raise refuse(
            "ends_at",
            "range",
            f"A quarantine ends within {MAX_QUARANTINE_DAYS} days.",
            "Name a day by which the test is mended; it can be put in again.",
        )


@transaction.atomic
def release(actor: Actor, case: TestCase) -> None:
    """End a test's quarantine, so that it blocks again; raises `Invalid` where there is none."""
    require(actor, QUARANTINE, case.project)
    ended = Quarantine.objects.filter(case=case, ended_at=None, ends_at__gt=timezone.now()).update(
        ended_at=timezone.now(), ended_by=actor.user
    )
    if not ended:
        raise Invalid("The test is in no quarantine.", fix="Nothing is left to do.")
    audit.record(
        actor, QUARANTINE, target=case, scope=case.project.scope, after={"quarantine": "ended"}
    )
