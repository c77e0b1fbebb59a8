"""Agents claim attempts: in turn, by tags and scope, waiting a while where there are none."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db.models.functions import Now

from idp.changes import leases
from pipelines.agent.forms import CANCEL, LOST, MAX_SLOTS, MAX_WAIT, RUN, Claim, Claimed, Order
from pipelines.fleet import orders, reach, tokens
from pipelines.fleet.models import Agent
from pipelines.fleet.tokens import Caller
from pipelines.runs import claiming
from pipelines.runs.models import Attempt

LOOK_SECONDS = 0.3
ASK_AGAIN = 3.0  # seconds, where as many wait as may
PAUSED_SECONDS = 10.0
_waiting = threading.BoundedSemaphore(max(settings.CI_AGENT_WAITING, 1))
Status = Attempt.Status


def claim(caller: Caller, asked: Claim) -> Claimed:
    """At most as many attempts as asked for; waits for the first one, where it may."""
    rotate = caller.pod is None and tokens.old(caller.agent)
    if caller.pod is not None:
        return Claimed(_its_one(caller), rotate=False)
    mark = secrets.token_hex(16)
    Agent.objects.filter(pk=caller.agent.pk).update(waiting=mark)
    found = _unheard(caller.agent, asked)
    end = time.monotonic() + min(max(asked.wait, 0.0), MAX_WAIT)
    with _place(found) as may_wait:
        while not found:
            row = Agent.objects.filter(pk=caller.agent.pk)
            state = row.values_list("waiting", "paused").first()
            if state is None or state[0] != mark:
                return Claimed(rotate=rotate)  # a newer claim waits, or nobody does any more
            if state[1]:
                return Claimed(retry_after=PAUSED_SECONDS, rotate=rotate)
            found = _take(caller.agent, asked)
            if found or time.monotonic() >= end:
                break
            if not may_wait:
                return Claimed(retry_after=ASK_AGAIN, rotate=rotate)
            time.sleep(LOOK_SECONDS)
    return Claimed(tuple(found), rotate=rotate)


@contextmanager
def _place(found: list[Order]) -> Iterator[bool]:
    """One of the few places of this process in which a claim may wait; False without one."""
    taken = not found and settings.CI_AGENT_WAITING > 0 and _waiting.acquire(blocking=False)
    try:
        yield taken
    finally:
        if taken:
            _waiting.release()


def _take(agent: Agent, asked: Claim) -> list[Order]:
    running = Attempt.objects.filter(agent=agent, status=Status.RUNNING).count()
    free = min(max(asked.slots, 0), MAX_SLOTS, agent.slots - running)
    if free <= 0:
        return []
    where = reach.of_agent(agent, asked.tags)
    found = claiming.take(free, name=agent.name, reach=where, agent=agent.pk)
    return [ready for one in found for ready in orders.told(one.attempt, one.lease)]


def _unheard(agent: Agent, asked: Claim) -> list[Order]:
    """What was given to the agent and never came to it: told again, its lease renewed."""
    rows = Attempt.objects.filter(agent=agent, status=Status.RUNNING, pod=None, log_size=0)
    missing = rows.exclude(pk__in=asked.holding[:MAX_SLOTS]).select_related(
        "job__pipeline", "project"
    )
    found = []
    for attempt in missing.order_by("pk")[: min(max(asked.slots, 0), MAX_SLOTS)]:
        lease = orders.lease_as_it_is(attempt)
        mine = Attempt.objects.filter(
            pk=attempt.pk, lease_token=lease.token, status=Status.RUNNING, lease_until__gt=Now()
        )
        if mine.update(lease_until=leases.after(lease.seconds)):
            found += orders.told(attempt, lease)
    return found


def _its_one(caller: Caller) -> tuple[Order, ...]:
    """The attempt of a token that is for one; told again while nothing was written of it."""
    pod = caller.pod
    if pod is None:
        return ()
    taken = claiming.take_one(pod.attempt_id, caller.agent.name, caller.agent.pk)
    if taken is not None:
        return tuple(orders.told(taken.attempt, taken.lease))
    attempt = tokens.attempt_of(caller, pod.attempt_id)
    if attempt is None or attempt.status != Status.RUNNING or attempt.log_size:
        return ()
    return tuple(orders.told(attempt, orders.lease_as_it_is(attempt)))


def beat(caller: Caller, held: dict[int, str]) -> dict[int, str]:
    """Renew leases; what the agent shall do with each attempt."""
    found: dict[int, str] = {}
    for pk, text in list(held.items())[:MAX_SLOTS]:
        attempt = tokens.attempt_of(caller, pk)
        lease = orders.lease_of(attempt, text) if attempt is not None else None
        if attempt is None or lease is None or attempt.status != Status.RUNNING:
            found[pk] = LOST
            continue
        rows = Attempt.objects.filter(pk=pk, lease_token=lease.token, status=Status.RUNNING)
        if not rows.update(lease_until=leases.after(lease.seconds)):
            found[pk] = LOST
        else:
            found[pk] = CANCEL if attempt.cancel else RUN
    return found
