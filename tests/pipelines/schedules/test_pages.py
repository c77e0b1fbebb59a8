"""The pages of schedules: who may, what is said, and refusals beside their fields."""

from __future__ import annotations

import html
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from pipelines.runs.models import Pipeline
from pipelines.schedules.models import Schedule
from pipelines.schedules.views.words import clock
from rbac.models import User
from tests.pipelines.schedules.conftest import Make, World

pytestmark = pytest.mark.django_db
LIST = "/pipelines/schedules/"
FORM = {
    "project": "orders", "description": "Nightly", "cron": "0 3 * * 1-5", "ref": "main",
    "timezone": "Europe/Berlin", "variables": "SUITE=full\nEMPTY=", "active": "on",
}  # fmt: skip


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text_of(answer: Any) -> str:
    return html.unescape(answer.content.decode())


def test_without_any_it_says_what_they_are_for(world: World) -> None:
    page = text_of(signed_in(world.people.developer).get(LIST))
    assert "No schedules yet" in page
    assert f"{LIST}new/" in page
    page = text_of(signed_in(world.people.viewer).get(LIST))
    assert "Whoever may start" in page
    assert f"{LIST}new/" not in page
    assert "You can’t list schedules" in text_of(signed_in(world.people.stranger).get(LIST))


def test_one_is_made_on_the_page(world: World) -> None:
    world.commit("job: {script: [x]}")
    client = signed_in(world.people.developer)
    form = text_of(client.get(f"{LIST}new/?project=orders&ref=main"))
    assert "The next times in UTC" in form
    assert '<option value="Europe/Berlin">' in form
    answer = client.post(f"{LIST}new/", FORM)
    row = Schedule.objects.get()
    assert answer["Location"] == reverse("pipelines:schedule", args=[row.pk])
    assert row.given == {"SUITE": "full", "EMPTY": ""}
    page = text_of(client.get(answer["Location"]))
    assert "runs as dana.dev" in page
    assert page.count(", 03:00") == 5
    assert "SUITE" in page
    assert "full" not in page.partition("<main")[2].partition("</main")[0]
    assert "Its 2 variables and their values are lost." in page


def test_what_cannot_be_stands_beside_its_field(world: World) -> None:
    world.commit("job: {script: [x]}")
    client = signed_in(world.people.developer)
    wrong = {"cron": "* * * * *", "timezone": "Moon", "ref": "absent"}
    answer = client.post(f"{LIST}new/", FORM | wrong)
    assert answer.status_code == 422
    errors = answer.context["form"].errors
    assert set(errors) == {"cron", "timezone", "ref"}
    assert "at least 5 minutes" in str(errors["cron"])
    assert "Name fewer minutes" in str(errors["cron"])
    assert not Schedule.objects.exists()


def test_while_one_writes_the_next_times_are_told(world: World) -> None:
    client = signed_in(world.people.developer)
    body = {"cron": "30  4 1 * *", "timezone": "Asia/Tokyo"}
    page = text_of(client.post(f"{LIST}check/", body))
    assert page.count(", 04:30") == 5
    assert "in Asia/Tokyo" in page
    page = text_of(client.post(f"{LIST}check/", {"cron": "* * *", "timezone": "Moon"}))
    assert "five fields, this has 3" in page
    assert "no time zone “Moon”" in page
    assert signed_in(world.people.viewer).post(f"{LIST}check/", body).status_code == 403


@time_machine.travel(datetime(2026, 11, 27, 12, tzinfo=UTC), tick=False)
def test_the_list_says_when_it_runs_next_and_how_it_was(make: Make, world: World) -> None:
    row = make(timezone="Europe/Berlin")
    make(description="Weekly", active=False)
    client = signed_in(world.people.mate)
    page = text_of(client.get(LIST))
    assert "Sat 28 Nov 2026, 03:00, Europe/Berlin" in page
    assert "At 03:00 every day" in page
    assert "none yet" in page
    client.post(f"{LIST}{row.pk}/run/")
    Pipeline.objects.update(status="failed", reason="line 3: no such keyword")
    page = text_of(client.get(f"{LIST}?project=orders&active=on"))
    assert "line 3: no such keyword" in page
    assert "Weekly" not in page
    assert "No match" in text_of(client.get(f"{LIST}?project=absent"))


def test_its_owner_changes_it(make: Make, world: World) -> None:
    row = make(variables={"SUITE": "full"})
    client, one = signed_in(world.people.developer), f"{LIST}{row.pk}/"
    form = text_of(client.get(f"{one}edit/"))
    assert "SUITE=full" in form
    assert 'name="project"' not in form
    body = {**FORM, "description": "Tests", "variables": "SUITE=short"}
    del body["active"]
    assert client.post(f"{one}edit/", body).status_code == 302
    row.refresh_from_db()
    assert (row.description, row.given, row.active) == ("Tests", {"SUITE": "short"}, False)
    assert client.post(f"{one}edit/", body | {"cron": "x"}).status_code == 422
    for name, status in (("mate", 403), ("viewer", 403), ("stranger", 404), ("maintainer", 200)):
        assert signed_in(getattr(world.people, name)).get(f"{one}edit/").status_code == status


def test_values_of_several_lines_are_left_to_rest(make: Make, world: World) -> None:
    row = make(variables={"KEY": "one\ntwo=2"})
    client, one = signed_in(world.people.developer), f"{LIST}{row.pk}/edit/"
    assert "A value has several lines" in text_of(client.get(one))
    assert client.post(one, FORM).status_code == 302
    row.refresh_from_db()
    assert (row.given, row.cron) == ({"KEY": "one\ntwo=2"}, "0 3 * * 1-5")


def test_run_taken_switched_and_deleted_by_buttons(make: Make, world: World) -> None:
    row = make()
    one, mate = f"{LIST}{row.pk}/", signed_in(world.people.mate)
    assert "Take ownership" in text_of(mate.get(one))
    answer = mate.post(f"{one}run/")
    assert answer["Location"] == reverse("pipelines:pipeline", args=[Pipeline.objects.get().pk])
    assert mate.post(f"{one}deactivate/").status_code == 403
    mate.post(f"{one}take/")
    page = text_of(mate.get(one))
    assert "Take ownership" not in page
    mate.post(f"{one}deactivate/")
    assert "It would run" in text_of(mate.get(one))
    mate.post(f"{one}activate/")
    row.refresh_from_db()
    assert (row.active, row.owner) == (True, world.people.mate)
    assert mate.post(f"{one}delete/")["Location"] == LIST
    assert not Schedule.objects.exists()


def test_who_only_sees_it_has_no_buttons(make: Make, world: World) -> None:
    one, viewer = f"{LIST}{make().pk}/", signed_in(world.people.viewer)
    page = text_of(viewer.get(one))
    for word in ("Run now", "Take ownership", "Switch off", "Delete", "Change…"):
        assert word not in page
    for act in ("run", "take", "activate", "deactivate", "delete"):
        assert viewer.post(f"{one}{act}/").status_code == 403


def test_a_button_that_cannot_says_why(make: Make, world: World) -> None:
    row = make(active=False)
    User.objects.filter(pk=world.people.developer.pk).update(is_active=False)
    client, one = signed_in(world.people.maintainer), f"{LIST}{row.pk}/"
    page = text_of(client.post(f"{one}activate/", follow=True))
    assert "Its owner dana.dev is deactivated. Take it over first." in page


def test_a_clock_is_said_the_same_everywhere() -> None:
    assert clock(datetime(2026, 3, 1, 4, 5, tzinfo=UTC)) == "Sun 1 Mar 2026, 04:05"
