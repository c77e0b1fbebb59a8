"""The values of a blueprint's parameters against its schema."""

from __future__ import annotations

import pytest
from django.test import Client

from environments import services
from environments.models import Environment
from environments.rendering import parameters
from gitops.models import Cluster
from idp.common.errors import Invalid
from rbac.actors import Actor
from tests.rbac.factories import Characters


def test_every_wrong_parameter_is_named_at_once() -> None:
    schema = {
        "type": "object",
        "additionalProperties": False,
        "required": ["image"],
        "properties": {
            "image": {"type": "string", "title": "Image"},
            "replicas": {"type": "integer", "title": "Pods"},
        },
    }
    with pytest.raises(Invalid) as caught:
        parameters.validated({"replica": 2, "replicas": "many"}, schema)
    named = {error.field: error.rule for error in caught.value.errors}
    assert named == {
        "parameters.replica": "unknown",
        "parameters.replicas": "type",
        "parameters.image": "required",
    }
    assert caught.value.message == "parameters.replica: “replica” is not known. (and 2 more)"
    assert "replicas" in caught.value.errors[0].fix


TYPED = {
    "type": "object",
    "additionalProperties": False,
    "required": ["size", "ratio", "ports"],
    "properties": {
        "size": {"type": "integer", "title": "Size", "enum": [0, 1, 2], "default": 0},
        "ratio": {"type": "number", "title": "Ratio", "enum": [0.5, 1]},
        "ports": {"type": "array", "title": "Ports", "items": {"type": "integer"}},
        "shares": {"type": "array", "title": "Shares", "items": {"type": "number"}},
        "words": {"type": "array", "title": "Words", "items": {"type": "string"}},
        "cards": {
            "type": "integer", "title": "Cards", "enum": [0, 9], "default": 0,
            "x-ui": {"widget": "cards", "labels": {"0": "none|at all"}},
        },
    },
}  # fmt: skip


@pytest.mark.django_db
class TestForm:
    @pytest.fixture
    def browser(self, client: Client, people: Characters, cluster: Cluster) -> Client:
        services.create_version(
            Actor(people.administrator),
            blueprint="typed",
            version="1.0.0",
            schema=TYPED,
            template="documents: []",
            publish=True,
        )
        client.force_login(people.developer)
        return client

    @staticmethod
    def filled(**more: str) -> dict[str, str]:
        place = {"project": "orders", "name": "demo", "tier": "development", "cluster": "local"}
        own = {"size": "2", "ratio": "0.5", "ports": "80\n443", "shares": "0.5\n1", "words": "7"}
        values = {f"parameters.{k}": v for k, v in {**own, "cards": "9", **more}.items()}
        return {**place, **values}

    URL = "/environments/new/?blueprint=typed@1.0.0"

    def test_numbers_to_choose_from_and_lists_of_numbers_are_submitted_as_numbers(
        self, browser: Client
    ) -> None:
        page = browser.get(self.URL).content.decode()
        assert 'value="0" checked' in page
        answer = browser.post(self.URL, self.filled())
        assert answer.status_code == 302, answer.context["form"].errors
        assert Environment.objects.get().parameters == {
            "size": 2,
            "ratio": 0.5,
            "ports": [80, 443],
            "shares": [0.5, 1.0],
            "words": ["7"],
            "cards": 9,
        }

    @pytest.mark.parametrize(
        ("name", "text", "words"),
        [
            ("ports", "80\nhttp", "Line 2: “http” is no whole number."),
            ("shares", "nan", "Line 1: “nan” is no number."),
            ("size", "7", "Select a valid choice"),
        ],
    )
    def test_what_is_no_number_is_named(
        self, browser: Client, name: str, text: str, words: str
    ) -> None:
        answer = browser.post(self.URL, self.filled(**{name: text}))
        assert answer.status_code == 422
        assert words in str(answer.context["form"].errors[f"parameters.{name}"])
