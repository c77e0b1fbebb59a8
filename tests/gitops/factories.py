"""Standing things of this app's tests: a cluster, an account, an application with its directory."""

from __future__ import annotations

from typing import Any

import yaml

from gitops import naming, repositories
from gitops.models import Application, CloudAccount, Cluster
from gitops.services import propose_directory
from idp.changes.models import Change
from rbac.actors import Actor
from rbac.models import Project
from rbac.scopes import environment_scope
from tests.support.changes import run_until_settled

NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "{namespace}"}}


def make_cluster(name: str = "local", **fields: Any) -> Cluster:
    defaults = {"backend": "memory", "domain": "apps.example.org"}
    return Cluster.objects.create(name=name, **{**defaults, **fields})


def make_account(name: str = "aws", **fields: Any) -> CloudAccount:
    return CloudAccount.objects.create(name=name, **fields)


def make_application(
    project: Project, name: str = "staging", tier: str = "staging", *, account: bool = True
) -> Application:
    cluster = Cluster.objects.filter(name="local").first() or make_cluster()
    cloud = CloudAccount.objects.filter(name="aws").first() or make_account()
    return Application.objects.create(
        scope=environment_scope(project, tier, name),
        repository=repositories.ensure(project),
        directory=f"environments/{name}",
        cluster=cluster,
        account=cloud if account else None,
        namespace=naming.namespace(project.name, name),
    )


def deployment(name: str = "web", replicas: int = 2, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"replicas": replicas, **spec},
    }


def config(name: str = "settings", **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def aws(kind: str, logical: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "aws.slipway.dev/v1",
        "kind": kind,
        "metadata": {
            "name": f"{{namespace}}-{logical}",
            "annotations": {
                "slipway.dev/logical-name": logical,
                "slipway.dev/output-prefix": f"{logical}_{kind}".upper(),
            },
        },
        "spec": spec,
    }


def source(*documents: dict[str, Any], **facts: Any) -> dict[str, bytes | None]:
    body = {"documents": [NAMESPACE, *documents], "facts": facts}
    return {"fake.yaml": yaml.safe_dump(body, sort_keys=False).encode()}


def propose(
    actor: Actor, application: Application, *documents: dict[str, Any], **given: Any
) -> Change:
    """A change that makes the directory hold exactly these documents, not worked on yet."""
    options = {"verb": "thing.apply", "title": "Change it", "origin": "page", "interactive": False}
    return propose_directory(actor, application, source(*documents), **{**options, **given})


def bring(
    actor: Actor, application: Application, *documents: dict[str, Any], **given: Any
) -> Change:
    """The same, worked on until it is settled."""
    return run_until_settled(propose(actor, application, *documents, **given))


def drop(actor: Actor, application: Application, **given: Any) -> Change:
    """A deletion, not worked on yet."""
    options = {"verb": "thing.apply", "title": "Delete it", "origin": "page", "interactive": False}
    return propose_directory(actor, application, None, **{**options, **given})
