"""Health kept fresh: one thread for each cluster and kind of workload, and a relist behind it.

Run by the leading controller. A watch that ends, breaks or says RELIST begins anew, with back-off;
what it misses, the relist finds.
"""

from __future__ import annotations

import logging
import threading
from datetime import timedelta

from django.db import connection
from django.db.models import F, Q
from django.utils import timezone

from gitops import kinds, targets
from gitops.backends.base import LiveObject
from gitops.models import Application, Cluster, ManagedObject
from gitops.sync import observing
from gitops.sync.desired import MANAGED_BY
from idp.common.errors import SlipwayError, TemporaryBackendError

log = logging.getLogger(__name__)
KINDS = kinds.WATCHED
WATCH_SECONDS = 60
LONGEST_PAUSE = 60.0
STALE = timedelta(minutes=5)
RELISTED_AT_ONCE = 20
Key = tuple[int, str, str]


def run_forever(stop: threading.Event) -> None:
    """Keep one thread alive for each active cluster and kind until `stop` is set."""
    threads: dict[Key, threading.Thread] = {}
    while not stop.is_set():
        clusters = Cluster.objects.filter(active=True).values_list("pk", flat=True)
        for key in [(pk, api, kind) for pk in clusters for api, kind in KINDS]:
            if key not in threads or not threads[key].is_alive():
                name = f"watch-{key[0]}-{key[2]}"
                threads[key] = threading.Thread(
                    target=_watch, args=(key, stop), name=name, daemon=True
                )
                threads[key].start()
        stop.wait(10)
    for thread in threads.values():
        thread.join(timeout=2)


def _watch(key: Key, stop: threading.Event) -> None:
    """Follow one kind of one cluster for as long as the cluster is active."""
    pause, version = 1.0, ""
    try:
        while not stop.is_set():
            cluster = Cluster.objects.filter(pk=key[0], active=True).first()
            if cluster is None:
                return
            try:
                version = follow(cluster, key[1], key[2], stop, version)
                pause = 1.0
            except SlipwayError as error:
                log.warning("watching %s of %s: %s", key[2], cluster.name, error.message)
                version, pause = "", min(pause * 2, LONGEST_PAUSE)
            connection.close()
            stop.wait(pause)
    finally:
        connection.close()


def follow(cluster: Cluster, api: str, kind: str, stop: threading.Event, version: str = "") -> str:
    """One watch from `version` (empty: from what is there); returns where to go on from."""
    target = targets.cluster_target(cluster)
    events = target.watch(api, kind, labels=MANAGED_BY, version=version, seconds=WATCH_SECONDS)
    for event in events:
        if stop.is_set():
            break
        if event.type == "RELIST":
            return ""
        if event.object is not None:
            version = event.object.version
            take(cluster, event.object, gone=event.type == "DELETED")
    return version


def take(cluster: Cluster, found: LiveObject, *, gone: bool = False) -> bool:
    """Keep what a live object says on its row and its application's; whether it was news."""
    row = (
        ManagedObject.objects.filter(
            application__cluster=cluster,
            application__namespace=found.ref.namespace,
            target="kubernetes",
            kind=found.ref.kind,
            name=found.ref.name,
        )
        .exclude(state__in=[ManagedObject.State.RETAINED, ManagedObject.State.DELETING])
        .select_related("application")
        .first()
    )
    if row is None or not observing.keep(row, None if gone else found):
        return False
    observing.settle(row.application)
    return True


def relist() -> int:
    """Look anew at applications that nobody has looked at for a while; how many.

    A cluster that does not answer is asked once a round, not once for each application.
    """
    old = Q(observed_at=None) | Q(observed_at__lt=timezone.now() - STALE)
    rows = Application.objects.filter(old, removed_at=None, cluster__active=True)
    rows = rows.exclude(synced_commit="").select_related("cluster", "account")
    found = list(rows.order_by(F("observed_at").asc(nulls_first=True))[:RELISTED_AT_ONCE])
    away: dict[int, str] = {}  # clusters
    lost: dict[int, str] = {}  # accounts
    for application in found:
        silent = away.get(application.cluster_id)
        if silent is None:
            silent = _refresh(application, away, lost)
        if silent:
            Application.objects.filter(pk=application.pk).update(
                health=Application.Health.UNKNOWN,
                health_message=f"It cannot be seen: {silent}"[:2000],
                observed_at=timezone.now(),
            )
    return len(found)


def _refresh(application: Application, away: dict[int, str], lost: dict[int, str]) -> str:
    """Why the application could not be seen, empty when it was; notes clusters that are away."""
    try:
        observing.refresh(application, lost)
    except TemporaryBackendError as error:
        away[application.cluster_id] = error.message
        return error.message
    except SlipwayError as error:
        return error.message
    except Exception as error:  # one application's odd object must not hide the others'
        log.exception("looking at %s failed", application)
        return f"{type(error).__name__}; the server's log says why."
    return ""
