"""One of everything in project `orders`, and the values that stand for each route's parameters."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from unittest import mock

from django.utils import timezone

from environments import services
from environments.models import Blueprint, Environment
from gitops import targets
from gitops.backends.memory import play, pods
from gitops.models import HostConnection, HostedMergeRequest, HostedRepository
from idp.changes.models import ApprovalRule, Change, Freeze, Waiver
from pipelines.deploys.models import Bundle
from pipelines.environs.models import JobEnvironment
from pipelines.evidence.models import EvidenceRule
from pipelines.fleet.models import Agent
from pipelines.releases.models import Release
from pipelines.reports.models import Report, TestCase
from pipelines.runs.models import Artifact, Job, ResourceGroup
from pipelines.schedules.models import Schedule
from pipelines.variables.models import Variable
from portal.models import Component
from portal.permissions import keeper_scope
from rbac.actors import Actor, system
from rbac.models import ApiToken, Project, Role, RoleBinding, Scope, ServiceAccount, User
from rbac.services import share
from schemas.databases.models import Database
from schemas.models import Subject
from schemas.policies.models import SchemaPolicy
from schemas.transfer.models import ImportRun
from tests.environments.factories import bring, make_account, make_cluster
from tests.pipelines.deploys.factories import make_bundle
from tests.pipelines.fleet.factories import make_agent
from tests.pipelines.reports.making import junit, upload
from tests.pipelines.runs.factories import make_artifact, make_attempt, make_job, make_pipeline
from tests.pipelines.schedules.factories import make_schedule
from tests.rbac.factories import Characters, make_characters
from tests.schemas.databases.factories import make_database
from tests.schemas.factories import V1, V2, register
from tests.support.changes import run_until_settled


@dataclass(frozen=True)
class Sample:
    """Values of a route's parameters, and the place that its permission is judged at."""

    values: dict[str, Any]
    place: Scope | None
    own: bool = False  # of one person, who is not among those that are tried: 404 for all
    listing: bool = False  # the parameter names no object: the rule of lists holds
    query: str = ""


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
    subject: Subject
    database: Database
    policy: SchemaPolicy
    import_run: ImportRun
    report: Report
    test: TestCase
    variable: Variable
    agent: Agent
    schedule: Schedule
    job: Job
    bundle: Bundle
    evidence_rule: EvidenceRule
    artifact: Artifact

    resource_group: ResourceGroup
    job_environment: JobEnvironment
    release: Release

    def samples(self) -> dict[str, Sample]:
        """By the longest fitting start of a route, parameters included."""
        parts = (
            self._of_changes(),
            self._of_access(),
            self._of_deployment(),
            self._of_schemas(),
            self._of_databases(),
            self._of_imports(),
            self._of_reports(),
            self._of_pipelines(),
            self._of_variables(),
            self._of_retention(),
            self._of_agents(),
            self._of_schedules(),
            self._of_groups() | self._of_job_environments(),
        )
        return {start: sample for part in parts for start, sample in part.items()}

    def _of_schemas(self) -> dict[str, Sample]:
        one = {"pk": self.subject.pk, "version": "latest"}
        sample = Sample(one, self.subject.keeper)
        settings = Sample(one, self.subject.scope)
        policy = Sample({"name": self.policy.name}, self.policy.scope)
        return {
            "subjects/<int:pk>": sample,
            "schemas/<subject:pk>": sample,
            "schemas/<subject:pk>/settings": settings,
            "schema-policies/<slug:name>": policy,
            "schemas/policies/<slug:name>": policy,
        }

    def _of_databases(self) -> dict[str, Sample]:
        place = self.database.instances.get(scope__name="staging")
        one = {"pk": self.database.pk, "number": place.pk, "version": 1}
        project = Sample(one, self.people.project.scope, query="from=1&to=2&as=json")
        declared, live = Sample(one, self.database.keeper), Sample(one, place.scope)
        reader = self.database.readers.get()
        handed_in = {**one, "number": self.database.declarations.latest("pk").pk}
        return {
            "databases/<int:pk>": project,
            "databases/<int:pk>/versions": declared,
            "databases/<int:pk>/declare": declared,
            "databases/<int:pk>/declarations": Sample(handed_in, project.place),
            "databases/<int:pk>/readers/<int:number>": Sample(
                {**one, "number": reader.pk}, reader.scope
            ),
            "databases/<int:pk>/instances/<int:number>/look": live,
            "databases/<int:pk>/places/<int:number>/look": live,
        }

    def _of_imports(self) -> dict[str, Sample]:
        one = Sample({"pk": self.import_run.pk, "action": "cancel"}, self.people.project.scope)
        return {"schemas/imports/<int:pk>": one}

    def _of_reports(self) -> dict[str, Sample]:
        project = self.people.project
        one = {"name": "orders", "commit": self.report.commit, "pk": self.report.pk}
        own = Sample({"pk": self.test.pk}, project.scope)
        here = Sample(one, project.scope, query="index=1&total=2")
        return {
            "projects/<str:name>/reports": Sample(one, keeper_scope(project)),
            "projects/<str:name>/commits": here,
            "projects/<str:name>/tests": here,
            "pipelines/commits/<str:name>": here,
            "tests/<int:pk>": own,
            "pipelines/tests/<int:pk>": own,
        }

    def _of_variables(self) -> dict[str, Sample]:
        one = Sample({"pk": self.variable.pk}, self.people.project.scope)
        return {"variables/<int:pk>": one, "pipelines/variables/<int:pk>": one}

    def _of_groups(self) -> dict[str, Sample]:
        project = self.people.project
        one = {"name": project.name, "key": "production"}
        return {
            "projects/<str:name>/resource-groups": Sample(one, project.scope),
            "pipelines/resource-groups/<int:pk>": Sample(
                {"pk": self.resource_group.pk}, project.scope
            ),
        }

    def _of_retention(self) -> dict[str, Sample]:
        project = self.people.project
        one = Sample({"name": project.name}, project.scope)
        return {
            "projects/<str:name>/pipeline-retention": one,
            "pipelines/retention/<str:name>": one,
        }

    def _of_job_environments(self) -> dict[str, Sample]:
        one, project = {"pk": self.job_environment.pk}, self.people.project
        return {
            "releases/<int:pk>": Sample({"pk": self.release.pk}, project.scope),
            "job-environments/<int:pk>": Sample(one, project.scope),
            "job-environments/<int:pk>/stop": Sample(one, keeper_scope(project)),
            "pipelines/environments/<int:pk>/stop": Sample(one, keeper_scope(project)),
        }

    def _of_agents(self) -> dict[str, Sample]:
        one = Sample({"pk": self.agent.pk}, self.people.project.scope)
        return {"agents/<int:pk>": one, "pipelines/agents/<int:pk>": one}

    def _of_schedules(self) -> dict[str, Sample]:
        one = {"pk": self.schedule.pk}
        project = self.people.project
        found = {}
        for start, acts in (
            ("pipeline-schedules/<int:pk>", ("run", "take-ownership")),
            ("pipelines/schedules/<int:pk>", ("run", "take")),
        ):
            found[start] = Sample(one, project.scope)
            found |= {f"{start}/{act}": Sample(one, keeper_scope(project)) for act in acts}
        return found

    def _of_pipelines(self) -> dict[str, Sample]:
        project, keeper = self.people.project.scope, keeper_scope(self.people.project)
        found: dict[str, Sample] = {}
        acts = ("again", "cancel", "retry", "play")
        for start, pk in (
            ("pipelines/<int:pk>", self.job.pipeline_id),
            ("pipelines/jobs/<int:pk>", self.job.pk),
            ("jobs/<int:pk>", self.job.pk),
        ):
            one = {"pk": pk, "kind": self.artifact.kind}
            found[start] = Sample(one, project, query="path=app.txt")
            found |= {f"{start}/{act}": Sample(one, keeper) for act in acts}
        bundle = {"pk": self.bundle.pk}
        for start in ("bundles/<int:pk>", "pipelines/board/bundles/<int:pk>"):
            found |= {start: Sample(bundle, project), f"{start}/promote": Sample(bundle, keeper)}
        for start in ("evidence-rules/<slug:name>", "pipelines/gates/<slug:name>"):
            found[start] = Sample({"name": self.evidence_rule.name}, project)
        return found

    def _of_changes(self) -> dict[str, Sample]:
        here, project = self.environment.scope, self.people.project.scope
        return {
            "changes/<int:pk>": Sample({"pk": self.change.pk}, here),
            "freezes/<int:pk>": Sample({"pk": self.freeze.pk}, here),
            "waivers/<int:pk>": Sample({"pk": self.waiver.pk}, here),
            "approval-rules/<slug:name>": Sample({"name": self.rule.name}, project),
        }

    def _of_deployment(self) -> dict[str, Sample]:
        here, project = self.environment.scope, self.people.project.scope
        keeper = keeper_scope(self.people.project)
        one = {"project": "orders", "name": self.environment.name}
        mate = {"username": self.people.mate.username}
        component = Sample({"name": self.component.name}, keeper)
        return {
            "components/<slug:name>": component,
            "catalog/<slug:name>": component,
            "environments/<slug:project>/<slug:name>": Sample(
                {**one, **mate, "action": "scale", "variable": "KEY"}, here
            ),
            "environments/new": Sample({}, None, query="blueprint=web-service@1.0.0"),
            "blueprints/<slug:blueprint>": Sample(
                {"blueprint": "web-service", "version": "1.0.0"}, None
            ),
            "clusters/<slug:name>": Sample({"name": "local"}, None),
            "accounts/<slug:name>": Sample({"name": "local"}, None),
            "applications/<slug:project>/<slug:name>": Sample(one, here),
            "give-up/<slug:project>/<slug:name>": Sample(one, here),
            "repositories/<slug:project>": Sample({**one, "number": 3}, project),
            "hosted-repositories/<slug:project>": Sample({**one, "number": 3}, project),
            "repositories/<slug:project>/merge-requests/<int:number>/start": Sample(
                {**one, "number": 3}, keeper_scope(self.people.project)
            ),
            "repositories/<slug:project>/merge-requests/<int:number>": Sample(
                {**one, "number": 4}, keeper_scope(self.people.project)
            ),
            "repositories/<slug:project>/merge-requests": Sample(
                one, keeper_scope(self.people.project)
            ),
            "hosted-repositories/<slug:project>/merge-requests/<int:number>/pipelines": Sample(
                {**one, "number": 3}, keeper_scope(self.people.project)
            ),
            "secrets/<slug:project>": Sample(one, project),
            "secrets/<slug:project>/<slug:name>": Sample(one, here),
        }

    def _of_access(self) -> dict[str, Sample]:
        project = self.people.project.scope
        person = {"username": self.people.mate.username}
        robot = Sample({"username": self.account.user.username}, project)
        team = Sample({"name": "orders", **person}, None)
        role = Sample({"name": self.role.name}, None)
        binding = Sample({"pk": self.binding.pk}, project)
        token = Sample({"pk": self.token.pk}, None, own=True)
        return {
            "access/bindings/<int:pk>": binding,
            "role-bindings/<int:pk>": binding,
            "access/people/<str:username>": Sample(person, None),
            "users/<str:username>": Sample(person, None),
            "access/roles/<str:name>": role,
            "roles/<str:name>": role,
            "access/service-accounts/<str:username>": robot,
            "service-accounts/<str:username>": robot,
            "access/teams/<str:name>": team,
            "teams/<str:name>": team,
            "account/tokens/<int:pk>": token,
            "tokens/<int:pk>": token,
            "audit/export.<str:kind>": Sample({"kind": "csv"}, None, listing=True),
            "projects/<str:name>": Sample({"name": "orders"}, project),
        }


