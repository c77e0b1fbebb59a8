"""The gate `config`: a missing or mistyped variable stops the deploy, not the pod."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from environments import services
from environments.models import Environment
from gitops.models import Cluster
from idp.changes import services as changes
from idp.changes.models import Change
from rbac.actors import Actor
from rbac.models import Scope
from rbac.scopes import tier_scope
from schemas.formats.base import FormatName
from tests.environments.factories import IMAGE, bring, settle
from tests.rbac.factories import Characters, bind, make_project, member_of
from tests.schemas.factories import register
from tests.schemas.variables.world import NAME, schema

pytestmark = pytest.mark.django_db
State = Change.State
STRICTER = {**schema("PORT", "MODE"), "additionalProperties": False}


@pytest.fixture
def dana(people: Characters) -> Actor:
    actor = Actor(people.developer)
    subject = register(actor, NAME, json.dumps(schema("PORT")), format=FormatName.JSON)
    subject.level = "NONE"
    subject.save(update_fields=["level"])
    register(actor, NAME, json.dumps(STRICTER), format=FormatName.JSON)
    return actor


@pytest.fixture
def demo(dana: Actor, people: Characters, cluster: Cluster) -> Environment:
    web = {"configSchema": {"subject": NAME, "version": 1}}
    return bring(dana, people.project, workloads={"web": web}, parameters={"image": IMAGE})


def gate(change: Change) -> dict[str, Any]:
    (found,) = [one for one in change.gates if one["gate"] == "config"]
    return dict(found)


def variables(actor: Actor, demo: Environment, **texts: str) -> Change:
    return settle(actor, services.set_variables(actor, demo, variables=texts, workload="web"))


def test_what_fits_goes(demo: Environment) -> None:
    (change,) = Change.objects.filter(scope=demo.scope)
    found = gate(change)
    assert found["outcome"] == "pass"
    assert found["sentence"] == f"web has the variables of {NAME} version 1."


def test_a_mistyped_one_stops_the_deploy_and_the_plan_says_why(
    demo: Environment, dana: Actor, client: Client, people: Characters
) -> None:
    change = variables(dana, demo, DEBUG="yes")
    assert change.state == State.WAITING
    found = gate(change)
    assert found["outcome"] == "refuse"
    assert found["sentence"] == (
        "web: variable DEBUG is `yes`, the schema wants true or false;"
        " set it in environment.yaml, spec.workloads.web.variables.DEBUG."
    )
    assert "waive gate “config”" in found["lift"]
    client.force_login(people.developer)
    page = client.get(f"/changes/{change.pk}/plan/").content.decode()
    assert "variable DEBUG is `yes`, the schema wants true or false" in page
    changes.cancel(dana, change)
    assert variables(dana, demo, DEBUG="true").state == State.SUCCEEDED


def test_a_missing_one_comes_with_the_version_that_asks_for_it(
    demo: Environment, dana: Actor
) -> None:
    change = services.set_config_schema(dana, demo, workload="web", subject=NAME, version=2)
    change = settle(dana, change)
    assert "variable MODE is missing" in gate(change)["sentence"]
    changes.cancel(dana, change)
    assert variables(dana, demo, MODE="x").state == State.SUCCEEDED
    change = services.set_config_schema(dana, demo, subject=NAME, version=2, image=f"{IMAGE}1")
    assert "variable MODE is not known" in gate(settle(dana, change))["sentence"]


def test_a_secret_counts_and_its_value_is_nowhere(demo: Environment, dana: Actor) -> None:
    value = "not-a-number-9f3"
    change = services.set_secret(dana, demo, variable="TIMEOUT", value=value, workload="web")
    change = settle(dana, change)
    assert change.state == State.SUCCEEDED, gate(change)
    assert value not in json.dumps([change.plan, change.gates])


def test_taking_the_schema_away_ends_the_judgement(demo: Environment, dana: Actor) -> None:
    change = settle(dana, services.set_config_schema(dana, demo, workload="web"))
    assert change.state == State.SUCCEEDED
    assert gate(change)["sentence"] == "No workload declares a schema of its variables."
    assert variables(dana, demo, DEBUG="yes").state == State.SUCCEEDED


def test_an_inline_schema_is_judged_alike(demo: Environment, dana: Actor) -> None:
    own = {"required": ["QUEUE"]}
    change = settle(dana, services.set_config_schema(dana, demo, schema=own))
    assert "QUEUE is missing; its own schema needs it" in gate(change)["sentence"]


def test_stopping_and_deleting_need_no_variables(demo: Environment, dana: Actor) -> None:
    settle(dana, services.stop(dana, demo))
    demo.refresh_from_db()
    change = variables(dana, demo, DEBUG="yes")
    assert change.state == State.SUCCEEDED
    assert "It is stopped" in gate(change)["sentence"]
    started = settle(dana, services.start(dana, demo))
    assert gate(started)["outcome"] == "refuse"
    changes.cancel(dana, started)
    ended = settle(dana, services.delete_environment(dana, demo))
    assert gate(ended)["outcome"] == "pass"


def test_a_waiver_lets_it_past(demo: Environment, dana: Actor, people: Characters) -> None:
    change = variables(dana, demo, DEBUG="yes")
    row = changes.ask_waiver(
        dana,
        change=change,
        scope=demo.scope,
        gate="config",
        reason="The code reads yes as well.",
        ends_at=timezone.now() + timedelta(hours=4),
    )
    changes.grant_waiver(Actor(people.maintainer), row)
    assert settle(dana, Change.objects.get(pk=change.pk)).state == State.SUCCEEDED


def hidden_subject(people: Characters) -> Scope:
    other = make_project("secretive")
    author = member_of(other.team, "ada.author")
    bind("developer", tier_scope(other, "development"), user=author)
    bind("viewer", other.scope, user=author)
    secret = json.dumps({"required": ["PROJECT_MANHATTAN"]})
    register(Actor(author), "hidden-config", secret, format=FormatName.JSON, project="secretive")
    return other.scope


def test_a_schema_that_one_may_not_see_tells_nothing(
    demo: Environment, dana: Actor, people: Characters
) -> None:
    hidden_subject(people)
    change = services.set_config_schema(dana, demo, subject="hidden-config", version=1)
    found = gate(settle(dana, change))
    assert found["outcome"] == "refuse"
    assert "hidden-config version 1 is not registered, or you may not see it" in found["sentence"]
    assert "MANHATTAN" not in json.dumps(change.gates)


class TestForm:
    URL = "/environments/orders/demo/config-schema/"

    def test_a_registered_version(
        self, demo: Environment, client: Client, people: Characters
    ) -> None:
        client.force_login(people.developer)
        page = client.get(self.URL).content.decode()
        assert f'value="{NAME}"' in page
        answer = client.post(self.URL, {"workload": "web", "subject": NAME, "version": "2"})
        assert answer.status_code == 302
        change = Change.objects.latest("id")
        assert change.verb == "environment.set-schemas"
        refused = client.post(self.URL, {"workload": "web", "subject": NAME, "version": "9"})
        assert refused.status_code == 422
        assert "has no version 9" in refused.content.decode()

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            ({"subject": NAME}, "named together"),
            ({"version": "2"}, "named together"),
            ({"schema": "{"}, "It is no JSON"),
            ({"schema": "[" * 60_000}, "It is no JSON"),
            ({"schema": "[]"}, "an object here"),
            ({"schema": '{"type": "nonsense"}'}, "no JSON type"),
            ({"schema": '{"a": 1}', "subject": NAME, "version": "1"}, "one of the two"),
        ],
    )
    def test_what_is_wrong_stands_beside_its_field(
        self, demo: Environment, client: Client, people: Characters, given: Any, words: str
    ) -> None:
        client.force_login(people.developer)
        answer = client.post(self.URL, {"workload": "web", **given})
        assert answer.status_code == 422
        assert words in answer.content.decode()

    def test_an_inline_schema_stays_when_the_form_is_sent_as_it_was(
        self, demo: Environment, dana: Actor, client: Client, people: Characters
    ) -> None:
        own = {"type": "object", "title": "Own"}
        settle(dana, services.set_config_schema(dana, demo, schema=own))
        client.force_login(people.developer)
        page = client.get(self.URL).content.decode()
        assert "&quot;title&quot;: &quot;Own&quot;" in page
        same = client.post(self.URL, {"workload": "web", "schema": json.dumps(own)})
        assert "nothing would change" in same.content.decode()

    def test_who_may_not_is_told(self, demo: Environment, people: Characters) -> None:
        client = Client()
        client.force_login(people.viewer)
        assert client.get(self.URL).status_code == 403


class TestPage:
    def page(self, client: Client, people: Characters) -> str:
        client.force_login(people.developer)
        answer = client.get("/environments/orders/demo/?tab=variables")
        assert answer.status_code == 200
        return answer.content.decode()

    def test_what_is_asked_for_stands_beside_what_is_there(
        self, demo: Environment, client: Client, people: Characters
    ) -> None:
        page = self.page(client, people)
        for word in ("What its code asks for", f"{NAME} version 1", "blueprint web-service"):
            assert word in page
        assert "Every variable that is asked for is there" in page
        assert "Where it listens." in page

    def test_what_does_not_fit_is_told(
        self, demo: Environment, dana: Actor, client: Client, people: Characters
    ) -> None:
        settle(dana, services.stop(dana, demo))
        demo.refresh_from_db()
        variables(dana, demo, DEBUG="<b>yes</b>")
        page = self.page(client, people)
        assert "variable DEBUG is <code>&lt;b&gt;yes&lt;/b&gt;</code>" in page
        assert "would stop the next change" in page

    def test_without_a_schema_nothing_is_said(
        self, dana: Actor, cluster: Cluster, client: Client, people: Characters
    ) -> None:
        bring(dana, people.project)
        assert "What its code asks for" not in self.page(client, people)
