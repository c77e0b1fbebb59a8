"""The controller: one leading process that does what nobody asks for.

It sweeps, observes, lets waiting changes go, and keeps periodic work and watchers of upper apps,
each in a thread of its own: a cluster that hangs delays nothing but itself. Run by
`manage.py controller`, or as a thread inside `make run`. Leadership is a leased row: a second
controller stands by and takes over when the first one's lease runs out, or is given back because
a part that may never stand still did.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import lru_cache

from django.db import DatabaseError, connection
from django.db.models import Q

from idp.changes import leases, observing, waiting
from idp.changes.leases import Lease
from idp.changes.models import Change, ControllerLease
from rbac import sealing

log = logging.getLogger(__name__)

ROLE = "controller"
LEASE_SECONDS = 15.0
TICK_SECONDS = 1.0
STUCK_SECONDS = 120.0
OBSERVERS = 8
OBSERVE_SECONDS = 5.0  # how long one round waits for its observations; slow ones go on meanwhile
SWEPT = Q(state__in=[Change.State.PLANNING, Change.State.APPLYING])


@dataclass
class Periodic:
    """A function that runs about every `seconds`, in the leader only; it must be re-runnable.

    `vital` work reads rows only: when it stands still, another controller shall lead.
    """

    name: str
    seconds: float
    run: Callable[[], object]
    vital: bool = False
    began: float | None = field(default=None)  # of a run that goes on, on the monotonic clock


_periodic: dict[str, Periodic] = {}
_watchers: dict[str, Callable[[threading.Event], None]] = {}


def register_periodic(
    name: str, seconds: float, run: Callable[[], object], *, vital: bool = False
) -> None:
    """Have the leading controller call `run` about every `seconds`; errors are logged."""
    if name in _periodic:
        raise ValueError(f"periodic work {name!r} is registered twice")
    _periodic[name] = Periodic(name, seconds, run, vital)


def periodic() -> list[Periodic]:
    """What is done about every so often, for the reference pages."""
    return list(_periodic.values())


def register_watcher(name: str, run_forever: Callable[[threading.Event], None]) -> None:
    """Have the leading controller run `run_forever(stop)` in a thread, again when it ends."""
    if name in _watchers:
        raise ValueError(f"watcher {name!r} is registered twice")
    _watchers[name] = run_forever


def sweep() -> list[int]:
    """Send again the changes that a worker should have and none has."""
    return leases.sweep(Change, "changes.work", "change_id", where=SWEPT)


def observe_due() -> int:
    """Look at every change whose health is being watched and due; how many were begun."""
    found = observing.due()
    if connection.in_atomic_block:  # a test's own transaction: other threads would not see it
        return sum(observing.observe(pk) for pk in found)
    with _observing_lock:
        begun = [pk for pk in found if pk not in _observed]
        _observed.update(begun)
    wait([_observers().submit(_observe, pk) for pk in begun], timeout=OBSERVE_SECONDS)
    return len(begun)


@lru_cache(maxsize=1)
def _observers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(OBSERVERS, thread_name_prefix="observe")


_observed: set[int] = set()  # begun and not finished: one look at a change at a time
_observing_lock = threading.Lock()


def _observe(pk: int) -> None:
    try:
        observing.observe(pk)
    except Exception:
        log.exception("observing change %s failed", pk)
    finally:
        connection.close()
        with _observing_lock:
            _observed.discard(pk)


def run_once(part: Periodic) -> None:
    """One run of a part; its errors are logged and end nothing else."""
    part.began = time.monotonic()
    try:
        part.run()
    except Exception:
        log.exception("%s of the controller failed", part.name)
    took = time.monotonic() - part.began
    part.began = None
    if took > LEASE_SECONDS:
        log.warning("%s of the controller took %.0f s", part.name, took)


def stuck(now: float | None = None) -> Periodic | None:
    """A vital part that has been running for longer than any healthy run takes."""
    now = time.monotonic() if now is None else now
    for part in _periodic.values():
        began = part.began
        if part.vital and began is not None and now - began > STUCK_SECONDS:
            return part
    return None


class Leadership:
    """The leased row of the leading controller, renewed by a thread of its own."""

    def __init__(self) -> None:
        ControllerLease.objects.get_or_create(role=ROLE)
        self.lease: Lease | None = None

    def take(self) -> Lease | None:
        pk = ControllerLease.objects.values_list("pk", flat=True).get(role=ROLE)
        self.lease = leases.claim(ControllerLease, pk, seconds=LEASE_SECONDS)
        return self.lease


def run_forever(stop: threading.Event) -> None:
    """Lead whenever nobody else does, until `stop` is set; gives the lease back at the end."""
    leadership = Leadership()
    while not stop.is_set():
        try:
            lease = leadership.take()
        except Exception:
            log.exception("the controller cannot reach the database")
            connection.close()
            lease = None
        if lease is None:
            stop.wait(LEASE_SECONDS / 3)
            continue
        log.info("this controller leads (token %s)", lease.token)
        _lead(lease, stop)
    connection.close()


def _lead(lease: Lease, stop: threading.Event) -> None:
    over = threading.Event()
    name = threading.current_thread().name
    threads = [
        threading.Thread(target=_repeat, args=(part, over), name=f"{name}/{part.name}", daemon=True)
        for part in _periodic.values()
    ]
    threads += [
        threading.Thread(target=_keep, args=(key, run, over), name=f"{name}/{key}", daemon=True)
        for key, run in _watchers.items()
    ]
    with leases.Renewal(lease) as renewal:
        for thread in threads:
            thread.start()
        while not stop.is_set() and not renewal.lost.is_set():
            stop.wait(TICK_SECONDS)
            if (part := stuck()) is not None:
                log.error("%s stands still; another controller shall lead", part.name)
                break
        over.set()
        for thread in threads:
            thread.join(timeout=5)
    try:
        leases.release(lease)
    except DatabaseError:
        log.exception("the controller's lease could not be given back")


def _repeat(part: Periodic, over: threading.Event) -> None:
    """Run a part about every so many seconds until leadership is over."""
    try:
        while not over.is_set():
            run_once(part)
            connection.close_if_unusable_or_obsolete()
            over.wait(max(part.seconds, TICK_SECONDS))
    finally:
        connection.close()


def _keep(name: str, run: Callable[[threading.Event], None], over: threading.Event) -> None:
    """Run a watcher until leadership is over; a watcher that ends or fails starts again."""
    while not over.is_set():
        try:
            run(over)
        except Exception:
            log.exception("watcher %s failed", name)
        finally:
            connection.close()
        over.wait(5)


register_periodic("sweep", 2, sweep, vital=True)
register_periodic("observe", 1, observe_due)
register_periodic("waiting", 3, waiting.reevaluate, vital=True)
register_periodic("expire", 30, waiting.expire, vital=True)
register_periodic("seal", 5, sealing.seal, vital=True)
