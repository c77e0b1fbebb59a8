"""Clusters and accounts by REST and the admin site: one service, one rule, one trail."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from gitops.models import Application, CloudAccount, Cluster
from rbac.models import AuditRecord, User
from tests.gitops.factories import make_account
from tests.gitops.test_pages import GOOD
from tests.rbac.factories import Characters

CLUSTER = {"name": "prod", "domain": "apps.example.org", "kubeconfig": json.dumps(GOOD)}
KEYS = {"access_key_id": "x", "secret_access_key": "hunter2"}
ACCOUNT = {"name": "main", "region": "eu-central-1", "credentials": KEYS}


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def admin(people: Characters) -> Client:
    people.administrator.is_staff = True
    people.administrator.save()
    return signed_in(people.administrator)


def send(client: Client, method: str, path: str, body: Any = None, **headers: str) -> HttpResponse:
    found: HttpResponse = client.generic(
        method, f"/api/v1/{path}", json.dumps(body or {}), "application/json", headers=headers
    )
    return found


@pytest.mark.parametrize(("kind", "body"), [("clusters", CLUSTER), ("accounts", ACCOUNT)])
def test_registered_changed_and_removed_by_rest_and_audited(
    admin: Client, kind: str, body: dict[str, Any]
) -> None:
    made = send(admin, "POST", f"{kind}/", body)
    assert made.status_code == HTTPStatus.CREATED, made.content
    assert made["Location"] == f"/api/v1/{kind}/{body['name']}/"
    assert "hunter2" not in made.content.decode()
    changed = send(admin, "PATCH", f"{kind}/{body['name']}/", {"tiers": ["production"]})
    assert changed.status_code == HTTPStatus.OK, changed.content
    assert changed.json()["tiers"] == ["production"]
    row: Any = (Cluster if kind == "clusters" else CloudAccount).objects.get()
    kept = row.kubeconfig if kind == "clusters" else row.credentials["secret_access_key"]
    assert "hunter2" in kept, "what is left out stays"
    gone = send(admin, "DELETE", f"{kind}/{body['name']}/")
    assert gone.status_code == HTTPStatus.NO_CONTENT
    trail = list(AuditRecord.objects.filter(action=f"{kind[:-1]}.manage").order_by("at"))
    assert [(bool(r.before), bool(r.after)) for r in trail] == [
        (False, True), (True, True), (True, False),
    ]  # fmt: skip
    assert trail[1].after == {"tiers": ["production"]}
    assert "hunter2" not in repr([(r.before, r.after) for r in trail])


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("clusters/", {**CLUSTER, "kubeconfig": "nonsense"}, "kubeconfig"),
        ("clusters/", {**CLUSTER, "name": "No Label"}, "name"),
        ("clusters/", {**CLUSTER, "tiers": ["moon"]}, "tiers"),
        ("clusters/", {**CLUSTER, "pull_secrets": {"r": {"username": "x"}}}, "pull_secrets"),
        ("accounts/", {**ACCOUNT, "region": "moon"}, "region"),
        ("accounts/", {**ACCOUNT, "credentials": {"a": "b"}}, "credentials"),
    ],
)
def test_what_could_not_work_is_said_beside_its_field(
    admin: Client, path: str, body: dict[str, Any], field: str
) -> None:
    answer = send(admin, "POST", path, body)
    assert answer.status_code in {400, 422}
    assert {error["field"].partition(".")[0] for error in answer.json()["errors"]} == {field}
    assert not Cluster.objects.exists()
    assert not CloudAccount.objects.exists()


@pytest.mark.parametrize(("kind", "body"), [("clusters", CLUSTER), ("accounts", ACCOUNT)])
def test_others_may_look_and_not_touch(
    app: Application, people: Characters, kind: str, body: dict[str, Any]
) -> None:
    client, name = signed_in(people.maintainer), "local" if kind == "clusters" else "aws"
    for method, path in (("POST", ""), ("PATCH", f"{name}/"), ("DELETE", f"{name}/")):
        assert send(client, method, f"{kind}/{path}", body).status_code == HTTPStatus.FORBIDDEN
    assert send(client, "GET", f"{kind}/{name}/").status_code == HTTPStatus.OK


def test_nobody_overwrites_what_they_have_not_seen(admin: Client, people: Characters) -> None:
    make_account("main")
    seen = send(admin, "GET", "accounts/main/")["ETag"]
    body = {"tiers": ["production"]}
    path = "accounts/main/"
    assert send(admin, "PATCH", path, body, **{"If-Match": seen}).status_code == HTTPStatus.OK
    late = send(admin, "PATCH", path, {"tiers": []}, **{"If-Match": seen})
    assert late.status_code == HTTPStatus.PRECONDITION_FAILED


def test_what_environments_use_keeps_its_name_and_place(app: Application, admin: Client) -> None:
    cases = [
        ("clusters/local/", {"name": "other"}),
        ("clusters/local/", {"backend": "kubernetes", "kubeconfig": json.dumps(GOOD)}),
        ("accounts/aws/", {"name": "other"}),
        ("accounts/aws/", {"region": "eu-west-1"}),
    ]
    for path, body in cases:
        answer = send(admin, "PATCH", path, body)
        assert answer.status_code == 422, answer.content
        assert "is fixed: environments are or were there" in answer.json()["detail"]
    for path in ("clusters/local/", "accounts/aws/"):
        assert send(admin, "DELETE", path).status_code == HTTPStatus.CONFLICT
    assert send(admin, "PATCH", "clusters/local/", {"domain": "new.example"}).status_code == 200
    row = Cluster.objects.get()
    address = reverse("admin:gitops_cluster_change", args=[row.pk])
    page = admin.get(address).content.decode()
    assert 'name="domain"' in page
    assert 'name="name"' not in page
    assert 'name="backend"' not in page
    fields = {"name": "other", "domain": "x.example", "ingress_namespace": "i", "tiers": "[]"}
    assert admin.post(address, fields).status_code == HTTPStatus.FOUND
    row.refresh_from_db()
    assert (row.name, row.domain) == ("local", "x.example")
