"""What every git host does for Slipway, by the shapes that each of them publishes."""

from __future__ import annotations

import pytest

from gitops.hosts.base import (
    Commented,
    Forged,
    Host,
    Ignored,
    MergeRequestChanged,
    Pushed,
    State,
    Status,
)
from idp.common.errors import (
    Conflict,
    Denied,
    Invalid,
    NotFound,
    PermanentBackendError,
    TemporaryBackendError,
)
from tests.gitops.hosts.fakes import STRANGER, FakeHost
from tests.gitops.hosts.making import SECRET, comment_of, push_of, request_of, signed

pytestmark = pytest.mark.loopback
SHA = "a" * 40
MARKER = "<!-- slipway:test -->"
WORDS = {
    "gitea": ("push", "pull_request", "issue_comment"),
    "github": ("push", "pull_request", "issue_comment"),
    "gitlab": ("Push Hook", "Merge Request Hook", "Note Hook"),
}


def test_the_repository(host: Host, fake: FakeHost) -> None:
    found = host.facts()
    assert (found.default_branch, found.may_write) == ("main", True)
    assert found.url == f"{fake.url}/{fake.path}"


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (State.PENDING, {"pending"}),
        (State.RUNNING, {"pending", "running"}),
        (State.SUCCESS, {"success"}),
        (State.FAILED, {"failure", "failed"}),
    ],
)
def test_a_status(host: Host, fake: FakeHost, state: State, words: set[str]) -> None:
    host.set_status(SHA, Status(state, "slipway/pipeline", "x" * 500, "https://s.example/1/"))
    host.set_status(SHA, Status(state, "slipway/pipeline", "x" * 500, "https://s.example/1/"))
    ((sha, said), *_) = fake.statuses
    assert sha == SHA
    assert said["state"] in words
    assert said.get("context", said.get("name")) == "slipway/pipeline"
    assert len(said["description"]) == 140
    assert said["target_url"] == "https://s.example/1/"


def test_one_comment_and_never_a_second(host: Host, fake: FakeHost) -> None:
    fake.comments[1] = {
        "id": 1, "body": f"copied {MARKER}", "user": {"id": STRANGER}, "author": {"id": STRANGER},
    }  # fmt: skip
    first = host.put_comment(3, f"red {MARKER}", marker=MARKER)
    assert host.put_comment(3, f"green {MARKER}", marker=MARKER, known=first) == first
    assert host.put_comment(3, f"blue {MARKER}", marker=MARKER) == first  # its id was lost
    assert {pk: one["body"] for pk, one in fake.comments.items()} == {
        1: f"copied {MARKER}",
        int(first): f"blue {MARKER}",
    }


def test_a_comment_that_somebody_removed_is_written_anew(host: Host, fake: FakeHost) -> None:
    first = host.put_comment(3, MARKER, marker=MARKER)
    fake.comments.clear()
    again = host.put_comment(3, MARKER, marker=MARKER, known=first)
    assert list(fake.comments) == [int(again)]


def test_the_one_comment_is_found_behind_many(host: Host, fake: FakeHost) -> None:
    first = host.put_comment(3, MARKER, marker=MARKER)
    mine = fake.comments.pop(int(first))
    other = {"user": {"id": STRANGER}, "author": {"id": STRANGER}, "body": "hm"}
    fake.comments |= {pk: {**other, "id": pk} for pk in range(100, 350)}
    fake.comments[int(first)] = mine
    assert host.put_comment(3, MARKER, marker=MARKER) == first


def test_merge_requests(host: Host, fake: FakeHost) -> None:
    sha = fake.commit({"a.txt": "1"}, branch="sell")
    fake.request(1, "sell")
    fake.commit({"b.txt": "1"}, branch="evil")
    fake.request(2, "evil", fork=True)
    one, two = sorted(host.merge_requests(), key=lambda found: found.number)
    assert (one.number, one.title, one.state, one.sha) == (1, "Sell `more` $(id)", "open", sha)
    assert (one.source_branch, one.target_branch, one.fork) == ("sell", "main", False)
    assert (one.author, one.labels, one.draft) == ("kim", ("shop",), False)
    assert two.fork
    assert host.merge_request(1) == one
    with pytest.raises(NotFound):
        host.merge_request(9)


@pytest.mark.parametrize("kind", ["gitea"], indirect=True)
class TestGiteasOwnWords:
    def test_of_a_repository_that_is_still_empty_there_is_no_list(
        self, host: Host, fake: FakeHost
    ) -> None:
        fake.answers.append((404, {}, b'{"message": "no"}'))
        assert host.merge_requests() == []

    def test_a_repository_that_is_gone_is_none_that_is_empty(
        self, host: Host, fake: FakeHost
    ) -> None:
        fake.answers += [(404, {}, b""), (404, {}, b"")]
        with pytest.raises(NotFound):
            host.merge_requests()

    def test_a_request_that_it_still_looks_at_is_merged_later(
        self, host: Host, fake: FakeHost
    ) -> None:
        fake.answers.append((405, {}, b'{"message": "Please try again later"}'))
        with pytest.raises(TemporaryBackendError) as found:
            host.merge(1, SHA)
        assert found.value.retry_after == 2


