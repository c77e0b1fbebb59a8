"""From a webhook to what listeners hear: once, also when messages come twice, late or never."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from gitops import listeners
from gitops.hosted import looking, mirrors, receiving, services
from gitops.hosted.models import HookDelivery, HostedMergeRequest, HostedRepository
from gitops.hosts.local import ZERO
from rbac.actors import Actor
from rbac.models import AuditRecord, Project
from tests.gitops.hosts.fakes import TOKEN, FakeHost, git
from tests.gitops.hosts.making import (
    SECRET,
    call,
    connect,
    look,
    push_of,
    request_of,
    signed,
)

pytestmark = pytest.mark.loopback


class Ear:
    """Hears what listeners hear."""

    def __init__(self) -> None:
        self.pushes: list[listeners.Pushed] = []
        self.requests: list[HostedMergeRequest] = []
        self.fails = 0

    def pushed(self, actor: Actor, what: listeners.Pushed) -> list[str]:
        if self.fails:
            self.fails -= 1
            raise RuntimeError("killed")
        self.pushes.append(what)
        return [f"heard of {len(what.updates)}"]

    def requested(self, actor: Actor, request: HostedMergeRequest) -> list[str]:
        self.requests.append(request)
        return []


@pytest.fixture
def ear(monkeypatch: pytest.MonkeyPatch) -> Ear:
    found = Ear()
    one = listeners.Listener(on_pushed=found.pushed, on_merge_request=found.requested)
    monkeypatch.setattr(listeners, "_listeners", [one])
    return found


def test_what_was_there_before_is_not_news(
    hosted: HostedRepository, fake: FakeHost, ear: Ear
) -> None:
    fake.commit({"a.txt": "1"}, branch="sell")
    fake.request(1, "sell")
    row = look(hosted)
    assert (row.problem, row.default_branch) == ("", "main")
    assert row.looked_at is not None
    assert mirrors.mirror_of(row).ref("refs/heads/sell")
    assert (ear.pushes, ear.requests) == ([], [])
    look(row)
    assert (ear.pushes, ear.requests) == ([], [])


def test_pushes_that_came_meanwhile_are_one(
    hosted: HostedRepository, fake: FakeHost, ear: Ear
) -> None:
    row = look(hosted)
    old = mirrors.mirror_of(row).ref("refs/heads/main")
    fake.commit({"a.txt": "1"})
    new = fake.commit({"a.txt": "2"})
    fake.ref("refs/tags/v1", new)
    row = look(row)
    (heard,) = ear.pushes
    assert list(heard.updates) == [(old, new, "refs/heads/main"), (ZERO, new, "refs/tags/v1")]
    assert heard.hosted == row
    assert row.said == ["heard of 2"]
    look(row)
    assert len(ear.pushes) == 1


def test_a_branch_that_goes_and_one_that_takes_its_place(
    hosted: HostedRepository, fake: FakeHost, ear: Ear
) -> None:
    sha = fake.commit({"a.txt": "1"}, branch="a")
    row = look(hosted)
    git("update-ref", "-d", "refs/heads/a", at=fake.bare)
    fake.ref("refs/heads/a/b", sha)
    look(row)
    (heard,) = ear.pushes
    assert set(heard.updates) == {(sha, ZERO, "refs/heads/a"), (ZERO, sha, "refs/heads/a/b")}
    look(row)
    assert len(ear.pushes) == 1


def test_an_annotated_tag_is_its_commit(hosted: HostedRepository, fake: FakeHost, ear: Ear) -> None:
    row = look(hosted)
    sha = git("rev-parse", "main", at=fake.bare)
    git("tag", "-a", "-m", "One", "v1", "main", at=fake.bare)
    look(row)
    assert [list(heard.updates) for heard in ear.pushes] == [[(ZERO, sha, "refs/tags/v1")]]


def test_of_many_references_some_are_left_for_the_next_look(
    hosted: HostedRepository, fake: FakeHost, ear: Ear
) -> None:
    row = look(hosted)
    sha = fake.commit({"a.txt": "1"})
    for number in range(7):
        fake.ref(f"refs/heads/b{number}", sha)
    late = HookDelivery.objects.create(
        repository=row, delivery="1", kind="push", who="kim", ref="refs/heads/b6"
    )
    row = look(row)
    names = [[name for _, _, name in heard.updates] for heard in ear.pushes]
    assert names == [["refs/heads/main", *(f"refs/heads/b{number}" for number in range(4))]]
    assert "3 more references moved and come with the next look: refs/heads/b4" in row.said[-1]
    assert row.wanted > row.done
    late.refresh_from_db()
    assert late.handled_at is None
    looking.work_on(row.pk)
    assert [name for _, _, name in ear.pushes[1].updates] == [
        f"refs/heads/b{number}" for number in range(4, 7)
    ]
    assert (ear.pushes[0].by, ear.pushes[1].by) == ("", "kim")
    row.refresh_from_db()
    assert row.wanted == row.done
    assert len(ear.pushes) == 2


def test_a_killed_worker_loses_no_push(hosted: HostedRepository, fake: FakeHost, ear: Ear) -> None:
    row = look(hosted)
    new = fake.commit({"a.txt": "1"})
    ear.fails = 1
    row = look(row)
    assert "log says why" in row.problem
    assert (ear.pushes, row.done < row.wanted) == ([], True)
    row = look(row)
    assert (ear.pushes[0].updates[0][1], row.problem) == (new, "")


def test_merge_requests(hosted: HostedRepository, fake: FakeHost, ear: Ear) -> None:
    row = look(hosted)
    first = fake.commit({"a.txt": "1"}, branch="sell")
    fake.request(1, "sell")
    fake.commit({"README.md": "Theirs\n"}, branch="clash")
    fake.request(2, "clash")
    main = fake.commit({"README.md": "Ours\n"})
    look(row)
    one, two = sorted(ear.requests, key=lambda found: found.number)
    mirror = mirrors.mirror_of(row)
    assert (one.sha, one.target_sha, one.unmergeable) == (first, main, "")
    assert mirror.commit(one.merged_sha).parents == (main, first)
    assert mirror.read_file(one.merged_sha, "README.md") == b"Ours\n"
    assert mirror.read_file(one.merged_sha, "a.txt") == b"1"
    assert (two.merged_sha, two.unmergeable) == ("", "it does not merge cleanly with main")
    again = fake.commit({"a.txt": "2"}, branch="sell")
    fake.request(1, "sell")
    look(row)
    assert [found.sha for found in ear.requests[2:]] == [again]
    look(row)
    assert len(ear.requests) == 3


def test_a_fork_and_the_end_of_a_request(
    hosted: HostedRepository, fake: FakeHost, ear: Ear
) -> None:
    row = look(hosted)
    sha = fake.commit({"a.txt": "1"}, branch="evil")
    fake.request(1, "evil", fork=True)
    look(row)
    (request,) = ear.requests
    assert (request.fork, request.sha) == (True, sha)
    fake.requests[1]["state"] = "closed"
    look(row)
    request.refresh_from_db()
    assert request.state == "closed"


class TestTrouble:
    def test_a_wrong_token(self, hosted: HostedRepository, fake: FakeHost, lead: Actor) -> None:
        row = connect(lead, hosted.project, fake, token="another-token")
        row = look(row)
        assert "does not let Slipway" in row.problem
        assert (row.done, row.looked_at) == (row.wanted, None)

    def test_git_says_no(self, hosted: HostedRepository, fake: FakeHost) -> None:
        fake.git_status = 403
        row = look(hosted)
        assert row.problem.startswith("127.0.0.1 does not let git in.")
        assert TOKEN not in row.problem

    def test_a_host_that_is_away_is_asked_again(
        self, hosted: HostedRepository, fake: FakeHost
    ) -> None:
        fake.answers.append((503, {}, b""))
        row = look(hosted)
        assert row.done < row.wanted
        assert row.not_before is not None
        assert "HTTP 503" in row.problem
        assert look(row).problem == ""

    def test_git_is_not_led_elsewhere(
        self, hosted: HostedRepository, fake: FakeHost, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        row = look(hosted)
        fake.commit({"a.txt": "1"})
        monkeypatch.setattr(type(mirrors.host_of(row)), "merge_requests", lambda _: [])
        fake.redirect = "http://127.0.0.1:1"
        assert "git elsewhere" in look(row).problem

    def test_a_repository_that_is_too_large(
        self, hosted: HostedRepository, fake: FakeHost, settings: Settings
    ) -> None:
        settings.MIRROR_BYTES = 64 * 1024
        noise = "".join(f"{n:x}{n * 7919:x}" for n in range(200_000))
        fake.commit({"noise.txt": noise})
        row = look(hosted)
        assert "MB" in row.problem or "cannot read" in row.problem
        size = sum(f.stat().st_size for f in mirrors.mirror_of(row).path.rglob("*") if f.is_file())
        assert size < 512 * 1024

    def test_whoever_connected_it_is_gone(
        self, hosted: HostedRepository, fake: FakeHost, ear: Ear
    ) -> None:
        row = look(hosted)
        fake.commit({"a.txt": "1"})
        assert row.acts_as is not None
        row.acts_as.is_active = False
        row.acts_as.save()
        assert "no longer here" in look(row).problem
        assert ear.pushes == []

    def test_references_with_hostile_names(
        self,
        hosted: HostedRepository,
        fake: FakeHost,
        ear: Ear,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(listeners, "MOST", 50)
        row = look(hosted)
        sha = git("rev-parse", "main", at=fake.bare)
        names = [
            "refs/heads/$(touch${IFS}owned)", "refs/heads/;touch",
            "refs/heads/a`id`", "refs/heads/--upload-pack=x",
            'refs/tags/"quoted"', "refs/heads/ünïcode", "refs/heads/|cat",
        ]  # fmt: skip
        packed = fake.bare / "packed-refs"
        packed.write_text("".join(f"{sha} {name}\n" for name in sorted(names)))
        fake.ref("refs/slipway/told/heads/main", ZERO.replace("0", "1")[:0] or sha)
        look(row)
        (heard,) = ear.pushes
        assert {name for _, _, name in heard.updates} == set(names)
        assert not list(tmp_path.rglob("owned"))
        look(row)
        assert len(ear.pushes) == 1


class TestHooks:
    def take(self, row: HostedRepository, fake: FakeHost, **more: str) -> str:
        headers, body = signed(fake, "push", push_of(fake, "a" * 40), **{"delivery": "1", **more})
        return receiving.take(call(row, headers), row, body)

    def test_once_and_coalesced(self, hosted: HostedRepository, fake: FakeHost) -> None:
        row = look(hosted)
        assert self.take(row, fake) == "Taken."
        assert self.take(row, fake) == "It came before."
        assert self.take(row, fake, delivery="2") == "Taken."
        before = row.wanted
        row.refresh_from_db()
        assert row.wanted == before + 2
        calls = len(fake.calls)
        look(row)
        assert len(fake.told("GET", "pulls") + fake.told("GET", "merge_requests")) <= calls + 1
        assert not HookDelivery.objects.filter(handled_at=None).exists()

    def test_the_request_is_kept(self, hosted: HostedRepository, fake: FakeHost) -> None:
        fake.commit({"a.txt": "1"}, branch="sell")
        fake.request(1, "sell")
        headers, body = signed(fake, "pull_request", request_of(fake, 1), delivery="9")
        receiving.take(call(hosted, headers), hosted, body)
        row = HookDelivery.objects.get()
        assert (row.kind, row.number, row.who) == ("merge_request", 1, "kim")

    def test_of_another_repository(self, hosted: HostedRepository, fake: FakeHost) -> None:
        hosted.path = "acme/other"
        with pytest.raises(receiving.Invalid, match="not of acme/other"):
            self.take(hosted, fake)


class TestPolling:
    def test_without_a_webhook(
        self, hosted: HostedRepository, fake: FakeHost, ear: Ear, settings: Settings
    ) -> None:
        row = look(hosted)
        new = fake.commit({"a.txt": "1"})
        assert looking.poll() == 0
        HostedRepository.objects.update(polled_at=timezone.now() - timedelta(seconds=301))
        assert looking.poll() == 1
        assert looking.poll() == 0
        looking.work_on(row.pk)
        assert ear.pushes[0].updates[0][1] == new

    def test_nothing_new_fetches_nothing(
        self, hosted: HostedRepository, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        row = look(hosted)
        monkeypatch.setattr(looking.remote, "fetch", lambda *_, **__: pytest.fail("fetched"))
        assert look(row).problem == ""


class TestConnecting:
    def test_no_secret_is_told(self, hosted: HostedRepository) -> None:
        records = AuditRecord.objects.filter(action="repository.connect")
        said = str(list(records.values()))
        assert "acme" in said
        assert TOKEN not in said
        assert SECRET not in said

    def test_another_host_needs_its_own_token(
        self, hosted: HostedRepository, lead: Actor, fake: FakeHost
    ) -> None:
        same = connect(lead, hosted.project, fake, token="", webhook_secret="")
        assert same.connection.token == TOKEN
        assert same.connection.webhook_secret == SECRET
        with pytest.raises(services.Invalid, match="its own token"):
            connect(lead, hosted.project, fake, token="", base_url=f"{fake.url}/other")

    def test_another_repository_is_news_of_its_own(
        self, hosted: HostedRepository, lead: Actor, fake: FakeHost, ear: Ear
    ) -> None:
        row = look(hosted)
        former = mirrors.mirror_of(row).path
        row = connect(lead, row.project, fake, base_url=f"{fake.url}/")
        assert mirrors.mirror_of(row).path == former
        other = f"{fake.path}2"
        (fake.folder / f"{other}.git").parent.mkdir(exist_ok=True)
        fake.bare.rename(fake.folder / f"{other}.git")
        fake.path, fake.bare = other, fake.folder / f"{other}.git"
        row = look(connect(lead, row.project, fake))
        assert (row.problem, ear.pushes) == ("", [])
        assert mirrors.mirror_of(row).path != former
        assert not former.exists()

    def test_disconnect(
        self, hosted: HostedRepository, lead: Actor, django_capture_on_commit_callbacks: object
    ) -> None:
        row = look(hosted)
        path = mirrors.mirror_of(row).path
        with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
            services.disconnect(lead, row)
        assert not path.exists()
        assert not HostedRepository.objects.exists()
        assert not Project.objects.get(pk=hosted.project_id).host_connections.exists()

    def test_the_test(self, hosted: HostedRepository, lead: Actor, fake: FakeHost) -> None:
        found = {one.check: one.ok for one in services.test(lead, hosted)}
        assert found == {"API": True, "rights": True, "git": True, "webhook": False}
        services.set_up_hook(lead, hosted)
        (hook,) = fake.hooks.values()
        assert services.hook_url(hosted) in str(hook)

    def test_merge(self, hosted: HostedRepository, lead: Actor, fake: FakeHost) -> None:
        fake.commit({"a.txt": "1"}, branch="sell")
        made = services.open_merge_request(lead, hosted, source="sell", title="Sell")
        row = look(hosted)
        request = row.merge_requests.get()
        assert request.number == made.number
        with pytest.raises(services.Clash, match="by now"):
            services.merge(lead, request, sha="f" * 40)
        services.merge(lead, request, sha=request.sha)
        look(row)
        request.refresh_from_db()
        assert request.state == "merged"


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("https://evil.example.org", "listed"),
        ("http://127.0.0.2", "listed"),
        ("ftp://127.0.0.1", "format"),
        ("https://x:y@127.0.0.1", "credentials"),
        ("https://127.0.0.1/?q=1", "format"),
        ("https://127.0.0.1/a b", "format"),
        ("file:///etc/passwd", "format"),
        ("https://[::1", "format"),
        ("https://127.0.0.1:port", "format"),
    ],
)
def test_where_slipway_does_not_go(people: object, lead: Actor, url: str, rule: str) -> None:
    project = Project.objects.get()
    with pytest.raises(services.Invalid) as found:
        services.connect(lead, project, kind="gitea", base_url=url, path="a/b", token="t" * 20)
    assert [(one.field, one.rule) for one in found.value.errors] == [("base_url", rule)]


@pytest.mark.parametrize(
    "path", ["", "shop", "/a/b", "a/b/", "a/../b", "a/b.git", "a b/c", "-/…", "a/$(id)", "a/b\n"]
)
def test_what_is_no_repository(people: object, lead: Actor, path: str) -> None:
    project = Project.objects.get()
    with pytest.raises(services.Invalid) as found:
        services.connect(
            lead, project, kind="gitea", base_url="http://127.0.0.1", path=path, token="t" * 20
        )
    assert found.value.errors[0].field == "path"
