"""What a worker does when something may have moved at a git host: fetch, then tell of it.

The row is the truth. A webhook only says "look"; what moved is what the mirror has and listeners
have not heard of, so that a webhook that came twice, late or never changes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import timedelta

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from gitops import listeners
from gitops.hosted import mirrors
from gitops.hosted.models import HookDelivery, HostedMergeRequest, HostedRepository
from gitops.hosted.services import LOOK, look
from gitops.hosts import remote
from gitops.hosts.base import Host, MergeRequest
from gitops.hosts.local import ZERO
from gitops.hosts.mirror import REQUESTS, SHOWN, Mirror, Update, request_ref
from idp.changes import leases
from idp.common import jobs
from idp.common.errors import NotFound, Refusal, SlipwayError, TemporaryBackendError
from rbac.actors import Actor

log = logging.getLogger(__name__)
SECONDS = 60.0
MAX_TRIES = 10
FIRST_WAIT, LONGEST_WAIT = 5.0, 600.0
MAX_SAID = 20
NAMED = 5  # references in a line
MAX_ENDED = 20  # merge requests asked for one by one in one look
KEPT = timedelta(days=30)
State = HostedMergeRequest.State


def sweep() -> int:
    """Send repositories again that nobody looks at."""
    return len(leases.sweep(HostedRepository, LOOK, "repository_id", where=HostedRepository.WORKED))


def poll() -> int:
    """Look at each repository from time to time, whether or not a webhook came; how many."""
    now = timezone.now()
    due = now - timedelta(seconds=settings.GIT_POLL_SECONDS)
    found = 0
    for row in HostedRepository.objects.filter(polled_at__lt=due).order_by("polled_at")[:100]:
        if HostedRepository.objects.filter(pk=row.pk, polled_at=row.polled_at).update(
            polled_at=now
        ):
            look(row)
            found += 1
    HookDelivery.objects.filter(at__lt=now - KEPT).delete()
    return found


def backoff(tries: int) -> float:
    """Seconds until the next try."""
    return float(min(FIRST_WAIT * 2 ** min(tries, 10), LONGEST_WAIT))


def work_on(repository_id: int) -> None:
    """Look at one repository, unless somebody else does or there is nothing new to look for."""
    where = HostedRepository.WORKED
    lease = leases.claim(HostedRepository, repository_id, where=where, seconds=SECONDS)
    if lease is None:
        return
    rows = HostedRepository.objects.select_related("connection", "project__scope", "acts_as")
    row = rows.get(pk=repository_id)
    lines: list[str] = []
    problem, again = "", 0.0
    try:
        with leases.Renewal(lease):
            lines = _look(row)
    except TemporaryBackendError as error:
        problem = f"{error.message} {error.fix}".strip()
        again = max(error.retry_after, backoff(row.attempts))
    except SlipwayError as error:
        problem = f"{error.message} {error.fix}".strip()
    except Exception:
        log.exception("what moved at %s could not be taken in", row)
        problem = "Slipway could not take it in; the server's log says why."
        again = backoff(row.attempts)
    if again and row.attempts < MAX_TRIES:
        HostedRepository.objects.filter(pk=row.pk).update(problem=problem)
        leases.release(lease, wait=again)
        return
    try:
        _keep(lease, row, problem, lines)
    except leases.LeaseLost:
        return
    leases.release(lease)
    if HostedRepository.objects.filter(where, pk=row.pk).exists():
        jobs.enqueue(LOOK, repository_id=row.pk)


def _keep(lease: leases.Lease, row: HostedRepository, problem: str, lines: list[str]) -> None:
    with leases.fenced(lease) as now:
        now.done, now.attempts, now.problem = row.wanted, 0, problem
        names = ["done", "attempts", "problem"]
        if not problem:
            now.looked_at, now.default_branch, now.url = timezone.now(), row.default_branch, row.url
            names += ["looked_at", "default_branch", "url"]
        if lines:
            now.said = lines[:MAX_SAID]
            names.append("said")
        now.save(update_fields=names)


def _look(row: HostedRepository) -> list[str]:
    """Fetch and tell; lines for the page."""
    host, mirror = mirrors.host_of(row), mirrors.mirror_of(row)
    came = list(row.deliveries.filter(handled_at=None).order_by("pk")[:500])
    first = row.looked_at is None
    if first:
        _first(row, host, mirror)
    requests = host.merge_requests()
    _fetch(host, mirror, requests)
    if row.acts_as is None or not row.acts_as.is_active:
        raise Refusal(
            "Whoever connected this repository is no longer here: nothing is started.",
            fix="Somebody who may connect it has to connect it again.",
        )
    actor = Actor(row.acts_as)
    rows = [take_in(row, request) for request in requests]  # rules of pushes may ask for them
    lines, left = _tell_pushes(row, mirror, actor, came, silent=first)
    for request in rows:
        lines += _tell_request(mirror, actor, request, silent=first)
    _ended(row, host, {request.number for request in requests})
    heard = [one.pk for one in came if one.ref not in left]
    HookDelivery.objects.filter(pk__in=heard).update(handled_at=timezone.now())
    return lines


def _first(row: HostedRepository, host: Host, mirror: Mirror) -> None:
    facts = host.facts()
    row.default_branch = facts.default_branch or row.default_branch
    row.url = facts.url if facts.url.startswith(("https://", "http://")) else ""
    mirror.make()
    mirrors.remove_others(row)


def _fetch(host: Host, mirror: Mirror, requests: Iterable[MergeRequest]) -> None:
    """Bring the mirror in step, where it is not."""
    mirror.make()
    source = remote.remote_of(host)
    heads = {host.head_ref(one.number): request_ref(one.number) for one in requests}
    there = remote.references(source, *(f"{one}*" for one in SHOWN), *heads)
    here = mirror.references(*SHOWN, REQUESTS)
    shown = {name: sha for name, sha in there.items() if name.startswith(SHOWN)}
    same = shown == {name: sha for name, sha in here.items() if name.startswith(SHOWN)}
    if same and all(here.get(heads[name]) == there[name] for name in heads if name in there):
        return
    specs = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"]
    specs += [f"+{name}:{ours}" for name, ours in heads.items() if name in there]
    remote.fetch(source, mirror.path, specs, largest=settings.MIRROR_BYTES)


def _tell_pushes(
    row: HostedRepository,
    mirror: Mirror,
    actor: Actor,
    came: Iterable[HookDelivery],
    *,
    silent: bool,
) -> tuple[list[str], set[str]]:
    """Tell of what moved: lines about it, and the references that are left for the next look."""
    updates = mirror.untold()
    if not updates:
        return [], set()
    lines: list[str] = []
    left: list[Update] = []
    if not silent:
        updates, left = _first_few(row, updates)
        names = {one.ref: one.who for one in came if one.ref}
        by = ", ".join(sorted({names[ref] for _, _, ref in updates if names.get(ref)}))
        moved = [_peeled(mirror, one) for one in updates]
        what = listeners.Pushed(row.project, mirror, moved, row, by[:100], row.tellings)
        lines = listeners.pushed(actor, what)
    mirror.tell(updates)
    rows = HostedRepository.objects.filter(pk=row.pk)
    rows.update(tellings=F("tellings") + 1, wanted=F("wanted") + bool(left))
    if left:
        named = ", ".join(name for _, _, name in left[:NAMED])
        lines.append(f"{len(left)} more references moved and come with the next look: {named}")
    return lines, {name for _, _, name in left}


def _first_few(
    row: HostedRepository, updates: Iterable[Update]
) -> tuple[list[Update], list[Update]]:
    """Those to tell of now, the default branch among them, and what is left for the next look."""
    first = f"refs/heads/{row.default_branch}"
    ordered = sorted(updates, key=lambda one: (one[1] != ZERO, one[2] != first, one[2]))
    gone = sum(new == ZERO for _, new, _ in ordered)
    return ordered[: gone + listeners.MOST], ordered[gone + listeners.MOST :]


def _peeled(mirror: Mirror, update: Update) -> Update:
    """The same with commits where tags have objects of their own."""
    old, new, name = update
    if not name.startswith("refs/tags/"):
        return update
    before, after = (ZERO if sha == ZERO else mirror.commit_of(sha) or ZERO for sha in (old, new))
    return before, after, name


def _tell_request(
    mirror: Mirror, actor: Actor, request: HostedMergeRequest, *, silent: bool
) -> list[str]:
    """Say what merging it would make; tell of a head that nobody heard of."""
    head = mirror.ref(request_ref(request.number))
    if not head:
        return []
    base = mirror.ref(f"refs/heads/{request.target_branch}")
    if (head, base) != (request.sha, request.target_sha):
        merged = mirror.merge(request.number, head, request.target_branch)
        request.sha, request.target_sha = head, merged.base
        request.merged_sha, request.unmergeable = merged.commit, merged.reason[:300]
        request.save(update_fields=["sha", "target_sha", "merged_sha", "unmergeable"])
    if request.told_sha == head:
        return []
    lines = [] if silent else listeners.merge_request(actor, request)
    HostedMergeRequest.objects.filter(pk=request.pk).update(told_sha=head)
    return lines


def take_in(row: HostedRepository, found: MergeRequest) -> HostedMergeRequest:
    """The row of a merge request, brought in step with what the host says of it."""
    facts = {
        "title": found.title[:500],
        "description": found.description,
        "state": found.state,
        "draft": found.draft,
        "source_branch": found.source_branch,
        "target_branch": found.target_branch,
        "source_repository": found.source_repository,
        "fork": found.fork,
        "author": found.author,
        "url": found.url if found.url.startswith(("https://", "http://")) else "",
        "labels": list(found.labels),
        "updated_at": timezone.now(),
    }
    request, _ = HostedMergeRequest.objects.update_or_create(
        repository=row, number=found.number, defaults={**facts, "project": row.project}
    )
    request.repository, request.project = row, row.project
    return request


def _ended(row: HostedRepository, host: Host, open_now: set[int]) -> None:
    """Ask of those that are no longer among the open ones."""
    rows = row.merge_requests.filter(state=State.OPEN).exclude(number__in=open_now)
    for number in rows.order_by("-number").values_list("number", flat=True)[:MAX_ENDED]:
        try:
            take_in(row, host.merge_request(number))
        except NotFound:
            row.merge_requests.filter(number=number).update(state=State.CLOSED)
