from __future__ import annotations

import json

import pytest
from django.test import Client
from django.urls import reverse

from gitops import secrets
from gitops.connections import check_kubeconfig
from gitops.models import Application, CloudAccount, Cluster, SecretValue
from idp.common.errors import Invalid
from rbac.access import system
from rbac.actors import Actor
from rbac.models import AuditRecord, User
from tests.gitops.factories import bring, deployment, make_account, make_cluster
from tests.rbac.factories import Characters

GOOD = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "a",
    "clusters": [{"name": "a", "cluster": {"server": "https://10.0.0.1"}}],
    "users": [{"name": "a", "user": {"token": "hunter2-token"}}],
    "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
}


NO_KEYS = {"client-certificate-data": "bm9uZQ==", "client-key-data": "bm9uZQ=="}


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def places(people: Characters) -> None:
    make_cluster("local", kubeconfig="hunter2", pull_secrets={"r": {"password": "hunter2"}})
    make_account("aws", credentials={"secret_access_key": "hunter2"})


@pytest.mark.parametrize("kind", ["clusters", "accounts"])
def test_everybody_sees_what_is_registered_and_nobody_the_credentials(
    places: None, people: Characters, kind: str
) -> None:
    name = "local" if kind == "clusters" else "aws"
    for user in (people.developer, people.stranger, people.administrator):
        client = signed_in(user)
        for address in (
            f"/{kind}/",
            f"/{kind}/{name}/",
            f"/api/v1/{kind}/",
            f"/api/v1/{kind}/{name}/",
        ):
            answer = client.get(address)
            assert answer.status_code == 200, address
            assert name in answer.content.decode()
            assert "hunter2" not in answer.content.decode()
    assert Client().get(f"/{kind}/").status_code == 302
    assert Client().get(f"/api/v1/{kind}/").status_code == 401


@pytest.mark.parametrize("kind", ["clusters", "accounts"])
def test_testing_the_connection_keeps_findings_and_is_for_platform_engineers(
    places: None, people: Characters, kind: str
) -> None:
    name = "local" if kind == "clusters" else "aws"
    assert signed_in(people.maintainer).post(f"/{kind}/{name}/").status_code == 403
    assert signed_in(people.maintainer).post(f"/api/v1/{kind}/{name}/test/").status_code == 403
    admin = signed_in(people.administrator)
    found = admin.post(f"/api/v1/{kind}/{name}/test/").json()
    assert found[1] == {
        "check": "rights",
        "ok": False,
        "message": "May not create Namespaces.",
        "fix": "Bind the role slipway.",
    }
    page = admin.post(f"/{kind}/{name}/", follow=True).content.decode()
    assert "Bind the role slipway." in page
    assert "1 of the checks failed" in page
    assert AuditRecord.objects.filter(action=f"{kind[:-1]}.test", outcome="allowed").count() == 2


def test_a_cluster_that_is_switched_off_says_so(places: None, people: Characters) -> None:
    Cluster.objects.update(active=False)
    found = signed_in(people.administrator).post("/api/v1/clusters/local/test/").json()
    assert found[0]["message"] == "Cluster local is switched off."
    assert found[0]["fix"] == "A platform engineer can switch it on."


def test_unknown_names_are_404(places: None, people: Characters) -> None:
    client = signed_in(people.administrator)
    for address in ("/clusters/mars/", "/api/v1/accounts/mars/", "/api/v1/repositories/mars/"):
        assert client.get(address).status_code == 404


# -- applications, repositories, secrets ----------------------------------------------------


def test_an_application_shows_its_objects_to_its_project_only(
    app: Application, people: Characters, dana: Actor
) -> None:
    bring(dana, app, deployment())
    address = "/api/v1/applications/orders/staging/"
    data = signed_in(people.developer).get(address).json()
    assert (data["health"], data["sync"]) == ("Healthy", "Synced")
    assert [o["kind"] for o in data["objects"]] == ["Namespace", "Deployment"]
    assert data["objects"][1]["status"]["ready"] == 2
    assert signed_in(people.stranger).get(address).status_code == 404
    assert signed_in(people.stranger).get("/api/v1/applications/").json()["results"] == []
    listed = signed_in(people.viewer).get("/api/v1/applications/?project=orders&health=Healthy")
    assert [row["name"] for row in listed.json()["results"]] == ["staging"]


def test_a_repository_says_where_to_clone(app: Application, people: Characters) -> None:
    data = signed_in(people.developer).get("/api/v1/repositories/orders/").json()
    assert data["clone"].endswith("/git/orders.git")
    assert signed_in(people.stranger).get("/api/v1/repositories/orders/").status_code == 404


def test_secrets_are_versioned_by_rest_and_never_come_back(
    app: Application, people: Characters
) -> None:
    client = signed_in(people.developer)
    address = "/api/v1/secrets/orders/staging/"

    def put(value: str) -> dict[str, object]:
        body = json.dumps({"name": "stripe-key", "value": value})
        answer = client.post(address, body, content_type="application/json")
        assert answer.status_code == 201, answer.content
        assert "hunter2" not in answer.content.decode()
        return dict(answer.json())

    assert put("hunter2")["reference"] == "stripe-key@1"
    assert put("hunter2")["reference"] == "stripe-key@1", "the same value is the same version"
    assert put("hunter2-b")["reference"] == "stripe-key@2"
    listed = client.get(address)
    assert [row["version"] for row in listed.json()["results"]] == [2, 1]
    assert "hunter2" not in listed.content.decode()
    raw = SecretValue.objects.extra(select={"raw": "value"}).values_list("raw", flat=True)
    assert all("hunter2" not in text for text in raw)
    assert signed_in(people.stranger).get(address).status_code == 404


