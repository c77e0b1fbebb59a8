"""Reads of variables; values go to jobs, and to pages only where they are not hidden."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q, QuerySet

from idp.common import keyset
from idp.common.narrowing import Narrowing
from pipelines.engine.settings import Level, Setting
from pipelines.permissions import MANAGE, VIEW
from pipelines.variables.models import Variable
from rbac.access import get_visible, require, visible
from rbac.actors import Actor
from rbac.models import Project

PAGE_SIZE = 50
ORDER = ("project__name", "name", "environment")


@dataclass(frozen=True)
class Filters(Narrowing):
    """What the list is narrowed to; empty text does not narrow."""

    q: str = ""
    project: str = ""

    @property
    def condition(self) -> Q:
        found = Q(project__name=self.project) if self.project else Q()
        if self.q:
            words = Q(name__icontains=self.q) | Q(environment__icontains=self.q)
            found &= words | Q(description__icontains=self.q)
        return found


def variables(actor: Actor) -> QuerySet[Variable]:
    """Those of the projects whose pipelines the actor manages: nobody else reads them."""
    return visible(actor, MANAGE, Variable.objects.all()).select_related("project__scope")


def part(
    actor: Actor, filters: Filters, *, before: str = "", after: str = ""
) -> keyset.Part[Variable]:
    """A page by project, name and environment, without values."""
    rows = variables(actor).filter(filters.condition).defer("value")
    return keyset.part(rows, ORDER, size=PAGE_SIZE, before=before, after=after)


def managed(actor: Actor) -> QuerySet[Project]:
    """The projects whose variables the actor reads and writes, by name."""
    return visible(actor, MANAGE, Project.objects.select_related("scope")).order_by("name")


def others(row: Variable) -> QuerySet[Variable]:
    """Those of the same name for other environments, without values."""
    rows = Variable.objects.filter(project=row.project, name=row.name).exclude(pk=row.pk)
    return rows.defer("value").order_by("environment")


def project(actor: Actor, name: str) -> Project:
    """The one of that name; `NotVisible`, or `AccessForbidden` for who only sees it."""
    found = get_visible(actor, VIEW, Project.objects.select_related("scope"), name=name)
    require(actor, MANAGE, found.scope)
    return found


def of_project(actor: Actor, project: Project) -> QuerySet[Variable]:
    return variables(actor).filter(project=project)


def variable(actor: Actor, pk: int) -> Variable:
    """One, its value unread until it is asked for.

    `NotVisible`, or `AccessForbidden` for who only sees the project's pipelines.
    """
    rows = Variable.objects.select_related("project__scope").defer("value")
    found = get_visible(actor, VIEW, rows, pk=pk)
    require(actor, MANAGE, found.project.scope)
    return found


def shown(row: Variable) -> str | None:
    """The value as a page may show it on demand; None for one that is masked or hidden."""
    return None if row.secret else row.value


def settings_of(project: Project) -> tuple[Setting, ...]:
    """All of a project as the engine takes them."""
    return tuple(
        Setting(
            name=one.name,
            value=one.value,
            level=Level.PROJECT,
            file=one.is_file,
            protected=one.protected,
            masked=one.masked,
            hidden=one.hidden,
            environment=one.environment,
            expand=one.expand,
        )
        for one in Variable.objects.filter(project=project)
    )
