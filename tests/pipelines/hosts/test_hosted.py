"""Pipelines of a project whose code is at a git host, and what the host is told of them."""

from __future__ import annotations

import contextlib
import io

import pytest

from gitops.hosted import notices
from gitops.hosted.models import HostedMergeRequest, HostedRepository, HostNotice
from gitops.hosts.local import MAIN
from gitops.hosts.mirror import Mirror
from gitops.listeners import Pushed
from idp.common.errors import Clash, Forbidden, Invalid
from pipelines.reports.models import Report
from pipelines.reports.services import Upload, take
from pipelines.runs import commits, work
from pipelines.runs.models import Pipeline
from pipelines.runs.pushes import pushed
from pipelines.runs.reporting import code
from pipelines.runs.services import merging, planning, starting
from pipelines.runs.services.telling import tell
from pipelines.variables.models import Variable
from rbac.actors import Actor
from tests.gitops.hosts.fakes import FakeHost
from tests.gitops.hosts.making import look
from tests.pipelines.reports.making import junit
from tests.pipelines.runs.conftest import World

pytestmark = pytest.mark.loopback
TOLD = "job:\n  script: [echo]\n  rules: [{if: $CI_PIPELINE_SOURCE == 'merge_request_event'}]"


def planned() -> list[Pipeline]:
    for row in Pipeline.objects.filter(status="created"):
        planning.work_on(row.pk)
    return list(Pipeline.objects.order_by("pk"))


def send() -> None:
    """What workers do with the outbox."""
    for row in HostNotice.objects.filter(HostNotice.WORKED):
        notices.work_on(row.pk)


def variables(pipeline: Pipeline) -> dict[str, str]:
    return work.decode(pipeline.jobs.get().work).variables


def test_a_push_starts_a_pipeline_from_the_mirror(
    hosted: HostedRepository, fake: FakeHost, world: World
) -> None:
    sha = fake.commit({"a.txt": "1"})
    row = look(hosted)
    (pipeline,) = planned()
    address = f"http://localhost:8000/pipelines/{pipeline.pk}/"
    assert row.said == [f"Slipway: pipeline orders #1 of main begins: {address}"]
    assert (pipeline.sha, pipeline.source, pipeline.hosted_id) == (sha, "push", hosted.pk)
    assert pipeline.is_protected
    assert pipeline.jobs.count() == 1
    repository = commits.of_pipeline(pipeline)
    assert repository is not None
    assert repository.read_file(sha, "a.txt") == b"1"
    look(hosted)
    assert Pipeline.objects.count() == 1


def test_a_push_told_twice_starts_one(
    hosted: HostedRepository, fake: FakeHost, lead: Actor
) -> None:
    old = commits.source_of(hosted.project).repository.ref(MAIN)  # type: ignore[union-attr]
    new = fake.commit({"a.txt": "1"})
    row = look(hosted)
    source = commits.source_of(hosted.project)
    assert source is not None
    again = Pushed(row.project, source.repository, [(old, new, MAIN)], row, "kim", row.tellings - 1)
    pushed(lead, again)
    assert Pipeline.objects.count() == 1


def test_a_branch_that_comes_back_to_a_commit_starts_another_one(
    hosted: HostedRepository, fake: FakeHost
) -> None:
    first = fake.commit({"a.txt": "1"}, branch="sell")
    second = fake.commit({"a.txt": "2"}, branch="sell")
    begun = []
    for sha in (first, second, first, second):
        fake.ref("refs/heads/sell", sha)
        row = look(hosted)
        begun.append(Pipeline.objects.latest("pk"))
        assert str(begun[-1]) in row.said[0]
    assert [one.sha for one in begun] == [first, second, first, second]
    assert len({one.pk for one in begun}) == 4


def test_pushes_to_our_own_repository_start_none_then(
    hosted: HostedRepository, world: World
) -> None:
    old = world.repository.head()
    new = world.commit("job: {script: [echo]}")
    said = pushed(world.developer, Pushed(world.project, world.repository, [(old, new, MAIN)]))
    assert "git host" in said[0]
    assert not Pipeline.objects.exists()