@pytest.mark.parametrize(
    ("name", "value", "field"), [("Stripe Key", "x", "name"), ("a", "", "value")]
)
def test_a_bad_secret_names_the_field(
    app: Application, people: Characters, name: str, value: str, field: str
) -> None:
    body = json.dumps({"name": name, "value": value})
    answer = signed_in(people.developer).post(
        "/api/v1/secrets/orders/staging/", body, content_type="application/json"
    )
    assert answer.status_code in {400, 422}
    assert field in answer.content.decode()


def test_a_secret_of_the_project_serves_its_environments_and_the_nearest_wins(
    app: Application, people: Characters
) -> None:
    boss = system("tests")
    secrets.put(boss, people.project.scope, "k", "wide")
    assert secrets.resolve(app.scope, "k@1") == "wide"
    secrets.put(boss, app.scope, "k", "near")
    assert secrets.resolve(app.scope, "k@1") == "near"


@pytest.mark.parametrize("reference", ["k", "k@0", "K@1", "k@1@2", "../k@1", "k@-1"])
def test_malformed_references_are_refused(app: Application, reference: str) -> None:
    with pytest.raises(Invalid, match="does not name a secret's version"):
        secrets.resolve(app.scope, reference)


# -- registering ----------------------------------------------------------------------------


def test_a_good_kubeconfig_passes() -> None:
    check_kubeconfig(json.dumps(GOOD))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"users": [{"name": "a", "user": {"exec": {"command": "sh"}}}]},
            "signs in by a program",
        ),
        ({"users": [{"name": "a", "user": {"auth-provider": {"name": "x"}}}]}, "by a program"),
        ({"users": [{"name": "a", "user": {"client-key": "/etc/passwd"}}]}, "names a file"),
        ({"users": [{"name": "a", "user": {"tokenFile": "/x"}}]}, "names a file"),
        ({"clusters": [{"name": "a", "cluster": {"certificate-authority": "/x"}}]}, "names a file"),
        ({"current-context": "b"}, "contexts has no “b”"),
        ({"clusters": [{"name": "a", "cluster": {"server": "http://x"}}]}, "not an https address"),
        ({"users": [{"name": "a", "user": NO_KEYS}]}, "cannot be used"),
        ({"contexts": []}, "contexts has no “a”"),
        ({"kind": "Pod"}, "it is a Pod"),
    ],
)
def test_a_dangerous_kubeconfig_is_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(Invalid, match=said):
        check_kubeconfig(json.dumps({**GOOD, **change}))


def _fields(**more: object) -> dict[str, object]:
    return {
        "name": "prod", "backend": "kubernetes", "domain": "apps.example.org", "active": "on",
        "ingress_namespace": "ingress-nginx", "tiers": "[]", "kubeconfig": json.dumps(GOOD), **more,
    }  # fmt: skip


def _admin(people: Characters) -> Client:
    people.administrator.is_staff = True
    people.administrator.save()
    return signed_in(people.administrator)


def test_a_platform_engineer_registers_a_cluster_and_keeps_its_credentials(
    people: Characters,
) -> None:
    client = _admin(people)
    answer = client.post(reverse("admin:gitops_cluster_add"), _fields())
    assert answer.status_code == 302, answer.content.decode()[-3000:]
    row = Cluster.objects.get(name="prod")
    assert "hunter2-token" in row.kubeconfig
    address = reverse("admin:gitops_cluster_change", args=[row.pk])
    assert "hunter2" not in client.get(address).content.decode()
    client.post(address, _fields(kubeconfig="", domain="new.example.org"))
    row.refresh_from_db()
    assert row.domain == "new.example.org"
    assert "hunter2-token" in row.kubeconfig, "empty keeps what is stored"
    assert "hunter2" not in repr(list(AuditRecord.objects.values()))
    changed = AuditRecord.objects.get(action="cluster.manage", before__isnull=False)
    assert changed.after["domain"] == "new.example.org"


def test_a_bad_kubeconfig_is_said_beside_its_field(people: Characters) -> None:
    bad = {**GOOD, "users": [{"name": "a", "user": {"exec": {"command": "sh"}}}]}
    answer = _admin(people).post(
        reverse("admin:gitops_cluster_add"), _fields(kubeconfig=json.dumps(bad))
    )
    assert answer.status_code == 200
    assert "which Slipway never does" in answer.content.decode()
    assert not Cluster.objects.filter(name="prod").exists()


def test_an_account_is_registered_and_checked(people: Characters) -> None:
    client, address = _admin(people), reverse("admin:gitops_cloudaccount_add")
    fields = {"name": "main", "region": "eu-central-1", "tiers": "[]", "active": "on"}
    bad = client.post(address, {**fields, "credentials": '{"access_key_id": "x"}'})
    assert "need access_key_id and secret_access_key" in bad.content.decode()
    keys = '{"access_key_id": "x", "secret_access_key": "hunter2"}'
    assert client.post(address, {**fields, "credentials": keys}).status_code == 302
    row = CloudAccount.objects.get(name="main")
    assert row.credentials["secret_access_key"] == "hunter2"
    page = client.get(reverse("admin:gitops_cloudaccount_change", args=[row.pk]))
    assert "hunter2" not in page.content.decode()


def test_the_admin_site_is_closed_to_others(places: None, people: Characters) -> None:
    people.developer.is_staff = True
    people.developer.save()
    client = signed_in(people.developer)
    address = reverse("admin:gitops_cluster_add")
    for answer in (client.get(address), client.post(address, _fields())):
        assert answer.status_code in {302, 403}  # the site's own door, or the page's
    assert not Cluster.objects.filter(name="prod").exists()
