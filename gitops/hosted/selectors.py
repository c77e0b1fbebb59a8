"""Reads of repositories at git hosts; whoever is not allowed gets what does not exist for them."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from gitops.hosted.models import HookDelivery, HostedMergeRequest, HostedRepository
from gitops.hosted.services import READ
from rbac.access import get_visible, visible
from rbac.actors import Actor
from rbac.models import Project


def repositories(actor: Actor) -> QuerySet[HostedRepository]:
    """Connected repositories, without their secrets, by project."""
    rows = HostedRepository.objects.select_related("project__scope", "connection", "acts_as")
    rows = rows.defer("connection__token", "connection__webhook_secret")
    return visible(actor, READ, rows).order_by("project__name")


def repository(actor: Actor, project: str) -> HostedRepository:
    """The one of a project; `NotVisible` otherwise."""
    return get_visible(actor, READ, repositories(actor), project__name=project)


def project(actor: Actor, name: str) -> Project:
    """A project whose repositories the actor sees; `NotVisible` otherwise."""
    return get_visible(actor, READ, Project.objects.select_related("scope"), name=name)


def projects(actor: Actor) -> QuerySet[Project]:
    """Projects whose repositories the actor sees, by name."""
    return visible(actor, READ, Project.objects.all()).order_by("name")


def of_project(found: Project) -> HostedRepository | None:
    """The repository of a project that the actor sees already."""
    rows = HostedRepository.objects.select_related("project__scope", "connection", "acts_as")
    return rows.filter(project=found).first()


def deliveries(found: HostedRepository) -> QuerySet[HookDelivery]:
    return found.deliveries.order_by("-id")


def requests(found: HostedRepository) -> QuerySet[HostedMergeRequest]:
    """Merge requests at the host, the newest first."""
    return found.merge_requests.select_related("repository__project__scope").order_by("-number")


def request(actor: Actor, project: str, number: int) -> HostedMergeRequest:
    """One merge request of where the project's code is; `NotVisible` otherwise."""
    rows = HostedMergeRequest.objects.select_related(
        "project__scope", "repository__project__scope", "repository__connection", "opened_by"
    ).filter(Q(project__hosted=None) | Q(repository__isnull=False))
    return get_visible(actor, READ, rows, project__name=project, number=number)
