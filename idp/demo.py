"""The demo data of `make run`: a small company with people of each role. Made once."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from django.contrib.auth.hashers import make_password
from django.db import transaction

from environments import services as environments
from environments.models import Limit
from gitops.models import CloudAccount, Cluster
from idp import demo_gates, demo_pipelines, demo_reports, demo_subjects
from idp.changes.models import ApprovalRule, Change
from portal.models import Component
from rbac.actors import Actor, system
from rbac.models import Project, Role, Team, Tier, User
from rbac.places import root
from rbac.services.bindings import bind_role
from rbac.services.projects import create_project
from rbac.services.teams import add_member, create_team

PASSWORD = "slipway-demo"  # noqa: S105  # shown on the sign-in page; only on a loopback address
ACTOR = system("demo data")


@dataclass(frozen=True)
class Person:
    username: str
    name: str
    role: str
    team: str
    says: str  # what the sign-in page says of the person
    lead: bool = False
    scope: str = ""  # a project; empty: everything


PEOPLE = (
    Person("dana.dev", "Dana Okafor", "developer", "orders", "developer of team orders"),
    Person(
        "liam.lead", "Liam Brandt", "maintainer", "orders", "lead of team orders; approves", True
    ),
    Person("pia.platform", "Pia Lindqvist", "administrator", "platform", "platform engineer", True),
    Person("quinn.qa", "Quinn Abara", "qa", "orders", "tester", scope="orders"),
    Person("devon.deploy", "Devon Reyes", "deployer", "payments", "deploys orders", scope="orders"),
    Person("paula.pay", "Paula Nováková", "maintainer", "payments", "lead of team payments", True),
    Person("audrey.audit", "Audrey Chen", "auditor", "platform", "auditor"),
    Person("vic.viewer", "Vic Moreau", "viewer", "platform", "may look at everything"),
)
TEAMS = (("orders", "Orders"), ("payments", "Payments"), ("platform", "Platform"))
PROJECTS = (("orders", "Order service", "orders"), ("payments", "Payments", "payments"))
COMPONENTS: tuple[tuple[str, str, str, str, list[str], list[str]], ...] = (
    ("orders-api", "Orders API", "orders", "service", ["orders-value"], ["payments-value"]),
    ("orders-exporter", "Orders exporter", "orders", "job", [], ["orders-value"]),
    ("payments-api", "Payments API", "payments", "service", ["payments-value"], []),
)


def made() -> bool:
    """Whether this database already has people in it."""
    return User.objects.exists()


@transaction.atomic
def make(aws: str) -> None:
    """People, teams, projects, a simulated cluster and account, rules and limits."""
    teams = {name: create_team(ACTOR, name=name, title=title) for name, title in TEAMS}
    projects = {
        name: create_project(ACTOR, name, title, teams[team]) for name, title, team in PROJECTS
    }
    hashed = make_password(PASSWORD)  # of all of them: a hash takes a third of a second
    for person in PEOPLE:
        _person(person, hashed, teams[person.team], projects)
    Cluster.objects.create(
        name="local",
        backend=Cluster.Backend.MEMORY,
        domain="local.slipway.test",
        ingress_class="nginx",
        oidc_issuer="https://oidc.local.slipway.test",
        oidc_provider_arn="arn:aws:iam::123456789012:oidc-provider/oidc.local.slipway.test",
    )
    CloudAccount.objects.create(name="local", simulated=True, **_reached(aws))
    for name, title, project, kind, provides, consumes in COMPONENTS:
        Component.objects.create(
            name=name,
            title=title,
            project=projects[project],
            owner=projects[project].team,
            type=kind,
            lifecycle=Component.Lifecycle.PRODUCTION,
            provides_apis=provides,
            consumes_apis=consumes,
        )
    _rules(teams)
    leads = {person.team: person.username for person in PEOPLE if person.lead}
    people = {team: User.objects.get(username=name) for team, name in leads.items()}
    actors = {name: Actor(user=people[team]) for name, _, team in PROJECTS}
    demo_subjects.make(actors)
    demo_pipelines.make(Actor(user=User.objects.get(username="dana.dev")), projects["orders"])
    demo_reports.make(actors["orders"], projects["orders"])
    demo_gates.make(actors["orders"], projects["orders"])


def _person(person: Person, hashed: str, team: Team, projects: dict[str, Project]) -> None:
    first, last = person.name.split(" ", 1)
    user = User.objects.create(
        username=person.username,
        email=f"{person.username}@example.test",
        password=hashed,
        first_name=first,
        last_name=last,
        is_staff=person.role == "administrator",
    )
    add_member(ACTOR, team, user, lead=person.lead)
    scoped = projects[person.scope or team.name].scope if _at_project(person) else root()
    bind_role(
        ACTOR,
        role=Role.objects.get(name=person.role),
        scope=scoped,
        user=user,
        reason="Demo data",
    )


def _at_project(person: Person) -> bool:
    return bool(person.scope) or person.team in {name for name, *_ in PROJECTS}


def _rules(teams: dict[str, Team]) -> None:
    ApprovalRule.objects.create(
        name="Production needs a second person",
        scope=root(),
        # What Slipway makes anew after a restart was approved when a person asked for it.
        condition='tier == "production" && origin != "system"',
        needed=1,
    )
    Limit.objects.create(
        name="Orders: twelve environments",
        team=teams["orders"],
        max_environments=12,
        max_lifetime_days=90,
        cpu="4",
        memory="8Gi",
        lifted_by="The platform team can raise it.",
    )


def _reached(aws: str) -> dict[str, object]:
    keys = {"access_key_id": "local", "secret_access_key": "local"}
    return {"endpoint_url": aws, "credentials": keys}


def point_account_at(aws: str) -> None:
    """The simulated AWS has a new port at each start."""
    account = CloudAccount.objects.filter(name="local", simulated=True).first()
    if account is not None and account.endpoint_url != aws:
        account.endpoint_url = aws
        account.save(update_fields=["endpoint_url"])


def sign_in_help() -> list[dict[str, str]]:
    """What the sign-in page shows: who can sign in here, and how. Empty without demo people."""
    present = set(
        User.objects.filter(username__in=[person.username for person in PEOPLE]).values_list(
            "username", flat=True
        )
    )
    return [
        {"username": person.username, "password": PASSWORD, "says": person.says}
        for person in PEOPLE
        if person.username in present
    ]


def make_first_environment(_: threading.Event) -> None:
    """Ask for one environment that is Ready when somebody looks; it needs no confirmation."""
    environments.create_environment(
        Actor(user=User.objects.get(username="dana.dev")),
        project=Project.objects.get(name="orders"),
        name="dev",
        tier=Tier.DEVELOPMENT.value,
        cluster=Cluster.objects.get(name="local"),
        account=CloudAccount.objects.get(name="local"),
        blueprint="web-service-aws@1.0.0",
        parameters={"image": "registry.example.test/orders-api:1.4.2"},
        workloads={"web": {"component": "orders-api"}},
        resources={"exports": {"kind": "Bucket"}, "incoming": {"kind": "Queue"}},
        origin=Change.Origin.PAGE,
        idempotency_key="demo-first-environment",
        interactive=False,
    )
