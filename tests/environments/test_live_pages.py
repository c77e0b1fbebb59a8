"""What pages fetch while they are open: rows that a hint named, and logs that are followed."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from environments import services
from gitops.models import Cluster
from rbac.actors import Actor
from rbac.services import share
from tests.environments.factories import bring, settle
from tests.environments.test_pages import signed_in, text_of
from tests.rbac.factories import Characters

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(people: Characters, cluster: Cluster) -> Client:
    return signed_in(people.developer)


def test_log_lines_have_their_time_and_can_be_followed_alone(
    browser: Client, dana: Actor, people: Characters
) -> None:
    bring(dana, people.project)
    page = text_of(browser, "/environments/orders/demo/?tab=logs&follow=1&q=e")
    assert '<ol class="sw-log has-pods"' in page
    assert "<li><time datetime=" in page
    address = page.partition('data-live-refetch="')[2].partition('"')[0].replace("&amp;", "&")
    part = text_of(browser, address)
    assert "<html" not in part
    assert 'data-live-every="3"' in part
    assert "<li><time datetime=" in part
    assert "data-live-every" not in text_of(browser, "/environments/orders/demo/?tab=logs")


def test_who_may_not_read_logs_is_told_who_can_grant_it(dana: Actor, people: Characters) -> None:
    environment = bring(dana, people.project)
    mia = Actor(people.maintainer)
    share(mia, permissions=["environment.scale"], user=people.stranger, obj=environment)
    page = text_of(signed_in(people.stranger), "/environments/orders/demo/?tab=logs")
    assert "You can’t read logs here" in page
    assert "who can grant it" in page


def test_live_hints_fetch_single_rows(browser: Client, dana: Actor, people: Characters) -> None:
    bring(dana, people.project)
    other = bring(dana, people.project, name="other")
    page = text_of(browser, "/environments/")
    assert 'data-live-rows="/environments/?rows="' in page
    assert f'id="scope-{other.scope_id}"' in page
    whole = text_of(browser, "/environments/?health=broken")
    assert "data-live-rows" not in whole, "health decides which rows there are"
    address = f"/environments/?rows=scope-{other.scope_id},scope-x,scope-99999999"
    rows = text_of(browser, address)
    assert rows.count("<tr") == 1
    assert "/environments/orders/other/" in rows
    assert "<html" not in rows
    assert "<tr" not in text_of(signed_in(people.stranger), address)


def test_hints_name_the_row_unless_the_list_has_other_rows(
    dana: Actor, people: Characters, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[bool] = []

    def hint(topic: str, data: Any, *, scope: int, one: bool = False) -> None:
        if topic == "environments" and "health" not in data:
            told.append(one)

    monkeypatch.setattr("environments.listeners.events.hint", hint)
    environment = bring(dana, people.project)
    assert told[0] is False, "a new row"
    told.clear()
    settle(dana, services.stop(dana, environment))
    assert told
    assert all(told)
    told.clear()
    settle(dana, services.delete_environment(dana, environment))
    assert told[-1] is False, "a row less"
