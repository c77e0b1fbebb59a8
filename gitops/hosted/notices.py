"""The outbox to git hosts: commit statuses, and one comment for each merge request.

Whoever has something to tell calls `want` in its own transaction; a worker asks the registered
composer what there is to say, and sends what the host does not have yet. Sent twice it is the same.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass

from django.db.models import F
from django.utils import timezone

from gitops.hosted import mirrors
from gitops.hosted.looking import MAX_TRIES, backoff
from gitops.hosted.models import HostedMergeRequest, HostNotice
from gitops.hosts.base import Host, Status
from idp.changes import leases
from idp.common import jobs
from idp.common.errors import SlipwayError, TemporaryBackendError

log = logging.getLogger(__name__)
TASK = "gitops.tell_host"
SECONDS = 60.0


@dataclass(frozen=True)
class Report:
    """What a host shall say: a status beside a commit, a comment below a merge request."""

    sha: str = ""
    status: Status | None = None
    request: HostedMergeRequest | None = None
    comment: str = ""


Compose = Callable[[int], Report | None]
_composers: dict[str, Compose] = {}


def register(kind: str, compose: Compose) -> None:
    """`compose` answers what there is to say of the subject `kind:<id>`, or None for nothing."""
    if kind in _composers:
        raise ValueError(f"notices of {kind!r} are registered twice")
    _composers[kind] = compose


def want(repository_id: int, kind: str, pk: int) -> None:
    """Have a worker tell the host of a subject; part of the caller's transaction."""
    subject = f"{kind}:{pk}"
    rows = HostNotice.objects.filter(repository_id=repository_id, subject=subject)
    if rows.update(wanted=F("wanted") + 1, updated_at=timezone.now()):
        notice_id = rows.values_list("pk", flat=True).get()
    else:
        found, made = HostNotice.objects.get_or_create(repository_id=repository_id, subject=subject)
        notice_id = found.pk
        if not made:
            rows.update(wanted=F("wanted") + 1)
    jobs.enqueue(TASK, notice_id=notice_id)


def sweep() -> int:
    """Send notices again that nobody took."""
    return len(leases.sweep(HostNotice, TASK, "notice_id", where=HostNotice.WORKED))


def work_on(notice_id: int) -> None:
    """Tell the host, unless somebody else does or it knows."""
    lease = leases.claim(HostNotice, notice_id, where=HostNotice.WORKED, seconds=SECONDS)
    if lease is None:
        return
    rows = HostNotice.objects.select_related("repository__connection", "repository__project")
    row = rows.get(pk=notice_id)
    problem, again = "", 0.0
    try:
        with leases.Renewal(lease):
            _send(row)
    except TemporaryBackendError as error:
        problem = error.message
        again = max(error.retry_after, backoff(row.attempts))
    except SlipwayError as error:
        problem = f"{error.message} {error.fix}".strip()
    except Exception:
        log.exception("%s could not be told", row)
        problem = "Slipway could not tell it; the server's log says why."
        again = backoff(row.attempts)
    try:
        with leases.fenced(lease) as now:
            now.sent, now.problem = row.sent, problem
            if not again or row.attempts >= MAX_TRIES:
                now.done, now.attempts = row.wanted, 0
            now.save(update_fields=["sent", "problem", "done", "attempts"])
    except leases.LeaseLost:
        return
    leases.release(lease, wait=again or None)
    if not again and HostNotice.objects.filter(HostNotice.WORKED, pk=row.pk).exists():
        jobs.enqueue(TASK, notice_id=row.pk)


def _send(row: HostNotice) -> None:
    kind, _, pk = row.subject.partition(":")
    compose = _composers.get(kind)
    report = compose(int(pk)) if compose else None
    if report is None:
        return
    host = mirrors.host_of(row.repository)
    if report.status is not None and _news(row, "status", repr((report.sha, report.status))):
        host.set_status(report.sha, report.status)
        row.sent = {**row.sent, "status": _digest(repr((report.sha, report.status)))}
    if report.request is not None and _news(row, "comment", report.comment):
        _comment(host, kind, report.request, report.comment)
        row.sent = {**row.sent, "comment": _digest(report.comment)}


def _comment(host: Host, kind: str, request: HostedMergeRequest, body: str) -> None:
    marker = f"<!-- slipway:{kind} -->"
    known = host.put_comment(
        request.number, f"{body}\n\n{marker}\n", marker=marker, known=request.comment
    )
    HostedMergeRequest.objects.filter(pk=request.pk).update(comment=known[:40])


def _digest(what: str) -> str:
    return hashlib.sha256(what.encode()).hexdigest()[:32]


def _news(row: HostNotice, what: str, text: str) -> bool:
    return bool(row.sent.get(what) != _digest(text))
