"""`configSchema` of a workload: what is wrong in it, and what the process would find."""

from __future__ import annotations

import json
from typing import Any

import pytest

from idp.common.errors import Invalid
from rbac.actors import Actor
from schemas.formats.base import FormatName
from schemas.variables.settings import Settings, of_facts
from tests.environments.rendering import document, render
from tests.rbac.factories import Characters
from tests.schemas.factories import V1, register
from tests.schemas.variables.world import NAME, schema

pytestmark = pytest.mark.django_db
AT = "spec.workloads.web.configSchema"
AWS = "web-service-aws@1.0.0"


@pytest.fixture(autouse=True)
def subject(people: Characters) -> None:
    actor = Actor(people.developer)
    register(actor, NAME, json.dumps(schema("PORT")), format=FormatName.JSON)
    register(actor, "orders-value", V1)


def settings(workload: dict[str, Any], **more: Any) -> Settings:
    workload = {"configSchema": {"subject": NAME, "version": 1}, **workload}
    files = more.pop("files", None)
    blueprint = more.pop("blueprint", "web-service@1.0.0")
    rendered = render(document(blueprint, workloads={"web": workload}, **more), files)
    (found,) = of_facts(rendered.facts)
    return found


def found(workload: dict[str, Any], **more: Any) -> dict[str, tuple[str, str | None, str]]:
    values = settings(workload, **more).values
    return {value.name: (value.source, value.text, value.at) for value in values}


class TestDeclaring:
    @pytest.mark.parametrize(
        ("declared", "field"),
        [
            ({"subject": "nobody", "version": 1}, f"{AT}.subject"),
            ({"subject": NAME, "version": 9}, f"{AT}.version"),
            ({"subject": "orders-value", "version": 1}, f"{AT}.subject"),
            ({"subject": ":.bad context:x", "version": 1}, f"{AT}.subject"),
            ({"subject": NAME}, AT),
            ({"version": 1}, AT),
            ({}, AT),
            ({"subject": NAME, "version": 1, "schema": {"type": "object"}}, AT),
            ({"subject": NAME, "version": "1"}, f"{AT}.version"),
            ({"subject": NAME, "version": 1, "colour": "red"}, f"{AT}.colour"),
            ({"schema": {"type": "nonsense"}}, f"{AT}.schema.type"),
            ({"schema": {"$ref": "https://example.com/x.json"}}, f"{AT}.schema.$ref"),
            ({"schema": {"$ref": "file:///etc/passwd"}}, f"{AT}.schema.$ref"),
            ({"schema": {"properties": {"A": {"pattern": "("}}}}, f"{AT}.schema"),
            ({"schema": {"description": "x" * 70_000}}, f"{AT}.schema"),
            ({"schema": []}, f"{AT}.schema"),
            ({"schema": {}}, f"{AT}.schema"),
        ],
    )
    def test_what_is_wrong_is_named(self, declared: Any, field: str) -> None:
        with pytest.raises(Invalid) as caught:
            render(document(workloads={"web": {"configSchema": declared}}))
        assert caught.value.errors[0].field.startswith(field)

    def test_without_one_the_plan_says_nothing(self) -> None:
        assert of_facts(render(document()).facts) == []

    def test_an_inline_one_travels_with_the_plan(self) -> None:
        made = settings({"configSchema": {"schema": {"required": ["PORT"]}}})
        assert json.loads(made.schema) == {"required": ["PORT"]}
        assert made.called == "its own schema"


class TestReading:
    def test_variables_secrets_and_what_the_blueprint_sets(self) -> None:
        made = found({"variables": {"MODE": "tls"}, "secrets": {"STRIPE_KEY": "stripe-key@3"}})
        own = "spec.workloads.web"
        assert made == {
            "MODE": ("variable", "tls", f"{own}.variables.MODE"),
            "PORT": ("blueprint", "8080", "blueprint web-service"),
            "STRIPE_KEY": ("secret", None, f"{own}.secrets.STRIPE_KEY"),
        }

    def test_the_containers_own_value_wins_as_in_kubernetes(self) -> None:
        made = found({"variables": {"PORT": "1"}}, parameters={"port": 9000})
        assert made["PORT"][:2] == ("blueprint", "9000")

    def test_a_secret_wins_over_a_variable_and_hides_it(self) -> None:
        made = found({"variables": {"KEY": "plain"}, "secrets": {"KEY": "stripe-key@3"}})
        assert made["KEY"][:2] == ("secret", None)

    def test_outputs_are_there_by_name(self) -> None:
        resources = {"exports": {"kind": "Bucket"}}
        made = found({}, blueprint=AWS, resources=resources)
        assert made["EXPORTS_BUCKET_NAME"] == ("output", None, "spec.resources")

    def test_a_stopped_one_says_so(self) -> None:
        assert settings({}, stopped=True).stopped
        assert not settings({}).stopped

    def test_no_value_of_a_secret_enters_the_facts(self) -> None:
        made = settings({"secrets": {"STRIPE_KEY": "stripe-key@3"}})
        assert [value.text for value in made.values if value.source == "secret"] == [None]
