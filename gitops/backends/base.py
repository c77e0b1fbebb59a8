"""The target port: the verbs by which Slipway reads and writes a cluster or a cloud account.

Callers see these dataclasses and errors only, never an SDK's. `documents` are plain dicts in
Kubernetes' form; AWS resources are `apiVersion: aws.slipway.dev/v1` documents.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from idp.common.errors import Conflict

MANAGER = "slipway"  # the field manager of every server-side apply
AWS_API = "aws.slipway.dev/v1"
# The marks that `apply` adds: labels in a cluster, tags of the same names at AWS; a `LiveObject`
# of either shows both under `metadata`, and `list(labels=…)` selects by the first.
OWNER_LABEL = "slipway.dev/owner"  # the application's namespace
CHANGE_ANNOTATION = "slipway.dev/change"  # the change that last applied the object
MANAGED_LABEL = "app.kubernetes.io/managed-by"
EXPIRES_ANNOTATION = "slipway.dev/expires-at"

Document = Mapping[str, Any]


@dataclass(frozen=True)
class ObjectRef:
    api_version: str
    kind: str
    name: str
    namespace: str = ""

    def __str__(self) -> str:
        return (
            f"{self.kind} {self.namespace}/{self.name}"
            if self.namespace
            else f"{self.kind} {self.name}"
        )


def ref_of(document: Document) -> ObjectRef:
    """The reference that a document's own header gives."""
    metadata = document["metadata"]
    return ObjectRef(
        document["apiVersion"], document["kind"], metadata["name"], metadata.get("namespace", "")
    )


@dataclass(frozen=True)
class LiveObject:
    """An object as the target holds it. `body` is the whole document; `outputs` are AWS's facts."""

    ref: ObjectRef
    uid: str
    version: str
    body: Document
    outputs: Mapping[str, str] = field(default_factory=dict)


def owner_of(live: LiveObject) -> str:
    """The application that a live object is marked with, empty where it is nobody's."""
    return str((live.body.get("metadata", {}).get("labels") or {}).get(OWNER_LABEL, ""))


def marked(document: Document, *, owner: str, change: str) -> dict[str, Any]:
    """The document with the marks that `apply` adds; the original is left alone."""
    metadata = dict(document["metadata"])
    labels = {**(metadata.get("labels") or {}), MANAGED_LABEL: MANAGER, OWNER_LABEL: owner}
    annotations = dict(metadata.get("annotations") or {})
    if change:
        annotations[CHANGE_ANNOTATION] = change
    metadata |= {"labels": labels, "annotations": annotations}
    return {**document, "metadata": metadata}


def require_ours(live: LiveObject, *, owner: str, uid: str, where: str) -> None:
    """Raise `Conflict` where a live object is not the one with `uid`, or not `owner`'s."""
    holder = owner_of(live)
    if holder != owner:
        whose = f"it belongs to {holder}" if holder else "Slipway did not make it"
        raise Conflict(
            f"{live.ref} exists in {where} already, and {whose}.",
            fix="Choose another name, or remove that object by hand if nobody needs it.",
        )
    if uid and live.uid != uid:
        raise Conflict(
            f"{live.ref} in {where} was deleted and made again by someone else"
            f" (it is {live.uid}, not {uid}).",
            fix="Plan the change again: it then works on the object that is there now.",
        )


@dataclass(frozen=True)
class WatchEvent:
    """`type`: ADDED, MODIFIED, DELETED, or RELIST when the reader must list anew."""

    type: str
    object: LiveObject | None


@dataclass(frozen=True)
class TargetEvent:
    """A Kubernetes event, or its like."""

    at: datetime
    type: str  # Normal | Warning
    reason: str
    object: str  # "Pod web-7f9c-k2"
    message: str
    count: int = 1


@dataclass(frozen=True)
class LogLine:
    at: datetime | None
    pod: str
    container: str
    text: str


@dataclass(frozen=True)
class Finding:
    """One line of a connection test: what was tried, whether it holds, and what to do if not."""

    check: str
    ok: bool
    message: str
    fix: str = ""


@dataclass(frozen=True)
class Contents:
    """What a stateful object holds, so that a plan can say what would be lost."""

    empty: bool
    sentence: str = ""  # "18,204 items, 42 MB"


class Target(ABC):
    """A cluster or a cloud account. Calls have deadlines and raise `BackendError` kinds only."""

    name: str

    @abstractmethod
    def check(self) -> list[Finding]:
        """Whether it can be reached and what the credentials may do; never raises BackendError."""

    @abstractmethod
    def get(self, ref: ObjectRef) -> LiveObject | None:
        """The object, or None where it does not exist."""

    @abstractmethod
    def list(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str = "",
        labels: Mapping[str, str] | None = None,
        prefix: str = "",
    ) -> list[LiveObject]:
        """Objects of a kind, all namespaces where none is named; `prefix` begins their names.

        An account holds other people's resources too: what has another prefix is not looked at.
        """

    @abstractmethod
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
        """Create or update the object so that our fields hold (server-side apply, forced).

        `owner` (an application's namespace) and `change` mark the object as ours. Raises `Conflict`
        where it exists with another uid than `uid`, or carries no mark of `owner`. A dry run
        changes nothing and returns what `get` would show afterwards. `intended_at` is when the
        caller recorded that it would make the object: where a target cannot create and mark in one
        call, an unmarked object made since then is our own half-done work, and is finished.
        """

    @abstractmethod
    def delete(self, ref: ObjectRef, *, owner: str, uid: str = "", purge: bool = False) -> None:
        """Remove the object; one that is gone already is fine, one that is not ours is `Conflict`.

        `purge` allows removing contents with it (objects in a bucket, items of a table).
        """

    @abstractmethod
    def contents(self, ref: ObjectRef) -> Contents:
        """What would be lost with the object."""


class ClusterTarget(Target):
    """What only a cluster can do."""

    @abstractmethod
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
        """Changes since `version` for at most `seconds`."""

    @abstractmethod
    def logs(self, namespace: str, *, labels: Mapping[str, str], tail: int = 200) -> list[LogLine]:
        """The last lines of each container of the pods that match, oldest first."""

    @abstractmethod
    def events(self, namespace: str, *, limit: int = 200) -> list[TargetEvent]:
        """Newest first."""
