"""Pages and REST of merge requests in own repositories."""

from __future__ import annotations

import pytest
from django.test import Client
from rest_framework.test import APIClient

from gitops.models import HostedMergeRequest
from tests.gitops.review.conftest import Desk

_PAGES = "/repositories/orders/merge-requests/"
_API = "/api/v1/repositories/orders/merge-requests/"


def client_of(desk: Desk, who: str) -> Client:
    found = Client()
    found.force_login(getattr(desk.people, who))
    return found


def api_of(desk: Desk, who: str) -> APIClient:
    found = APIClient()
    found.force_authenticate(getattr(desk.people, who))
    return found


@pytest.fixture
def head(desk: Desk) -> str:
    return desk.push(desk.dana, "topic", a__txt="<script>alert(1)</script>\n")


class TestPages:
    def test_from_the_form_to_the_merge(self, desk: Desk, head: str) -> None:
        dana, mia = client_of(desk, "developer"), client_of(desk, "maintainer")
        form = dana.get(f"{_PAGES}new/?source=topic")
        assert form.context["form"].initial["title"] == "By hand"
        given = {"source_branch": "topic", "target_branch": "main", "title": "<b>Sell</b>"}
        made = dana.post(f"{_PAGES}new/", given)
        assert made["Location"] == f"{_PAGES}1/"
        text = dana.get(f"{_PAGES}1/").content.decode()
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
        assert "<script>alert" not in text
        assert "<b>Sell" not in text
        assert "You opened it" in text
        mia.post(f"{_PAGES}1/comment/", {"body": "<i>Why</i>"})
        mia.post(f"{_PAGES}1/approve/", {"sha": head})
        text = mia.get(f"{_PAGES}1/").content.decode()
        assert "&lt;i&gt;Why&lt;/i&gt;" in text
        assert "Take your approval back" in text
        assert f"{_PAGES}1/" in mia.get("/repositories/orders/").content.decode()
        mia.post(f"{_PAGES}1/merge/", {"sha": head, "method": "fast_forward"})
        assert desk.main == head
        text = mia.get(f"{_PAGES}1/").content.decode()
        assert "Merged by mia.maintainer" in text
        assert 'name="sha"' not in text

    def test_a_refusal_stands_beside_its_field(self, desk: Desk, head: str) -> None:
        given = {"source_branch": "topic", "target_branch": "topic", "title": "T"}
        answer = client_of(desk, "developer").post(f"{_PAGES}new/", given)
        assert answer.status_code == 422
        assert "not merged into itself" in answer.content.decode()

    def test_a_stale_page_is_refused_in_words(self, desk: Desk, head: str) -> None:
        desk.open()
        desk.push(desk.dana, "topic", a__txt="2")
        answer = client_of(desk, "developer").post(f"{_PAGES}1/merge/", {"sha": head}, follow=True)
        assert "it moved; look again" in answer.content.decode()
        assert HostedMergeRequest.objects.get().state == "open"

    def test_viewers_read_and_talk_and_do_no_more(self, desk: Desk, head: str) -> None:
        desk.open()
        viewer = client_of(desk, "viewer")
        assert "Merge</button>" not in viewer.get(f"{_PAGES}1/").content.decode()
        assert viewer.post(f"{_PAGES}1/comment/", {"body": "Hello"}).status_code == 302
        for action in ("merge", "approve", "withdraw", "close", "reopen"):
            assert viewer.post(f"{_PAGES}1/{action}/", {"sha": head}).status_code == 403
        assert viewer.get(f"{_PAGES}new/").status_code == 403
        assert client_of(desk, "stranger").get(f"{_PAGES}1/").status_code == 404


class TestApi:
    def test_from_opening_to_merging(self, desk: Desk, head: str) -> None:
        dana, mia = api_of(desk, "developer"), api_of(desk, "maintainer")
        made = dana.post(_API, {"source_branch": "topic", "title": "Sell"}, format="json")
        assert made.status_code == 201, made.data
        assert made.data["url"] == f"http://localhost:8000{_PAGES}1/"
        (row,) = dana.get(_API).data["results"]
        assert (row["number"], row["state"], row["sha"]) == (1, "open", head)
        assert mia.post(f"{_API}1/approvals/", {"sha": head}, format="json").status_code == 201
        assert [one["person"] for one in dana.get(f"{_API}1/approvals/").data] == ["mia.maintainer"]
        assert mia.post(f"{_API}1/comments/", {"body": "Go"}, format="json").status_code == 201
        assert dana.get(f"{_API}1/comments/").data["results"][0]["body"] == "Go"
        assert mia.delete(f"{_API}1/approvals/").status_code == 204
        done = mia.post(f"{_API}1/merge/", {"sha": head, "delete_source": True}, format="json")
        assert (done.status_code, done.data["state"]) == (200, "merged")
        assert "topic is removed." in done.data["lines"]
        again = mia.post(f"{_API}1/merge/", {"sha": head}, format="json")
        assert (again.status_code, again.data["result_sha"]) == (200, done.data["result_sha"])

    def test_errors_name_the_field(self, desk: Desk, head: str) -> None:
        dana = api_of(desk, "developer")
        answer = dana.post(_API, {"source_branch": "absent", "title": "T"}, format="json")
        assert answer.status_code == 422
        assert answer.data["errors"][0]["field"] == "source_branch"
        desk.open()
        answer = dana.post(_API, {"source_branch": "topic", "title": "T"}, format="json")
        assert answer.status_code == 409
        answer = dana.post(f"{_API}1/merge/", {"sha": "0" * 40}, format="json")
        assert answer.status_code == 409
        assert dana.post(f"{_API}1/merge/", {}, format="json").status_code == 422

    def test_closed_by_patch(self, desk: Desk, head: str) -> None:
        desk.open()
        dana = api_of(desk, "developer")
        for event, state in (("close", "closed"), ("reopen", "open")):
            answer = dana.patch(f"{_API}1/", {"state_event": event}, format="json")
            assert answer.data["state"] == state
        answer = dana.patch(f"{_API}1/", {"state_event": "merge"}, format="json")
        assert answer.status_code == 422
