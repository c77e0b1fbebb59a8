"""The pages of day-2 actions: about `main` as it is, and about nobody else's values."""

from __future__ import annotations

from html import unescape

import pytest
from django.test import Client

from environments import selectors, services, variable_lines
from environments.models import Environment
from idp.changes.models import Change
from rbac.actors import Actor
from tests.environments.factories import bring, of, settle
from tests.environments.test_midway import failing
from tests.rbac.factories import Characters
from tests.support.changes import run_until_settled

pytestmark = pytest.mark.django_db
URL = "/environments/orders/demo/"
HARD = {
    "CONFIG": "a=1\nb=2",
    "PEM": "-----BEGIN-----\nabc=\n-----END-----\n",
    "BLANKS": "  two  ",
    "QUOTED": '"so"',
    "WINDOWS": "a\r\nb",
    "SEPARATORS": "a\u2028b\x0bc\x85d",
    "EMPTY": "",
    "LAST": "ends with blanks  ",
}


@pytest.fixture
def browser(client: Client, people: Characters) -> Client:
    client.force_login(people.developer)
    return client


def variables(environment: Environment, workload: str = "web") -> dict[str, str]:
    document = selectors.source(environment).document
    assert document is not None
    return dict(document.workloads.get(workload, {}).get("variables", {}))


def fields(client: Client, action: str) -> dict[str, str]:
    """What a browser would send of the page as it is, line ends included."""
    answer = client.get(f"{URL}{action}")
    assert answer.status_code == 200, answer.content.decode()[:500]
    form = answer.context["form"]
    sent = {bound.html_name: bound.value() for bound in form}
    text = {name: "" if value is None else str(value) for name, value in sent.items()}
    return {name: value.replace("\n", "\r\n") for name, value in text.items()}


def put(actor: Actor, environment: Environment, values: dict[str, str]) -> None:
    change = settle(actor, services.set_variables(actor, environment, variables=values))
    assert change.state == Change.State.SUCCEEDED, change.reason


def test_every_value_comes_back_as_it_was(dana: Actor, people: Characters, browser: Client) -> None:
    environment = bring(dana, people.project)
    put(dana, environment, HARD)
    sent = fields(browser, "variables/")
    same = browser.post(f"{URL}variables/", sent)
    assert "nothing would change" in same.content.decode(), "nothing was edited"
    sent["variables"] += "\r\nMORE=1"
    assert browser.post(f"{URL}variables/", sent).status_code == 302
    settle(dana, Change.objects.latest("id"))
    assert variables(environment) == {**HARD, "MORE": "1"}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("A", "not of the form NAME=value"),
        ("A=1\nA=2", "A stands there twice"),
        ('A="x', "begins with a quote ends with one"),
        ('A="x" y', "begins with a quote ends with one"),
    ],
)
def test_lines_that_say_nothing_are_named(line: str, words: str) -> None:
    with pytest.raises(variable_lines.BadLine, match=words):
        variable_lines.read(line)


def test_the_form_shows_what_main_has_not_what_was_synced_last(
    dana: Actor, people: Characters, browser: Client
) -> None:
    environment = bring(dana, people.project)
    put(dana, environment, {"MINE": "1"})
    failing(dana, services.set_variables(dana, environment, variables={"MINE": "1", "THEIRS": "2"}))
    sent = fields(browser, "variables/")
    assert "THEIRS=2" in sent["variables"]
    sent["variables"] += "\r\nNEW=3"
    assert browser.post(f"{URL}variables/", sent).status_code == 302
    settle(dana, Change.objects.latest("id"))
    assert variables(environment) == {"MINE": "1", "THEIRS": "2", "NEW": "3"}