def make_world() -> World:
    """Project `orders` with an environment that serves, and a change that waits for its author."""
    targets._targets.clear()
    people = make_characters()
    make_cluster()
    make_account()
    environment = _environment(people)
    connect_repository(people.project, people.maintainer)
    open_own_request(people.project, people.developer)
    share(system("tests"), permissions=[], user=people.mate, obj=environment)
    return World(
        people=people,
        environment=environment,
        change=_change(people, environment),
        blueprint=Blueprint.objects.get(name="web-service"),
        subject=register(Actor(people.developer), "orders-value", V1, V2),
        policy=SchemaPolicy.objects.create(
            name="documented", scope=people.scope, mode="warn", rules={"require": ["docs"]}
        ),
        database=make_database(Actor(people.maintainer), people.project),
        import_run=ImportRun.objects.create(
            project=people.project, kind="archive", source="moved", state="ready"
        ),
        resource_group=ResourceGroup.objects.create(project=people.project, key="production"),
        variable=Variable.objects.create(project=people.project, name="TOKEN", value="s3cr3t"),
        agent=make_agent(people.project, people.maintainer),
        schedule=make_schedule(people.project, people.maintainer),
        **_reports(people),
        **_rules(people, environment.scope),
        **_access(people),
        **_pipeline(people),
    )


