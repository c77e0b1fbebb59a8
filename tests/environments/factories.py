"""People, a simulated cluster and account, and environments brought to life."""

from __future__ import annotations

from typing import Any

from environments import services
from environments.models import Environment
from gitops.models import CloudAccount, Cluster
from idp.changes import services as changes
from idp.changes.models import Change
from rbac.actors import Actor
from rbac.models import Project, Scope
from tests.support.changes import run_until_settled

IMAGE = "registry.example.com/orders/api:1.4.2"
OIDC = "arn:aws:iam::000000000000:oidc-provider/oidc.test"


def make_cluster(name: str = "local", **fields: Any) -> Cluster:
    plain = {
        "backend": "memory",
        "domain": "apps.example.test",
        "ingress_class": "nginx",
        "oidc_provider_arn": OIDC,
        "oidc_issuer": "https://oidc.test",
    }
    return Cluster.objects.create(name=name, **{**plain, **fields})


def make_account(name: str = "local", endpoint: str = "") -> CloudAccount:
    return CloudAccount.objects.create(
        name=name,
        simulated=True,
        endpoint_url=endpoint,
        credentials={"access_key_id": "test", "secret_access_key": "test"},
    )


def wish(project: Project, **more: Any) -> dict[str, Any]:
    """The arguments of `create_environment`."""
    return {
        "project": project,
        "name": "demo",
        "tier": "development",
        "cluster": Cluster.objects.get(name="local"),
        "blueprint": "web-service@1.0.0",
        "parameters": {"image": IMAGE},
        **more,
    }


def create(actor: Actor, project: Project, **more: Any) -> Change:
    return services.create_environment(actor, **wish(project, **more))


def settle(actor: Actor, change: Change, **choices: str) -> Change:
    """Plan, confirm what asks for it, apply and observe."""
    change = run_until_settled(change)
    if change.state == Change.State.READY:
        change = changes.confirm(actor, change, change.plan_hash, choices)
        change = run_until_settled(change)
    return change


def bring(actor: Actor, project: Project, **more: Any) -> Environment:
    """An environment that is active."""
    change = settle(actor, create(actor, project, **more))
    assert change.state == Change.State.SUCCEEDED, change.reason
    return of(change.scope)


def of(scope: Scope) -> Environment:
    rows = Environment.objects.select_related(
        "scope__tier_scope", "scope__project_scope", "project__team", "project__scope"
    )
    related = rows.select_related(
        "application__cluster", "application__account", "application__repository__project"
    )
    return related.get(scope=scope)
