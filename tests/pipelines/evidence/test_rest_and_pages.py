"""Rules and evidence by REST, page and terminal: the same decisions, the same refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from idp.common.errors import StaleState
from pipelines.evidence import services
from pipelines.evidence.models import EvidenceRule
from rbac.actors import Actor
from rbac.models import AuditRecord, User
from tests.pipelines.evidence.making import rule
from tests.pipelines.reports.making import MAIN, junit
from tests.rbac.factories import Characters
from tests.support.console import Script, run

RULES = "/api/v1/evidence-rules/"
PAGES = "/pipelines/gates/"
BODY = {
    "name": "green",
    "title": "All tests pass",
    "scope": "orders",
    "condition": "tests.failed == 0",
    "fix": "Mend the tests.",
    "severity": "blocks",
}


def client(user: User) -> Client:
    made = Client()
    made.force_login(user)
    return made


def post(user: User, path: str, body: Any) -> Any:
    return client(user).post(path, body, content_type="application/json")


def test_the_life_of_a_rule(people: Characters) -> None:
    made = post(people.maintainer, RULES, BODY)
    assert made.status_code == 201, made.content
    assert made.json()["revision"] == 1
    path = f"{RULES}green/"
    seen = client(people.viewer).get(path)
    assert (seen.status_code, seen.json()["changed_by"]) == (200, people.maintainer.username)
    assert client(people.stranger).get(path).status_code == 404
    change = {"condition": "tests.failed == 0 && tests.total > 0"}
    stale = client(people.maintainer).patch(
        path, change, content_type="application/json", headers={"If-Match": '"no"'}
    )
    assert stale.status_code == 412
    changed = client(people.maintainer).patch(path, change, content_type="application/json")
    assert (changed.status_code, changed.json()["revision"]) == (200, 2)
    denied = client(people.developer).patch(path, change, content_type="application/json")
    assert denied.status_code == 403
    assert client(people.maintainer).delete(path).status_code == 204
    kept = AuditRecord.objects.filter(action="gate.manage", outcome="allowed").order_by("at")
    versions = [(row.before or {}).get("version", 0) for row in kept]
    assert versions == [0, 1, 2]
    assert [(row.after or {}).get("condition") for row in kept] == [
        "tests.failed == 0",
        change["condition"],
        None,
    ]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("condition", "tests.faild == 0"),
        ("condition", 'tests.failed == "0"'),
        ("condition", "x" * 1001),
        ("condition", "(" * 99 + "true" + ")" * 99),
        ("condition", "true\0"),
        ("name", "new"),
        ("name", "No Name"),
        ("title", " "),
        ("title", "a\u200bb"),
        ("title", "x" * 121),
        ("fix", "x" * 501),
        ("severity", "maims"),
        ("scope", "absent"),
        ("sevrity", "blocks"),
    ],
)
def test_wrong_input_names_its_field(people: Characters, field: str, value: str) -> None:
    for path in (RULES, f"{RULES}preview/"):
        answer = post(people.maintainer, path, {**BODY, field: value})
        if (path, field, value) == (f"{RULES}preview/", "name", "No Name"):
            continue  # what is only looked at needs no name that can be kept
        assert answer.status_code == 422, answer.content
        assert answer.json()["errors"][0]["field"] == field
    assert not EvidenceRule.objects.exists()


def test_who_may_not_manage_gates_there_makes_none(people: Characters) -> None:
    for user in (people.viewer, people.developer, people.deployer, people.stranger):
        assert post(user, RULES, BODY).status_code == 403
        assert post(user, f"{RULES}preview/", BODY).status_code in {403, 422}
        assert client(user).post(f"{PAGES}check/", {"condition": "true"}).status_code == 403
    everything = post(people.maintainer, RULES, {**BODY, "scope": "everything"})
    assert everything.status_code in {403, 404}
    assert post(people.administrator, RULES, {**BODY, "scope": "everything"}).status_code == 201


def test_two_who_change_at_once(people: Characters) -> None:
    row = rule(people.scope, "true")
    actor, other = Actor(people.maintainer), EvidenceRule.objects.get()
    services.change_rule(actor, row, title="Mine")
    with pytest.raises(StaleState):
        services.change_rule(actor, other, title="Yours")


def test_every_fact_of_a_commit(people: Characters, send: Callable[..., Any]) -> None:
    send(junit(a="failed"))
    query = f"/api/v1/evidence/?project=orders&commit={MAIN}"
    answer = client(people.viewer).get(query)
    assert answer.status_code == 200, answer.content
    told = {one["name"]: one for one in answer.json()["facts"]}
    assert (told["tests.failed"]["value"], told["tests.failed"]["unknown"]) == (1, "")
    assert told["coverage.line"]["value"] is None
    assert told["coverage.line"]["unknown"].startswith("No coverage report of aaaaaaaa")
    assert client(people.stranger).get(query).status_code == 404
    wrong = client(people.viewer).get("/api/v1/evidence/?project=orders&commit=main")
    assert wrong.json()["errors"][0]["field"] == "commit"
    facts = client(people.viewer).get("/api/v1/evidence/facts/").json()
    assert {one["name"] for one in facts} == set(told)
    result = run(Script({"GET evidence/": answer.json()}), "evidence", "orders", MAIN)
    assert result.exit_code == 0, result.output
    assert ["tests.failed", "1"] in [line.split() for line in result.output.splitlines()]
    assert "not known: No coverage report of aaaaaaaa" in result.output


def form(**more: str) -> dict[str, str]:
    return {**BODY, "active": "on", "do": "save", "seen": "", **more}


def test_a_rule_that_blocks_is_saved_after_its_preview_was_seen(people: Characters) -> None:
    browser = client(people.maintainer)
    assert "Facts that rules may ask for" in browser.get(PAGES).text
    page = browser.get(f"{PAGES}new/").text
    assert "tests.new_failed" in page
    first = browser.post(f"{PAGES}new/", form())
    assert "Save again to let it block." in first.text
    assert not EvidenceRule.objects.exists()
    seen = first.text.split('name="seen" value="')[1].split('"')[0]
    other = browser.post(f"{PAGES}new/", form(seen=seen, condition="tests.total > 1"))
    assert "Save again" in other.text, "another rule than the one that was previewed"
    saved = browser.post(f"{PAGES}new/", form(seen=seen))
    assert (saved.status_code, saved["Location"]) == (302, f"{PAGES}green/")
    told = browser.get(f"{PAGES}green/").text
    assert "Nothing was promoted there yet" in told
    edited = browser.post(f"{PAGES}green/edit/", form(severity="tells", revision="1"))
    assert edited.status_code == 302, "what only tells needs no preview"
    stale = browser.post(f"{PAGES}green/edit/", form(severity="tells", title="X", revision="1"))
    assert (stale.status_code, "meanwhile" in stale.text) == (422, True)
    assert browser.get(f"{PAGES}green/delete/").status_code == 200
    assert browser.post(f"{PAGES}green/delete/").status_code == 302
    assert client(people.stranger).get(f"{PAGES}green/").status_code == 404


def test_the_check_while_one_writes(people: Characters) -> None:
    browser = client(people.maintainer)
    said = browser.post(f"{PAGES}check/", {"condition": "tests.failed == 0 && test.total > 1"})
    assert "“test.total” at line 1, column 22 is no known fact." in said.text
    assert "Did you mean tests.total?" in said.text
    said = browser.post(f"{PAGES}check/", {"condition": "tests.failed == 0 && calendar.hour < 9"})
    assert "reads calendar.hour" in said.text
    refused = browser.post(f"{PAGES}new/", form(condition="tests.faild == 0"))
    assert refused.status_code == 422
    assert "Did you mean tests.failed?" in refused.text


def test_the_admin_site_writes_by_the_services(people: Characters) -> None:
    people.administrator.is_staff = True
    people.administrator.save()
    browser = client(people.administrator)
    given = {**BODY, "scope": people.scope.pk, "active": "on"}
    wrong = browser.post("/admin/pipelines/evidencerule/add/", {**given, "condition": "a.b"})
    assert "is not a known name" in wrong.text
    made = browser.post("/admin/pipelines/evidencerule/add/", given)
    assert made.status_code == 302, made.text
    row = EvidenceRule.objects.get()
    assert row.created_by == people.administrator
    path = f"/admin/pipelines/evidencerule/{row.pk}/change/"
    assert browser.post(path, {**given, "title": "Other"}).status_code == 302
    row.refresh_from_db()
    assert (row.title, row.revision) == ("Other", 2)
