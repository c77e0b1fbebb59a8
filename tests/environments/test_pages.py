"""The pages as people of each role get them, without JavaScript."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from environments import services
from environments.models import Blueprint, Environment, Resource
from gitops.models import Application, Cluster
from idp.changes.models import Change
from rbac.actors import Actor
from rbac.models import User
from tests.environments.factories import IMAGE, bring, create, settle
from tests.rbac.factories import Characters
from tests.support.changes import run_until_settled

pytestmark = pytest.mark.django_db
NEW = "/environments/new/?blueprint=web-service@1.0.0"


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def browser(people: Characters, cluster: Cluster) -> Client:
    return signed_in(people.developer)


def text_of(client: Client, url: str, status: int = 200) -> str:
    answer = client.get(url)
    assert answer.status_code == status, answer.content.decode()[:2000]
    return answer.content.decode()


def filled(**more: str) -> dict[str, str]:
    return {
        "project": "orders",
        "name": "demo",
        "tier": "development",
        "cluster": "local",
        "parameters.image": IMAGE,
        "parameters.port": "8080",
        "parameters.healthPath": "/healthz",
        "parameters.public": "on",
        "parameters.size": "small",
        "parameters.replicas": "2",
        "parameters.autoscaling.min": "1",
        "parameters.autoscaling.max": "4",
        "parameters.autoscaling.cpuPercent": "70",
        **more,
    }


def test_the_blueprint_is_chosen_first(browser: Client) -> None:
    page = text_of(browser, "/environments/new/")
    assert "Web service with AWS resources" in page
    assert "?blueprint=web-service@1.0.0" in page
    assert text_of(browser, "/environments/new/?blueprint=nothing@1", 404)


def test_the_form_is_made_from_the_schema(browser: Client) -> None:
    page = text_of(browser, NEW)
    for words in ("Each pod", "0.5 CPU · 512 MiB", "1 to 20", 'role="switch"', "What you will get"):
        assert words in page
    assert "Resource 1, kind" not in page
    assert 'value="production"' not in page
    assert "Resource 1, kind" in text_of(
        browser, "/environments/new/?blueprint=web-service-aws@1.0.0"
    )


def test_a_filled_form_leads_to_the_plan(browser: Client, people: Characters) -> None:
    answer = browser.post(NEW, filled())
    assert answer.status_code == 302, answer.content.decode()
    change = Change.objects.get()
    assert answer["Location"].startswith(f"/changes/{change.pk}/")
    assert change.origin == "page"
    environment = Environment.objects.get()
    assert environment.parameters["replicas"] == 2
    assert environment.parameters["autoscaling"]["enabled"] is False


def test_errors_stand_beside_their_fields(browser: Client) -> None:
    answer = browser.post(NEW, filled(name="Not A Name", **{"parameters.image": "No Image"}))
    assert answer.status_code == 422
    page = answer.content.decode()
    assert 'href="#id_name"' in page
    assert "is not a name" in page
    answer = browser.post(NEW, filled(**{"parameters.image": "No Image"}))
    page = answer.content.decode()
    assert 'href="#id_parameters.image"' in page
    assert "match the pattern" in page
    answer = browser.post(NEW, filled(**{"parameters.replicas": "99"}))
    assert "less than or equal to 20" in answer.content.decode()
    assert not Environment.objects.exists()


def test_a_taken_name_is_said_beside_it(browser: Client, dana: Actor, people: Characters) -> None:
    create(dana, people.project)
    page = browser.post(NEW, filled()).content.decode()
    assert "has an environment “demo” already" in page


def test_the_preview_follows_the_form(browser: Client) -> None:
    page = text_of(
        browser,
        "/environments/new/preview/?blueprint=web-service@1.0.0&project=orders&name=shop"
        "&cluster=local&parameters.public=on",
    )
    assert "shop.orders.apps.example.test" in page
    assert "simulated: nothing really runs" in page


@pytest.mark.parametrize(
    ("tab", "words"),
    [
        ("", "What you can do here"),
        ("workloads", "1.4.2"),
        ("resources", "No AWS resources."),
        ("variables", "None yet."),
        ("logs", "Search in the lines"),
        ("events", ""),
        ("history", "Create orders/demo"),
        ("access", "Who else"),
        ("nonsense", "What you can do here"),
    ],
)
def test_every_tab_of_an_environment(
    browser: Client, dana: Actor, people: Characters, tab: str, words: str
) -> None:
    bring(dana, people.project)
    page = text_of(browser, f"/environments/orders/demo/?tab={tab}")
    assert words in page
    assert "Simulated cluster" in page
    assert "http://demo.orders.apps.example.test" in page


def test_actions_not_allowed_say_what_is_missing(dana: Actor, people: Characters) -> None:
    bring(dana, people.project)
    viewer = signed_in(people.viewer)
    page = text_of(viewer, "/environments/orders/demo/")
    assert "needs environment.delete" in page
    assert viewer.get("/environments/orders/demo/scale/").status_code == 403
    stranger = signed_in(people.stranger)
    assert stranger.get("/environments/orders/demo/").status_code == 404
    assert stranger.get("/environments/orders/demo/scale/").status_code == 404
    assert Client().get("/environments/").status_code == 302


def test_scaling_by_its_page(browser: Client, dana: Actor, people: Characters) -> None:
    bring(dana, people.project)
    url = "/environments/orders/demo/scale/"
    assert 'value="1"' in text_of(browser, url)
    answer = browser.post(url, {"workload": "web", "replicas": "1"})
    assert "nothing would change" in answer.content.decode()
    answer = browser.post(url, {"workload": "web", "replicas": "3", "message": "Sale"})
    assert answer.status_code == 302
    assert Change.objects.latest("id").message == "Sale"


@pytest.mark.parametrize(
    "action", ["image", "variables", "secrets", "restart", "extend", "stop", "delete"]
)
def test_every_action_has_a_page(
    browser: Client, dana: Actor, people: Characters, action: str
) -> None:
    bring(dana, people.project)
    assert 'name="message"' in text_of(browser, f"/environments/orders/demo/{action}/")
    text_of(browser, "/environments/orders/demo/dance/", 404)


def test_deleting_asks_for_the_name(browser: Client, dana: Actor, people: Characters) -> None:
    bring(dana, people.project)
    url = "/environments/orders/demo/delete/"
    page = text_of(browser, url)
    assert "objects would be removed" in page
    assert "of which may hold data" not in page
    assert "<code>web-variables</code>" not in page
    assert (
        page.partition(">Deployment</th>")[2].partition("</tr>")[0].count("<code>web</code>") == 1
    )
    answer = browser.post(url, {"confirm_name": "demo"})
    assert "This is not its name" in answer.content.decode()
    assert browser.post(url, {"confirm_name": "orders/demo"}).status_code == 302
    assert Change.objects.latest("id").verb == "environment.delete"


def test_deleting_lists_what_may_hold_data_first(
    browser: Client, dana: Actor, people: Characters
) -> None:
    environment = bring(dana, people.project)
    made = environment.application.objects_made
    for kind, name in (("Queue", "placed"), ("PersistentVolumeClaim", "disk")):
        made.create(target="aws", api_version="v1", kind=kind, name=name)
    made.create(target="aws", api_version="v1", kind="Bucket", name="kept", state="retained")
    page = text_of(browser, "/environments/orders/demo/delete/")
    assert "2 of which may hold data" in page
    assert page.index("<code>disk</code>") < page.index("<code>placed</code>")
    assert page.index("<code>placed</code>") < page.index(">Deployment</th>")
    assert "<code>kept</code>" not in page, "Slipway no longer touches it"


@pytest.mark.parametrize("autoscaled", [True, False])
def test_scaling_asks_only_for_the_numbers_that_count(
    browser: Client, dana: Actor, people: Characters, *, autoscaled: bool
) -> None:
    parameters = {"image": IMAGE, "autoscaling": {"enabled": autoscaled}}
    bring(dana, people.project, parameters=parameters)
    page = text_of(browser, "/environments/orders/demo/scale/")
    assert ('name="replicas"' in page) is not autoscaled
    assert ('name="max_replicas"' in page) is autoscaled
    sent = {"max_replicas": "6"} if autoscaled else {"replicas": "3"}
    sent = {"min_replicas": "2", **sent} if autoscaled else sent
    answer = browser.post("/environments/orders/demo/scale/", {"workload": "web", **sent})
    assert answer.status_code == 302, answer.content.decode()


def rows(people: Characters, dana: Actor, number: int) -> None:
    first = bring(dana, people.project)
    for index in range(number):
        change = create(dana, people.project, name=f"env-{index:03}")
        Environment.objects.filter(scope=change.scope).update(
            state="active", blueprint_version=first.blueprint_version
        )


def test_the_list_pages_filters_and_exports(
    browser: Client, dana: Actor, people: Characters
) -> None:
    rows(people, dana, 27)
    page = text_of(browser, "/environments/")
    assert ">demo<" in page
    assert ">env-023<" in page
    assert ">env-024<" not in page
    after = page.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0]
    second = text_of(browser, f"/environments/{after.replace('&amp;', '&')}")
    assert ">env-024<" in second
    assert 'rel="prev"' in second
    before = second.split('rel="prev"')[0].rsplit('href="', 1)[1].split('"')[0]
    assert ">demo<" in text_of(browser, f"/environments/{before.replace('&amp;', '&')}")
    narrowed = text_of(browser, "/environments/?q=env-005&tier=development")
    assert "Remove filter text env-005" in narrowed
    assert ">env-005<" in narrowed
    assert ">env-006<" not in narrowed
    answer = browser.get("/environments/?q=env-01&format=csv")
    lines = b"".join(answer.streaming_content).decode().splitlines()  # type: ignore[attr-defined]
    assert lines[0].startswith("project,name,tier")
    assert len(lines) == 11


def test_an_export_holds_every_row_of_the_filter(
    browser: Client, dana: Actor, people: Characters
) -> None:
    rows(people, dana, 60)
    for address, number in (
        ("/environments/?format=csv", 61),
        ("/changes/?format=csv&q=Create", 61),
        ("/changes/?format=csv&state=nonsense", 0),
    ):
        answer = browser.get(address)
        assert answer["Content-Type"].startswith("text/csv")
        lines = b"".join(answer.streaming_content).decode().splitlines()  # type: ignore[attr-defined]
        assert len(lines) == number + 1, address
    shown = text_of(browser, "/changes/?q=Create")
    assert "?q=Create&amp;format=csv" in shown


def test_the_list_costs_few_queries(
    browser: Client,
    dana: Actor,
    people: Characters,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    rows(people, dana, 3)
    browser.get("/environments/")
    with django_assert_max_num_queries(16):
        browser.get("/environments/")


def test_the_states_without_rows(browser: Client, people: Characters) -> None:
    assert "No environments yet" in text_of(browser, "/environments/")
    assert "No match" in text_of(browser, "/environments/?q=none")
    page = text_of(signed_in(people.stranger), "/environments/")
    assert "That needs environment.view in a project. Ask " in page
    assert f"Ask {people.administrator.username}, who can grant it." in page
    page = text_of(signed_in(people.stranger), "/catalog/")
    assert f"Ask {people.administrator.username}, who can grant it." in page


@pytest.mark.parametrize(
    "query",
    ["after=x", "after=a~b~c", "after=~~99999999999999999999999", "expiring=x", "q=%00", "tier=x"],
)
def test_hostile_filters_are_harmless(browser: Client, query: str) -> None:
    text_of(browser, f"/environments/?{query}")


def test_blueprints_and_their_parameters(browser: Client, people: Characters) -> None:
    assert "Scheduled job" in text_of(browser, "/blueprints/")
    page = text_of(browser, "/blueprints/web-service/")
    assert "healthPath" in page
    text_of(browser, "/blueprints/none/", 404)
    Blueprint.objects.all().delete()
    assert "No blueprint is published" in text_of(browser, "/blueprints/")


def test_the_home_page_tells_what_is_broken_and_what_ends(
    browser: Client, dana: Actor, people: Characters
) -> None:
    environment = bring(dana, people.project)
    type(environment.application).objects.update(health="Degraded", health_message="web crashes")
    soon: Any = timezone.now() + timedelta(hours=5)
    Environment.objects.update(expires_at=soon)
    page = text_of(browser, "/")
    assert "web crashes" in page
    assert "Expires soon" in page


def test_a_plan_that_waits_for_its_person_stands_beside_what_is_synced(
    client: Client, dana: Actor, people: Characters
) -> None:
    environment = bring(dana, people.project)
    change = run_until_settled(services.scale(dana, environment, replicas=2))
    client.force_login(people.developer)
    row = client.get("/environments/").content.decode()
    assert "To confirm" in row
    assert "Synced" in row
    assert "sw-spin" not in row.partition("<tbody>")[2], "nothing works on it"
    page = client.get("/environments/orders/demo/").content.decode()
    assert f"Change {change.pk}: {change.title}." in page


def test_failing_is_what_is_degraded_or_missing(
    client: Client, dana: Actor, people: Characters
) -> None:
    for name, health in (("one", "Degraded"), ("two", "Missing"), ("three", "Healthy")):
        environment = bring(dana, people.project, name=name)
        Application.objects.filter(pk=environment.application_id).update(health=health)
    client.force_login(people.developer)
    page = client.get("/environments/?health=broken").content.decode().partition("<tbody>")[2]
    assert "/orders/one/" in page
    assert "/orders/two/" in page
    assert "/orders/three/" not in page
    home = client.get("/").content.decode()
    assert "2 environments are broken" in home
    assert "?health=broken" in home


def test_an_empty_list_offers_only_what_the_person_may_do(
    client: Client, people: Characters
) -> None:
    client.force_login(people.viewer)
    page = client.get("/environments/").content.decode()
    assert "No environments yet" in page
    assert "Create one" not in page
    assert "environment.create" in page
    client.force_login(people.developer)
    assert "Create one" in client.get("/environments/").content.decode()


def test_a_page_beyond_the_last_row_is_no_first_run(client: Client, people: Characters) -> None:
    client.force_login(people.developer)
    page = client.get("/environments/?after=zzz~zzz~9").content.decode()
    assert "No environments yet" not in page


def test_the_account_page_is_in_the_menu(client: Client, people: Characters) -> None:
    client.force_login(people.viewer)
    assert "Account and tokens" in client.get("/").content.decode()


def test_a_deleted_environment_shows_nothing_as_there_and_asks_nothing_more(
    browser: Client, dana: Actor, people: Characters
) -> None:
    environment = bring(dana, people.project)
    Resource.objects.create(environment=environment, name="jobs", kind="Queue", spec={})
    asked = run_until_settled(services.scale(dana, environment, replicas=2))
    assert asked.state == Change.State.READY
    settle(dana, services.delete_environment(dana, environment))
    asked.refresh_from_db()
    assert asked.state == Change.State.CANCELLED
    assert asked.reason == "orders/demo was deleted meanwhile."
    page = text_of(browser, "/environments/orders/demo/")
    assert "Deleted <" in page
    for gone in (environment.address, "Synced", "Expires", "expires", "not made yet", "To confirm"):
        assert gone not in page
