"""The rows of the bench: projects, a developer of half of them, and their environments."""

from bench.world import ENVIRONMENTS, PROJECTS
from environments.models import BlueprintVersion, Environment
from gitops.models import Application, Cluster, ConfigRepository
from rbac.actors import system
from rbac.models import Project, Tier, User
from rbac.scopes import environment_scope
from rbac.services.projects import create_project
from rbac.services.teams import add_member, create_team

ACTOR = system("bench")


def make() -> User:
    """A developer who sees half of 1,000 environments; returns the person."""
    user = User.objects.create_user("dana", "dana@example.test")
    mine = create_team(ACTOR, name="mine")
    theirs = create_team(ACTOR, name="theirs")
    add_member(ACTOR, mine, user)
    cluster = Cluster.objects.create(name="bench", backend="memory", domain="bench.test")
    version = BlueprintVersion.objects.select_related("blueprint").first()
    if version is None:
        raise SystemExit("No blueprint was published by the migrations.")
    projects = [
        create_project(ACTOR, f"project-{number}", "", mine if number % 2 else theirs)
        for number in range(PROJECTS)
    ]
    for number in range(ENVIRONMENTS):
        _environment(projects[number % PROJECTS], number, cluster, version, user)
    return user


def _environment(
    project: Project, number: int, cluster: Cluster, version: BlueprintVersion, owner: User
) -> None:
    name, tier = f"env-{number}", Tier.values[number % len(Tier.values)]
    repository, _ = ConfigRepository.objects.get_or_create(project=project)
    scope = environment_scope(project, tier, name)
    application = Application.objects.create(
        scope=scope,
        repository=repository,
        directory=f"environments/{name}",
        cluster=cluster,
        namespace=f"{project.name}-{name}",
        sync=Application.Sync.SYNCED,
        health=Application.Health.HEALTHY,
    )
    Environment.objects.create(
        scope=scope,
        application=application,
        project=project,
        name=name,
        tier=tier,
        state=Environment.State.ACTIVE,
        blueprint_version=version,
        owner=owner,
    )
