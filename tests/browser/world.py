"""The small company that the browser tests look at: the demo data, and objects on every page."""

from __future__ import annotations

import io
from datetime import timedelta

import boto3
from django.utils import timezone

from environments import services as environments
from environments.models import Environment
from gitops import repositories
from gitops.models import CloudAccount
from gitops.review import following
from gitops.review import services as review
from idp import demo
from idp.changes import services as changes
from pipelines.fleet import services as fleet
from pipelines.variables import services as variables
from portal.models import Component
from portal.services import create_component
from rbac.actors import Actor
from rbac.models import Project, User
from rbac.services import create_service_account, create_token
from schemas.databases import declaring
from schemas.databases import services as databases
from schemas.dependants import checkins
from schemas.dependants.checkins import Word
from schemas.dependants.models import Role
from schemas.listing import Filters
from schemas.traffic import writing as traffic
from schemas.traffic.buffer import Use
from schemas.transfer import runs
from schemas.transfer import selectors as exporting
from schemas.transfer import services as imports
from tests.browser import subjects
from tests.environments.factories import IMAGE, bring, create
from tests.schemas.databases.factories import make_database, make_ledger
from tests.schemas.dependants.world import deploy
from tests.support.changes import run_until_settled
from tests.support.world import connect_repository

AUTHOR = "dana.dev"
LEAD = "liam.lead"
ADMINISTRATOR = "pia.platform"
AUDITOR = "audrey.audit"
VIEWER = "vic.viewer"
NEWCOMER = "nora.new"  # holds no role yet


def build(aws: str) -> None:
    """People, components, an environment with resources, a plan to confirm, one to approve."""
    demo.make(aws)
    User.objects.create_user(NEWCOMER, f"{NEWCOMER}@example.test", demo.PASSWORD)
    orders = Project.objects.get(name="orders")
    _components(orders)
    _environments(orders)
    subjects.build(actor(AUTHOR), actor(LEAD))
    make_ledger(actor(ADMINISTRATOR), orders)
    make_database(actor(ADMINISTRATOR), orders)
    empty = databases.add_database(actor(ADMINISTRATOR), orders, name="empty")
    declaring.ask(actor(ADMINISTRATOR), empty, "CREATE TABLE orders ();")
    _hosted()
    _review(orders)
    fleet.create(actor(LEAD), name="builder", project=orders)
    _variables(orders)
    _dependants()
    _import(orders)
    _deletion(orders, aws)


def _variables(orders: Project) -> None:
    """A plain one, and a hidden one that has another of its name for production."""
    lead = actor(LEAD)
    plain = {"name": "REGISTRY_URL", "value": "https://registry.example.org"}
    variables.create(lead, orders, **plain, description="Where images are pushed.")
    token = {"name": "REGISTRY_TOKEN", "value": "not-a-real-token", "hidden": True}
    variables.create(lead, orders, **token, protected=True)
    variables.create(lead, orders, **token, environment="production", is_file=True)


def _dependants() -> None:
    """The demo's orders are written by one environment and read by two programs beside it."""
    dev = Environment.objects.get(project__name="orders", name="dev").scope
    deploy(dev, "orders-api", "produces", 2)
    for holder, version in (("ledger", 1), ("payments-api", 2)):
        word = Word(holder=holder, role=Role.CONSUMER, subject="orders-value", version=version)
        checkins.check_in(actor(ADMINISTRATOR), dev, word)
    _traffic()


def _traffic() -> None:
    """One program in the registry's traffic is known otherwise too, the other is only seen."""
    pia, now = actor(ADMINISTRATOR), timezone.now()
    for home, name in (("payments", "payments-api"), ("orders", "exporter")):
        project = Project.objects.get(name=home)
        user = create_service_account(pia, project=project, name=name).user
        ends = now + timedelta(days=30)
        token, _ = create_token(
            pia, user=user, name=f"{name} prod", permissions=[], scope=None, expires_at=ends
        )
        traffic.write({token.pk: {Use(Role.CONSUMER, ".", "orders-value"): now.timestamp()}})


