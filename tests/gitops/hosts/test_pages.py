"""Pages, REST and the admin site of repositories at git hosts; nothing of them shows a secret."""

from __future__ import annotations

import pytest
from django.test import Client

from gitops.hosted.models import HostConnection, HostedRepository
from rbac.models import User
from tests.gitops.hosts.making import SECRET
from tests.rbac.factories import Characters
from tests.support.world import connect_repository

API = "/api/v1/hosted-repositories/"
TOKEN = "t" * 20
GIVEN = {"kind": "gitea", "base_url": "http://127.0.0.1:9", "path": "acme/shop", "token": TOKEN}


def as_(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def lead_client(people: Characters) -> Client:
    return as_(people.maintainer)


class TestPages:
    def test_without_a_connection(self, people: Characters, lead_client: Client) -> None:
        page = lead_client.get("/repositories/orders/").content.decode()
        assert "/git/orders.git" in page
        assert "Connect a git host" in page
        assert f"{API}orders/" not in page  # nothing is there yet
        assert "in Slipway" in lead_client.get("/repositories/").content.decode()

    def test_connect_and_see(self, people: Characters, lead_client: Client) -> None:
        given = {**GIVEN, "webhook_secret": SECRET}
        answer = lead_client.post("/repositories/orders/connect/", given)
        assert answer.headers["Location"] == "/repositories/orders/"
        row = HostedRepository.objects.get()
        page = lead_client.get("/repositories/orders/").content.decode()
        assert f"/hooks/gitea/{row.public_id.hex}/" in page
        form = lead_client.get("/repositories/orders/connect/").content.decode()
        assert "acme/shop" in form
        for text in (page, form, lead_client.get(f"{API}orders/").content.decode()):
            assert TOKEN not in text
            assert SECRET not in text

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("base_url", "https://evil.example.org"),
            ("path", "../../etc"),
            ("token", ""),
            ("webhook_secret", "short"),
        ],
    )
    def test_refusals_stand_beside_their_field(
        self, lead_client: Client, field: str, value: str
    ) -> None:
        answer = lead_client.post("/repositories/orders/connect/", {**GIVEN, field: value})
        assert answer.status_code == 422
        assert list(answer.context["form"].errors) == [field]
        rest = lead_client.put(
            f"{API}orders/", {**GIVEN, field: value or " "}, content_type="application/json"
        )
        assert rest.status_code == 422
        assert rest.json()["errors"][0]["field"] == field

    def test_what_is_wrong_is_said(self, people: Characters, lead_client: Client) -> None:
        connect_repository(people.project, people.maintainer)
        HostedRepository.objects.update(problem="The token has ended.", said=["No pipeline."])
        page = lead_client.get("/repositories/orders/").content.decode()
        assert "The token has ended." in page
        assert "No pipeline." in page
        assert "refs/heads/main to c0ffee" in page
        assert "!3 Sell more" in page
        answer = lead_client.post("/repositories/orders/test/", follow=True)
        assert "is no git host that the operator allows" in answer.content.decode()

    def test_who_only_reads(self, people: Characters) -> None:
        connect_repository(people.project, people.maintainer)
        client = as_(people.viewer)
        page = client.get("/repositories/orders/").content.decode()
        assert "Disconnect" not in page
        assert client.post("/repositories/orders/disconnect/").status_code == 403
        assert as_(people.stranger).get("/repositories/orders/").status_code == 404

    def test_disconnect(self, people: Characters, lead_client: Client) -> None:
        connect_repository(people.project, people.maintainer)
        lead_client.post("/repositories/orders/disconnect/")
        assert not HostConnection.objects.exists()

    def test_a_request_without_commits_starts_nothing(
        self, people: Characters, lead_client: Client
    ) -> None:
        connect_repository(people.project, people.maintainer)
        url = "/repositories/orders/merge-requests/3/start/"
        answer = as_(people.developer).post(url, follow=True)
        assert "did not arrive yet" in answer.content.decode()


class TestRest:
    def test_the_whole_of_it(self, people: Characters, lead_client: Client) -> None:
        made = lead_client.put(f"{API}orders/", GIVEN, content_type="application/json")
        assert made.status_code == 200, made.content
        assert made.json()["acts_as"] == people.maintainer.username
        assert "token" not in made.json()
        assert [one["project"] for one in lead_client.get(API).json()["results"]] == ["orders"]
        assert lead_client.get(f"{API}orders/deliveries/").json()["results"] == []
        assert lead_client.get(f"{API}orders/merge-requests/").json()["results"] == []
        assert lead_client.delete(f"{API}orders/").status_code == 204
        assert lead_client.get(f"{API}orders/").status_code == 404

    def test_who_may_not(self, people: Characters) -> None:
        connect_repository(people.project, people.maintainer)
        client = as_(people.developer)
        answer = client.put(f"{API}orders/", GIVEN, content_type="application/json")
        assert answer.status_code == 403
        merge = client.post(f"{API}orders/merge-requests/3/merge/", {})
        assert merge.status_code == 403


def test_the_admin_site_shows_no_secret(people: Characters) -> None:
    row = connect_repository(people.project, people.maintainer)
    client = as_(people.administrator)
    page = client.get(f"/admin/gitops/hostconnection/{row.connection_id}/change/")
    assert page.status_code == 200
    assert TOKEN not in page.content.decode()
    assert client.get("/admin/gitops/hostedrepository/").status_code == 200
