"""An AWS account and region as a target: the port's verbs over the kinds' modules."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from gitops.backends.aws.bucket import Bucket
from gitops.backends.aws.calls import Calls
from gitops.backends.aws.iam import Policy, Role
from gitops.backends.aws.kind import Found, Kind, metadata_of, tags_of
from gitops.backends.aws.queue import Queue
from gitops.backends.aws.secret import SecretValue
from gitops.backends.aws.table import Table
from gitops.backends.aws.topic import Topic
from gitops.backends.base import (
    AWS_API,
    Contents,
    Document,
    Finding,
    LiveObject,
    ObjectRef,
    Target,
    marked,
    ref_of,
    require_ours,
)
from idp.common.errors import (
    BackendError,
    Conflict,
    NotFound,
    PermanentBackendError,
    TemporaryBackendError,
)

KINDS: dict[str, type[Kind]] = {
    each.kind: each for each in (Bucket, Queue, Topic, Table, SecretValue, Role, Policy)
}
_SKEW = timedelta(minutes=1)  # between our clock and AWS's
_PROBES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("s3", "list_buckets", {}),
    ("sqs", "list_queues", {"MaxResults": 1}),
    ("sns", "list_topics", {}),
    ("dynamodb", "list_tables", {"Limit": 1}),
    ("secretsmanager", "list_secrets", {"MaxResults": 1}),
    ("iam", "list_roles", {"MaxItems": 1}),
    ("iam", "list_policies", {"MaxItems": 1, "Scope": "Local"}),
)


class AwsTarget(Target):
    """`credentials` holds access_key_id and secret_access_key; empty means the process's own."""

    def __init__(
        self,
        name: str,
        region: str,
        credentials: Mapping[str, str],
        role_arn: str = "",
        endpoint_url: str = "",
    ) -> None:
        self.name = name
        self.calls = Calls(name, region, credentials, role_arn, endpoint_url)
        self.kinds = {kind: made(self.calls) for kind, made in KINDS.items()}

    def check(self) -> builtins.list[Finding]:
        try:
            number = self.calls.number()
        except BackendError as exc:
            fix = exc.fix or "Check keys, role, region and endpoint of the account."
            return [Finding("Credentials", ok=False, message=exc.message, fix=fix)]
        said = f"Signed in to account {number}. Writing is first tried when something is made."
        findings = [Finding("Credentials", ok=True, message=said)]
        for service, operation, inputs in _PROBES:
            title = f"{service}: {operation.replace('_', ' ')}"
            try:
                self.calls(service, operation, **inputs)
            except BackendError as exc:
                findings.append(Finding(title, ok=False, message=exc.message, fix=exc.fix))
            else:
                findings.append(Finding(title, ok=True, message="May be read."))
        return findings

    def _kind(self, ref: ObjectRef) -> Kind:
        found = self.kinds.get(ref.kind)
        if ref.api_version != AWS_API or found is None:
            raise PermanentBackendError(
                f"Account {self.name} knows no kind {ref.kind} in {ref.api_version}.",
                fix=f"Use {AWS_API} and one of {', '.join(sorted(KINDS))}.",
            )
        return found

    def get(self, ref: ObjectRef) -> LiveObject | None:
        found = _found(self._kind(ref), ref)
        return _live(ref, found) if found else None

    def list(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str = "",
        labels: Mapping[str, str] | None = None,
        prefix: str = "",
    ) -> builtins.list[LiveObject]:
        handler = self._kind(ObjectRef(api_version, kind, ""))
        found = []
        for name in handler.names(prefix):
            if not name.startswith(prefix):
                continue
            live = self.get(ObjectRef(AWS_API, kind, name))
            own = live.body["metadata"]["labels"] if live else {}
            if live and all(own.get(key) == value for key, value in (labels or {}).items()):
                found.append(live)
        return found

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
        ref, ours = ref_of(document), marked(document, owner=owner, change=change)
        kind, tags = self._kind(ref), tags_of(ours)
        spec = kind.wanted(ref.name, document.get("spec", {}))
        found = _found(kind, ref)
        if found is not None and not self._half_made(kind, ref, found, intended_at):
            require_ours(_live(ref, found), owner=owner, uid=uid, where=f"account {self.name}")
        if dry_run:
            return _planned(ref, spec, tags, found)
        value = document.get("spec", {}).get("value")
        complete = {**spec, "value": value} if value is not None else spec
        if found is None:
            kind.create(ref.name, complete, tags)
            found = self._made(kind, ref)
        kind.update(ref.name, complete, tags, found)
        return _live(ref, self._made(kind, ref))

    def _half_made(
        self, kind: Kind, ref: ObjectRef, found: Found, intended_at: datetime | None
    ) -> bool:
        """Whether a resource without any tag is one that we made and had no time to mark."""
        if not isinstance(kind, Bucket) or found.tags or intended_at is None:
            return False
        created = kind.created_at(ref.name)
        return created is not None and created >= intended_at - _SKEW

    def _made(self, kind: Kind, ref: ObjectRef) -> Found:
        try:
            found = _found(kind, ref)
        except NotFound:
            found = None
        if found is None:  # AWS answers from another replica than the one that wrote
            raise TemporaryBackendError(f"{ref} was made and is not visible yet.", retry_after=2)
        return found

    def delete(self, ref: ObjectRef, *, owner: str, uid: str = "", purge: bool = False) -> None:
        kind = self._kind(ref)
        found = _found(kind, ref)
        if found is None:
            return
        require_ours(_live(ref, found), owner=owner, uid=uid, where=f"account {self.name}")
        if not purge and kind.kind == "Queue":
            self._refuse_contents(kind, ref, found)
        try:
            kind.remove(ref.name, found, purge=purge)
        except NotFound:
            return

    def _refuse_contents(self, kind: Kind, ref: ObjectRef, found: Found) -> None:
        held = kind.contents(ref.name, found)
        if not held.empty:
            raise Conflict(
                f"{ref} is not empty: it holds {held.sentence}.",
                fix="Choose “purge” to delete the messages with it, or “retain” to keep it.",
            )

    def contents(self, ref: ObjectRef) -> Contents:
        kind = self._kind(ref)
        found = _found(kind, ref)
        return kind.contents(ref.name, found) if found else Contents(empty=True)


def _found(kind: Kind, ref: ObjectRef) -> Found | None:
    """The resource; None also where it goes between two of the calls that read it."""
    try:
        return kind.find(ref.name)
    except NotFound:
        return None


def _live(ref: ObjectRef, found: Found) -> LiveObject:
    body: dict[str, Any] = {
        "apiVersion": AWS_API,
        "kind": ref.kind,
        "metadata": metadata_of(ref.name, found.uid, found.tags),
        "spec": found.spec,
        "status": {"state": found.state or "ACTIVE"},
    }
    return LiveObject(ref, found.uid, "", body, dict(found.outputs))


def _planned(
    ref: ObjectRef, spec: dict[str, Any], tags: Mapping[str, str], found: Found | None
) -> LiveObject:
    """What `get` would show after an apply; outputs are known only of what exists."""
    if found is None:
        return _live(ref, Found("", spec, tags, {}, state="PLANNED"))
    return _live(ref, Found(found.uid, spec, {**found.tags, **tags}, found.outputs))
