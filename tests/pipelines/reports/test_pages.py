from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from pipelines.reports import models, portal_parts, retention
from pipelines.reports.models import Report
from pipelines.reports.views.commits import ranges
from pipelines.reports.words import duration
from portal.models import Component
from rbac.actors import Actor
from rbac.models import User
from tests.pipelines.reports.making import BRANCH, MAIN, diff, junit, lcov, sarif
from tests.rbac.factories import Characters

Send = Callable[..., Report]


def page(user: User, path: str, status: int = 200) -> str:
    client = Client()
    client.force_login(user)
    answer = client.get(path)
    assert answer.status_code == status, answer.content[:2000]
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]
    return body.decode()


def test_the_first_visit_shows_how_to_send_a_report(people: Characters) -> None:
    for path in ("/pipelines/tests/", "/pipelines/coverage/"):
        text = page(people.developer, path)
        assert "curl --fail-with-body" in text
        assert "/api/v1/projects/orders/reports/" in text


def test_who_sees_no_project_learns_who_can_grant_it(people: Characters) -> None:
    people.stranger.bindings.all().delete()
    assert "pipeline.view" in page(people.stranger, "/pipelines/tests/")


def test_health_lists_what_needs_a_look(people: Characters, send: Send) -> None:
    send(junit(red="failed", odd="flaky", green="passed"))
    text = page(people.qa, "/pipelines/tests/")
    for title in ("Failing now", "Flaky", "Slowest"):
        assert f">{title}</h2>" in text
    assert f"/pipelines/tests/{models.TestCase.objects.get(name='odd').pk}/quarantine/" in text
    assert "Quarantine…" not in page(people.viewer, "/pipelines/tests/")
    assert "Cart › red" not in page(people.stranger, "/pipelines/tests/")
    one = page(people.qa, "/pipelines/tests/?state=flaky")
    assert "Cart › odd" in one
    assert "Cart › red" not in one
    assert "No match" in page(people.qa, "/pipelines/tests/?q=absent")


def test_nothing_that_needs_a_look_is_said(people: Characters, send: Send) -> None:
    send("<testsuite><testcase name='green'/></testsuite>")
    assert "Nothing needs a look" in page(people.viewer, "/pipelines/tests/")


def test_the_list_goes_out_as_it_is_filtered(people: Characters, send: Send) -> None:
    send(junit(red="failed", green="passed"))
    rows = list(
        csv.DictReader(
            io.StringIO(page(people.viewer, "/pipelines/tests/?state=failing&export=csv"))
        )
    )
    assert [(row["name"], row["owner"], row["outcome"]) for row in rows] == [
        ("red", "orders", "failed")
    ]
    told = json.loads(page(people.viewer, "/pipelines/tests/?export=json"))
    assert {row["name"] for row in told} == {"red", "green"}
    assert json.loads(page(people.stranger, "/pipelines/tests/?export=json")) == []


def test_a_tests_page_shows_its_history(people: Characters, send: Send) -> None:
    send(junit(adds="passed", seconds=1))
    send(junit(adds="passed", seconds=3), BRANCH)
    send(junit(adds="failed"), "c" * 40, ref="fix")
    case = models.TestCase.objects.get()
    text = page(people.viewer, f"/pipelines/tests/{case.pk}/")
    assert text.count('<li class="is-ok">') == 2
    assert text.count('<li class="is-bad">') == 1
    assert "33 % of these runs" in text
    assert "<polyline" in text
    assert "trace" in text
    assert "team orders" in text
    page(people.stranger, f"/pipelines/tests/{case.pk}/", 404)


def test_a_test_is_put_in_quarantine_and_taken_out(people: Characters, send: Send) -> None:
    send(junit(adds="failed"))
    case = models.TestCase.objects.get()
    url = f"/pipelines/tests/{case.pk}/"
    client = Client()
    client.force_login(people.qa)
    assert "never seen to pass and fail" in page(people.qa, f"{url}quarantine/")
    end = timezone.now() + timedelta(days=99)
    form = {"reason": "Clock", "owner": "orders", "ends_at": f"{end:%Y-%m-%dT%H:%M}"}
    wrong = client.post(f"{url}quarantine/", form)
    assert wrong.status_code == 422
    assert "within 30 days" in wrong.content.decode()
    form["ends_at"] = f"{timezone.now() + timedelta(days=9):%Y-%m-%dT%H:%M}"
    assert client.post(f"{url}quarantine/", form).status_code == 302
    assert "blocks nothing" in page(people.qa, url)
    assert client.post(f"{url}release/").status_code == 302
    text = page(people.qa, url)
    assert "In quarantine until" not in text
    assert "Former quarantines" in text
    assert client.post(f"{url}release/", follow=True).status_code == 200
    page(people.developer, f"{url}quarantine/", 403)