class TestMergeRequests:
    def opened(
        self, hosted: HostedRepository, fake: FakeHost, **more: object
    ) -> HostedMergeRequest:
        fake.commit({".gitlab-ci.yml": TOLD, "b.txt": "1"}, branch="sell")
        fake.commit({"c.txt": "1"})
        fake.request(3, "sell", **more)  # type: ignore[arg-type]
        look(hosted)
        return hosted.merge_requests.get()

    def test_on_what_merging_makes(self, hosted: HostedRepository, fake: FakeHost) -> None:
        request = self.opened(hosted, fake)
        pipeline = next(one for one in planned() if one.merge_request_id)
        assert (pipeline.sha, pipeline.head_sha) == (request.merged_sha, request.sha)
        assert (pipeline.source, pipeline.ref) == ("merge_request_event", "sell")
        assert not pipeline.is_protected
        found = variables(pipeline)
        assert found["CI_MERGE_REQUEST_IID"] == "3"
        assert found["CI_MERGE_REQUEST_TITLE"] == "Sell `more` $(id)"
        assert found["CI_MERGE_REQUEST_EVENT_TYPE"] == "merged_result"
        assert found["CI_MERGE_REQUEST_SOURCE_BRANCH_SHA"] == request.sha
        assert found["CI_MERGE_REQUEST_TARGET_BRANCH_NAME"] == "main"
        assert "CI_COMMIT_BRANCH" not in found
        assert found["CI_OPEN_MERGE_REQUESTS"] == "acme/shop!3"
        assert Report.objects.get(kind="diff").commit == pipeline.sha

    def test_on_the_head_where_it_does_not_merge(
        self, hosted: HostedRepository, fake: FakeHost
    ) -> None:
        sha = fake.commit({".gitlab-ci.yml": TOLD, "README.md": "Theirs\n"}, branch="sell")
        fake.commit({"README.md": "Ours\n"})
        fake.request(3, "sell")
        row = look(hosted)
        assert any("does not merge cleanly" in line for line in row.said)
        pipeline = next(one for one in planned() if one.merge_request_id)
        assert (pipeline.sha, pipeline.head_sha) == (sha, sha)
        assert variables(pipeline)["CI_MERGE_REQUEST_EVENT_TYPE"] == "detached"
        send()
        (comment,) = fake.comments.values()
        assert "does not merge cleanly with main" in comment["body"]

    def test_a_fork_waits_for_a_member_and_gets_no_secret(
        self, hosted: HostedRepository, fake: FakeHost, world: World
    ) -> None:
        for name, protected in (("OPEN", False), ("SHUT", True)):
            Variable.objects.create(
                project=world.project, name=name, value="v" * 20, protected=protected, masked=True
            )
        request = self.opened(hosted, fake, fork=True)
        hosted.refresh_from_db()
        assert any("comes from a fork" in line for line in hosted.said)
        assert not [one for one in planned() if one.merge_request_id]
        with pytest.raises(Forbidden):
            merging.start(Actor(world.people.viewer), request)
        pipeline = merging.start(world.developer, request)
        planning.work_on(pipeline.pk)
        pipeline.refresh_from_db()
        assert (pipeline.foreign, pipeline.is_protected) == (True, False)
        assert not {"OPEN", "SHUT"} & variables(pipeline).keys()
        assert work.decode(pipeline.jobs.get().work).secrets == ()

    def test_a_fork_whose_branch_is_called_main(
        self, hosted: HostedRepository, fake: FakeHost, world: World
    ) -> None:
        request = self.opened(hosted, fake, fork=True)
        HostedMergeRequest.objects.update(source_branch="main")
        request.refresh_from_db()
        assert not merging.start(world.developer, request).is_protected

    def test_a_key_of_another_request(
        self, hosted: HostedRepository, fake: FakeHost, world: World
    ) -> None:
        request = self.opened(hosted, fake)
        fake.request(4, "sell")
        look(hosted)
        other = hosted.merge_requests.get(number=4)
        first = merging.start(world.developer, request, key="k")
        assert merging.start(world.developer, request, key="k") == first
        with pytest.raises(Invalid, match="came with another request") as refused:
            merging.start(world.developer, other, key="k")
        assert refused.value.errors[0].field == "Idempotency-Key"
        with pytest.raises(Invalid, match="came with another request"):
            starting.start(world.developer, world.project, "sell", key="k")

    def test_killed_before_its_diff_was_handed_in(
        self,
        hosted: HostedRepository,
        fake: FakeHost,
        world: World,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        request = self.opened(hosted, fake, fork=True)

        def killed(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(Mirror, "diff", killed)
            with contextlib.suppress(KeyboardInterrupt):
                pipeline = merging.start(world.developer, request)
                planning.work_on(pipeline.pk)
        Pipeline.objects.update(lease_until=None)
        pipeline = planned()[-1]
        assert Report.objects.get(kind="diff").commit == pipeline.sha

    def test_what_is_closed_begins_nothing(
        self, hosted: HostedRepository, fake: FakeHost, world: World
    ) -> None:
        request = self.opened(hosted, fake)
        request.state = "closed"
        with pytest.raises(Clash, match="no longer open"):
            merging.start(world.developer, request)


class TestTelling:
    def pipeline(self, hosted: HostedRepository, fake: FakeHost) -> Pipeline:
        fake.commit({".gitlab-ci.yml": TOLD, "b.txt": "1"}, branch="sell")
        fake.request(3, "sell")
        look(hosted)
        return next(one for one in planned() if one.merge_request_id)

    def end(self, pipeline: Pipeline, status: str) -> None:
        pipeline.refresh_from_db()
        pipeline.status = status
        pipeline.save()
        tell(pipeline)

    def test_one_status_and_one_comment(
        self, hosted: HostedRepository, fake: FakeHost, lead: Actor
    ) -> None:
        pipeline = self.pipeline(hosted, fake)
        send()
        states = [
            said["state"]
            for sha, said in fake.statuses
            if (sha, said["context"]) == (pipeline.head_sha, "slipway/merge-request")
        ]
        assert states == ["pending"]
        pipeline.jobs.update(status="failed", reason="exit code `1` <b>@all</b>")
        upload = Upload(commit=pipeline.sha, ref="sell", kind="junit")
        take(lead, pipeline.project, upload, io.BytesIO(junit(adds="failed").encode()))
        self.end(pipeline, "failed")
        send()
        sha, said = fake.statuses[-1]
        assert (sha, said["state"]) == (pipeline.head_sha, "failure")
        assert said["context"] == "slipway/merge-request"
        assert said["target_url"].endswith(f"/pipelines/{pipeline.pk}/")
        (comment,) = fake.comments.values()
        assert ": failed**" in comment["body"]
        assert "`exit code '1' <b>@all</b>`" in comment["body"]
        assert "Tests: " in comment["body"]
        assert "/pipelines/tests/" in comment["body"]
        assert comment["body"].count("<!-- slipway:merge-request -->") == 1

    def test_what_the_host_knows_is_not_sent_again(
        self, hosted: HostedRepository, fake: FakeHost
    ) -> None:
        pipeline = self.pipeline(hosted, fake)
        send()
        calls = len(fake.calls)
        for _ in range(5):
            tell(pipeline)
        send()
        assert len(fake.calls) == calls
        assert not HostNotice.objects.filter(HostNotice.WORKED).exists()

    def test_a_host_that_is_away(self, hosted: HostedRepository, fake: FakeHost) -> None:
        pipeline = self.pipeline(hosted, fake)
        fake.answers += [(503, {}, b"")] * 10
        send()
        rows = HostNotice.objects.filter(HostNotice.WORKED)
        assert rows.count() >= 2
        assert all(row.not_before and "503" in row.problem for row in rows)
        fake.answers.clear()
        rows.update(not_before=None)
        send()
        assert not rows.exists()
        assert len(fake.comments) == 1
        assert any(sha == pipeline.head_sha for sha, _ in fake.statuses)

    def test_a_host_that_says_no_is_not_asked_for_ever(
        self, hosted: HostedRepository, fake: FakeHost
    ) -> None:
        self.pipeline(hosted, fake)
        fake.answers += [(403, {}, b'{"message": "token lacks scope"}')] * 10
        send()
        assert not HostNotice.objects.filter(HostNotice.WORKED).exists()
        assert "token lacks scope" in HostNotice.objects.exclude(problem="")[0].problem

    def test_a_project_of_our_own_tells_nobody(self, world: World) -> None:
        world.start("job: {script: [echo]}")
        assert not HostNotice.objects.exists()


@pytest.mark.parametrize("text", ["a`b", "**x**", "@all", "<img src=x>", "a\n\n# b", "", "x" * 500])
def test_text_of_others_is_code(text: str) -> None:
    found = code(text)
    assert found.startswith("`")
    assert found.endswith("`")
    assert found.count("`") == 2
    assert "\n" not in found
    assert len(found) <= 122
