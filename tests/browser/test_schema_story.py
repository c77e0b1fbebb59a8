"""A producer drops a field: who breaks is named, the gate closes, and opens by leave or repair."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_story import CHANGE, SignIn, confirm, demo, follow, sign_in
from tests.support.visitors import SOON

__all__ = ["demo", "sign_in"]  # fixtures
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(400)]
SUBJECT, IMAGE = "orders-value", "registry.example.test/app:1.0.0"
CALL = """async ([method, path, body]) => {
  const sent = body && JSON.stringify(body);
  const answer = await fetch(`/api/v1/${path}`, {method, body: sent, headers: {
    "Content-Type": "application/json",
    "X-CSRFToken": document.querySelector("[name=csrfmiddlewaretoken]").value}});
  return [answer.status, await answer.json()];
}"""


def call(page: Page, path: str, body: Any, method: str = "POST") -> Any:
    """What a program would ask, as the person who is signed in."""
    page.goto("/account/")
    status, said = page.evaluate(CALL, [method, path, body])
    assert status < 400, said
    return said


def brought(page: Page, project: str, **schemas: Any) -> None:
    """An environment of the project in staging that writes or reads orders-value."""
    body = {
        "project": project,
        "name": "stage",
        "tier": "staging",
        "cluster": "local",
        "blueprint": "web-service@1.0.0",
        "parameters": {"image": IMAGE},
        "workloads": {"web": {"component": f"{project}-api"}},
        "schemas": schemas,
    }
    change = call(page, "environments/", body)
    ends = time.monotonic() + SOON / 1000
    while change["state"] not in {"succeeded", "failed", "refused"} and time.monotonic() < ends:
        time.sleep(0.5)
        change = call(page, f"changes/{change['id']}/", None, "GET")
        if change["state"] == "ready":
            hashed = {"plan_hash": change["plan_hash"]}
            change = call(page, f"changes/{change['id']}/confirm/", hashed)
    assert change["state"] == "succeeded", change


def without_amount(schema: str) -> str:
    parsed = json.loads(schema)
    parsed["fields"] = [field for field in parsed["fields"] if field["name"] != "amount"]
    return json.dumps(parsed, indent=2)


def with_a_default(schema: str) -> str:
    """The same field again, so that those who wait for it find it."""
    parsed = json.loads(schema)
    parsed["fields"].append({"name": "amount", "type": "double", "default": 0})
    return json.dumps(parsed, indent=2)


def write_candidate(page: Page, edit: Any) -> None:
    page.goto(f"/schemas/compare/?subject={SUBJECT}")
    candidate = page.locator("[name=candidate]")
    candidate.fill(edit(candidate.input_value()))
    page.get_by_role("button", name="Check").click()


def set_version(page: Page, number: int) -> None:
    page.goto("/environments/orders/stage/schemas/")
    page.locator("[name=produces]").fill(f"{SUBJECT} {number}")
    page.get_by_role("button", name="Show the plan").click()


def test_a_dropped_field_closes_the_gate_until_its_owners_agree(sign_in: SignIn) -> None:
    pia = sign_in("pia.platform")
    brought(pia, "payments", consumes=[{"subject": SUBJECT, "version": 1}])
    brought(pia, "orders", produces=[{"subject": SUBJECT, "version": 2}])
    ledger = {"environment": "payments/stage", "holder": "ledger", "role": "consumer"}
    call(pia, "schemas/check-ins/", {**ledger, "subject": SUBJECT, "version": 1})

    dana = sign_in("dana.dev")
    write_candidate(dana, without_amount)
    verdict = dana.locator("#verdict")
    expect(verdict).to_contain_text("It would break 2 of 4 who use orders-value.")
    for word in ("payments-api", "ledger", "payments/stage", "amount"):
        expect(verdict).to_contain_text(word)
    verdict.get_by_role("button", name=re.compile("Register it")).click()
    expect(dana.locator("main")).to_contain_text("has version 3")

    set_version(dana, 3)
    plan = dana.locator("#plan-body")
    expect(plan).to_contain_text("would break 2 consumers in staging", timeout=SOON)
    for word in ("payments-api", "ledger", "team payments", "paula.pay", "Two ways out"):
        expect(plan).to_contain_text(word)
    dana.get_by_role("button", name="Ask the owners…").click()
    dana.get_by_label("Why they should agree").fill("The amount moves to payments-value.")
    dana.get_by_role("button", name="Ask", exact=True).click()
    expect(dana.locator("main")).to_contain_text("The amount moves to payments-value.")
    dana.get_by_role("button", name="Confirm and wait for gates").click(timeout=SOON)
    expect(dana).to_have_url(CHANGE)

    paula = sign_in("paula.pay")
    expect(paula.locator("main")).to_contain_text("ledger")  # on the home page
    for _ in range(2):
        paula.goto("/inbox/")
        paula.get_by_role("button", name=re.compile("^Agree|^Grant")).first.click()
    expect(dana.locator("#change-state")).to_contain_text("Done", timeout=SOON)

    write_candidate(dana, with_a_default)
    expect(verdict).to_contain_text("It breaks nobody")
    verdict.get_by_role("button", name=re.compile("Register it")).click()
    set_version(dana, 4)
    expect(dana.locator("#plan-body")).to_contain_text("get on", timeout=SOON)
    confirm(dana)
    follow(dana)

    audrey = sign_in("audrey.audit")
    audrey.goto("/audit/")
    trail = audrey.locator("main")
    for word in ("subject.register", "waiver.ask", "waiver.grant", "schemas.deploy", "paula.pay"):
        expect(trail).to_contain_text(word)