def test_after_somebody_elses_change_the_page_says_what_differs_and_can_be_sent_again(
    dana: Actor, people: Characters, browser: Client
) -> None:
    environment = bring(dana, people.project)
    put(dana, environment, {"A": "1", "B": "1"})
    sent = fields(browser, "variables/")
    put(dana, of(environment.scope), {"A": "2", "B": "1", "THEIRS": "2"})
    answer = browser.post(f"{URL}variables/", sent)
    page = unescape(answer.content.decode())
    assert answer.status_code == 422
    assert "somebody changed it meanwhile" in page
    assert "A has another value, THEIRS is there and not in yours" in page
    again = {**sent, "tree": answer.context["form"]["tree"].value()}
    assert browser.post(f"{URL}variables/", again).status_code == 302


def test_a_stale_number_is_said_too(dana: Actor, people: Characters, browser: Client) -> None:
    environment = bring(dana, people.project)
    sent = {**fields(browser, "scale/"), "replicas": "3"}
    settle(dana, services.scale(dana, environment, replicas=2))
    answer = browser.post(f"{URL}scale/", sent)
    assert "As it is now: Pods is 2." in answer.content.decode()


TEMPLATE = """workloads:
  web: {kind: service, image: "a:1"}
  worker: {kind: worker, image: "b:1"}
documents: []
"""


def test_of_several_workloads_each_has_a_page_with_its_own_values(
    dana: Actor, people: Characters, browser: Client
) -> None:
    services.create_version(
        Actor(people.administrator),
        blueprint="pair",
        version="1.0.0",
        schema={"type": "object", "additionalProperties": False, "properties": {}},
        template=TEMPLATE,
        publish=True,
    )
    own = {name: {"variables": {"OF": name}} for name in ("web", "worker")}
    environment = bring(dana, people.project, blueprint="pair@1.0.0", parameters={}, workloads=own)
    page = browser.get(f"{URL}variables/").content.decode()
    assert 'href="?workload=worker"' in page
    assert "<select" not in page, "values cannot be sent to another workload than theirs"
    assert fields(browser, "variables/")["variables"] == "OF=web"
    sent = fields(browser, "variables/?workload=worker")
    assert (sent["workload"], sent["variables"]) == ("worker", "OF=worker")
    sent["variables"] += "\r\nMORE=1"
    assert browser.post(f"{URL}variables/", sent).status_code == 302
    settle(dana, Change.objects.latest("id"))
    assert variables(environment, "worker") == {"OF": "worker", "MORE": "1"}
    assert variables(environment) == {"OF": "web"}
    assert fields(browser, "image/?workload=worker")["image"] == "b:1"


def test_a_secret_variable_is_removed_by_its_page(
    dana: Actor, people: Characters, browser: Client
) -> None:
    environment = bring(dana, people.project)
    settle(dana, services.set_secret(dana, environment, variable="KEY", value="x"))
    page = browser.get(f"{URL}?tab=variables").content.decode()
    assert "remove-secret/?workload=web&amp;variable=KEY" in page
    sent = fields(browser, "remove-secret/?workload=web&variable=KEY")
    assert sent["variable"] == "KEY"
    assert browser.post(f"{URL}remove-secret/", sent).status_code == 302
    settle(dana, Change.objects.latest("id"))
    assert "KEY" not in selectors.source(environment).text


def test_a_secret_variable_is_removed_by_rest(
    dana: Actor, people: Characters, browser: Client
) -> None:
    environment = bring(dana, people.project)
    settle(dana, services.set_secret(dana, environment, variable="KEY", value="x"))
    api = "/api/v1/environments/orders/demo/secrets/"
    absent = browser.delete(f"{api}KAY/", content_type="application/json")
    assert absent.status_code == 422
    assert "Did you mean “KEY”?" in absent.json()["errors"][0]["fix"]
    answer = browser.delete(f"{api}KEY/", content_type="application/json")
    assert answer.status_code == 202, answer.content
    settle(dana, run_until_settled(Change.objects.latest("id")))
    assert "KEY" not in selectors.source(environment).text


def test_viewers_remove_nothing(dana: Actor, people: Characters, client: Client) -> None:
    bring(dana, people.project)
    client.force_login(people.viewer)
    api = "/api/v1/environments/orders/demo/secrets/KEY/"
    assert client.delete(api, content_type="application/json").status_code == 403
    assert client.get(f"{URL}remove-secret/").status_code == 403
