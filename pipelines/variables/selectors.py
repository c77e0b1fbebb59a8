"""Reads of variables; values go to jobs, and to pages only where they are not hidden."""

from __future__ import annotations

from django.db.models import QuerySet

from pipelines.engine.settings import Level, Setting
from pipelines.permissions import MANAGE
from pipelines.variables.models import Variable
from rbac.access import visible
from rbac.actors import Actor
from rbac.models import Project


def variables(actor: Actor) -> QuerySet[Variable]:
    """Those of the projects whose pipelines the actor manages: nobody else reads them."""
    return visible(actor, MANAGE, Variable.objects.all()).select_related("project__scope")


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
