"""The command line against the real REST interface: one environment from sign-in to its end."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.test import Client
from django.utils import timezone
from typer.testing import CliRunner, Result

from environments.models import Environment
from gitops import targets
from gitops.backends.memory import play, pods
from gitops.models import CloudAccount
from idp.changes import cli as change_cli
from idp.changes.models import Change
from idp.cli import arguments, build
from idp.cli.client import RestClient
from idp.cli.config import Config
from rbac.actors import Actor
from rbac.models import User
from rbac.services import create_token
from tests.environments.factories import IMAGE, make_account, make_cluster
from tests.rbac.factories import Characters, make_characters
from tests.support.changes import run_until_settled

pytestmark = pytest.mark.django_db
URL = "http://localhost"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SLIPWAY_URL", raising=False)
    monkeypatch.delenv("SLIPWAY_TOKEN", raising=False)
    monkeypatch.setattr(pods, "READY_AFTER", 0.0)
    monkeypatch.setattr(play, "ADDRESS_AFTER", 0.0)
    targets._targets.clear()
    yield
    targets._targets.clear()


@pytest.fixture(autouse=True)
def workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the command waits, workers and the controller do what is due."""

    def work(_: float) -> None:
        for change in Change.objects.filter(state__in=Change.OPEN):
            run_until_settled(change)

    monkeypatch.setattr(change_cli.time, "sleep", work)


@pytest.fixture
def people(db: None) -> Characters:
    make_cluster()
    return make_characters()


@pytest.fixture
def account(moto_server: str) -> CloudAccount:
    return make_account(endpoint=moto_server)


def token(user: User) -> str:
    end = timezone.now() + timedelta(days=1)
    _, text = create_token(
        Actor(user), user=user, name="cli", permissions=[], scope=None, expires_at=end
    )
    return text


def rest(request: httpx.Request) -> httpx.Response:
    """The product's answer, through every middleware, inside the test's transaction."""
    response = Client(raise_request_exception=False).generic(
        request.method,
        request.url.raw_path.decode(),
        request.content,
        content_type=request.headers.get("Content-Type", "application/json"),
        headers={k: v for k, v in request.headers.items() if k.lower() != "host"},
    )
    content = b"".join(response) if response.streaming else response.content
    return httpx.Response(response.status_code, headers=dict(response.items()), content=content)


def slipway(*words: str, typed: str | None = None) -> Result:
    """One run of the program, with what an earlier one saved."""
    with RestClient(Config.load(), transport=httpx.MockTransport(rest)) as client:
        return CliRunner().invoke(build(client), arguments(list(words)), input=typed)


def done(*words: str) -> str:
    result = slipway(*words)
    assert result.exit_code == 0, f"{words}: {result.output}"
    return result.stdout


def answered(*words: str) -> Any:
    return json.loads(done(*words, "--json"))


def sign_in(user: User) -> None:
    result = slipway("login", URL, "--token", "-", typed=f"{token(user)}\n")
    assert result.exit_code == 0, result.output


def test_an_environment_with_bucket_and_queue_from_create_to_delete(
    people: Characters, account: CloudAccount, aws: Callable[[str], Any]
) -> None:
    sign_in(people.developer)
    assert answered("whoami")["username"] == "dana.dev"
    made = slipway(
        "env", "create", "orders/demo", "--blueprint", "web-service-aws@1.0.0",
        "--account", "local", "--set", f"image={IMAGE}", "--resource", "exports=Bucket",
        "--resource", "placed=Queue", "--plan",
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    assert "+ create Bucket" in made.stdout
    assert "+ create Queue" in made.stdout
    number = str(Change.objects.get().pk)
    assert f"slipway change confirm {number}" in made.stdout
    assert "succeeded" in done("change", "confirm", number)
    assert [row["name"] for row in answered("env", "list")] == ["demo"]
    shown = answered("env", "show", "orders/demo")
    assert (shown["state"], shown["health"]) == ("active", "Healthy")
    assert [row["name"] for row in shown["workloads"]] == ["web"]
    assert {row["name"] for row in shown["resources"]} == {"exports", "placed"}
    assert "exports EXPORTS_BUCKET_NAME=orders-demo-" in done("env", "show", "orders/demo")

    assert "replicas" in done("env", "scale", "orders/demo", "3", "--yes")
    (web,) = Environment.objects.get(name="demo").workloads.all()
    assert web.replicas == 3
    again = slipway("env", "scale", "orders/demo", "3", "--yes")
    assert again.exit_code == 1
    assert "nothing would change" in again.stderr

    bucket = web.environment.application.namespace + "-exports"
    aws("s3").put_object(Bucket=bucket, Key="a", Body=b"data")
    assert "loses" in done("env", "delete", "orders/demo", "--plan")
    number = str(Change.objects.latest("pk").pk)
    assert slipway("change", "confirm", number).exit_code != 0
    gone = done("change", "confirm", number, "--choice", f"aws/Bucket//{bucket}=purge")
    assert "succeeded" in gone
    assert answered("env", "list") == []


def test_a_stranger_is_told_by_exit_codes(people: Characters, account: CloudAccount) -> None:
    sign_in(people.stranger)
    assert slipway("env", "show", "orders/demo").exit_code == 4
    assert slipway("audit", "verify").exit_code == 3


def test_the_auditor_verifies_and_exports_the_trail(people: Characters, tmp_path: Path) -> None:
    sign_in(people.auditor)
    assert "The chain is whole" in done("audit", "verify")
    assert answered("audit", "verify")["ok"] is True
    file = tmp_path / "audit.jsonl"
    done("audit", "export", "--output", str(file))
    assert file.exists()
