"""Writes of variables. Values are encrypted where they lie, and no audit record holds one."""

from __future__ import annotations

import re
from typing import Any

from django.db import transaction
from django.utils import timezone

from idp.common.errors import Clash, FieldError, Invalid
from pipelines.permissions import MANAGE, VIEW
from pipelines.variables.models import Variable
from rbac import audit
from rbac.access import get_visible, require
from rbac.actors import Actor
from rbac.models import Project

MOST = 500
MAX_VALUE = 100_000
MAX_DESCRIPTION = 255
LEAST_MASKED = 8
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
_SCOPE = re.compile(r"[\w /.$*{}-]{1,255}")
FIELDS = ("is_file", "protected", "masked", "hidden", "expand", "description")


@transaction.atomic
def create(
    actor: Actor, project: Project, *, name: str, value: str, environment: str = "*", **more: Any
) -> Variable:
    """A new variable; `more` are `FIELDS`. `Invalid` names the field, `Clash` what is there."""
    require(actor, MANAGE, project.scope)
    rows = Variable.objects.filter(project=project)
    if rows.count() >= MOST:
        raise Clash(f"{project.name} has {MOST} variables.", fix="Delete some, or use a file.")
    if rows.filter(name=name, environment=environment).exists():
        message, fix = f"{project.name} has {name} for {environment} already.", "Change that one."
        raise Clash(message, fix=fix, errors=[FieldError("name", "unique", message, fix)])
    variable = Variable(project=project, name=name, environment=environment, value=value)
    _save(actor, variable, more)
    audit.record(actor, "variable.create", target=variable, after=_told(variable))
    return variable


@transaction.atomic
def update(actor: Actor, pk: int, **fields: Any) -> Variable:
    """Change a variable; without `value` that stays. A hidden one stays hidden."""
    variable = _owned(actor, pk)
    before, hidden = _told(variable), variable.hidden
    if fields.get("value") is not None:
        variable.value = fields["value"]
    if hidden and fields.get("hidden") is False:
        raise _wrong("hidden", "A hidden variable stays hidden.", "Delete it, and make it anew.")
    _save(actor, variable, fields)
    audit.record(actor, "variable.update", target=variable, before=before, after=_told(variable))
    return variable


@transaction.atomic
def delete(actor: Actor, pk: int) -> None:
    variable = _owned(actor, pk)
    audit.record(actor, "variable.delete", target=variable, before=_told(variable))
    variable.delete()


def _owned(actor: Actor, pk: int) -> Variable:
    variable = get_visible(actor, VIEW, Variable.objects.select_for_update(), pk=pk)
    require(actor, MANAGE, variable.project.scope)
    return variable


def _save(actor: Actor, variable: Variable, fields: dict[str, Any]) -> None:
    for name in FIELDS:
        if fields.get(name) is not None:
            setattr(variable, name, fields[name])
    variable.masked = variable.masked or variable.hidden
    _judge(variable)
    variable.changed_by, variable.changed_at = actor.label[:200], timezone.now()
    variable.save()


def _judge(variable: Variable) -> None:
    if not _NAME.fullmatch(variable.name):
        raise _wrong(
            "name",
            f"“{variable.name[:60]}” is no name of a variable.",
            "Use letters, digits and underscores, not a digit first.",
        )
    if not _SCOPE.fullmatch(variable.environment):
        raise _wrong("environment", "That is no name of an environment.", "Write review/*, or *.")
    if len(variable.value) > MAX_VALUE or "\0" in variable.value:
        raise _wrong("value", f"At most {MAX_VALUE} characters, and no NUL.", "Shorten it.")
    if len(variable.description) > MAX_DESCRIPTION:
        raise _wrong("description", f"At most {MAX_DESCRIPTION} characters.", "Shorten it.")
    if variable.masked and len(variable.value) < LEAST_MASKED:
        raise _wrong(
            "masked",
            f"A value with fewer than {LEAST_MASKED} characters cannot be masked.",
            "Take a longer secret, or do not mask it.",
        )


def _wrong(field: str, message: str, fix: str) -> Invalid:
    return Invalid(message, fix=fix, errors=[FieldError(field, "value", message, fix)])


def _told(variable: Variable) -> dict[str, Any]:
    facts = {name: getattr(variable, name) for name in FIELDS}
    return {"name": variable.name, "environment": variable.environment, **facts}
