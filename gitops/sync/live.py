"""What is there: the live objects of an application, read from its cluster and account."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gitops import kinds, targets
from gitops.backends.base import (
    AWS_API,
    OWNER_LABEL,
    ClusterTarget,
    LiveObject,
    ObjectRef,
    Target,
    owner_of,
    ref_of,
)
from gitops.models import Application, ManagedObject
from idp.common.errors import Refusal


def key_of(ref: ObjectRef) -> str:
    """The key under which plans, rows and choices know an object."""
    return f"{kinds.target_of(ref.api_version)}/{ref.kind}/{ref.namespace}/{ref.name}"


def ref_of_row(row: ManagedObject) -> ObjectRef:
    return ObjectRef(row.api_version, row.kind, row.name, row.namespace)


@dataclass
class Live:
    """Live objects by key; `namespace` is None where the namespace does not exist."""

    cluster: ClusterTarget
    cloud: Target | None
    namespace: LiveObject | None = None
    objects: dict[str, LiveObject] = field(default_factory=dict)

    def target(self, port: str) -> Target:
        """The target of a port; `Refusal` where the application has no cloud account."""
        if port == "kubernetes":
            return self.cluster
        if self.cloud is None:
            raise Refusal("The environment has no cloud account.", fix="Name one in its spec.")
        return self.cloud


def connect(application: Application) -> Live:
    """The application's targets, nothing read yet."""
    account = application.account
    return Live(
        targets.cluster_target(application.cluster),
        targets.cloud_target(account) if account else None,
    )


def rows_of(application: Application) -> dict[str, ManagedObject]:
    """Rows of objects that are still the application's, by key."""
    rows = application.objects_made.exclude(state=ManagedObject.State.RETAINED)
    return {key_of(ref_of_row(row)): row for row in rows}


def retained_keys(application: Application) -> set[str]:
    """Keys of what somebody chose to keep: still marked, no longer touched."""
    rows = application.objects_made.filter(state=ManagedObject.State.RETAINED)
    return {key_of(ref_of_row(row)) for row in rows}


def read(
    application: Application,
    documents: Iterable[Mapping[str, Any]],
    rows: Mapping[str, ManagedObject],
    *,
    whole: bool,
) -> Live:
    """Everything the plan needs: one list a kind, and `whole` looks for lost AWS objects too."""
    live = connect(application)
    wanted = [ref_of(d) for d in documents] + [ref_of_row(row) for row in rows.values()]
    _read_cluster(application, live, wanted)
    _read_cloud(application, live, wanted, whole=whole)
    return live


def _read_cluster(application: Application, live: Live, wanted: list[ObjectRef]) -> None:
    space = application.namespace
    ref = ObjectRef("v1", "Namespace", space)
    live.namespace = live.cluster.get(ref)
    if live.namespace is None:
        return
    live.objects[key_of(ref)] = live.namespace
    known = {(r.api_version, r.kind) for r in wanted if r.api_version != AWS_API}
    names = {key_of(r) for r in wanted}
    for api, kind in sorted((known | set(kinds.CLUSTER_KINDS)) - {("v1", "Namespace")}):
        for found in live.cluster.list(api, kind, namespace=space):
            ours = owner_of(found) == space and not found.body["metadata"].get("ownerReferences")
            if ours or key_of(found.ref) in names:
                live.objects[key_of(found.ref)] = found


def _read_cloud(
    application: Application, live: Live, wanted: list[ObjectRef], *, whole: bool
) -> None:
    if live.cloud is None:
        return
    for ref in {r for r in wanted if r.api_version == AWS_API}:
        found = live.cloud.get(ref)
        if found is not None:
            live.objects[key_of(ref)] = found
    if whole:
        for found in cloud_objects(live.cloud, application.namespace):
            live.objects[key_of(found.ref)] = found


def cloud_objects(cloud: Target, namespace: str) -> Iterator[LiveObject]:
    """Everything in the account that carries the application's mark; names begin as it does."""
    for kind in kinds.CLOUD_KINDS:
        yield from cloud.list(
            AWS_API, kind, labels={OWNER_LABEL: namespace}, prefix=f"{namespace}-"
        )
