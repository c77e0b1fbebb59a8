"""Reads of environments for pages, REST, search and home; each takes the actor who asks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db.models import Count, Prefetch, Q, QuerySet
from django.utils import timezone

from environments.models import BlueprintVersion, Environment, Workload
from environments.rendering.document import FILENAME, EnvironmentDocument, parse
from environments.rendering.renderer import judge
from environments.rendering.resources import prefix_of
from gitops import kinds, repositories
from gitops.models import Application, CloudAccount, Cluster, ManagedObject
from gitops.sync.desired import context_of
from idp.changes.models import Change
from idp.common.errors import NotVisible
from rbac.access import can, get_visible, visible
from rbac.actors import Actor
from rbac.models import Project, User
from rbac.scopes import tier_scope

BROKEN_WORD = "broken"  # in the address: either of
BROKEN = (Application.Health.DEGRADED, Application.Health.MISSING)
VIEW = "environment.view"
VERBS = (
    "environment.logs",
    "environment.scale",
    "environment.set-image",
    "environment.deploy",
    "environment.set-variables",
    "environment.set-secret",
    "environment.set-component",
    "environment.set-schemas",
    "environment.restart",
    "environment.stop",
    "environment.extend",
    "environment.delete",
)


def environments(actor: Actor) -> QuerySet[Environment]:
    """What the actor may see, with everything that a row shows; deleted ones too."""
    rows = Environment.objects.select_related(
        "scope__tier_scope",
        "scope__project_scope",
        "project__team",
        "application__cluster",
        "application__account",
        "application__repository__project",
        "blueprint_version__blueprint",
        "owner",
    )
    workloads = Prefetch("workloads", Workload.objects.order_by("name"))
    return visible(actor, VIEW, rows).prefetch_related(workloads)


def alive(actor: Actor) -> QuerySet[Environment]:
    return environments(actor).exclude(state=Environment.State.DELETED)


def environment(actor: Actor, project: str, name: str) -> Environment:
    """The living environment of that name, else the last deleted one; raises `NotVisible`."""
    rows = environments(actor).filter(project__name=project, name=name)
    found = rows.exclude(state=Environment.State.DELETED).first() or rows.order_by("-id").first()
    return found or get_visible(actor, VIEW, rows, pk=0)


@dataclass(frozen=True)
class Filters:
    """What a list is narrowed to; empty fields do not narrow."""

    project: str = ""
    team: str = ""
    tier: str = ""
    state: str = ""
    health: str = ""
    cluster: str = ""
    owner: str = ""
    q: str = ""
    expiring: int | None = None  # days

    @property
    def given(self) -> dict[str, str]:
        """The fields that narrow, as text."""
        return {key: str(value) for key, value in vars(self).items() if value not in {"", None}}

    @classmethod
    def read(cls, data: Any) -> Filters:
        """From a query string; what cannot be understood does not narrow."""
        names = ("project", "team", "tier", "state", "health", "cluster", "owner", "q")
        found = {name: str(data.get(name, ""))[:80].strip().replace("\0", "") for name in names}
        days = str(data.get("expiring", ""))
        within = int(days) if days.isascii() and days.isdecimal() and len(days) < 5 else None  # noqa: PLR2004 - a year has three digits
        return cls(**found, expiring=within)


def filtered(rows: QuerySet[Environment], filters: Filters) -> QuerySet[Environment]:
    """Deleted environments are left out unless they are asked for by state."""
    exact = {
        "project__name": filters.project,
        "project__team__name": filters.team,
        "tier": filters.tier,
        "state": filters.state,
        "application__cluster__name": filters.cluster,
        "owner__username": filters.owner,
    }
    rows = rows.filter(**{key: value for key, value in exact.items() if value})
    if filters.health:
        wanted = BROKEN if filters.health == BROKEN_WORD else (filters.health,)
        rows = rows.filter(application__health__in=wanted)
    if not filters.state:
        rows = rows.exclude(state=Environment.State.DELETED)
    if filters.expiring is not None:
        rows = rows.filter(expires_at__lte=timezone.now() + timedelta(days=filters.expiring))
    for word in filters.q.replace("/", " ").split()[:5]:
        rows = rows.filter(Q(name__icontains=word) | Q(project__name__icontains=word))
    return rows


def counts(actor: Actor) -> dict[str, int]:
    """Numbers of the saved views, in one query."""
    rows = visible(actor, VIEW, Environment.objects.exclude(state=Environment.State.DELETED))
    week = timezone.now() + timedelta(days=7)
    return rows.aggregate(
        all=Count("pk"),
        mine=Count("pk", filter=Q(owner=actor.user)),
        previews=Count("pk", filter=Q(tier="preview")),
        expiring=Count("pk", filter=Q(expires_at__lte=week)),
        broken=Count("pk", filter=Q(application__health__in=BROKEN)),
    )


def running_changes(rows: Iterable[Environment]) -> dict[int, Change]:
    """The newest open change of each environment, by its scope's id; one query."""
    scopes = [row.scope_id for row in rows]
    found = Change.objects.filter(scope__in=scopes, state__in=Change.OPEN)
    light = found.defer("plan", "intent", "gates", "result").order_by("id")
    return {change.scope_id: change for change in light}


@dataclass(frozen=True)
class WorkloadView:
    """A workload with what its Deployment or CronJob last said."""

    workload: Workload
    health: str = Application.Health.UNKNOWN
    message: str = ""
    status: dict[str, Any] = field(default_factory=dict)

    @property
    def version(self) -> str:
        return self.workload.version

    @property
    def pods(self) -> list[str]:
        """One word a pod: "ready" or "waiting"; at most 20."""
        wanted, ready = self.status.get("replicas", 0), self.status.get("ready", 0)
        return ["ready"] * min(ready, 20) + ["waiting"] * max(0, min(wanted - ready, 20 - ready))