def test_open_and_merge(host: Host, fake: FakeHost) -> None:
    sha = fake.commit({"a.txt": "1"}, branch="sell")
    made = host.open_merge_request(
        source="sell", target="main", title="Sell", description="Because"
    )
    assert (made.title, made.sha) == ("Sell", sha)
    with pytest.raises(Conflict, match="modified"):
        host.merge(made.number, SHA)
    host.merge(made.number, sha)
    assert host.merge_request(made.number).state == "merged"
    assert host.merge_requests() == []


def test_one_hook_and_never_a_second(host: Host, fake: FakeHost) -> None:
    host.ensure_hook("https://s.example/hooks/x/", SECRET)
    host.ensure_hook("https://s.example/hooks/x/", f"{SECRET}2")
    (hook,) = fake.hooks.values()
    secret = hook["token"] if fake.kind == "gitlab" else hook["config"]["secret"]
    assert secret == f"{SECRET}2"


class TestDeliveries:
    def read(self, host: Host, fake: FakeHost, at: int, data: dict[str, object]) -> object:
        headers, body = signed(fake, WORDS[fake.kind][at], data, delivery="d-1")
        found = host.delivery(headers, body, SECRET)
        assert (found.id, found.repository) == ("d-1", fake.path)
        return found.event

    def test_a_push(self, host: Host, fake: FakeHost) -> None:
        found = self.read(host, fake, 0, push_of(fake, SHA))
        assert found == Pushed("refs/heads/main", "0" * 40, SHA, "kim")

    def test_a_merge_request(self, host: Host, fake: FakeHost) -> None:
        fake.commit({"a.txt": "1"}, branch="sell")
        fake.request(4, "sell")
        found = self.read(host, fake, 1, request_of(fake, 4))
        assert found == MergeRequestChanged(4, "opened", "kim")

    def test_a_comment(self, host: Host, fake: FakeHost) -> None:
        found = self.read(host, fake, 2, comment_of(fake, 4, "again"))
        assert found == Commented(4, "kim", "again")

    def test_whatever_else_asks_for_nothing(self, host: Host, fake: FakeHost) -> None:
        data = push_of(fake, SHA) | {"object_kind": "wiki_page"}
        headers, body = signed(fake, "wiki", data, delivery="d-2")
        assert isinstance(host.delivery(headers, body, SECRET).event, Ignored)

    @pytest.mark.parametrize("how", ["secret", "body", "missing", "empty"])
    def test_a_forged_one(self, host: Host, fake: FakeHost, how: str) -> None:
        headers, body = signed(
            fake,
            "push",
            push_of(fake, SHA),
            delivery="d",
            secret="x" * 20 if how == "secret" else SECRET,
        )
        if how == "body" and fake.kind != "gitlab":
            body += b" "
        elif how in {"missing", "body"}:
            headers = {name: text for name, text in headers.items() if "event" in name}
        with pytest.raises(Forged):
            host.delivery(headers, body, "" if how == "empty" else SECRET)

    def test_no_object(self, host: Host, fake: FakeHost) -> None:
        headers, body = signed(fake, "push", [], delivery="d")  # type: ignore[arg-type]
        with pytest.raises(Invalid, match="no JSON object"):
            host.delivery(headers, body, SECRET)


class TestHostilities:
    def test_redirects_are_not_followed(self, host: Host, fake: FakeHost) -> None:
        fake.redirect = "http://169.254.169.254"
        with pytest.raises(PermanentBackendError, match="not followed"):
            host.facts()

    def test_an_endless_answer(self, host: Host, fake: FakeHost) -> None:
        fake.large = 9 * 1024 * 1024
        with pytest.raises(PermanentBackendError, match="more than"):
            host.merge_requests()

    @pytest.mark.parametrize(
        ("status", "error"),
        [
            (401, Denied),
            (403, Denied),
            (404, NotFound),
            (409, Conflict),
            (422, PermanentBackendError),
            (500, TemporaryBackendError),
            (503, TemporaryBackendError),
        ],
    )
    def test_refusals_by_name(
        self, host: Host, fake: FakeHost, status: int, error: type[Exception]
    ) -> None:
        fake.answers.append((status, {}, b'{"message": "no"}'))
        with pytest.raises(error):
            host.facts()

    def test_a_limit_says_how_long(self, host: Host, fake: FakeHost) -> None:
        fake.answers.append((429, {"Retry-After": "17"}, b""))
        with pytest.raises(TemporaryBackendError) as found:
            host.facts()
        assert found.value.retry_after == 17

    @pytest.mark.parametrize("answer", [b"<html>", b"[" * 100_000, b"\xff", b'{"number": "x"}'])
    def test_nonsense(self, host: Host, fake: FakeHost, answer: bytes) -> None:
        fake.answers.append((200, {}, answer))
        with pytest.raises(PermanentBackendError):
            host.merge_request(1)
