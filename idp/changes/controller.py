"""The controller: one leading process that does what nobody asks for.

It sweeps, observes, lets waiting changes go, and keeps periodic work and watchers of upper apps.
Run by `manage.py controller`, or as a thread inside `make run`. Leadership is a leased row: a
second controller stands by and takes over when the first one's lease runs out.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field

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
OBSERVERS = 4
SWEPT = Q(state__in=[Change.State.PLANNING, Change.State.APPLYING])


@dataclass
class Periodic:
    """A function that runs about every `seconds`, in the leader only; it must be re-runnable."""

    name: str
    seconds: float
    run: Callable[[], object]
    due_at: float = field(default=0.0)


_periodic: dict[str, Periodic] = {}
_watchers: dict[str, Callable[[threading.Event], None]] = {}


def register_periodic(name: str, seconds: float, run: Callable[[], object]) -> None:
    """Have the leading controller call `run` about every `seconds`; errors are logged."""
    if name in _periodic:
        raise ValueError(f"periodic work {name!r} is registered twice")
    _periodic[name] = Periodic(name, seconds, run)


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
    """Look at every change whose health is being watched and due; how many."""
    found = observing.due()
    if not found:
        return 0
    if connection.in_atomic_block:  # a test's own transaction: other threads would not see it
        return sum(observing.observe(pk) for pk in found)
    with ThreadPoolExecutor(OBSERVERS, thread_name_prefix="observe") as pool:
        wait([pool.submit(_observe, pk) for pk in found])
    return len(found)


def _observe(pk: int) -> None:
    try:
        observing.observe(pk)
    except Exception:
        log.exception("observing change %s failed", pk)
    finally:
        connection.close()


def tick(now: float | None = None) -> None:
    """One round of everything that is due; each part fails alone."""
    now = time.monotonic() if now is None else now
    for part in list(_periodic.values()):
        if part.due_at <= now:
            part.due_at = now + part.seconds
            _guarded(part.name, part.run)


def _guarded(name: str, run: Callable[[], object]) -> None:
    started = time.monotonic()
    try:
        run()
    except Exception:
        log.exception("%s of the controller failed", name)
    took = time.monotonic() - started
    if took > LEASE_SECONDS:
        log.warning("%s of the controller took %.0f s", name, took)


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
    threads = [
        threading.Thread(target=_keep, args=(name, run, over), name=f"watch-{name}", daemon=True)
        for name, run in _watchers.items()
    ]
    with leases.Renewal(lease) as renewal:
        for thread in threads:
            thread.start()
        while not stop.is_set() and not renewal.lost.is_set():
            tick()
            stop.wait(TICK_SECONDS)
        over.set()
        for thread in threads:
            thread.join(timeout=5)
    try:
        leases.release(lease)
    except DatabaseError:
        log.exception("the controller's lease could not be given back")


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


register_periodic("sweep", 2, sweep)
register_periodic("observe", 1, observe_due)
register_periodic("waiting", 3, waiting.reevaluate)
register_periodic("expire", 30, waiting.expire)
register_periodic("seal", 5, sealing.seal)
