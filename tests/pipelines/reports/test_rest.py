from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from pipelines.reports import models
from pipelines.reports.formats import base
from pipelines.reports.models import Report
from pipelines.reports.splitting import of_wanted
from portal.models import Component
from rbac.actors import Actor
from rbac.models import User
from rbac.services import tokens
from tests.pipelines.reports.making import BRANCH, MAIN, diff, junit, lcov, sarif
from tests.rbac.factories import Characters, make_project

Send = Callable[..., Report]
URL = "/api/v1/projects/orders/reports/"


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def browser(people: Characters) -> Client:
    return signed_in(people.developer)


def form(client: Client, text: str, url: str = URL, **more: str) -> Any:
    file = SimpleUploadedFile("report.xml", text.encode())
    return client.post(url, {"commit": MAIN, "ref": "main", "file": file, **more})


def body(client: Client, text: bytes | str, query: str = f"commit={MAIN}&ref=main") -> Any:
    return client.post(f"{URL}?{query}", text, content_type="application/xml")


def test_a_form_is_taken_with_201_and_summed_up(browser: Client, component: Component) -> None:
    answer = form(browser, junit(adds="passed", ships="failed"), component="orders-api")
    assert answer.status_code == 201, answer.content
    told = answer.json()
    assert (told["kind"], told["component"], told["target"]) == ("junit", "orders-api", "main")
    assert told["summary"]["failed"] == 1
    assert told["page"] == f"/pipelines/commits/orders/{MAIN}/"
    again = form(browser, junit(adds="passed", ships="failed"), component="orders-api")
    assert (again.status_code, again.json()["id"]) == (200, told["id"])


def test_a_raw_body_is_taken_with_the_rest_in_the_query(browser: Client) -> None:
    answer = body(browser, junit(adds="passed"), f"commit={MAIN}&ref=main&kind=junit&name=unit")
    assert answer.status_code == 201, answer.content
    assert answer.json()["name"] == "unit"


def test_a_program_uploads_by_its_token(people: Characters) -> None:
    _, text = tokens.create_token(
        Actor(people.developer),
        user=people.developer,
        scope=None,
        name="ci",
        expires_at=timezone.now() + timedelta(days=1),
        permissions=["report.upload", "pipeline.view"],
    )
    client = Client(headers={"authorization": f"Bearer {text}"})
    assert form(client, junit(adds="passed")).status_code == 201


@pytest.mark.parametrize(
    ("text", "more", "code", "rule"),
    [
        ("<!DOCTYPE t [<!ENTITY x 'y'>]><testsuite/>", {}, "report_refused", "entity"),
        ("<testsuite><testcase file='../x'/></testsuite>", {}, "report_refused", "path"),
        ("hello there", {}, "report_refused", "kind"),
        (junit(a="passed"), {"commit": "HEAD"}, "invalid", "form"),
        (junit(a="passed"), {"component": "absent"}, "invalid", "choice"),
    ],
)
def test_refusals_are_problems_that_name_the_rule(
    browser: Client, text: str, more: dict[str, str], code: str, rule: str
) -> None:
    answer = form(browser, text, **more)
    assert answer.status_code == 422
    assert answer["Content-Type"] == "application/problem+json"
    told = answer.json()
    assert (told["code"], told["errors"][0]["rule"]) == (code, rule)


def test_unknown_and_missing_fields_are_named(browser: Client) -> None:
    answer = form(browser, junit(a="passed"), comit="x")
    assert answer.status_code == 422
    assert "comit" in answer.content.decode()
    answer = body(browser, junit(a="passed"), "ref=main")
    assert answer.json()["errors"][0]["field"] == "commit"
    answer = browser.post(URL, {"commit": MAIN, "ref": "main"})
    assert "There is no file." in answer.json()["detail"]


def test_too_much_is_413(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "MAX_BYTES", 1000)
    assert body(browser, b" " * 2000).status_code == 413
    monkeypatch.setattr("idp.common.receiving.IN_MEMORY", 100)
    answer = form(browser, " " * 3000)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert not Report.objects.exists()


def test_a_foreign_project_does_not_exist(people: Characters) -> None:
    stranger = signed_in(people.stranger)
    assert form(stranger, junit(a="passed")).status_code == 404
    own = make_project("elsewhere", people.stranger.teams.get())
    assert own
    assert form(stranger, junit(a="passed"), url=URL.replace("orders", "no")).status_code == 404
    viewer = form(signed_in(people.viewer), junit(a="passed"))
    assert (viewer.status_code, viewer.json()["permission"]) == (403, "report.upload")


