"""From a registered cluster or account to the object that talks to it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import TypeVar

from django.conf import settings
from django.utils.module_loading import import_string

from gitops.backends.base import ClusterTarget, Target
from gitops.models import CloudAccount, Cluster
from idp.changes.plans import digest
from idp.common.errors import Clash

_KEPT = 64
_targets: OrderedDict[tuple[str, str], Target] = OrderedDict()
_lock = Lock()
T = TypeVar("T", bound=Target)


def _cached(key: tuple[str, str], make: Callable[[], T]) -> T:
    """One object a row and state: its connections live on until the row changes."""
    with _lock:
        found = _targets.get(key)
        if found is None:
            found = _targets[key] = make()
        _targets.move_to_end(key)
        while len(_targets) > _KEPT:
            _targets.popitem(last=False)
        return found  # type: ignore[return-value]  # keys name the kind


def cluster_target(cluster: Cluster) -> ClusterTarget:
    """The target of a cluster; raises `Clash` for one that was switched off."""
    if not cluster.active:
        raise Clash(
            f"Cluster {cluster.name} is switched off.", fix="A platform engineer can switch it on."
        )
    made: Callable[..., ClusterTarget] = import_string(settings.GITOPS_TARGETS[cluster.backend])
    if cluster.backend == Cluster.Backend.MEMORY:
        return _cached(("memory", cluster.name), lambda: made(cluster.name))
    state = digest([cluster.name, cluster.kubeconfig])
    return _cached(("kubernetes", state), lambda: made(cluster.name, cluster.kubeconfig))


def cloud_target(account: CloudAccount) -> Target:
    """The target of a cloud account; raises `Clash` for one that was switched off."""
    if not account.active:
        raise Clash(
            f"Account {account.name} is switched off.", fix="A platform engineer can switch it on."
        )
    made: Callable[..., Target] = import_string(settings.GITOPS_TARGETS["aws"])
    inputs = [
        account.name,
        account.region,
        account.credentials,
        account.role_arn,
        account.endpoint_url,
    ]
    return _cached(("aws", digest(inputs)), lambda: made(*inputs))
