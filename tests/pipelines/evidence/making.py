"""Short ways to rules, cases and promotions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone

from environments.models import Environment
from environments.services.deploys import DEPLOY
from idp.changes.models import Change
from pipelines.deploys.models import Bundle, Deployment
from pipelines.evidence import registry
from pipelines.evidence.models import EvidenceRule
from pipelines.evidence.registry import Case, Unknown
from rbac.models import Project, Scope, User


def rule(scope: Scope, condition: str, name: str = "green", **more: Any) -> EvidenceRule:
    given = {"title": "All is well", "fix": "Mend it.", "severity": "blocks"}
    return EvidenceRule.objects.create(
        scope=scope, name=name, condition=condition, **(given | more)
    )


def case(project: Project, commit: str, at: datetime | None = None, **more: Any) -> Case:
    return Case(project, commit, at or timezone.now(), **more)


def read(of: Case, name: str) -> Any:
    """One fact; the reason in words where it is not known."""
    value = registry.read_all([of], [name])[0][name]
    return str(value) if isinstance(value, Unknown) else value


def promoted(bundle: Bundle, to: Environment, user: User, **more: Any) -> Deployment:
    """A promotion as a row, which nobody runs."""
    change = Change.objects.create(
        kind="environments.deploy",
        verb=DEPLOY,
        title="Deploy",
        scope=to.scope,
        actor=user,
        actor_label=user.username,
        origin=Change.Origin.API,
        intent={"bundle": bundle.pk, "bundle_digest": bundle.digest},
        **{"state": Change.State.SUCCEEDED, "plan_hash": "a" * 64, **more},
    )
    return Deployment.objects.create(bundle=bundle, environment=to, change=change)
