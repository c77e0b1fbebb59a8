"""Orphans of an environment: what one of database, git, cluster and account has and another lacks.

Asks the cluster and the account: for the admin site, jobs and tests, never for a page.
"""

from __future__ import annotations

from dataclasses import dataclass

from environments import selectors
from environments.models import Environment
from gitops import kinds
from gitops.backends.base import LiveObject, ObjectRef, Target, owner_of
from gitops.models import ManagedObject
from gitops.sync.live import cloud_objects
from gitops.targets import cloud_target, cluster_target

State = ManagedObject.State


@dataclass(frozen=True)
class Orphan:
    """`where` has it or lacks it: "git", "cluster" or "aws"."""

    where: str
    what: str
    sentence: str


def orphans(environment: Environment) -> list[Orphan]:
    """Every disagreement; raises `BackendError` where a target does not answer."""
    gone = environment.state == Environment.State.DELETED
    rows = {(o.kind, o.name): o for o in selectors.objects(environment)}
    found = _in_git(environment, gone=gone)
    application = environment.application
    cluster = _cluster(environment)
    found += _compare("cluster", "kubernetes", rows, cluster)
    if application.account is not None:
        cloud = _cloud(cloud_target(application.account), application.namespace)
        found += _compare("aws", "aws", rows, cloud)
    return found


def _in_git(environment: Environment, *, gone: bool) -> list[Orphan]:
    directory = environment.application.directory
    twin = Environment.objects.filter(project=environment.project_id, name=environment.name)
    if gone and twin.exclude(state=Environment.State.DELETED).exists():
        return []  # the directory belongs to the one that came after
    there = bool(selectors.source(environment).text)
    if environment.state in {Environment.State.ACTIVE, Environment.State.STOPPED} and not there:
        return [Orphan("git", directory, f"git has no {directory}, the database has it.")]
    return []


def _cluster(environment: Environment) -> dict[tuple[str, str], LiveObject]:
    application = environment.application
    target = cluster_target(application.cluster)
    space = target.get(ObjectRef("v1", "Namespace", application.namespace))
    if space is None:
        return {}
    found = {("Namespace", application.namespace): space}
    for api, kind in kinds.CLUSTER_KINDS:
        if kind == "Namespace":
            continue
        for one in target.list(api, kind, namespace=application.namespace):
            if owner_of(one) == application.namespace:
                found[kind, one.ref.name] = one
    return found


def _cloud(target: Target, owner: str) -> dict[tuple[str, str], LiveObject]:
    return {(one.ref.kind, one.ref.name): one for one in cloud_objects(target, owner)}


def _compare(
    where: str,
    port: str,
    rows: dict[tuple[str, str], ManagedObject],
    live: dict[tuple[str, str], LiveObject],
) -> list[Orphan]:
    found = []
    for (kind, name), row in rows.items():
        expected = row.target == port and row.state == State.READY
        if expected and (kind, name) not in live:
            text = f"the {where} lacks {kind} {name}, the database has it."
            found.append(Orphan(where, f"{kind}/{name}", text))
    for kind, name in live:
        if (kind, name) not in rows:
            text = f"the {where} has {kind} {name}, the database does not know it."
            found.append(Orphan(where, f"{kind}/{name}", text))
    return found
