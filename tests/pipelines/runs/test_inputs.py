"""Inputs of the one who starts a pipeline: fields by type, refusals by name, values in the jobs."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.test import Client

from pipelines.runs.models import Pipeline
from pipelines.runs.services import planning
from pipelines.runs.work import decode
from rbac.models import AuditRecord, User
from tests.pipelines.runs.conftest import World

START = "/pipelines/start/"
API = "/api/v1/pipelines/"
FILE = """\
spec:
  inputs:
    place: {options: [blue, green], default: blue, description: Where it goes}
    version: {regex: '^v\\d+$', description: What goes there}
    copies: {type: number, default: 2}
    dry: {type: boolean, default: true}
    parts: {type: array, default: [web, worker]}
---
deploy:
  variables: {SAID: "$[[ inputs.place ]] $[[ inputs.version ]] $[[ inputs.copies ]]"}
  script: ['echo $[[ inputs.dry ]]']
  parallel: {matrix: [{PART: $[[ inputs.parts ]]}]}
"""


def client(user: User) -> Client:
    found = Client()
    found.force_login(user)
    return found


def start(world: World, **inputs: Any) -> Any:
    body = {"project": "orders", "ref": "main", "inputs": inputs}
    return client(world.people.developer).post(API, body, content_type="application/json")


def planned() -> Pipeline:
    planning.work_on(Pipeline.objects.get().pk)
    return Pipeline.objects.get()


def form(page: str) -> dict[str, str]:
    return dict(re.findall(r'name="(once|read)" value="([^"]*)"', page))


def test_rest_gives_typed_values_to_the_jobs(world: World) -> None:
    world.commit(FILE)
    answer = start(world, version="v3", copies=4, dry=False, parts=["web"])
    assert answer.status_code == 202, answer.content
    row = planned()
    assert row.status == "running", row.reason
    job = row.jobs.get()
    kept = decode(job.work)
    assert job.name == "deploy: [web]"
    assert kept.variables["SAID"] == "blue v3 4"
    assert "echo false" in kept.work.script
    told = AuditRecord.objects.get(action="pipeline.start").after
    assert told["inputs"] == ["copies", "dry", "parts", "version"]


@pytest.mark.parametrize(
    ("inputs", "field", "says"),
    [
        ({}, "inputs.version", "has no value"),
        ({"version": "3"}, "inputs.version", "does not fit"),
        ({"version": "v3", "place": "red"}, "inputs.place", "has no option red"),
        ({"version": "v3", "copies": "x"}, "inputs.copies", "is of type number"),
        ({"version": "v3", "dry": "x"}, "inputs.dry", "is of type boolean"),
        ({"version": "v3", "parts": "x"}, "inputs.parts", "is of type array"),
        ({"version": "v3", "parts": {"a": 1}}, "inputs.parts", "list of them"),
        ({"version": "v3", "plase": "x"}, "inputs.plase", "is no input of this file"),
    ],
)
def test_rest_names_the_input_that_is_wrong(
    world: World, inputs: dict[str, Any], field: str, says: str
) -> None:
    world.commit(FILE)
    answer = start(world, **inputs)
    assert answer.status_code == 422
    (one,) = answer.json()["errors"]
    assert one["field"] == field
    assert says in one["message"]
    assert not Pipeline.objects.exists()


def test_a_file_without_inputs_takes_none(world: World) -> None:
    world.commit("build: {script: [echo]}")
    assert start(world, a="b").json()["errors"][0]["field"] == "inputs.a"
    assert start(world).status_code == 202


def test_the_key_tells_other_inputs_apart(world: World) -> None:
    world.commit(FILE)
    dana = client(world.people.developer)
    body: dict[str, Any] = {"project": "orders", "ref": "main", "inputs": {"version": "v1"}}
    header = {"Idempotency-Key": "k1"}
    assert dana.post(API, body, "application/json", headers=header).status_code == 202
    assert dana.post(API, body, "application/json", headers=header).status_code == 202
    body["inputs"]["version"] = "v2"
    assert dana.post(API, body, "application/json", headers=header).status_code == 422
    assert Pipeline.objects.count() == 1


def test_the_form_has_a_field_for_each_by_its_type(world: World) -> None:
    world.commit(FILE)
    page = client(world.people.developer).get(f"{START}?project=orders").content.decode()
    for words in (
        r'<select name="input_0"[^>]*>\s*<option value="blue" selected>blue</option>',
        r'<input type="text" name="input_1"',
        r'<input type="text" name="input_2" value="2"',
        r'<input type="checkbox" name="input_3"[^>]* checked',
        r"name=\"input_4\" value=\"\[&quot;web&quot;, &quot;worker&quot;\]\"",
        "Where it goes",
        r"Fits /\^v\\d\+\$/\.",
    ):
        assert re.search(words, page), words


def test_the_form_starts_a_pipeline_with_them(world: World) -> None:
    world.commit(FILE)
    dana = client(world.people.developer)
    hidden = form(dana.get(f"{START}?project=orders").content.decode())
    body = {"project": "orders", "ref": "main", **hidden, "input_0": "green", "input_2": "3"}
    refused = dana.post(START, {**body, "input_1": "3", "input_4": "[]"})
    assert refused.status_code == 422
    assert 'id="id_input_1-error"' in refused.content.decode()
    assert dana.post(START, {**body, "input_1": ""}).status_code == 422
    answer = dana.post(START, {**body, "input_1": "v9", "input_4": '["web"]'})
    assert answer.status_code == 302
    assert json.loads(Pipeline.objects.get().inputs)["dry"] is False
    kept = decode(planned().jobs.get().work)
    assert kept.variables["SAID"] == "green v9 3"


def test_another_branch_shows_its_own_inputs_before_anything_begins(world: World) -> None:
    world.commit("build: {script: [echo]}")
    world.commit(FILE, "refs/heads/asks")
    dana = client(world.people.developer)
    hidden = form(dana.get(f"{START}?project=orders").content.decode())
    body = {"project": "orders", "ref": "asks", "variables": "A=1", **hidden}
    answer = dana.post(START, body)
    page = answer.content.decode()
    assert answer.status_code == 200
    assert 'name="input_1"' in page
    assert "A=1" in page
    assert form(page)["read"] == "orders/asks"
    assert not Pipeline.objects.exists()
    plain = dana.post(START, {**body, "ref": "main", "do": "read"})
    assert 'name="input_1"' not in plain.content.decode()
    assert dana.post(START, {**body, "ref": "main"}).status_code == 302


def test_who_may_not_start_reads_no_inputs(world: World) -> None:
    world.commit(FILE)
    other = world.other()
    other.commit(FILE)
    client_of = client(world.people.stranger)
    assert client_of.get(f"{START}?project=orders").status_code == 403
    page = client(world.people.deployer).get(f"{START}?project=other").content.decode()
    assert 'name="input_1"' not in page
