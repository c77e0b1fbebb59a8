"""A running registry: gunicorn and uvicorn over one database, with a developer's token."""

from __future__ import annotations

from dataclasses import dataclass

from deploy.processes import Installation

WRITE = """
from datetime import timedelta
from django.utils import timezone
from rbac.actors import Actor, system
from rbac.models import Role, User
from rbac.services.bindings import bind_role
from rbac.services.projects import create_project
from rbac.services.teams import create_team
from rbac.services.tokens import create_token
slipway = system("tests")
team = create_team(slipway, name="orders", title="Orders")
project = create_project(slipway, "orders", "Orders", team)
user = User.objects.create_user("liam", "liam@example.test", "a good password")
bind_role(slipway, role=Role.objects.get(name="maintainer"), user=user, scope=project.scope)
_, text = create_token(
    Actor(user=user), user=user, name="kafka", permissions=[], scope=None,
    expires_at=timezone.now() + timedelta(days=1))
print(text)
"""


@dataclass(frozen=True)
class Registry:
    """Addresses of the same registry behind both servers, and a maintainer's token."""

    installation: Installation
    token: str

    @property
    def servers(self) -> dict[str, str]:
        return {
            "gunicorn": f"{self.installation.url}/registry",
            "uvicorn": f"{self.installation.streams_url}/registry",
        }


def start(installation: Installation) -> Registry:
    installation.prepare()
    token = installation.manage("shell", "-v0", "-c", WRITE).strip().splitlines()[-1]
    for name in ("web", "streams"):
        installation.start(name)
    return Registry(installation, token)
