"""Programs that call the registry: service accounts with tokens, and what was kept of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from rbac.actors import Actor
from rbac.models import ApiToken, Project, Scope, User
from rbac.services import create_service_account, create_token
from schemas.models import Subject
from schemas.traffic import noting
from schemas.traffic.models import SeenTraffic
from tests.rbac.factories import bind
from tests.schemas.wire import Wire


def token_for(actor: Actor, user: User, name: str, scope: Scope | None = None) -> ApiToken:
    token, text = create_token(
        actor,
        user=user,
        name=name,
        permissions=[],
        scope=scope,
        expires_at=timezone.now() + timedelta(days=1),
    )
    token.text = text  # type: ignore[attr-defined]  # shown once, kept by the test
    return token


def wire_of(token: ApiToken, **more: Any) -> Wire:
    return Wire(token.text, **more)  # type: ignore[attr-defined]  # of `token_for`


def account(by: User, project: Project, name: str, role: str = "deployer") -> User:
    """A service account of a project, with a role in it."""
    made = create_service_account(Actor(by), project=project, name=name)
    bind(role, project.scope, user=made.user)
    return made.user


def rows(subject: Subject | None = None) -> list[tuple[str, str, str]]:
    """What is kept after a flush: who, role, and where."""
    noting.flush()
    found = SeenTraffic.objects.order_by("holder", "role", "subject")
    if subject is not None:
        found = found.filter(subject=subject)
    return [(row.holder, row.role, row.scope.label if row.scope else "") for row in found]
