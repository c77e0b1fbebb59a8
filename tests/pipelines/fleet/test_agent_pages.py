"""The pages of agents: who may, what is shown once, and what a removal says."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from pipelines.fleet.models import Agent
from rbac.models import User
from tests.pipelines.fleet.conftest import Caller, World
from tests.pipelines.fleet.factories import make_agent

pytestmark = pytest.mark.django_db
LIST = "/pipelines/agents/"


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_without_any_it_says_how_to_attach_one(world: World) -> None:
    text = signed_in(world.people.maintainer).get(LIST).content.decode()
    assert "slipway agent register NAME --project orders" in text
    assert "slipway agent run --url" in text
    assert "attaches machines" in signed_in(world.people.viewer).get(LIST).content.decode()


def test_one_is_attached_and_its_token_told_once(world: World) -> None:
    client = signed_in(world.people.maintainer)
    body = {"name": "builder", "project": "orders", "tags": "gpu, linux", "slots": "3"}
    answer = client.post(f"{LIST}new/", body)
    assert answer.status_code == 200
    assert "sla_" in answer.content.decode()
    assert answer["Cache-Control"] == "no-store"
    agent = Agent.objects.get()
    assert (agent.tags, agent.slots, agent.project) == (["gpu", "linux"], 3, world.project)
    page = client.get(reverse("pipelines:agent", args=[agent.pk])).content.decode()
    assert "sla_" not in page
    assert "Never seen" in page


def test_what_cannot_be_stands_beside_its_field(world: World) -> None:
    client = signed_in(world.people.maintainer)
    answer = client.post(f"{LIST}new/", {"name": "No Name", "slots": "1"})
    assert answer.status_code == 422
    assert "is not a name" in answer.content.decode()


def test_paused_rotated_and_removed_by_whoever_manages(
    world: World, settings: Settings, made: tuple[Agent, str]
) -> None:
    agent, token = made
    client, one = signed_in(world.people.maintainer), f"{LIST}{agent.pk}/"
    assert client.post(f"{one}pause/").status_code == 302
    assert "Paused" in client.get(one).content.decode()
    client.post(f"{one}resume/")
    world.start("job: {script: [echo]}")
    Caller(token).claim()
    page = client.get(one).content.decode()
    assert "1 running jobs fail" in page
    assert "sla_" in client.post(f"{one}token/").content.decode()
    assert Caller(token).call("POST", "claim", b"{}").status_code == 401
    assert client.post(f"{one}remove/").status_code == 302
    assert not Agent.objects.exists()


def test_who_only_sees_it_has_no_buttons(world: World) -> None:
    agent = make_agent(world.project, world.people.maintainer, warning="Two use it.")
    client, one = signed_in(world.people.viewer), f"{LIST}{agent.pk}/"
    page = client.get(one).content.decode()
    assert "Two use it." in page
    assert "Remove" not in page
    assert client.post(f"{one}remove/").status_code == 403
    assert signed_in(world.people.stranger).get(one).status_code == 404
