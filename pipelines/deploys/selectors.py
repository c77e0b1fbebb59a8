"""Reads of bundles and deployments; what the actor may not see does not exist for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from environments.models import Environment
from idp.common.errors import FieldError, Invalid
from idp.common.narrowing import Narrowing
from pipelines.deploys.models import Bundle, Deployment
from pipelines.engine.values.environment import slug
from pipelines.permissions import VIEW
from pipelines.runs.models import Job
from rbac.access import get_visible, visible
from rbac.actors import Actor
from rbac.models import Project, Tier

ENVIRONMENT_VIEW = "environment.view"
SHOWN = 5
_DIGITS = 9


@dataclass(frozen=True)
class Filters(Narrowing):
    """What a list of bundles is narrowed to; empty text does not narrow."""

    q: str = ""
    project: str = ""
    commit: str = ""

    @property
    def condition(self) -> Q:
        found = Q(project__name=self.project) if self.project else Q()
        if self.commit:
            found &= Q(sha__startswith=self.commit.lower())
        number = self.q.removeprefix("#")
        if number.isascii() and number.isdecimal() and len(number) <= _DIGITS:
            return found & Q(number=int(number))
        if self.q:
            found &= Q(title__icontains=self.q) | Q(sha__startswith=self.q.lower())
        return found


def bundles(actor: Actor, filters: Filters = Filters()) -> QuerySet[Bundle]:
    """The bundles of projects whose pipelines the actor sees, unordered."""
    rows = Bundle.objects.filter(filters.condition).select_related("project")
    return visible(actor, VIEW, rows)


def bundle(actor: Actor, pk: int) -> Bundle:
    """One bundle; raises `NotVisible`."""
    rows = Bundle.objects.select_related("project__scope", "project__team", "pipeline__actor")
    return get_visible(actor, VIEW, rows.defer("pipeline__given"), pk=pk)


def environment(actor: Actor, project: Project, name: str) -> Environment:
    """As `named_environment`; raises `Invalid` where none is meant, too."""
    found = named_environment(actor, project, name)
    if found is None:
        message = f"{project.name} has no environment “{name[:63]}” that you see."
        raise Invalid.of([FieldError("environment", "unknown", message, "Name one of its own.")])
    return found


def named_environment(actor: Actor, project: Project, name: str) -> Environment | None:
    """A project's environment that the actor sees, by its name or as the only one of a tier.

    Raises `Invalid` with the field `environment` where several are meant.
    """
    rows = Environment.objects.filter(project=project).exclude(state=Environment.State.DELETED)
    rows = visible(
        actor,
        ENVIRONMENT_VIEW,
        rows.select_related(
            "scope", "project", "application__repository__project", "application__cluster"
        ),
    )
    named = Q(tier=name) if name in Tier.values else Q(name__in=names_of(name))
    found = list(rows.filter(named).order_by("name")[:SHOWN])
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(one.name for one in found)
        message = f"{project.name} has several environments in {name}: {names}."
        raise Invalid.of([FieldError("environment", "several", message, "Name one of them.")])
    return None


def names_of(name: str) -> tuple[str, ...]:
    """What an environment may be called that a CI file names so: DNS allows less."""
    clean = name.replace("\0", "")
    return tuple(dict.fromkeys((clean, slug(clean))))


def is_meant(environment: Environment, name: str) -> bool:
    """Whether a CI file that says `environment: name` means this one, or the tier it is in."""
    return environment.name in names_of(name) or environment.tier == name


def deployments(actor: Actor, query: Mapping[str, str]) -> QuerySet[Deployment]:
    """Deployments to environments that the actor sees, unordered, with what rows show."""
    names = {
        "project": "environment__project__name",
        "environment": "environment__name",
        "tier": "environment__tier",
        "state": "change__state",
    }
    given = {to: str(query[at]).replace("\0", "") for at, to in names.items() if query.get(at)}
    rows = Deployment.objects.filter(**given).select_related(
        "bundle__project", "environment__project", "change", "job"
    )
    return visible(actor, ENVIRONMENT_VIEW, rows).defer(
        "change__plan", "change__intent", "change__gates", "change__result", "job__work"
    )


def brought_by(actor: Actor, job: Job) -> list[Deployment]:
    """What a job brought to environments that the actor sees, newest first."""
    return list(deployments(actor, {}).filter(job=job).order_by("-pk")[:SHOWN])
