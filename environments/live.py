"""What only the cluster knows: log lines and events, read when a page or REST asks for them."""

from __future__ import annotations

from environments.models import Environment
from gitops.backends import deadline
from gitops.backends.base import LogLine, TargetEvent
from gitops.targets import cluster_target
from rbac.access import require
from rbac.actors import Actor

MAX_TAIL = 2_000
SECONDS = 10  # a person waits; docs/adr/0012
_NOTHING = (Environment.State.PROPOSED, Environment.State.DELETED)


def logs(actor: Actor, environment: Environment, workload: str, tail: int) -> list[LogLine]:
    """The last lines of each container, oldest first; all workloads where none is named.

    Needs `environment.logs`; raises `BackendError` where the cluster does not answer.
    """
    require(actor, "environment.logs", environment)
    if environment.state in _NOTHING:
        return []
    application = environment.application
    labels = {"app.kubernetes.io/part-of": environment.name}
    if workload:
        labels["app.kubernetes.io/name"] = workload
    target = cluster_target(application.cluster)
    with deadline.within(SECONDS):
        return target.logs(application.namespace, labels=labels, tail=min(tail, MAX_TAIL))


def events(actor: Actor, environment: Environment) -> list[TargetEvent]:
    """Events of the namespace, newest first; raises `BackendError`."""
    require(actor, "environment.view", environment)
    if environment.state in _NOTHING:
        return []
    application = environment.application
    with deadline.within(SECONDS):
        return cluster_target(application.cluster).events(application.namespace)
