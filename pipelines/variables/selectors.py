"""Reads of variables; values go to jobs, and to pages only where they are not hidden."""

from __future__ import annotations

from django.db.models import QuerySet

from pipelines.engine.settings import Level, Setting
from pipelines.permissions import MANAGE, VIEW
from pipelines.variables.models import Variable
from rbac.access import get_visible, require, visible
from rbac.actors import Actor
from rbac.models import Project


def variables(actor: Actor) -> QuerySet[Variable]:
    """Those of the projects whose pipelines the actor manages: nobody else reads them."""
    return visible(actor, MANAGE, Variable.objects.all()).select_related("project__scope")


def project(actor: Actor, name: str) -> Project:
    """The one of that name; `NotVisible`, or `AccessForbidden` for who only sees it."""
    found = get_visible(actor, VIEW, Project.objects.select_related("scope"), name=name)
    require(actor, MANAGE, found.scope)
    return found


def of_project(actor: Actor, project: Project) -> QuerySet[Variable]:
    return variables(actor).filter(project=project)


def variable(actor: Actor, pk: int) -> Variable:
    """One; `NotVisible`, or `AccessForbidden` for who only sees the project's pipelines."""
    rows = Variable.objects.select_related("project__scope")
    found = get_visible(actor, VIEW, rows, pk=pk)
    require(actor, MANAGE, found.project.scope)
    return found


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