def _hosted() -> None:
    """A repository at a git host, with what a test of the connection found."""
    user = User.objects.get(username=ADMINISTRATOR)
    row = connect_repository(Project.objects.get(name="payments"), user)
    row.said = ["Slipway: pipeline payments #1 of main begins: http://localhost:8000/pipelines/1/"]
    row.refused_at, row.refused_reason = timezone.now(), "The X-Gitea-Signature does not fit."
    row.check_result = [
        {"check": "API", "ok": True, "message": "acme/orders is there.", "fix": ""},
        {"check": "rights", "ok": False, "message": "It may not write.", "fix": "Let it write."},
    ]
    row.save()


def _review(orders: Project) -> None:
    """A merge request with a changed file, a binary one, and a conversation."""
    here = following.on_disk(repositories.ensure(orders).project)
    here.write(
        "refs/heads/notes",
        base=here.head(),
        files={"NOTES.md": b"# Notes\n\nOne <b>line</b>.\n", "logo.png": b"\0\1\2"},
        author=("Dana", "dana@localhost"),
        message="Write notes",
    )
    request = review.open_request(
        actor(AUTHOR),
        orders,
        source_branch="notes",
        title="Write notes down",
        description="So that others find them.",
    )
    review.comment(actor(LEAD), request, "Good. One question: why here?")
    review.approve(actor(LEAD), request, sha=request.sha)


def _import(orders: Project) -> None:
    """What an export of today would bring: there already, but for one that was deleted since."""
    pia = actor(ADMINISTRATOR)
    content = b"".join(exporting.exported(pia, Filters(q="shop"), deleted=True))
    run = imports.import_archive(pia, orders, file=io.BytesIO(content), name="shop.zip")
    runs.work(run.pk)


CONFIG = {
    "type": "object",
    "required": ["PORT", "LOG_LEVEL"],
    "properties": {
        "PORT": {"type": "integer", "description": "Where it listens."},
        "LOG_LEVEL": {"enum": ["debug", "info", "warning"]},
        "SENTRY_DSN": {"type": "string", "format": "uri"},
    },
}


def actor(username: str) -> Actor:
    return Actor(user=User.objects.get(username=username))


def _environments(orders: Project) -> None:
    account = CloudAccount.objects.get()
    dana, pia = actor(AUTHOR), actor(ADMINISTRATOR)
    dev = bring(
        dana,
        orders,
        name="dev",
        blueprint="web-service-aws@1.0.0",
        account=account,
        workloads={"web": {"component": "orders-api"}},
        resources={"exports": {"kind": "Bucket"}, "placed": {"kind": "Queue"}},
    )
    plan = environments.scale(dana, dev, workload=_workload(dev), replicas=3)
    run_until_settled(plan)
    live = run_until_settled(create(pia, orders, name="live", tier="production"))
    run_until_settled(changes.confirm(pia, live, live.plan_hash, {}))
    bring(
        dana,
        orders,
        name="nightly",
        blueprint="web-service@1.0.0",
        parameters={"image": IMAGE},
        workloads={"web": {"variables": {"LOG_LEVEL": "info"}, "configSchema": {"schema": CONFIG}}},
    )


def _deletion(orders: Project, aws: str) -> None:
    """The plan of a deletion that would lose what a bucket holds."""
    dana = actor(AUTHOR)
    old = bring(
        dana,
        orders,
        name="old",
        blueprint="web-service-aws@1.0.0",
        account=CloudAccount.objects.get(),
        resources={"exports": {"kind": "Bucket"}},
    )
    bucket = old.application.objects_made.get(kind="Bucket").name
    keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
    s3 = boto3.client("s3", endpoint_url=aws, region_name="us-east-1", **keys)
    s3.put_object(Bucket=bucket, Key="2026/orders.csv", Body=b"1;2;3")
    run_until_settled(environments.delete_environment(dana, old))


def _workload(environment: Environment) -> str:
    return environment.workloads.order_by("name")[0].name


def _components(orders: Project) -> None:
    create_component(
        actor(AUTHOR),
        project=orders,
        name="orders-web",
        title="Shop window",
        description="What customers see.",
        type="website",
        owner=orders.team,
        tags=["typescript", "public"],
        links=[{"url": "https://runbooks.example.org/orders-web", "title": "Runbook"}],
        provides_apis=["orders-events"],
        consumes_apis=["orders-value", "payments-value"],
    )
    Component.objects.filter(name="orders-api").update(
        description="Takes orders and keeps them.",
        links=[{"url": "https://runbooks.example.org/orders", "title": "Runbook"}],
    )
