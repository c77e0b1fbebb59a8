"""Reads of this app; whoever is not allowed gets what does not exist for them."""

from __future__ import annotations

from django.db.models import Count, Q, QuerySet

from gitops import kinds
from gitops.models import Application, CloudAccount, Cluster, ConfigRepository, ManagedObject
from rbac.access import get_visible, visible
from rbac.actors import Actor
from rbac.models import Project, Scope


def clusters(actor: Actor) -> QuerySet[Cluster]:
    """Registered clusters by name, with the number of environments on each."""
    alive = Count("applications", filter=Q(applications__removed_at=None))
    rows = Cluster.objects.defer("kubeconfig", "pull_secrets").annotate(used=alive)
    return visible(actor, "cluster.view", rows).order_by("name")


def accounts(actor: Actor) -> QuerySet[CloudAccount]:
    """Registered cloud accounts by name, with the number of environments in each."""
    alive = Count("applications", filter=Q(applications__removed_at=None))
    rows = CloudAccount.objects.defer("credentials").annotate(used=alive)
    return visible(actor, "account.view", rows).order_by("name")


def repositories_of(actor: Actor) -> QuerySet[ConfigRepository]:
    """Config repositories that the actor may clone, by project."""
    rows = ConfigRepository.objects.select_related("project")
    return visible(actor, "repository.read", rows).order_by("project__name")


def applications(actor: Actor) -> QuerySet[Application]:
    """Applications that are not removed, newest first."""
    rows = Application.objects.filter(removed_at=None).select_related(
        "scope__project_scope", "scope__tier_scope", "cluster", "account", "repository__project"
    )
    return visible(actor, "application.view", rows).order_by("-pk")


def application(actor: Actor, project: str, name: str) -> Application:
    """The living application of `environments/<name>` of a project; `NotVisible` otherwise."""
    return get_visible(
        actor,
        "application.view",
        applications(actor),
        repository__project__name=project,
        directory=f"environments/{name}",
    )


def live_objects(application: Application) -> list[ManagedObject]:
    """What an application made, with health, status and outputs, in the order of making."""
    rows = application.objects_made.all()
    return sorted(rows, key=lambda row: (kinds.rank(row.api_version, row.kind), row.name))


def secret_scope(actor: Actor, project: str, environment: str = "") -> Scope:
    """The scope at which a project's or an environment's secrets stand; `NotVisible` otherwise."""
    if environment:
        return application(actor, project, environment).scope
    rows = Project.objects.select_related("scope")
    return get_visible(actor, "project.view", rows, name=project).scope
