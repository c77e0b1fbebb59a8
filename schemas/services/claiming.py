"""Whose a new subject is: the one project that the token may publish in, or the one it names.

Used by registering and by settings that are made before the first version.
"""

from __future__ import annotations

from django.db import IntegrityError, transaction

from idp.common.errors import NotVisible
from rbac.access import require, visible
from rbac.actors import Actor
from rbac.models import Project, Scope, Tier
from schemas import selectors
from schemas.errors import ProjectUnclear, SubjectNotFound
from schemas.models import Context, Subject
from schemas.naming import SubjectName
from schemas.permissions import REGISTER

SHOWN = 5


def require_at(actor: Actor, permission: str, scope: Scope, subject: object) -> None:
    """`require`, with the registry's own answer for what may not even be seen."""
    try:
        require(actor, permission, scope)
    except NotVisible as error:
        raise SubjectNotFound(subject) from error


def home_of(actor: Actor, wanted: str = "") -> Scope:
    """The keeper scope of a new subject's project; raises `ProjectUnclear` with how to choose.

    `wanted` may be any text: a name that is none of the possible ones counts only when several are
    possible, because clients put all kinds of user names beside their token.
    """
    keepers = Scope.objects.filter(kind=Scope.Kind.TIER, name=Tier.DEVELOPMENT)
    rows = visible(actor, REGISTER, keepers).select_related("project_scope__project__team")
    possible = {row.project_scope.name: row for row in rows if row.project_scope is not None}
    if wanted in possible:
        return possible[wanted]
    if len(possible) == 1:
        return next(iter(possible.values()))
    raise _unclear(sorted(possible), wanted)


def _unclear(names: list[str], wanted: str) -> ProjectUnclear:
    if not names:
        return ProjectUnclear(
            f"The token may not register schemas in any project ({REGISTER}).",
            fix="Use a token whose owner develops in the project's development tier.",
        )
    shown = ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")
    return ProjectUnclear(
        f"A new subject belongs to one project; the token may publish in several: {shown}"
        f"{f', not in “{wanted[:40]}”' if wanted else ''}.",
        fix="Name it: send the header X-Slipway-Project, add ?project=NAME, give it as the user"
        " name of Basic authentication, or use a token that is bound to one project.",
    )


def new_subject(actor: Actor, context: Context, name: SubjectName, wanted: str) -> Subject:
    """An unsaved subject in its project, owned by the project's team."""
    keeper = home_of(actor, wanted)
    project: Project = keeper.project_scope.project  # type: ignore[union-attr]  # a tier has one
    return Subject(
        context=context,
        name=name.name,
        project=project,
        keeper=keeper,
        owner=project.team,
        created_by=actor.user,
    )


def claim(actor: Actor, name: SubjectName, wanted: str) -> Subject:
    """The subject, made without a version where it does not exist, for settings that come first."""
    found = selectors.find_subject(name)
    if found is not None:
        return found
    context = selectors.context(name.context) or selectors.make_context(name.context)
    subject = new_subject(actor, context, name, wanted)
    try:
        with transaction.atomic():
            subject.save(force_insert=True)
    except IntegrityError:
        found = selectors.find_subject(name)
        if found is None:
            raise
        return found
    return subject