def test_a_commits_page_says_what_it_did(people: Characters, send: Send) -> None:
    send(junit(breaks="passed", broken="failed", mended="failed"))
    send(sarif("OLD"))
    for text in (
        junit(breaks="failed", broken="failed", mended="passed"),
        lcov("a.py", l1=1, l2=0, l3=0),
        diff("a.py", 1, 3),
        sarif("OLD", "NEW"),
    ):
        send(text, BRANCH, ref="fix")
    url = f"/pipelines/commits/orders/{BRANCH}/"
    text = page(people.viewer, url)
    assert "1 test fails that did not fail on main." in text
    for title in ("New failures", "Fail there too", "Fixed", "New findings"):
        assert f">{title}</h2>" in text
    assert "33.33 % of 3 that can run" in text
    assert "2–3" in text
    page(people.stranger, url, 404)
    page(people.viewer, url.replace(BRANCH, "absent"), 404)


@pytest.mark.parametrize(
    ("outcomes", "sentence"),
    [
        ({"a": "passed", "b": "passed"}, "All 2 tests that ran pass."),
        ({"a": "failed"}, "1 test fails that did not fail on main."),
        ({"a": "failed", "b": "error"}, "2 tests fail that did not fail on main."),
    ],
)
def test_the_first_sentence(
    people: Characters, send: Send, outcomes: dict[str, str], sentence: str
) -> None:
    send(junit(**outcomes), BRANCH, ref="fix")
    assert sentence in page(people.viewer, f"/pipelines/commits/orders/{BRANCH}/")


def test_a_commit_without_tests(people: Characters, send: Send) -> None:
    send(lcov("a.py", l1=1))
    text = page(people.viewer, f"/pipelines/commits/orders/{MAIN}/")
    assert "No tests were reported" in text


def test_coverage_is_drawn_by_component(
    people: Characters, send: Send, component: Component
) -> None:
    send(lcov("a.py", l1=1, l2=0), component=component.name)
    send(lcov("a.py", l1=1, l2=1), BRANCH, component=component.name)
    text = page(people.viewer, "/pipelines/coverage/")
    assert "100.00 %" in text
    assert "+50.00 against the commit before" in text
    assert "<polyline" in text
    assert component.name not in page(people.stranger, "/pipelines/coverage/")


def test_a_components_tab(people: Characters, send: Send, component: Component) -> None:
    assert "No report names this component" in page(people.viewer, "/catalog/orders-api/?tab=tests")
    send(junit(red="failed"), component=component.name)
    send(lcov("a.py", l1=1, l2=0), component=component.name)
    text = page(people.viewer, "/catalog/orders-api/?tab=tests")
    assert "Cart › red" in text
    assert "50.00 %" in text


def test_home_tells_what_fails_or_turned_flaky(people: Characters, send: Send) -> None:
    assert portal_parts.alarm(Actor(people.viewer)) is None
    send(junit(red="failed", odd="flaky", green="passed"))
    found = portal_parts.alarm(Actor(people.viewer))
    assert found is not None
    assert [row["test"].name for row in found["rows"]] == ["red", "odd"]
    assert found["headline"] == "2 tests need a look"
    assert portal_parts.alarm(Actor(people.stranger)) is None
    assert "Tests that need a look" in page(people.viewer, "/")


def test_search_finds_tests(people: Characters, send: Send) -> None:
    send(junit(adds="failed", file="tests/cart.py"))
    (hit,) = portal_parts.find(Actor(people.viewer), "cart.py", 5)
    assert (hit.title, hit.status) == ("Cart › adds", "failed")
    assert portal_parts.find(Actor(people.stranger), "cart.py", 5) == []


def test_old_reports_are_forgotten(people: Characters, send: Send) -> None:
    old = send(junit(gone="passed", stays="passed"))
    send(junit(stays="passed"), BRANCH)
    past = timezone.now() - timedelta(days=retention.KEPT_DAYS + 1)
    Report.objects.filter(pk=old.pk).update(created_at=past)
    models.TestCase.objects.filter(name="gone").update(last_seen=past)
    assert retention.sweep() == 1
    assert [row.commit for row in Report.objects.all()] == [BRANCH]
    assert [row.name for row in models.TestCase.objects.all()] == ["stays"]
    assert retention.sweep() == 0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (0.34, "340 ms"),
        (2.14, "2.1 s"),
        (185, "3 min 5 s"),
        (3720, "1 h 2 min"),
    ],
)
def test_durations_in_words(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


def test_line_numbers_are_drawn_together() -> None:
    assert ranges([3, 7, 8, 9, 12]) == "3, 7–9, 12"
