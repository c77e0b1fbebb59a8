"""A small company in a running installation, and a REST client of it, for faults and whole stories.

The company is written by a management command's shell, as an administrator would; everything
after that goes through REST, as a script would.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from deploy.processes import Installation

PROJECT = "orders"
CLUSTER, ACCOUNT = "real", "aws"
PASSWORD = "a good password"  # noqa: S105  # of people in a scratch database
OPEN = {"planning", "ready", "waiting", "applying", "observing"}

WRITE = """
import json, sys
from datetime import timedelta
from django.utils import timezone
from gitops.models import CloudAccount, Cluster
from rbac.actors import Actor, system
from rbac.models import Role, User
from rbac.places import root
from rbac.services.bindings import bind_role
from rbac.services.projects import create_project
from rbac.services.teams import add_member, create_team
from rbac.services.tokens import create_token

given = json.loads({given!r})
slipway = system("scene")
team = create_team(slipway, name="orders", title="Orders")
project = create_project(slipway, "orders", "Orders", team)
tokens = {{}}
for name, role in (("dana", "developer"), ("liam", "maintainer"), ("pia", "administrator")):
    user = User.objects.create_user(name, name + "@example.test", given["password"])
    user.is_staff = role == "administrator"
    user.save()
    if role != "administrator":
        add_member(slipway, team, user)
    if role != "developer":
        bind_role(slipway, role=Role.objects.get(name=role), user=user,
                  scope=root() if role == "administrator" else project.scope)
    _, tokens[name] = create_token(
        Actor(user=user), user=user, name="scene", permissions=[], scope=None,
        expires_at=timezone.now() + timedelta(days=1))
Cluster.objects.create(
    name=given["cluster"], backend=given["backend"], kubeconfig=given["kubeconfig"],
    domain="apps.example.test",
    ingress_class="nginx", oidc_issuer="https://oidc.example.test",
    oidc_provider_arn="arn:aws:iam::123456789012:oidc-provider/oidc.example.test")
CloudAccount.objects.create(
    name=given["account"], region="eu-central-1", endpoint_url=given["aws"],
    credentials={{"access_key_id": "test", "secret_access_key": "test"}})
print(json.dumps(tokens))
"""


class Refused(RuntimeError):
    """An answer of 4xx or 5xx; the text is the problem document's."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__(f"{response.request.url} answered {response.status_code}: {response.text}")
        self.status = response.status_code
        self.body = response.text


def write(installation: Installation, *, kubeconfig: Path | None, aws: str) -> dict[str, str]:
    """Make the company; the tokens of dana (developer), liam (maintainer), pia (administrator)."""
    given = {
        "cluster": CLUSTER,
        "account": ACCOUNT,
        "backend": "kubernetes" if kubeconfig else "memory",
        "kubeconfig": kubeconfig.read_text() if kubeconfig else "",
        "aws": aws,
        "password": PASSWORD,
    }
    printed = installation.manage("shell", "-v0", "-c", WRITE.format(given=json.dumps(given)))
    tokens: dict[str, str] = json.loads(printed.strip().splitlines()[-1])
    return tokens


@dataclass
class Client:
    """REST by one person's token; connection failures and 503 are tried again for a minute."""

    base: str
    token: str
    patience: float = 60

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        key: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """The decoded answer; raises `Refused` for 4xx and 5xx."""
        sent = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        if method != "GET":
            sent["Idempotency-Key"] = key or uuid.uuid4().hex
        deadline = time.monotonic() + self.patience
        while True:
            try:
                response = httpx.request(
                    method, self.base + path, json=body, headers=sent, timeout=30
                )
            except httpx.TransportError:
                if time.monotonic() > deadline:
                    raise
            else:
                if response.status_code not in (502, 503) or time.monotonic() > deadline:
                    break
            time.sleep(0.3)
        if response.is_error:
            raise Refused(response)
        return response.json() if response.content else None

    def create(self, name: str, **more: Any) -> dict[str, Any]:
        """The change that creates an environment with a bucket and a queue."""
        body = {
            "project": PROJECT,
            "name": name,
            "tier": "development",
            "cluster": CLUSTER,
            "account": ACCOUNT,
            "blueprint": "web-service-aws@1.0.0",
            "parameters": {"image": "registry.example.test/orders-api:1.4.2"},
            "resources": {"exports": {"kind": "Bucket"}, "orders": {"kind": "Queue"}},
        }
        answer: dict[str, Any] = self.call(
            "POST", "/api/v1/environments/", {**body, **more}, key=f"create-{name}"
        )
        return answer

    def change(self, number: int) -> dict[str, Any]:
        answer: dict[str, Any] = self.call("GET", f"/api/v1/changes/{number}/")
        return answer

    def confirm(self, change: Mapping[str, Any], **choices: str) -> None:
        body = {"plan_hash": change["plan_hash"], "choices": choices}
        self.call("POST", f"/api/v1/changes/{change['id']}/confirm/", body)

    def wait(
        self, number: int, *, until: Callable[[dict[str, Any]], bool], seconds: float = 120
    ) -> dict[str, Any]:
        """The change once `until` holds; raises `TimeoutError` with its last state."""
        deadline = time.monotonic() + seconds
        while True:
            change = self.change(number)
            if until(change):
                return change
            if time.monotonic() > deadline:
                state = f"{change['state']}: {change['reason']}"
                raise TimeoutError(f"change {number} is still {state}")
            time.sleep(0.2)

    def carry(self, change: Mapping[str, Any], seconds: float = 120) -> dict[str, Any]:
        """Confirm a change when it is planned and follow it to its end."""
        number = change["id"]
        planned = self.wait(number, until=lambda c: c["state"] != "planning", seconds=seconds)
        if planned["state"] == "ready":
            self.confirm(planned)
        return self.wait(number, until=lambda c: c["state"] not in OPEN, seconds=seconds)