def connect_repository(project: Project, user: User) -> HostedRepository:
    """A repository at a host that nobody asks, with one open merge request."""
    connection = HostConnection.objects.create(
        project=project, kind="gitea", base_url="https://git.example.org", token="t" * 20
    )
    row = HostedRepository.objects.create(
        project=project,
        connection=connection,
        path="acme/orders",
        folder="absent.git",
        acts_as=user,
    )
    HostedMergeRequest.objects.create(
        project=project,
        repository=row,
        number=3,
        title="Sell more",
        source_branch="sell",
        target_branch="main",
    )
    row.deliveries.create(delivery="d-1", kind="push", what="refs/heads/main to c0ffee", who="kim")
    return row


def open_own_request(project: Project, user: User) -> HostedMergeRequest:
    """A merge request in the project's own repository, whose branch is gone."""
    return HostedMergeRequest.objects.create(
        project=project,
        number=4,
        title="Sell less",
        source_branch="less",
        target_branch="main",
        fork=False,
        author=user.username,
        opened_by=user,
    )


def _reports(people: Characters) -> dict[str, Any]:
    return {
        "report": upload(Actor(people.developer), people.project, junit(adds="failed")),
        "test": TestCase.objects.get(),
    }


def _pipeline(people: Characters) -> dict[str, Any]:
    pipeline = make_pipeline(people.project, people.developer)
    job = make_job(pipeline, "build")
    attempt = make_attempt(job, b"hello\n")
    return {
        "job": job,
        "bundle": make_bundle(people.project, people.developer),
        "evidence_rule": EvidenceRule.objects.create(
            name="green", title="Tests pass", scope=people.scope, condition="tests.failed == 0"
        ),
        "release": Release.objects.create(
            project=people.project,
            tag="v1",
            sha=pipeline.sha,
            name="One",
            description="First.",
            pipeline=pipeline,
        ),
        "job_environment": JobEnvironment.objects.create(
            project=people.project, name="review/topic", tier="development", job=job
        ),
        "artifact": make_artifact(attempt, {"app.txt": b"hello"}),
    }


def _environment(people: Characters) -> Environment:
    with mock.patch.multiple(pods, READY_AFTER=0.0), mock.patch.multiple(play, ADDRESS_AFTER=0.0):
        return bring(Actor(people.developer), people.project, name="stage", tier="staging")


def _change(people: Characters, environment: Environment) -> Change:
    asked = services.scale(Actor(people.mate), environment, workload="web", replicas=3)
    change = run_until_settled(asked)
    assert change.state == Change.State.READY, change.reason
    return change


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
