"""The demo's rules of evidence: what orders asks for before staging, and before production."""

from __future__ import annotations

from pipelines.evidence import services
from rbac.actors import Actor
from rbac.models import Project
from rbac.scopes import tier_scope


def make(actor: Actor, project: Project) -> None:
    services.add_rule(
        actor,
        name="orders-staging",
        title="Tests pass, changed lines are covered, nothing critical is found",
        scope=tier_scope(project, "staging"),
        condition="tests.failed == 0 && coverage.changed >= 80 && findings.critical == 0",
        fix="Mend the red tests, or quarantine what is flaky, and cover what changed.",
        severity="tells",
    )
    services.add_rule(
        actor,
        name="orders-production",
        title="Built on the protected branch, by a pipeline without failed jobs",
        scope=tier_scope(project, "production"),
        condition="bundle.protected && pipeline.failed_jobs == 0",
        fix="Merge into main, and let its pipeline pass.",
        severity="blocks",
    )
