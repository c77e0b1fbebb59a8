"""One of everything in project `orders`, and the values that stand for each route's parameters."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from environments.models import Blueprint, BlueprintVersion, Environment
from gitops.models import Application, CloudAccount, Cluster, ConfigRepository
from idp.changes.models import ApprovalRule, Change, Freeze, Waiver
from idp.changes.plans import Plan
from portal.models import Component
from portal.permissions import keeper_scope
from rbac.models import ApiToken, Role, RoleBinding, Scope, ServiceAccount, User
from rbac.scopes import environment_scope
from tests.rbac.factories import Characters, make_characters

SCHEMA = {"type": "object", "properties": {"image": {"type": "string"}}}


@dataclass(frozen=True)
class Sample:
    """Values of a route's parameters, and the place that its permission is judged at."""

    values: dict[str, Any]
    place: Scope | None
    own: bool = False  # of one person, who is not among those that are tried: 404 for all
    listing: bool = False  # the parameter names no object: the rule of lists holds


@dataclass(frozen=True)
class World:
    people: Characters
    environment: Environment
    change: Change
    freeze: Freeze
    waiver: Waiver
    rule: ApprovalRule
    component: Component
    blueprint: Blueprint
    binding: RoleBinding
    account: ServiceAccount
    role: Role
    token: ApiToken

    def samples(self) -> dict[str, Sample]:
        """By the longest fitting start of a route, parameters included."""
        here, project = self.environment.scope, self.people.project.scope
        keeper = keeper_scope(self.people.project)
        one = {"project": "orders", "name": self.environment.name}
        person = {"username": self.people.mate.username}
        return {
            "changes/<int:pk>": Sample({"pk": self.change.pk}, here),
            "freezes/<int:pk>": Sample({"pk": self.freeze.pk}, here),
            "waivers/<int:pk>": Sample({"pk": self.waiver.pk}, here),
            "approval-rules/<slug:name>": Sample({"name": self.rule.name}, project),
            "components/<slug:name>": Sample({"name": self.component.name}, keeper),
            "catalog/<slug:name>": Sample({"name": self.component.name}, keeper),
            "environments/<slug:project>/<slug:name>": Sample(
                {**one, "action": "scale", "variable": "A"}, here
            ),
            "blueprints/<slug:blueprint>": Sample({"blueprint": "web", "version": "1.0.0"}, None),
            "access/bindings/<int:pk>": Sample({"pk": self.binding.pk}, project),
            "access/people/<str:username>": Sample(person, None),
            "access/roles/<str:name>": Sample({"name": self.role.name}, None),
            "access/service-accounts/<str:username>": Sample(
                {"username": self.account.user.username}, project
            ),
            "access/teams/<str:name>": Sample({"name": "orders", **person}, None),
            "account/tokens/<int:pk>": Sample({"pk": self.token.pk}, None, own=True),
            "audit/export.<str:kind>": Sample({"kind": "csv"}, None, listing=True),
            "clusters/<slug:name>": Sample({"name": "local"}, None),
            "accounts/<slug:name>": Sample({"name": "local"}, None),
            "projects/<slug:project>": Sample({"project": "orders"}, project),
            "projects/<slug:name>": Sample({"name": "orders"}, project),
        }


def make_world() -> World:
    people = make_characters()
    scope = environment_scope(people.project, "staging", "staging")
    cluster = Cluster.objects.create(name="local", backend="memory", domain="apps.test")
    cloud = CloudAccount.objects.create(name="local", simulated=True)
    repository, _ = ConfigRepository.objects.get_or_create(project=people.project)
    application = Application.objects.create(
        scope=scope,
        repository=repository,
        directory="environments/staging",
        cluster=cluster,
        account=cloud,
        namespace="orders-staging-1a2b",
    )
    blueprint = Blueprint.objects.create(name="web", title="Web service")
    version = BlueprintVersion.objects.create(
        blueprint=blueprint,
        version="1.0.0",
        schema=SCHEMA,
        template="documents: []",
        digest="d" * 64,
        published_at=timezone.now(),
    )
    environment = Environment.objects.create(
        scope=scope,
        application=application,
        project=people.project,
        name="staging",
        tier="staging",
        state=Environment.State.ACTIVE,
        blueprint_version=version,
        owner=people.developer,
    )
    return World(
        people=people,
        environment=environment,
        change=_change(scope, people.mate),
        blueprint=blueprint,
        **_rules(people, scope),
        **_access(people),
    )


def _change(scope: Scope, author: User) -> Change:
    return Change.objects.create(
        kind="gitops.sync",
        verb="environment.scale",
        title="Scale web to 4",
        scope=scope,
        actor=author,
        actor_label=author.username,
        origin=Change.Origin.PAGE,
        state=Change.State.READY,
        plan=Plan(hash="h" * 64).to_json(),
        plan_hash="h" * 64,
        planned_at=timezone.now(),
    )


def _rules(people: Characters, scope: Scope) -> dict[str, Any]:
    end = timezone.now() + timedelta(days=2)
    return {
        "freeze": Freeze.objects.create(
            scope=scope, reason="Audit", author=people.maintainer, ends_at=end
        ),
        "waiver": Waiver.objects.create(
            scope=scope, gate="approvals", reason="Fix", author=people.mate, ends_at=end
        ),
        "rule": ApprovalRule.objects.create(name="two-people", scope=people.scope),
        "component": Component.objects.create(
            name="orders-api", owner=people.project.team, project=people.project
        ),
    }


def _access(people: Characters) -> dict[str, Any]:
    robot = User.objects.create_user("orders-ci")
    return {
        "binding": RoleBinding.objects.filter(scope=people.scope).first(),
        "account": ServiceAccount.objects.create(user=robot, project=people.project),
        "token": ApiToken.objects.create(
            user=people.mate,
            name="ci",
            prefix="abcdefghijkl",
            digest="d" * 64,
            expires_at=timezone.now() + timedelta(days=1),
        ),
        "role": Role.objects.create(name="releaser", permissions=["change.view"]),
    }