def test_reports_of_another_project_are_not_listed(
    people: Characters, send: Send, browser: Client
) -> None:
    row = send(junit(adds="passed"))
    assert [one["id"] for one in browser.get(URL).json()["results"]] == [row.pk]
    assert browser.get(f"{URL}?commit={BRANCH}").json()["results"] == []
    assert browser.get(f"{URL}{row.pk}/").json()["commit"] == MAIN
    make_project("payments")
    other = signed_in(people.administrator)
    assert other.get(f"/api/v1/projects/payments/reports/{row.pk}/").status_code == 404
    assert signed_in(people.stranger).get(f"{URL}{row.pk}/").status_code == 404


def test_a_commit_is_told_with_its_facts(people: Characters, send: Send, browser: Client) -> None:
    send(junit(stays="passed", breaks="passed"))
    send(sarif("OLD"))
    for text in (
        junit(stays="passed", breaks="failed"),
        lcov("a.py", l1=1, l2=0),
        diff("a.py", 1, 2),
        sarif("OLD", "NEW"),
    ):
        send(text, BRANCH, ref="fix")
    url = f"/api/v1/projects/orders/commits/{BRANCH}/"
    told = browser.get(url).json()
    assert told["facts"]["tests"]["new_failures"] == 1
    assert told["facts"]["changed"] == {
        "lines": 2,
        "covered": 1,
        "percent": 50.0,
        "uncovered": {"a.py": [2]},
    }
    assert told["new_failures"][0]["name"] == "Cart › breaks"
    assert [one["rule"] for one in told["new_findings"]] == ["NEW"]
    assert told["facts"]["compatible"] is None
    assert browser.get(url.replace(BRANCH, "9" * 40)).status_code == 404
    assert signed_in(people.stranger).get(url).status_code == 404


def test_tests_are_listed_by_state(send: Send, browser: Client, people: Characters) -> None:
    send(junit(red="failed", green="passed", odd="flaky"))

    def names(query: str) -> set[str]:
        answer = browser.get(f"/api/v1/tests/?{query}")
        return {one["name"] for one in answer.json()["results"]}

    assert names("") == {"red", "green", "odd"}
    assert names("state=failing") == {"red"}
    assert names("state=flaky") == {"odd"}
    assert names("state=slow&q=gree") == {"green"}
    assert names("owner=orders&project=orders") == {"red", "green", "odd"}
    assert names("owner=elsewhere") == set()
    assert browser.get("/api/v1/tests/?state=sad").status_code == 422
    assert signed_in(people.stranger).get("/api/v1/tests/").json()["results"] == []


def test_a_tests_history_and_quarantine(send: Send, people: Characters) -> None:
    send(junit(adds="passed", seconds=2))
    send(junit(adds="failed"), BRANCH, ref="fix")
    case = models.TestCase.objects.get()
    url = f"/api/v1/tests/{case.pk}/"
    client = signed_in(people.qa)
    end = (timezone.now() + timedelta(days=3)).isoformat()
    wanted = {"reason": "Clock", "ends_at": end}
    made = client.post(f"{url}quarantine/", wanted, content_type="application/json")
    assert (made.status_code, made.json()["owner"]) == (201, "orders")
    told = client.get(url).json()
    assert [one["outcome"] for one in told["results"]] == ["failed", "passed"]
    assert (told["median"], told["failure_rate"]) == (2.0, 0.5)
    assert told["quarantine"]["reason"] == "Clock"
    assert told["test"]["quarantined_until"] is not None
    assert client.delete(f"{url}quarantine/").status_code == 204
    assert client.get(url).json()["quarantine"] is None
    assert client.delete(f"{url}quarantine/").status_code == 422
    mate = signed_in(people.mate)
    refused = mate.post(f"{url}quarantine/", wanted, content_type="application/json")
    assert (refused.status_code, refused.json()["permission"]) == (403, "test.quarantine")
    assert signed_in(people.stranger).get(url).status_code == 404


def test_coverage_trends(send: Send, browser: Client) -> None:
    send(lcov("a.py", l1=1, l2=0))
    send(lcov("a.py", l1=1, l2=1), BRANCH)
    send(lcov("a.py", l1=0, l2=0), "d" * 40, ref="fix")
    (told,) = browser.get("/api/v1/projects/orders/coverage/").json()
    assert [point["percent"] for point in told["points"]] == [50.0, 100.0]
    assert told["change"] == 50.0


# -- splitting ----------------------------------------------------------------------------------


SPLIT = "/api/v1/projects/orders/tests/split/"