@dataclass(frozen=True)
class ResourceView:
    """A resource with its real name, state and outputs."""

    name: str
    kind: str
    real_name: str = ""
    state: str = "pending"
    message: str = ""
    outputs: dict[str, str] = field(default_factory=dict)
    spec: dict[str, Any] = field(default_factory=dict)


def objects(environment: Environment) -> list[ManagedObject]:
    """Everything that Slipway made for it, in a stable order."""
    rows = ManagedObject.objects.filter(application=environment.application_id)
    return list(rows.order_by("target", "kind", "name"))


@dataclass(frozen=True)
class Removed:
    """Objects of one kind that go with an environment."""

    kind: str
    objects: list[ManagedObject]

    @property
    def holds_data(self) -> bool:
        return self.kind in kinds.STATEFUL


def removed_with(environment: Environment) -> list[Removed]:
    """What its deletion removes, by kind; what may hold data comes first."""
    found: dict[str, list[ManagedObject]] = {}
    for row in objects(environment):
        if row.state != ManagedObject.State.RETAINED:
            found.setdefault(row.kind, []).append(row)
    groups = [Removed(kind, rows) for kind, rows in found.items()]
    return sorted(groups, key=lambda group: (not group.holds_data, group.kind))


def workloads(environment: Environment, made: list[ManagedObject]) -> list[WorkloadView]:
    """Workloads with their live facts."""
    live = {o.name: o for o in made if o.kind in {"Deployment", "CronJob"}}
    return [
        WorkloadView(w, o.health, o.health_message, o.status)
        if (o := live.get(w.name))
        else WorkloadView(w)
        for w in environment.workloads.all()
    ]


def resources(environment: Environment, made: list[ManagedObject]) -> list[ResourceView]:
    """Declared resources with the outputs that workloads read; of a deleted one what is left."""
    live = {(o.kind, o.logical_name): o for o in made if o.target == "aws"}
    found = []
    for row in environment.resources.order_by("name"):
        o = live.get((row.kind, row.name))
        if o is None and environment.state == Environment.State.DELETED:
            continue
        prefix = prefix_of(row.name, row.kind)
        found.append(
            ResourceView(
                row.name,
                row.kind,
                real_name=o.name if o else "",
                state=o.state if o else "pending",
                message=o.health_message if o else "",
                outputs={f"{prefix}_{k}": v for k, v in o.outputs.items()} if o else {},
                spec=row.spec,
            )
        )
    return found


def history(actor: Actor, environment: Environment) -> QuerySet[Change]:
    """Changes of the environment that the actor may see, newest first."""
    rows = visible(actor, "change.view", Change.objects.filter(scope=environment.scope_id))
    light = rows.select_related("actor", "scope__project_scope").defer("plan", "gates", "intent")
    return light.order_by("-id")


@dataclass(frozen=True)
class Source:
    """The environment's file on `main`, and its ETag."""

    text: str = ""
    tree: str = ""
    document: EnvironmentDocument | None = None


def source(environment: Environment) -> Source:
    """What git says of it now; empty before its first change was applied and after its end."""
    application = environment.application
    repository = application.repository
    head = repositories.head(repository)
    files = repositories.read_directory(repository, head, application.directory)
    if FILENAME not in files or environment.state == Environment.State.DELETED:
        return Source()
    text = files[FILENAME].decode()
    tree = repositories.tree_id(repository, head, application.directory)
    return Source(text, tree, parse(text))


def entries(environment: Environment, source: Source) -> Mapping[str, Mapping[str, Any]]:
    """Each workload's settings as the file asks for them, the blueprint's defaults filled in."""
    if source.document is None:
        return {}
    return judge(source.document, context_of(environment.application)).entries


def creatable(actor: Actor) -> list[tuple[Project, list[str]]]:
    """Projects in which the actor may create environments, with the tiers; by name."""
    found = []
    rows = Project.objects.select_related("team", "scope").order_by("name")
    for project in visible(actor, "project.view", rows):
        tiers = [
            tier
            for tier in ("preview", "development", "staging", "production")
            if can(actor, "environment.create", tier_scope(project, tier))
        ]
        if tiers:
            found.append((project, tiers))
    return found


def blueprint_versions() -> list[BlueprintVersion]:
    """The newest published version of each active blueprint, by name."""
    rows = BlueprintVersion.objects.filter(blueprint__active=True).exclude(published_at=None)
    newest: dict[str, BlueprintVersion] = {}
    for row in rows.select_related("blueprint__owner").order_by("blueprint__name", "published_at"):
        newest[row.blueprint.name] = row
    return list(newest.values())


def clusters() -> list[Cluster]:
    """Those that environments may go to, by name; those that failed their last test come last."""
    return sorted(Cluster.objects.filter(active=True).order_by("name"), key=lambda c: c.faulty)


def accounts() -> list[CloudAccount]:
    """As `clusters`."""
    rows = CloudAccount.objects.filter(active=True).order_by("name")
    return sorted(rows, key=lambda account: account.faulty)


def shared_with(environment: Environment, username: str) -> User:
    """The person of that name with whom the environment is shared; raises `NotVisible`."""
    rows = User.objects.filter(environmentgrant__content_object=environment, username=username)
    found = rows.distinct().first()
    if found is None:
        raise NotVisible(f"{environment} is not shared with {username[:80]}.")
    return found
