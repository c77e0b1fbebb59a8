"""A small cluster that keeps objects in the database, detects conflicts and plays rollouts.

It is what `make run` uses, and what quick tests run against; pages say that it is simulated.
"""

from __future__ import annotations

import builtins
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from gitops.backends.base import (
    ClusterTarget,
    Contents,
    Document,
    Finding,
    LiveObject,
    LogLine,
    ObjectRef,
    TargetEvent,
    WatchEvent,
    marked,
    ref_of,
    require_ours,
)
from gitops.backends.memory import kinds
from gitops.backends.memory.faults import tripped
from gitops.backends.memory.store import Store, as_kept, facts_after, live_of, merge
from gitops.backends.memory.stories import events_of, log_lines
from gitops.models import MemoryObject
from idp.common.errors import BackendError, Denied, NotFound, PermanentBackendError

DEADLINE = 20.0  # seconds that a hanging call takes
POLL = 0.5


class MemoryTarget(ClusterTarget):
    """The simulated cluster `name`; `clock` gives the instant at which everything is seen."""

    simulated = True

    def __init__(
        self,
        name: str,
        *,
        clock: Callable[[], datetime] = timezone.now,
        pause: Callable[[float], None] = time.sleep,
        deadline: float = DEADLINE,
    ) -> None:
        self.name = name
        self.clock = clock
        self.pause = pause
        self.deadline = deadline
        self.store = Store(name)

    def check(self) -> builtins.list[Finding]:
        try:
            with tripped(self.name, "check", "", self.deadline):
                count = self.store.rows().count()
        except BackendError as exc:
            return [Finding("Reachable", ok=False, message=exc.message, fix=exc.fix)]
        message = f"Simulated in Slipway's database; it holds {count} objects. No container runs."
        return [Finding("Reachable", ok=True, message=message)]

    def get(self, ref: ObjectRef) -> LiveObject | None:
        with tripped(self.name, "get", ref.kind, self.deadline):
            kinds.is_namespaced(self.name, ref.api_version, ref.kind)
            return self._seen(ref)

    def _seen(self, ref: ObjectRef) -> LiveObject | None:
        found = self.store.read(ref.api_version, ref.kind, ref.namespace, self.clock())
        return next((live for live in found if live.ref == ref), None)

    def list(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str = "",
        labels: Mapping[str, str] | None = None,
        prefix: str = "",
    ) -> builtins.list[LiveObject]:
        with tripped(self.name, "list", kind, self.deadline):
            kinds.is_namespaced(self.name, api_version, kind)
            found = self._listed(api_version, kind, namespace, labels)
        return [live for live in found if live.ref.name.startswith(prefix)]

    def _listed(
        self, api_version: str, kind: str, namespace: str, labels: Mapping[str, str] | None
    ) -> builtins.list[LiveObject]:
        found = self.store.read(api_version, kind, namespace, self.clock())
        return [live for live in found if _has_labels(live, labels or {})]

    def apply(
        self,
        document: Document,
        *,
        owner: str,
        change: str = "",
        uid: str = "",
        dry_run: bool = False,
        intended_at: datetime | None = None,
    ) -> LiveObject:
        ref = ref_of(document)
        with tripped(self.name, "apply", ref.kind, self.deadline), transaction.atomic():
            version = self.store.next_version()
            self._check_place(ref)
            kinds.validate(ref, document)
            ours = as_kept(marked(document, owner=owner, change=change))
            live = self._apply(ref, ours, owner, uid, version)
            if dry_run:
                transaction.set_rollback(True)
        return live

    def _apply(
        self, ref: ObjectRef, ours: dict[str, Any], owner: str, uid: str, version: int
    ) -> LiveObject:
        row, now = self.store.row(ref), self.clock()
        if row is None:
            self._check_quota(ref)
            facts = facts_after(None, {"applied": ours}, ours, now)
            row = self._row(ref, version, now)
            row.body = {"document": ours, "facts": facts}
            row.save()
        else:
            before, facts = row.body["document"], row.body["facts"]
            require_ours(
                live_of({**before, "metadata": {**before["metadata"], "uid": str(row.uid)}}, 0),
                owner=owner,
                uid=uid,
                where=f"cluster {self.name}",
            )
            after = merge(facts["applied"], before, ours)
            kinds.check_immutable(ref, before, after)
            if after != before:
                facts = facts_after(before, facts, after, now)
                row.body, row.version = (
                    {"document": after, "facts": {**facts, "applied": ours}},
                    version,
                )
                row.save()
        seen = self._seen(ref)
        if seen is None:
            raise NotFound(f"{ref} vanished from cluster {self.name} while it was written.")
        return seen

    def _row(self, ref: ObjectRef, version: int, now: datetime) -> MemoryObject:
        return MemoryObject(
            cluster=self.name,
            api_version=ref.api_version,
            kind=ref.kind,
            namespace=ref.namespace,
            name=ref.name,
            version=version,
            created_at=now,
        )

    def _check_place(self, ref: ObjectRef) -> None:
        namespaced = kinds.is_namespaced(self.name, ref.api_version, ref.kind)
        if namespaced != bool(ref.namespace):
            rule = "lives in a namespace" if namespaced else "lives in no namespace"
            raise PermanentBackendError(
                f"{ref}: {ref.kind} {rule}.", fix="Correct metadata.namespace."
            )
        if namespaced and not self.store.has_namespace(ref.namespace):
            raise NotFound(
                f'{ref} cannot be stored: namespaces "{ref.namespace}" not found'
                f" in cluster {self.name}.",
                fix="Create the namespace first.",
            )

    def _check_quota(self, ref: ObjectRef) -> None:
        if not ref.namespace:
            return
        error = self.store.scene(ref.namespace, self.clock()).ledger.object_error(
            ref.kind, ref.name
        )
        if error:
            raise Denied(
                error, fix="Remove something from the environment, or have its quota raised."
            )

    def edit(self, ref: ObjectRef, patch: Document) -> LiveObject:
        """Change an object as somebody with `kubectl edit` would: no marks, no questions."""
        with transaction.atomic():
            version = self.store.next_version()
            row = self.store.row(ref)
            if row is None:
                raise NotFound(f"{ref} does not exist in cluster {self.name}.")
            before, facts = row.body["document"], row.body["facts"]
            after = merge({}, before, patch)
            facts = facts_after(before, facts, after, self.clock())
            row.body, row.version = {"document": after, "facts": facts}, version
            row.save()
        seen = self._seen(ref)
        return seen or live_of(after, version)

    def plant(self, document: Document) -> LiveObject:
        """Make an object as somebody else would: without a mark of ours."""
        ref, now, ours = ref_of(document), self.clock(), as_kept(document)
        with transaction.atomic():
            row = self._row(ref, self.store.next_version(), now)
            row.body = {"document": ours, "facts": facts_after(None, {"applied": {}}, ours, now)}
            row.uid = uuid.uuid4()
            row.save()
        return self._seen(ref) or live_of(ours, row.version)

    def delete(self, ref: ObjectRef, *, owner: str, uid: str = "", purge: bool = False) -> None:
        with tripped(self.name, "delete", ref.kind, self.deadline), transaction.atomic():
            self.store.next_version()
            row = self.store.row(ref)
            if row is None:
                return
            live = self._seen(ref)
            if live is not None:
                require_ours(live, owner=owner, uid=uid, where=f"cluster {self.name}")
            self.store.remove(row)

    def contents(self, ref: ObjectRef) -> Contents:
        live = self.get(ref)
        if live is None or ref.kind != "PersistentVolumeClaim":
            return Contents(empty=True)
        requests = live.body.get("spec", {}).get("resources", {}).get("requests", {})
        return Contents(
            empty=False, sentence=f"a volume of {requests.get('storage', 'unknown size')}"
        )

    def watch(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str = "",
        labels: Mapping[str, str] | None = None,
        version: str = "",
        seconds: int = 60,
    ) -> Iterator[WatchEvent]:
        with tripped(self.name, "watch", kind, self.deadline):
            kinds.is_namespaced(self.name, api_version, kind)
        since = int(version.partition(".")[0] or 0)
        if version and self.store.last_deletion() > since:
            yield WatchEvent("RELIST", None)
            return
        known: dict[str, LiveObject] = {}
        if version:
            for live in self._listed(api_version, kind, namespace, labels):
                # What is played moves without a write: it is told again.
                if int(live.version.partition(".")[0]) <= since and "." not in live.version:
                    known[live.uid] = live
        for _ in range(int(seconds / POLL) + 1):
            listed = self._listed(api_version, kind, namespace, labels)
            yield from _differences(known, listed, fresh=not version)
            known = {live.uid: live for live in listed}
            self.pause(POLL)

    def logs(
        self, namespace: str, *, labels: Mapping[str, str], tail: int = 200
    ) -> builtins.list[LogLine]:
        with tripped(self.name, "logs", "Pod", self.deadline):
            pods = self._listed("v1", "Pod", namespace, labels)
        now = self.clock()
        return [line for pod in pods for line in log_lines(pod.body, now, tail)]

    def events(self, namespace: str, *, limit: int = 200) -> builtins.list[TargetEvent]:
        with tripped(self.name, "events", "Event", self.deadline):
            found = builtins.list(events_of(self.store.scene(namespace, self.clock())))
        return sorted(found, key=lambda event: event.at, reverse=True)[:limit]


def _has_labels(live: LiveObject, labels: Mapping[str, str]) -> bool:
    own: dict[str, Any] = live.body["metadata"].get("labels") or {}
    return all(own.get(key) == value for key, value in labels.items())


def _differences(
    known: dict[str, LiveObject], listed: builtins.list[LiveObject], *, fresh: bool
) -> Iterator[WatchEvent]:
    present = {live.uid for live in listed}
    for uid, live in known.items():
        if uid not in present:
            yield WatchEvent("DELETED", live)
    for live in listed:
        before = known.get(live.uid)
        if before is None:
            yield WatchEvent("ADDED" if fresh or known else "MODIFIED", live)
        elif before.version != live.version:
            yield WatchEvent("MODIFIED", live)