@pytest.fixture
def suite(send: Send) -> dict[str, float]:
    """Thirty files of very different length."""
    files = {f"tests/test_{at}.py": float(1 + at % 7) for at in range(30)}
    rows = "".join(
        f"<testcase classname='c{at}' name='t' file='{file}' time='{seconds}'/>"
        for at, (file, seconds) in enumerate(files.items())
    )
    send(f"<testsuite name='u'>{rows}</testsuite>")
    return files


def shares(browser: Client, total: int) -> list[dict[str, Any]]:
    return [browser.get(f"{SPLIT}?index={n}&total={total}").json() for n in range(1, total + 1)]


@pytest.mark.parametrize("total", [1, 2, 4, 6])
def test_a_suite_is_split_within_15_percent(
    browser: Client, suite: dict[str, float], total: int
) -> None:
    found = shares(browser, total)
    assert sorted(part for one in found for part in one["parts"]) == sorted(suite)
    mean = sum(suite.values()) / total
    for one in found:
        assert one["seconds"] == sum(suite[part] for part in one["parts"])
        assert one["seconds"] <= mean * 1.15


def test_given_parts_are_split_with_new_ones_taken_as_usual(
    browser: Client, suite: dict[str, float]
) -> None:
    parts = [*list(suite)[:5], "tests/test_new.py"]
    answers = [
        browser.post(
            f"{SPLIT}?index={n}&total=2", {"parts": parts}, content_type="application/json"
        ).json()
        for n in (1, 2)
    ]
    assert sorted(part for one in answers for part in one["parts"]) == sorted(parts)


def test_machines_of_one_run_share_alike_whatever_is_reported_meanwhile(
    send: Send, browser: Client, suite: dict[str, float]
) -> None:
    began = timezone.now()
    parts = [*suite, "tests/test_new.py"]

    def share(index: int, **more: str) -> dict[str, Any]:
        query = urlencode({"index": index, "total": 2, **more})
        answer = browser.post(f"{SPLIT}?{query}", {"parts": parts}, content_type="application/json")
        assert answer.status_code == 200, answer.content
        told: dict[str, Any] = answer.json()
        return told

    first = share(1, before=began.isoformat())
    again = "".join(
        f"<testcase classname='c{at}' name='t' file='{file}' time='{50 - at}'/>"
        for at, file in enumerate(suite)
    )
    send(f"<testsuite name='u'>{again}</testsuite>", "e" * 40)
    second = share(2, before=began.isoformat())
    assert sorted(first["parts"] + second["parts"]) == sorted(parts)
    assert (first, second["known"]) == (share(1, before=began.isoformat()), len(suite))
    assert share(1)["seconds"] != first["seconds"]
    assert share(1, before=(began - timedelta(days=1)).isoformat())["known"] == 0


def test_a_time_that_is_none_is_named(browser: Client, suite: Any) -> None:
    answer = browser.get(f"{SPLIT}?index=1&total=2&before=soon")
    assert answer.status_code == 422
    assert "before" in answer.content.decode()


def test_a_file_takes_the_time_of_its_classes_where_the_tool_names_no_files() -> None:
    known = {"tests.test_a": 1.0, "tests.test_a.TestCart": 2.0, "tests.test_ab": 9.0, "z.py": 4.0}
    found = of_wanted(known, ["tests/test_a.py", "z.py", "tests/new.py"])
    assert found == {"tests/test_a.py": 3.0, "z.py": 4.0}


def test_files_that_are_gone_are_no_longer_given(send: Send, browser: Client, suite: Any) -> None:
    send(junit(adds="passed", file="tests/only.py"), BRANCH)
    assert browser.get(f"{SPLIT}?index=1&total=1").json()["parts"] == ["tests/only.py"]


@pytest.mark.parametrize("query", ["", "index=0&total=2", "index=3&total=2", "index=1&total=999"])
def test_a_machine_that_does_not_fit_is_refused(browser: Client, suite: Any, query: str) -> None:
    assert browser.get(f"{SPLIT}?{query}").status_code == 422


def test_an_unknown_suite_says_what_to_do(browser: Client) -> None:
    answer = browser.get(f"{SPLIT}?index=1&total=2")
    assert answer.status_code == 422
    assert "Upload a JUnit report" in answer.content.decode()


def test_an_upload_that_is_endless_ends(browser: Client) -> None:
    from pipelines.reports.formats.base import MAX_BYTES  # noqa: PLC0415

    assert MAX_BYTES == 50 * 1024 * 1024
    stream = io.BytesIO(b"x")
    answer = browser.generic(
        "POST",
        f"{URL}?commit={MAIN}&ref=main",
        stream.read(),
        content_type="multipart/form-data; boundary=x",
        CONTENT_LENGTH=str(10 * 1024**3),
    )
    assert answer.status_code == 413
